"""Scores: equal to their closed forms, labelled, and refused where they would compare unlike things."""

import numpy as np
import pytest
import xarray as xr
from scipy import stats

from scaling_bayes.questions.points import QuestionError, QuestionWarning
from scaling_bayes.questions.scoring import LEVELS, score, score_table
from scaling_bayes.sweeps import convert_loss, hold_out

SIGMA = 0.01
CORPORA = ["code", "web"]


@pytest.fixture(scope="module")
def normal(make_sweep, make_posterior):
    """A posterior certain of the true law: its predictive distribution is normal with a known sigma."""
    return make_posterior(make_sweep(), wobble=0.0, spread=0.0, sigma=SIGMA, shape=(4, 5000))


@pytest.fixture(scope="module")
def scored(normal, make_sweep):
    return score(normal, make_sweep(noise=0.015, seed=7, N=[2e9, 5e9, 2e10]))


@pytest.fixture(scope="module")
def z(scored):
    """Standardised distance of each observation from the centre of its predictive distribution."""
    truth = 1.7 + 400 * scored["N"].values ** -0.34
    return (np.log(scored["observed"].values) - np.log(truth)) / SIGMA


def crps(z):
    return SIGMA * (z * (2 * stats.norm.cdf(z) - 1) + 2 * stats.norm.pdf(z) - 1 / np.sqrt(np.pi))


CLOSED_FORMS = {
    "log_error": (lambda z: -z * SIGMA, 3e-4),
    "pit": (stats.norm.cdf, 0.015),
    "crps": (crps, 2e-4),
    "log_score": (lambda z: stats.norm.logpdf(z) - np.log(SIGMA), 1e-9),
}


@pytest.mark.parametrize("name", CLOSED_FORMS)
def test_scores_of_a_normal_prediction(scored, z, name):
    closed_form, tolerance = CLOSED_FORMS[name]
    np.testing.assert_allclose(scored[name], closed_form(z), atol=tolerance)


@pytest.mark.parametrize("level", LEVELS)
def test_intervals_of_a_normal_prediction(scored, z, level):
    at, half = scored.sel(level=level), stats.norm.ppf((1 + level) / 2)
    beyond = np.clip(np.abs(z) - half, 0, None)
    expected = SIGMA * (2 * half + 2 / (1 - level) * beyond)
    np.testing.assert_allclose(np.log(at["upper"] / at["lower"]), 2 * half * SIGMA, rtol=0.05)
    np.testing.assert_allclose(at["interval_score"], expected, rtol=0.1, atol=5e-4)
    np.testing.assert_array_equal(at["inside"], np.abs(z) < half)


@pytest.mark.parametrize(("measured", "spread"), [(True, np.hypot(SIGMA, 0.02)), (False, SIGMA)])
def test_errors_of_held_out_runs_add_to_the_noise(make_sweep, make_posterior, measured, spread):
    posterior = make_posterior(make_sweep(), measured=measured, wobble=0.0, sigma=SIGMA, shape=(4, 5000))
    held_out = make_sweep(noise=0.015, seed=7, N=[2e9, 5e9])
    scored = score(posterior, held_out.assign(loss_se=0.02 * held_out["loss"]))
    left = np.log(scored["observed"].values) - np.log(1.7 + 400 * scored["N"].values ** -0.34)
    np.testing.assert_allclose(scored["log_score"], stats.norm.logpdf(left, scale=spread), atol=1e-9)
    np.testing.assert_allclose(scored["width"].sel(level=0.9), 2 * 1.645 * spread, rtol=0.05)
    bare = score(posterior, held_out)
    np.testing.assert_allclose(bare["width"].sel(level=0.9), 2 * 1.645 * SIGMA, rtol=0.05)


def test_held_out_rows_of_fitted_runs_are_told(make_sweep, make_posterior):
    posterior = make_posterior(make_sweep(), effects={"a": 0.2, "b": -0.1}, wobble=0.0, sigma=SIGMA)
    held_out = make_sweep(noise=0.0, N=[2e9, 5e9]).assign_coords(network=("run", ["a", "new"]))
    scored = score(posterior, held_out.assign(loss=held_out["loss"] * np.exp(0.2)))
    assert scored["fitted_run"].values.tolist() == [True, False]
    assert abs(scored["log_error"].values[0]) < 0.005 < 0.1 < abs(scored["log_error"].values[1])
    assert "fitted_run" not in score(make_posterior(make_sweep()), held_out)


