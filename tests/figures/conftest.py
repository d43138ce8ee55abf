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
    return xr.Dataset(columns, coords=coords, attrs={"scale": "C", "failed_gates": "bulk ESS", "passed": 0})


@pytest.fixture(scope="session")
def allocated(posterior):
    return sb.allocate(posterior, np.geomspace(1e18, 1e22, 9))


@pytest.fixture(scope="session")
def isoflops(posterior):
    """Curves of three budgets, and the optimum of each."""
    C = [1e18, 1e19, 1e20]
    return sb.trace_isoflops(posterior, C), sb.allocate(posterior, C)


@pytest.fixture(scope="session")
def priors(sweep):
    rng, C = np.random.default_rng(0), np.geomspace(sweep["C"].min(), 100 * sweep["C"].max(), 9)
    curve = rng.lognormal(1.0, 0.3, (60, 1)) * (C / C[0]) ** -0.05
    answer = xr.Dataset({"curve": (("draw", "point"), curve)}, coords={"C": ("point", C, {"units": "FLOP"})})
    answer["prior_alpha"] = "draw", rng.lognormal(-1.0, 0.5, 60)
    answer["posterior_alpha"] = "draw", rng.lognormal(-1.0, 0.1, 60)
    answer["prior_A_ref"] = "draw", rng.lognormal(-1.0, 0.5, 60)
    return answer.assign_attrs(along="C", log=["alpha", "A_ref"])
