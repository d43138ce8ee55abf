"""Samplers on one density: `scaling_bayes`, plain non-centred NumPyro, PyMC and nutpie.

Each is a function that prepares a model and returns a function from a seed to draws, so that a second call in the same
process reuses what the first one compiled, as far as the system lets it.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
import xarray as xr

import scaling_bayes as sb
from benchmarks.problems import GROUPING, Problem, pooled_model
from scaling_bayes.model.bound import LKJ

CHAINS, TARGET_ACCEPTANCE, TREE_DEPTH = 4, 0.8, 10
SAMPLE = ("chain", "draw")


class Lengths(NamedTuple):
    """Kept draws and iterations of warm-up of each chain, and the largest depth of its trees."""

    draws: int = 1000
    warmup: int = 1000
    tree_depth: int = TREE_DEPTH


Result = tuple[xr.Dataset, xr.Dataset]
"""Draws of ``theta``, ``population``, ``spread``, ``sigma`` and ``nu``; ``energy``, ``diverging``, ``tree_depth``."""

Run = Callable[[int], Result]
Make = Callable[[Problem, xr.Dataset, Lengths], Run]


def prepare_scaling_bayes(problem: Problem, sweep: xr.Dataset, lengths: Lengths) -> Run:
    """`sb.fit`, with all that it does besides sampling; the depth of its trees is its own business."""
    size = {"chains": CHAINS, "draws": lengths.draws, "warmup": lengths.warmup}

    def run(seed: int) -> Result:
        tree = sb.fit(pooled_model(), sweep, seed=seed, **size, progress=False)
        found = tree["posterior"].to_dataset()
        theta = found["population"] + found[f"effect_{GROUPING}"]
        kept = {"population": found["population"], "spread": found[f"spread_{GROUPING}"], "theta": theta}
        return xr.Dataset(kept | {name: found[name] for name in ("sigma", "nu")}), tree["sample_stats"].to_dataset()

    return run


def prepare_numpyro(problem: Problem, sweep: xr.Dataset, lengths: Lengths) -> Run:
    """NumPyro's own `MCMC` on the model as a plain non-centred program; all chains in one vectorised call.

    Chains start at medians of the prior: at NumPyro's default, uniform between -2 and 2, this law overflows. Each run
    has a fresh `MCMC`, which compiles again: one whose chains are vectorised fails when it is run a second time.
    """
    import jax
    from numpyro.infer import MCMC, NUTS, init_to_median

    program, design = problem.binding.program, problem.binding.design
    settings = {"target_accept_prob": TARGET_ACCEPTANCE, "max_tree_depth": lengths.tree_depth}
    size = {"num_warmup": lengths.warmup, "num_samples": lengths.draws, "num_chains": CHAINS}

    def run(seed: int) -> Result:
        with jax.enable_x64(True):
            kernel = NUTS(program, init_strategy=init_to_median, **settings)
            chains = MCMC(kernel, **size, chain_method="vectorized", progress_bar=False)
            chains.run(jax.random.key(seed), design, extra_fields=("energy", "diverging", "num_steps"))
            found = {name: np.asarray(value) for name, value in chains.get_samples(group_by_chain=True).items()}
            fields = {name: np.asarray(value) for name, value in chains.get_extra_fields(group_by_chain=True).items()}
        found["population"] = found["population_all"]
        stats = {"energy": fields["energy"], "diverging": fields["diverging"]}
        return label(found), label(stats | {"tree_depth": np.ceil(np.log2(fields["num_steps"] + 1))})

    return run


def write_pymc(problem: Problem) -> Any:
    """The density as a PyMC model, non-centred."""
    import pymc as pm
    import pytensor.tensor as pt

    groups, size = len(problem.log_n), len(problem.mean)
    with pm.Model() as model:
        nu = pm.Deterministic("nu", 2 + pm.Gamma("nu_above_2", alpha=2, beta=0.1))
        sigma = pm.Deterministic("sigma", 1e-5 + pm.LogNormal("sigma_above", mu=np.log(0.01), sigma=1))
        if problem.correlated:
            prior = pm.HalfNormal.dist(sigma=problem.spread, shape=size)
            root, _, stds = pm.LKJCholeskyCov("root", n=size, eta=LKJ, sd_dist=prior, compute_corr=True)
            spread = pm.Deterministic("spread", stds)
        else:
            spread = pm.HalfNormal("spread", sigma=problem.spread)
            root = pt.diag(spread)
        population = pm.Deterministic("population", problem.mean + problem.width * pm.Normal("base", shape=size))
        effects = pm.Normal("effects_base", shape=(groups, size)) @ root.T
        theta = pm.Deterministic("theta", population + effects)
        total, floor, share, log_alpha, log_beta = (theta[:, i, None] for i in range(size))
        terms = [floor + 0 * problem.log_n, share - pt.exp(log_alpha) * problem.log_n]
        terms.append(-pt.exp(log_beta) * problem.log_d)
        logits = pt.stack([floor, share, pt.zeros_like(floor)])
        mean = total + pt.logsumexp(pt.stack(terms), axis=0) - pt.logsumexp(logits, axis=0)
        pm.StudentT("log_response", nu=nu, mu=mean, sigma=sigma, observed=problem.log_response)
    return model


def prepare_pymc(problem: Problem, sweep: xr.Dataset, lengths: Lengths) -> Run:
    """PyMC's own NUTS."""
    import pymc as pm

    model = write_pymc(problem)

    def run(seed: int) -> Result:
        with model:
            tree = pm.sample(
                lengths.draws, tune=lengths.warmup, chains=CHAINS, cores=1, nuts_sampler="pymc", random_seed=seed,
                nuts={"target_accept": TARGET_ACCEPTANCE, "max_treedepth": lengths.tree_depth},
                progressbar=False, compute_convergence_checks=False, quiet=True,
            )  # fmt: skip
        return read_tree(tree)

    return run


