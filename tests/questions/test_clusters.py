"""Clustered intervals of scores: exact where a closed form exists, NaN where nothing can be said."""

from itertools import pairwise

import numpy as np
import pytest
import xarray as xr

from scaling_bayes.questions.clusters import score_clusters
from scaling_bayes.questions.scoring import RATIO_BINS

CURVES = np.repeat(["books", "code", "web"], 4)


def scored_runs(inside, log_error=None, ratio=None, levels=(0.5, 0.9)):
    """Scored runs, of which `inside` says who is in every interval."""
    inside = np.asarray(inside, dtype=bool)
    error = np.full(len(inside), 0.1) if log_error is None else np.asarray(log_error)
    coords = {"level": list(levels), "extrapolation": ("run", np.full(len(inside), 1.5) if ratio is None else ratio)}
    columns = {"inside": (("run", "level"), np.repeat(inside[:, None], len(levels), axis=1))}
    return xr.Dataset(columns | {"log_error": ("run", error)}, coords=coords)


def test_scores_are_means_over_runs():
    rng = np.random.default_rng(0)
    inside, error, ratio = rng.random(12) < 0.7, rng.normal(size=12), rng.uniform(1.1, 7.0, 12)
    found = score_clusters(scored_runs(inside, error, ratio), CURVES)
    assert found["coverage"].values == pytest.approx(np.full(2, inside.mean()))
    assert float(found["rmsle"]) == pytest.approx(np.sqrt((error**2).mean()))
    assert found["runs_at_ratio"].sum() == 12
    for k, low in enumerate((1.0, 2.0, 4.0)):
        rows = (ratio > low) & (ratio <= 2 * low)
        assert found["coverage_at_ratio"].values[k] == pytest.approx(np.full(2, inside[rows].mean()))
        assert float(found["rmsle_at_ratio"][k]) == pytest.approx(np.sqrt((error[rows] ** 2).mean()))
        assert float(found["ratio_mean"][k]) == pytest.approx(np.exp(np.log(ratio[rows]).mean()))
        assert int(found["clusters_at_ratio"][k]) == len(set(CURVES[rows]))


def test_bins_are_those_of_the_table():
    ratio = np.array([0.5, 1.5, 3.0, 6.0, 12.0, 99.0])
    found = score_clusters(scored_runs(np.ones(6), ratio=ratio), np.arange(6).astype(str))
    assert found["ratio"].values.tolist() == [f"({low}, {high}]" for low, high in pairwise(RATIO_BINS)]


def test_the_interval_is_that_of_curves_and_not_of_runs():
    """Of many curves whose runs agree with each other the coverage is binomial in the number of curves."""
    inside = np.random.default_rng(1).random(60) < 0.7
    once = score_clusters(scored_runs(inside), np.arange(60).astype(str))
    often = score_clusters(scored_runs(np.repeat(inside, 9)), np.repeat(np.arange(60), 9).astype(str))
    naive = score_clusters(scored_runs(np.repeat(inside, 9)), np.arange(540).astype(str))
    width = [float((each["coverage_upper"] - each["coverage_lower"])[0]) for each in (once, often, naive)]
    share = inside.mean()
    assert width[0] == pytest.approx(2 * 1.645 * np.sqrt(share * (1 - share) / 60), rel=0.15)
    assert width[1] == pytest.approx(width[0], rel=0.05)
    assert width[2] == pytest.approx(width[0] / 3, rel=0.15)


@pytest.mark.parametrize("bins", [1, 2])
def test_everything_by_ratio_runs_along_ratio(bins):
    found = score_clusters(scored_runs(np.ones(4), ratio=[1.5, 1.6, 1.7, 1.5 * bins]), np.array(list("aabb")))
    for name in ("ratio_mean", "runs_at_ratio", "clusters_at_ratio", "rmsle_at_ratio", "rmsle_at_ratio_lower"):
        assert found[name].dims == ("ratio",)
        assert found.sizes["ratio"] == bins
    assert found["coverage_at_ratio"].dims == ("ratio", "level")


def test_larger_curves_weigh_more():
    curves = np.repeat(["code", "web"], [9, 1])
    found = score_clusters(scored_runs(curves == "code"), curves)
    assert found["coverage"].values == pytest.approx([0.9, 0.9])
    assert found["coverage_lower"].values.tolist() == [0.0, 0.0]
    assert found["coverage_upper"].values.tolist() == [1.0, 1.0]


SCORES = ["coverage", "rmsle", "coverage_at_ratio", "rmsle_at_ratio"]


@pytest.mark.parametrize("name", SCORES)
def test_one_curve_has_no_interval(name):
    found = score_clusters(scored_runs([True, False, True]), np.full(3, "web"))
    assert np.isfinite(found[name]).all()
    assert np.isnan(found[f"{name}_lower"]).all()
    assert np.isnan(found[f"{name}_upper"]).all()


def test_curves_that_agree_have_an_interval_of_no_width():
    found = score_clusters(scored_runs(np.ones(12)), CURVES)
    assert (found["coverage_lower"] == 1).all()
    assert (found["coverage_upper"] == 1).all()


@pytest.mark.parametrize("name", SCORES)
def test_intervals_hold_their_scores(name):
    rng = np.random.default_rng(2)
    found = score_clusters(scored_runs(rng.random(12) < 0.6, rng.normal(size=12), rng.uniform(1.1, 3.9, 12)), CURVES)
    assert (found[f"{name}_lower"] < found[name]).all()
    assert (found[name] < found[f"{name}_upper"]).all()
    assert found[f"{name}_lower"].dims == found[name].dims


def test_the_seed_decides():
    rng = np.random.default_rng(3)
    runs, curves = scored_runs(np.ones(60), rng.normal(size=60)), np.arange(60).astype(str)
    first, again, other = (score_clusters(runs, curves, seed=seed) for seed in (0, 0, 1))
    assert first.identical(again)
    assert float(first["rmsle_lower"]) != float(other["rmsle_lower"])
    assert float(first["rmsle_lower"]) == pytest.approx(float(other["rmsle_lower"]), rel=0.02)