def test_totals_are_means_over_runs(scored):
    np.testing.assert_allclose(scored["rmsle"], np.sqrt((scored["log_error"] ** 2).mean()))
    np.testing.assert_allclose(scored["mae"], np.abs(scored["median"] - scored["observed"]).mean())
    np.testing.assert_allclose(scored["coverage"], scored["inside"].mean("run"))
    assert scored["coverage"].dims == scored["width"].dims == ("level",)


def test_a_calibrated_posterior_covers_at_its_level(normal, make_sweep):
    held_out = make_sweep(noise=SIGMA, seed=3, N=np.geomspace(1e9, 1e11, 400).tolist())
    scored = score(normal, held_out, levels=(0.5, 0.9))
    np.testing.assert_allclose(scored["coverage"], [0.5, 0.9], atol=0.08)
    assert stats.kstest(scored["pit"].values, "uniform").pvalue > 0.01


def test_levels_are_the_callers(normal, make_sweep):
    scored = score(normal, make_sweep(N=[2e9, 4e9]), levels=[0.25, 0.95])
    assert scored["level"].values.tolist() == [0.25, 0.95]
    assert scored["width"][1] > scored["width"][0]
    assert score_table(scored, level=0.95)["width"].item() == pytest.approx(scored["width"][1].item())


def test_runs_inside_the_fitted_range_are_interpolation(normal, make_sweep):
    scored = score(normal, make_sweep(N=[2e7, 3e9, 4e9, 3e10]))
    assert scored["interpolation"].values.tolist() == [True, True, False, False]
    np.testing.assert_allclose(scored["extrapolation"], [2e7 / 3e9, 1.0, 4 / 3, 10.0])


def test_scores_keep_the_runs_and_their_columns(normal, make_sweep):
    held_out = make_sweep(N=[4e9, 5e9], corpus=CORPORA).isel(run=[2, 0])
    scored = score(normal, held_out.assign_coords(width=("run", [64, 128])))
    assert scored["run"].values.tolist() == held_out["run"].values.tolist()
    assert scored["corpus"].values.tolist() == held_out["corpus"].values.tolist()
    assert scored["width"].dims == ("level",)  # the score, not the networks'
    assert scored["median"].attrs["units"] == scored.attrs["units"] == "nats/token"


def test_failed_gates_are_carried(make_sweep, make_posterior):
    posterior = make_posterior(make_sweep(), gates=(("divergences", False),))
    assert score(posterior, make_sweep(N=[4e9]))  # one run is enough
    assert score(posterior, make_sweep(N=[4e9])).attrs["failed_gates"] == "divergences"


def test_a_group_never_fitted_is_scored_with_its_wider_band(make_sweep, make_posterior):
    posterior = make_posterior(make_sweep(corpus=CORPORA), groups=("corpus",), shape=(2, 500))
    scored = score(posterior, make_sweep(N=[4e9], corpus=["unseen", "web"]))
    width = np.log(scored["upper"] / scored["lower"]).sel(level=0.9).values
    assert width[0] > 1.5 * width[1]


def test_seeds_reproduce(make_sweep, make_posterior):
    posterior, held_out = make_posterior(make_sweep()), make_sweep(N=[4e9, 8e9])
    first, again, other = (score(posterior, held_out, seed=seed) for seed in (1, 1, 2))
    xr.testing.assert_identical(first, again)
    assert (first["crps"] != other["crps"]).all()


UNLIKE = {
    "another unit": (lambda s: convert_loss(s, "bits/token"), {}, "'nats/token'.*'bits/token'.*convert_loss"),
    "another response": (lambda s: s.rename(loss="error"), {}, "'loss'.*lack; they have error"),
    "a table": (lambda s: s.to_dataframe(), {}, "found a DataFrame.*as_sweep"),
    "no group": (lambda s: s.drop_vars("corpus"), {}, "lack the labels of corpus"),
    "not positive": (lambda s: s.assign(loss=s["loss"].where(s["N"] > 5e9, 0.0)), {}, r"runs at \[0, 1\]"),
    "not finite": (lambda s: s.assign(loss=s["loss"].where(s["N"] < 5e9)), {}, r"runs at \[2, 3\]"),
    "an impossible level": (lambda s: s, {"levels": (0.5, 90)}, r"between 0 and 1, found \[90\]"),
}


