"""Folds are exact: what `fold_scores` says of a fold is what fitting it by hand says."""

import json

import numpy as np
import pytest
import xarray as xr

import scaling_bayes as sb
from scaling_bayes.validation import folds

LAW = sb.Law("E + A*N**-alpha")
TRUTH = {"E": {"books": 1.5, "code": 1.2, "web": 1.8}, "A": 60.0, "alpha": 0.25}
DESIGN = {"N": [1e6 * 2**k for k in range(8)], "corpus": ["books", "code", "web"]}


def simulate(noise: float = 0.01, **design) -> xr.Dataset:
    return sb.simulate_sweep(LAW, DESIGN | design, truth=TRUTH, seed=0, noise=noise)


def fit_habit(sweep: xr.Dataset, by: str | tuple[str, ...] = "corpus") -> xr.DataTree:
    return sb.baseline(LAW, sweep, seed=1, bootstrap=40, by=by)


@pytest.fixture(scope="module")
def habit():
    return fit_habit(simulate())


@pytest.fixture(scope="module")
def scores(habit):
    return sb.fold_scores(habit)


def of_fold(scores, octaves):
    return scores.isel(run=scores["fold"].values == octaves)


@pytest.mark.parametrize("octaves", [1, 2, 3])
def test_a_fold_is_what_is_done_by_hand(scores, octaves):
    fit_part, held_out = sb.hold_out(simulate(), along="N", above=128e6 / 2**octaves)
    by_hand = sb.score(fit_habit(fit_part), held_out, seed=1)
    found = of_fold(scores, octaves)
    assert found["run"].values.tolist() == by_hand["run"].values.tolist()
    for name, column in by_hand.data_vars.items():
        if "run" in column.dims:
            np.testing.assert_array_equal(found[name].values, column.values)
            assert found[name].attrs == column.attrs
    np.testing.assert_array_equal(found["extrapolation"], by_hand["extrapolation"])
    assert not found["interpolation"].any()


def test_folds_are_nested(scores):
    runs = [set(of_fold(scores, k)["run"].values.tolist()) for k in (1, 2, 3)]
    assert [len(each) for each in runs] == [3, 6, 9]
    assert runs[0] < runs[1] < runs[2]
    assert scores["held_out_runs"].values.tolist() == [3, 6, 9]
    assert scores["fitted_runs"].values.tolist() == [21, 18, 15]
    assert scores["note"].values.tolist() == [""] * 3


def test_averages_are_those_of_a_score(scores):
    inside = scores["inside"].mean("run")
    np.testing.assert_allclose(scores["coverage"], inside)
    np.testing.assert_allclose(scores["rmsle"], np.sqrt((scores["log_error"] ** 2).mean()))
    assert scores["mae"] > 0
    assert scores["width"].dims == ("level",)
    assert ((scores["coverage_lower"] <= inside) & (inside <= scores["coverage_upper"])).all()


@pytest.mark.parametrize("by", ["fold", "cluster", "extrapolation", "corpus"])
def test_the_table_of_scores_takes_them(scores, by):
    table = sb.score_table(scores, by=by)
    assert table["runs"].sum() == 18
    if by == "extrapolation":
        assert [str(index) for index in table.index] == scores["ratio"].values.tolist()
        np.testing.assert_allclose(table["coverage"], scores["coverage_at_ratio"].sel(level=0.9))
        np.testing.assert_allclose(table["rmsle"], scores["rmsle_at_ratio"])


def test_attributes_say_where_the_scores_come_from(scores, habit):
    assert scores.attrs["law"] == LAW.formula
    assert scores.attrs["scale"] == "N"
    assert scores.attrs["failed_gates"] == ""
    assert scores.attrs["data_hash"] == habit.attrs["data_hash"]
    assert scores["octaves"].values.tolist() == [1, 2, 3]


def test_scores_survive_a_file(scores, tmp_path):
    scores.to_netcdf(tmp_path / "scores.nc", engine="h5netcdf")
    with xr.open_dataset(tmp_path / "scores.nc", engine="h5netcdf") as opened:
        assert opened.load().equals(scores)


def test_a_saved_posterior_gives_the_same(habit, scores, tmp_path):
    opened = sb.open_posterior(sb.save_posterior(habit, tmp_path / "habit.nc"))
    assert sb.fold_scores(opened).identical(scores)


def test_levels_scale_and_octaves_are_the_callers(habit):
    scores = sb.fold_scores(habit, octaves=[2.5], along="N", levels=[0.6], seed=4)
    assert scores["level"].values.tolist() == [0.6]
    assert scores["octaves"].values.tolist() == [2.5]
    assert scores.sizes["run"] == 9


