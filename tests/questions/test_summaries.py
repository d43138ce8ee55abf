"""Summaries: the last step from draws to a table."""

import numpy as np
import pytest
import xarray as xr

from scaling_bayes.questions.prediction import predict
from scaling_bayes.questions.summaries import EVENT, summarise
from scaling_bayes.questions.typesetting import latex_macros, to_latex


@pytest.fixture(scope="module")
def answer(make_sweep, make_posterior):
    posterior = make_posterior(make_sweep(corpus=["code", "web"]), groups=("corpus",))
    return predict(posterior, {"N": [1e10, 1e11]})


def test_a_row_for_every_group_and_point(answer):
    table = answer.pipe(summarise)
    assert table.index.names == ["quantity", "corpus", "point"]
    assert table.columns.tolist() == ["median", "lower", "upper"]
    assert len(table) == 4
    expected = answer["loss"].sel(corpus="web").isel(point=1).quantile([0.5, 0.05, 0.95])
    np.testing.assert_allclose(table.loc[("loss", "web", 1)], expected)


@pytest.mark.parametrize("level", [0.5, 0.9, 0.99])
def test_the_interval_holds_its_share_of_the_draws(answer, level):
    row = summarise(answer, level=level).loc[("loss", "code", 0)]
    draws = answer["loss"].sel(corpus="code").isel(point=0)
    assert ((draws > row["lower"]) & (draws < row["upper"])).mean() == pytest.approx(level, abs=0.01)


def test_single_numbers_and_what_has_no_draws():
    draws = np.arange(11.0).reshape(1, 11)
    table = summarise(xr.Dataset({"N_opt": (("chain", "draw"), draws), "cost": 3.0}), level=0.8)
    np.testing.assert_allclose(table.to_numpy(), [[5.0, 1.0, 9.0]])


def test_failed_gates_stand_on_the_table(answer):
    assert summarise(answer).columns.name is None
    marked = summarise(answer.assign_attrs(failed_gates="R-hat"))
    assert "SAMPLER GATES FAILED: R-hat" in str(marked)


@pytest.mark.parametrize("level", [0.0, 1.0, 90])
def test_impossible_levels_are_refused(answer, level):
    with pytest.raises(ValueError, match=f"between 0 and 1, found {level}"):
        summarise(answer, level=level)


def test_what_has_no_draws_is_refused(answer):
    with pytest.raises(ValueError, match="dims chain and draw"):
        summarise(answer.mean("draw"))


def test_events_have_a_probability_and_no_median():
    never = xr.DataArray([[0.0, 0.0, 1.0, 0.0]], dims=("chain", "draw"), attrs=EVENT)
    cost = xr.DataArray([[2.0, 2.0, 3.0, 2.0]], dims=never.dims)
    share = xr.DataArray([0.2, 0.8], coords={"corpus": ["code", "web"]}, dims="corpus", attrs=EVENT)
    table = summarise(xr.Dataset({"cost": cost, "never": never, "p_best": share}))
    assert table.columns.tolist() == ["median", "lower", "upper", "probability"]
    np.testing.assert_allclose(table["probability"], [np.nan, 0.25, 0.2, 0.8])
    assert table["median"].notna().tolist() == [True, False, False, False]
    assert "never & " in to_latex(summarise(xr.Dataset({"cost": cost, "never": never}))).replace("{", "")
    assert latex_macros({"Never": xr.Dataset({"never": never})}).startswith(
        r"\newcommand{\Never}{$0.25$}% 90% interval"
    )
