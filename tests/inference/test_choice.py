"""``discrepancy="auto"``: what evidence decides, which rows are left out, and that the posterior keeps both."""

import json

import jax
import numpy as np
import pytest
import xarray as xr
from scipy import stats

import scaling_bayes as sb
from scaling_bayes.inference.choice import CANDIDATES, choose_discrepancy, find_largest, weigh_evidence

POWER = sb.law("power")
NOISE = stats.zscore(np.random.default_rng(0).normal(size=30)) / 10


def evidence(drift, tight, none, cells=1):
    """Log scores of 30 runs: a mean for each candidate, and the same noise in all but for `tight`'s sign."""
    scores = np.stack([drift + NOISE, tight + NOISE, none - NOISE])
    cell = np.arange(30) % cells
    return xr.Dataset(
        {"log_score": (("candidate", "run"), scores)},
        coords={"candidate": list(CANDIDATES), "run": np.arange(30), "cell": ("run", cell)},
    )


# name -> (evidence, chosen)
EVIDENCE = {
    "drift is best": (evidence(2.0, 1.0, 0.0), "drift"),
    "no drift is far better": (evidence(0.0, 1.0, 2.0), "no drift"),
    "no drift is hardly better": (evidence(2.0, 2.0, 2.01), "drift"),
    "a tight drift is better, by the same in every run": (evidence(1.0, 1.2, 0.0), "tight drift"),
    "a tight drift is better by what does not matter": (evidence(1.0, 1.05, 0.0), "drift"),
    "cells count as wholes": (evidence(0.0, 1.0, 2.0, cells=5), "no drift"),
    "all alike": (evidence(1.0, 1.0, 1.0), "drift"),
}


@pytest.mark.parametrize("case", EVIDENCE)
def test_the_widest_that_is_as_good_as_the_best_is_taken(case):
    found, chosen = EVIDENCE[case]
    name, why = weigh_evidence(found)
    assert name == chosen
    assert why.startswith(chosen)
    assert "30 runs" in why


def line(levels, corpora=1, bend=0.0):
    """A power law that leaves its line by ``bend`` e-folds per squared e-fold of scale."""
    design = {"C": np.geomspace(1e17, 1e21, levels), "corpus": [f"corpus {k}" for k in range(corpora)]}
    sweep = sb.simulate_sweep(POWER, design, truth={"A": 60.0, "alpha": 0.08}, seed=0, noise=0.003)
    u = np.log(sweep["C"].values / 1e19)
    return sweep.assign(loss=sweep["loss"] * np.exp(bend * u**2))


def test_the_top_third_of_each_cells_log_range_is_left_out():
    sweep = line(13, corpora=2)
    sweep = sweep.isel(run=(sweep["corpus"] == "corpus 0") | (sweep["C"] < 1e19))
    binding = sb.Model(POWER, pool={"A": "corpus"}).bind(sweep)
    left_out = find_largest(binding, sweep)[:, 0] > 0
    kept = ~left_out & (binding.design.weight[:, 0] > 0)
    C = sweep["C"].values
    for runs, out, stay in zip(binding.cells.runs[:, 0], left_out, kept, strict=True):
        reach = np.log(C[runs[out | stay]])
        border = reach.max() - (reach.max() - reach.min()) / 3
        assert np.log(C[runs[out]]).min() > border - 1e-9
        assert np.log(C[runs[stay]]).max() < border + 1e-9


SHORT = {"warmup": 200, "draws": 200, "progress": False}


@pytest.mark.filterwarnings("ignore::scaling_bayes.GateWarning")
def test_a_curve_that_leaves_its_law_is_given_a_drift_and_the_evidence_is_kept():
    posterior = sb.fit(sb.Model(POWER, noise=sb.Normal()), line(24, bend=0.004), seed=0, **SHORT)
    assert posterior.attrs["discrepancy"].startswith(("drift", "tight drift"))
    scores = posterior["discrepancy"]["log_score"].mean("run")
    assert scores.sel(candidate="no drift") < scores.max()
    assert "drift_own" in posterior["posterior"]
    assert json.loads(posterior.attrs["model"])["discrepancy"]["along"] == ["C"]


@pytest.mark.parametrize(("levels", "why"), [(2, "fewer than three scales"), (4, "too few to decide")])
def test_where_nothing_can_be_left_out_it_is_said(levels, why):
    choice = choose_discrepancy(sb.Model(POWER), line(levels), jax.random.key(0))
    assert why in choice.why
    assert (choice.discrepancy is None) == (levels == 2)
    assert not choice.evidence