@pytest.mark.parametrize("case", UNLIKE)
def test_unlike_things_are_not_compared(make_sweep, make_posterior, case):
    change, options, says = UNLIKE[case]
    posterior = make_posterior(make_sweep(corpus=CORPORA), groups=("corpus",))
    with xr.set_options(keep_attrs=True), pytest.raises(QuestionError, match=says):
        score(posterior, change(make_sweep(N=[4e9, 8e9], corpus=CORPORA)), **options)


@pytest.fixture(scope="module")
def table_of(make_sweep, make_posterior):
    sweep = make_sweep(N=[1e7, 3e7, 1e8, 3e8, 1e9, 2.5e9, 3e9], corpus=CORPORA, seed=5)
    fit_part, held_out = hold_out(sweep, along="N", above=2e8)
    posterior = make_posterior(fit_part, groups=("corpus",), spread=0.0)
    scored = score(posterior, held_out)
    return lambda by=(), **options: (scored, score_table(scored, by, **options))


def test_table_over_all_runs(table_of):
    scored, table = table_of()
    assert table.index.tolist() == ["all runs"]
    assert table.columns.tolist() == ["runs", "coverage", "rmsle", "width", "crps", "interval_score", "log_score"]
    row = table.loc["all runs"]
    assert row["runs"] == scored.sizes["run"] == 8
    for name in ("rmsle", "coverage", "width"):
        expected = scored[name] if name == "rmsle" else scored[name].sel(level=0.9)
        assert row[name] == pytest.approx(expected.item())


def test_table_by_group(table_of):
    scored, table = table_of("corpus", level=0.5)
    assert table.index.tolist() == CORPORA
    of_code = scored.sel(level=0.5).isel(run=(scored["corpus"] == "code").values)
    assert table.loc["code", "crps"] == pytest.approx(of_code["crps"].mean().item())
    assert table.loc["code", "coverage"] == of_code["inside"].mean()


def test_table_by_extrapolation(table_of):
    _, table = table_of("extrapolation")
    runs = {str(ratios): count for ratios, count in table["runs"].items()}
    assert runs == {"(2.0, 4.0]": 2, "(8.0, 16.0]": 2, "(16.0, inf]": 4}


@pytest.mark.parametrize(
    ("by", "level", "says"),
    [("corpsu", 0.9, "did you mean 'corpus'"), ("pit", 0.9, "by="), (None, 0.95, r"level=0.95.*0.5, 0.8, 0.9")],
)
def test_tables_of_what_was_not_scored_are_refused(table_of, by, level, says):
    with pytest.raises(QuestionError, match=says):
        table_of(by, level=level)


def test_draws_whose_law_is_negative_are_left_out_and_counted(make_sweep, make_posterior):
    posterior, held_out = make_posterior(make_sweep(), wobble=0.0), make_sweep(N=[5e9, 2e10], seed=4)
    draws = posterior["posterior"].to_dataset()
    first = draws["chain"] == draws["chain"][0]
    spoilt = posterior.copy()
    spoilt["posterior"] = xr.DataTree(draws.assign(E=draws["E"].where(~first, -1e6)))
    with pytest.warns(QuestionWarning, match="negative"):
        found = score(spoilt, held_out)
    whole = score(posterior, held_out)
    np.testing.assert_allclose(found["p_undefined"], 1 / draws.sizes["chain"])
    assert "p_undefined" not in whole
    np.testing.assert_allclose(found["median"], whole["median"], rtol=1e-2)
    np.testing.assert_array_equal(found["inside"].sel(level=0.9), whole["inside"].sel(level=0.9))
    assert np.isfinite(found["log_score"]).all()
    spoilt["posterior"] = xr.DataTree(draws.assign(E=draws["E"] - 1e6))
    told = pytest.raises(QuestionError, match=r"negative in every draw for the runs at \[0, 1\]")
    with pytest.warns(QuestionWarning), told:
        score(spoilt, held_out)