def prepare_nutpie(problem: Problem, sweep: xr.Dataset, lengths: Lengths) -> Run:
    """Sample the same PyMC model with nutpie; it is compiled at the first call."""
    import nutpie

    model = write_pymc(problem)
    compiled: list[Any] = []

    def run(seed: int) -> Result:
        if not compiled:
            compiled.append(nutpie.compile_pymc_model(model))
        tree = nutpie.sample(
            compiled[0], draws=lengths.draws, tune=lengths.warmup, chains=CHAINS, seed=seed,
            target_accept=TARGET_ACCEPTANCE, maxdepth=lengths.tree_depth, progress_bar=False,
        )  # fmt: skip
        return read_tree(tree)

    return run


SYSTEMS: Mapping[str, Make] = {
    "scaling_bayes": prepare_scaling_bayes,
    "numpyro": prepare_numpyro,
    "pymc": prepare_pymc,
    "nutpie": prepare_nutpie,
}
PACKAGES = {"scaling_bayes": ("scaling-bayes", "jax", "numpyro"), "numpyro": ("jax", "numpyro"),
            "pymc": ("pymc", "pytensor"), "nutpie": ("nutpie", "pymc", "pytensor")}  # fmt: skip


def read_tree(tree: Any) -> Result:
    """Draws and statistics out of what PyMC and nutpie return."""
    found, stats = tree["posterior"], tree["sample_stats"]
    depth = "tree_depth" if "tree_depth" in stats else "depth"
    drawn = {name: found[name].values for name in ("theta", "population", "spread", "sigma", "nu")}
    return label(drawn), label({name: stats[at].values for name, at in
                                (("energy", "energy"), ("diverging", "diverging"), ("tree_depth", depth))})  # fmt: skip


def label(values: Mapping[str, np.ndarray]) -> xr.Dataset:
    """Dataset of arrays whose first two axes are chain and draw; of a program's sites only those that are compared.

    Examples
    --------
    >>> dict(label({"theta": np.zeros((4, 10, 3, 5)), "log_mean": np.zeros((4, 10, 99))}).sizes)
    {'chain': 4, 'draw': 10, 'theta_0': 3, 'theta_1': 5}
    """
    wanted = ("theta", "population", "spread", "sigma", "nu", "energy", "diverging", "tree_depth")
    arrays = {name: np.squeeze(values[name]) for name in wanted if name in values}
    return xr.Dataset({name: ((*SAMPLE, *(f"{name}_{k}" for k in range(a.ndim - 2))), a) for name, a in arrays.items()})


def compare_densities(problem: Problem, points: int = 5, seed: int = 0) -> float:
    """Largest difference between PyMC's and NumPyro's log density at random points, after a constant is taken away.

    Zero up to rounding if both say the same. PyMC's is asked for without the Jacobian of its transforms. Only for
    groups whose effects are uncorrelated: PyMC's factor of a covariance is no parameter of NumPyro's.
    """
    import jax
    from numpyro.infer.util import log_density

    model, rng, gaps = write_pymc(problem), np.random.default_rng(seed), []
    logp = model.compile_logp(jacobian=False)
    groups, size = len(problem.log_n), len(problem.mean)
    for _ in range(points):
        z, effects = rng.standard_normal(size), rng.standard_normal((groups, size))
        spread, above, excess = np.exp(0.3 * rng.standard_normal(size)), 0.01 * rng.uniform(0.5, 2), rng.uniform(1, 20)
        sites = {"population_base": z, "effects_base": effects, "spread": spread, "sigma": 1e-5 + above}
        with jax.enable_x64(True):
            program, design = problem.binding.program, problem.binding.design
            ours, _ = log_density(program, (design,), {}, sites | {"nu_above_2": excess})
        at = {"base": z, "effects_base": effects, "spread_log__": np.log(spread)}
        theirs = logp(at | {"sigma_above_log__": np.log(above), "nu_above_2_log__": np.log(excess)})
        gaps.append(float(ours) - float(theirs))
    return float(np.ptp(gaps))
