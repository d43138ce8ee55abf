"""A simulated sweep of two corpora, and every answer that a figure draws."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr

import scaling_bayes as sb
from scaling_bayes.questions.clusters import score_clusters

TRUTH = {"E": {"code": 1.2, "web": 1.8}, "A": 400.0, "alpha": 0.34, "B": 410.0, "beta": 0.28}
GATES = ["R-hat", "bulk ESS", "divergences"]
STATISTICS = ["sign changes along the scale", "slope in the top octave"]


@pytest.fixture(scope="session")
def sweep():
    C = np.repeat([1e18, 3e18, 1e19, 3e19, 1e20], 4)
    N = np.sqrt(C / 120) * np.tile([0.5, 0.8, 1.25, 2.0], 5)
    design = {"N": np.tile(N, 2), "D": np.tile(C / (6 * N), 2), "corpus": np.repeat(["code", "web"], len(N))}
    return sb.simulate_sweep(sb.law("chinchilla"), pd.DataFrame(design), truth=TRUTH, seed=0)


@pytest.fixture(scope="session")
def split(sweep):
    return sb.hold_out(sweep, along="C", top=2)


@pytest.fixture(scope="session")
def posterior(split):
    return sb.baseline(sb.law("chinchilla"), split[0], seed=0, bootstrap=20, by="corpus")


@pytest.fixture(scope="session")
def scored(posterior, split):
    return sb.score(posterior, split[1])


@pytest.fixture(scope="session")
def folded(scored):
    """An answer of `fold_scores`: the two held-out scales as if each were a fold, with three octaves left out."""
    runs = scored.assign_coords(fold=("run", np.where(scored["C"] > 5e19, 2, 1)), cluster=scored["corpus"].variable)
    told = xr.Dataset({"note": ("octaves", ["", "", "leaves no run"])}, coords={"octaves": [1, 2, 3]})
    clustered = score_clusters(runs, runs["cluster"].values)
    found = xr.merge([clustered, runs, told], compat="override", join="exact")
    return found.assign_attrs(scored.attrs, interval=0.9)


@pytest.fixture(scope="session")
def curve(posterior):
    C = np.geomspace(1e18, 3e20, 7)
    N = np.sqrt(C / 120)
    return sb.predict(posterior, {"C": C, "N": N, "D": C / (6 * N)})


@pytest.fixture(scope="session")
def checked(split):
    """An answer of `check` whose numbers are known: the second gate fails, the second statistic is extreme."""
    runs, rng = split[0], np.random.default_rng(0)
    size = runs.sizes["run"]
    observed, replicated = rng.normal(size=(2, 2, 50, len(STATISTICS)))
    columns = {
        "gate_value": ("gate", [1.001, 120.0, 0.0]),
        "gate_limit": ("gate", [1.01, 400.0, 0.0]),
        "gate_passed": ("gate", [True, False, True]),
        "statistic_observed": (("chain", "draw", "statistic"), observed),
        "statistic_replicated": (("chain", "draw", "statistic"), replicated),
        "p_value": ("statistic", [0.4, 0.999]),
        "residual": ("run", np.linspace(-2, 9, size)),
        "pit": ("run", np.linspace(0.01, 0.99, size)),
        "contraction": ("quantity", [0.9, 0.3, 0.8, 0.7]),
        "verdict": ("finding", ["The sampler failed its gates: bulk ESS."]),
    }
    quantities = ["E[code]", "E[web]", "alpha[code]", "alpha[web]"]
    coords = {"gate": GATES, "statistic": STATISTICS, "quantity": quantities, **runs.coords}
    attrs = {"scale": "C", "failed_gates": "bulk ESS", "passed": 0, "extreme": 0.025, "identified": 0.5}
    return xr.Dataset(columns, coords=coords, attrs=attrs)


@pytest.fixture(scope="session")
def allocated(posterior):
    return sb.allocate(posterior, np.geomspace(1e18, 1e22, 9))


@pytest.fixture(scope="session")
def isoflops(posterior):
    """Curves of three budgets, and the optimum of each."""
    C = [1e18, 1e19, 1e20]
    return sb.trace_isoflops(posterior, C), sb.allocate(posterior, C)


@pytest.fixture(scope="session")
def compared(posterior):
    N = np.sqrt(np.array([1e18, 1e20, 1e22]) / 120)
    return sb.compare(posterior, "corpus", at={"N": N, "D": 20 * N})


@pytest.fixture(scope="session")
def crossed(posterior):
    return sb.crossover(posterior, "corpus", between=("code", "web"), along="N", within=(1e6, 1e10), at={"D": 1e10})


@pytest.fixture(scope="session")
def multiplied(posterior):
    N = np.sqrt(np.array([1e18, 1e20, 1e22]) / 120)
    return sb.multiplier(posterior, "corpus", baseline="web", at={"N": N, "D": 20 * N}, along="N")


@pytest.fixture(scope="session")
def planned(posterior):
    candidates = {"N": [1e9, 3e9], "D": [2e10, 6e10], "corpus": ["code", "web"]}

    def target(p):
        return sb.predict(p, {"N": 1e11, "D": 2e12, "corpus": "web"})["loss"]

    return sb.plan(posterior, candidates, target=target)


@pytest.fixture(scope="session")
def learnt(posterior):
    """Parameters of both corpora, their draws dealt to two chains, with a prior."""
    found = sb.parameters(posterior)
    drawn = found.drop_dims([d for d in found.dims if d not in ("chain", "draw", "corpus")])
    halves = [drawn.isel(draw=slice(k, None, 2)).assign_coords(chain=[k], draw=range(10)) for k in (0, 1)]
    prior = xr.DataArray([1.0, 1.5, 1.8, 2.0, 3.0], coords={"quantile": [0.05, 0.25, 0.5, 0.75, 0.95]}, dims="quantile")
    whole = xr.concat(halves, "chain").assign(correlation=found["correlation"], prior_E=prior)
    return whole.assign_coords(role=found["role"]).assign_attrs(found.attrs)


@pytest.fixture(scope="session")
def losses():
    """A curve of one loss against another for two corpora, and the runs."""
    law = sb.Law("E_1 + K*L**kappa", covariates=("L",), roles={"K": "level", "kappa": "rate"})
    truth = {"E_1": {"code": 0.5, "web": 0.9}, "K": 0.6, "kappa": 1.1}
    runs = sb.simulate_sweep(law, {"L": [2.2, 2.6, 3.1, 3.6], "corpus": ["code", "web"]}, truth=truth, seed=0)
    posterior = sb.baseline(law, runs, seed=0, bootstrap=20, by="corpus")
    return sb.predict(posterior, {"L": [2.0, 3.0, 4.0]}), runs


@pytest.fixture(scope="session")
def tuned():
    law, rates = sb.law("hp_bowl"), [1e-3, 2e-3, 4e-3, 8e-3]
    truth = {"E": 2, "A": 40, "alpha": 0.3, "B": 40, "beta": 0.2, "k": 0.1, "c": 1.0, "p": -0.2, "q": -0.1}
    sweep = sb.simulate_sweep(law, {"N": [1e7, 1e8, 1e9], "D": [1e9, 1e10], "lr": rates}, truth=truth, seed=0)
    return sb.tune(sb.baseline(law, sweep, seed=0, bootstrap=4), "lr", at={"N": [1e7, 1e8, 1e9], "D": 1e9}, size=15)


@pytest.fixture(scope="session")
def universes():
    """Two by two choices, whose medians are 0, 1, 2 and 3."""
    told = {"data_hash": "abc", "law": "A*N**-alpha", "pooling": "{}", "method": "", "seed": 0, "gates": "[]"}
    draws = {f"{k}": xr.DataArray(np.linspace(k - 1, k + 1, 101)[None], dims=("chain", "draw")) for k in range(4)}
    answers = {name: array.assign_attrs(told).rename("slope") for name, array in draws.items()}
    choices = {name: {"law": "power" if int(name) % 2 else "chinchilla", "rows": 10 + int(name) // 2} for name in draws}
    return sb.multiverse(answers, choices).assign_attrs(data_hash="abc")


@pytest.fixture(scope="session")
def priors(sweep):
    rng, C = np.random.default_rng(0), np.geomspace(sweep["C"].min(), 100 * sweep["C"].max(), 9)
    curve = rng.lognormal(1.0, 0.3, (60, 1)) * (C / C[0]) ** -0.05
    answer = xr.Dataset({"curve": (("draw", "point"), curve)}, coords={"C": ("point", C, {"units": "FLOP"})})
    answer["prior_alpha"] = "draw", rng.lognormal(-1.0, 0.5, 60)
    answer["posterior_alpha"] = "draw", rng.lognormal(-1.0, 0.1, 60)
    answer["prior_A_ref"] = "draw", rng.lognormal(-1.0, 0.5, 60)
    return answer.assign_attrs(along="C", log=["alpha", "A_ref"])
