"""Simulation-based calibration: of data simulated from the prior, the truth's rank among posterior draws is uniform."""

from dataclasses import replace

import jax
import numpy as np
import pandas as pd
import pytest
from scipy import stats

import scaling_bayes as sb
from scaling_bayes.inference.linearisation import linearise
from scaling_bayes.inference.potential import draw_prior
from scaling_bayes.inference.sampler import Settings, Target, sample
from scaling_bayes.laws.residuals import RESIDUALS

KEPT, THIN = 2 * 200, 8
"""Draws of each fit, and every how manieth is ranked, so that those that are ranked are nearly independent."""

TARGET = 100.0
"""A scale, in references, at which the law is foretold."""


def lay_out(columns: dict[str, list[float]], groups: int) -> pd.DataFrame:
    """Runs at every row of `columns`, for each of several corpora."""
    one = pd.DataFrame(columns)
    return pd.concat([one.assign(corpus=f"corpus {k}") for k in range(groups)], ignore_index=True)


POWER, OFFSET, CHINCHILLA = (sb.law(name) for name in ("power", "power_offset", "chinchilla"))
LINE = {"C": np.geomspace(1e17, 1e20, 8).tolist()}
PLANE = {"N": np.repeat([1e7, 1e8, 1e9], 3).tolist(), "D": np.tile([1e9, 1e10, 1e11], 3).tolist()}
FORMS = {
    "power, drifting": (sb.Model(POWER, noise=sb.Normal(), discrepancy=sb.Discrepancy()), lay_out(LINE, 1)),
    "power with offset, pooled": (
        sb.Model(OFFSET, pool=dict.fromkeys(OFFSET.parameters, "corpus"), noise=sb.Normal(), discrepancy=None),
        lay_out(LINE, 3),
    ),
    "chinchilla, pooled": (
        sb.Model(CHINCHILLA, pool={"E": "corpus", "A": "corpus", "B": "corpus"}, discrepancy=None),
        lay_out(PLANE, 3),
    ),
}


def rank_truths(form: str, replicates: int, seed: int) -> dict[str, np.ndarray]:
    """Rank of each true quantity among the thinned posterior draws, from 0 to `KEPT / THIN`."""
    model, table = FORMS[form]
    truth = {"A": 10.0, "alpha": 0.1, "E": 1.0, "B": 10.0, "beta": 0.1}
    given = {p: truth[p] for p in model.law.parameters}
    binding = model.bind(sb.simulate_sweep(model.law, table, truth=given, seed=0))
    program, design = binding.program, binding.design
    rng = np.random.default_rng(seed)
    with jax.enable_x64(True):
        prior = draw_prior(program, design, jax.random.key(seed), replicates)
        targets = []
        for i in range(replicates):
            noise = {name: prior[name][i] for name in RESIDUALS[program.noise.kind].parameters}
            spread = noise["sigma"] * np.exp(prior.get("noise_slope", np.zeros(replicates))[i] * design.noise_distance)
            left = RESIDUALS[program.noise.kind].draw(noise | {"sigma": spread}, design.weight.shape, rng)
            simulated = replace(design, log_response=np.where(design.weight > 0, prior["log_mean"][i] + left, 0.0))
            targets.append(Target(simulated, linearise(program, simulated), jax.random.key(seed + i)))
        samplings = sample(program, targets, Settings(chains=2, warmup=250, draws=KEPT // 2))
        ranks: dict[str, list[float]] = {}
        for i, (target, sampling) in enumerate(zip(targets, samplings, strict=True)):
            flat = {name: np.concatenate(v)[THIN - 1 :: THIN] for name, v in sampling.draws.values.items()}
            true = quantities(binding, target, {name: v[i : i + 1] for name, v in prior.items()})
            for name, found in quantities(binding, target, flat).items():
                ranks.setdefault(name, []).append(float((found < true[name]).sum()))
    return {name: np.array(values) for name, values in ranks.items()}


def quantities(binding, target, draws) -> dict[str, np.ndarray]:
    """Coordinates of the first cell, noise, log likelihood, and the law far beyond the data."""
    design, program = target.design, binding.program
    theta = draws["theta"][:, 0, 0]
    values = {p: np.asarray(v) for p, v in program.coordinates.parameters(theta, {}).items()}
    ahead = np.log(program.coordinates.law.numpy(**values, **dict.fromkeys(design.covariates, TARGET)))
    noise = {name: draws[name][:, None, None, None] for name in RESIDUALS[program.noise.kind].parameters}
    if "noise_slope" in draws:
        noise["sigma"] = noise["sigma"] * np.exp(draws["noise_slope"][:, None, None, None] * design.noise_distance)
    density = RESIDUALS[program.noise.kind].log_density(design.log_response - draws["log_mean"], noise)
    found = {name: theta[:, k] for k, name in enumerate(program.coordinates.names)}
    likelihood = (density * (design.weight > 0)).sum(axis=(1, 2, 3))
    return found | {"sigma": draws["sigma"], "log likelihood": likelihood, "target": ahead}


def check_uniform(ranks: dict[str, np.ndarray], chance: float) -> None:
    """Fail if ranks are no more uniform than happens once in 1 / `chance` tables."""
    most = KEPT // THIN
    worst = {name: stats.kstest((r + 0.5) / (most + 1), "uniform").pvalue for name, r in ranks.items()}
    assert min(worst.values()) > chance / len(worst), worst


@pytest.mark.parametrize("form", ["power, drifting"])
def test_ranks_are_uniform(form):
    check_uniform(rank_truths(form, replicates=20, seed=1), chance=1e-3)


@pytest.mark.slow
@pytest.mark.parametrize("form", FORMS)
def test_ranks_of_many_replicates_are_uniform(form):
    check_uniform(rank_truths(form, replicates=300, seed=2), chance=1e-3)


def test_ranks_that_lie_at_an_edge_are_told():
    with pytest.raises(AssertionError):
        check_uniform({"low": np.zeros(20)}, chance=1e-3)