def test_seeds_are_no_curves():
    sweep = simulate(N=DESIGN["N"][::2], seed=[0, 1])
    scores = sb.fold_scores(fit_habit(sweep), octaves=[1])
    assert sorted(set(scores["cluster"].values.tolist())) == DESIGN["corpus"]
    assert scores["clusters_at_ratio"].values.tolist() == [3]


def test_one_curve_has_no_interval():
    sweep = simulate(corpus=["web"])
    scores = sb.fold_scores(fit_habit(sweep, by=()), octaves=[1, 2])
    assert np.isnan(scores["coverage_lower"]).all()
    assert np.isfinite(scores["coverage"]).all()


LEFT_OUT = {
    "too few runs": (simulate(), {"min_runs": 16}, 3, "leaves 15 runs to fit, fewer than min_runs=16"),
    "one scale is left": (
        simulate(N=[1e6, 5e6, 2e7, 8e7], seed=[0, 1]),
        {"octaves": (1, 5), "min_runs": 1},
        5,
        "N is 1e+06 in all 6 runs",
    ),
    "a group of large runs only": (
        simulate().where(lambda s: (s["corpus"] != "web") | (s["N"] > 3e7), drop=True),
        {"octaves": (1, 3)},
        3,
        "corpus web was not fitted",
    ),
}


@pytest.mark.parametrize("case", LEFT_OUT)
def test_a_fold_that_cannot_be_fitted_says_why(case):
    sweep, options, octaves, says = LEFT_OUT[case]
    with pytest.warns(sb.SweepWarning, match=f"some folds were left out: {octaves} octaves: ") as caught:
        scores = sb.fold_scores(fit_habit(sweep), **options)
    (note,) = scores["note"].sel(octaves=[octaves]).values
    assert says in note
    assert says in str(caught[0].message)
    assert scores["note"].values.tolist().count("") == scores.sizes["octaves"] - 1
    assert octaves not in scores["fold"].values


def test_folds_that_hold_out_the_same_runs_are_fitted_once():
    scores = sb.fold_scores(fit_habit(simulate(N=[1e6 * 4**k for k in range(8)])))
    assert scores["note"].values.tolist() == ["", "holds out the same runs as 1", ""]
    assert sorted(set(scores["fold"].values.tolist())) == [1, 3]


def test_no_fold_at_all_is_an_error(habit):
    with pytest.raises(sb.ModelError, match=r"no fold can be fitted.*1 octave: leaves 21 runs.*min_runs="):
        sb.fold_scores(habit, min_runs=99)


@pytest.mark.parametrize("octaves", [(), (0,), (1, -2), (float("nan"),)])
def test_octaves_are_numbers_above_zero(habit, octaves):
    with pytest.raises(ValueError, match="octaves are one or several numbers above 0"):
        sb.fold_scores(habit, octaves=octaves)


def test_an_unknown_scale_is_named(habit):
    with pytest.raises(ValueError, match="'D/N': add a column 'D'"):
        sb.fold_scores(habit, along="D/N")


def test_failed_gates_are_kept_by_fold(habit, monkeypatch):
    def fail_last(*arguments, **settings):
        trees = refit(*arguments, **settings)
        gates = [{"name": "R-hat", "value": 1.3, "limit": 1.01, "passed": False}]
        trees[-1].attrs["gates"] = json.dumps(gates)
        return trees

    refit = folds.refit
    monkeypatch.setattr(folds, "refit", fail_last)
    with pytest.warns(sb.GateWarning, match="3 octaves: R-hat"):
        scores = sb.fold_scores(habit)
    assert scores["failed_gates"].values.tolist() == ["", "", "R-hat"]
    assert scores.attrs["failed_gates"] == "3 octaves: R-hat"


def test_a_sampled_posterior_is_scored_like_a_baseline():
    power, C = sb.law("power"), np.geomspace(1e17, 1e21, 12)
    sweep = sb.simulate_sweep(power, {"C": C}, truth={"A": 60.0, "alpha": 0.08}, seed=3, noise=0.02)
    model = sb.Model(power, noise=sb.Normal(), discrepancy=None)
    posterior = sb.fit(model, sweep, seed=0, warmup=300, draws=500, progress=False)
    scores = sb.fold_scores(posterior, octaves=[2], progress=False)
    fit_part, held_out = sb.hold_out(sweep, along="C", top=2)
    by_hand = sb.score(sb.fit(model, fit_part, seed=0, warmup=300, draws=500, progress=False), held_out)
    for name in ("median", "inside", "log_score", "pit", "extrapolation"):
        np.testing.assert_array_equal(scores[name], by_hand[name])
    assert scores["failed_gates"].values.tolist() == [""]
