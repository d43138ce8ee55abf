"""Parameters, tuning and the multiverse: against what is known in closed form."""

import json

import numpy as np
import pytest
import xarray as xr

import scaling_bayes as sb
from scaling_bayes.questions.points import QuestionError


def test_a_ridge_has_a_correlation_of_one(make_sweep, make_posterior, set_parameters):
    posterior = make_posterior(make_sweep(corpus=["code", "web"]), groups=("corpus",))
    draws = posterior["posterior"].to_dataset()
    posterior = set_parameters(posterior, A=(100 * draws["alpha"] ** 2).variable, E={"code": 1.0, "web": 2.0})
    found = sb.parameters(posterior)
    rho = found["correlation"].sel(parameter="A", parameter_other="alpha")
    np.testing.assert_allclose(rho.values, 1.0)
    assert set(rho.dims) == {"corpus"}
    assert found["correlation"].sel(parameter="E", parameter_other="alpha").isnull().all()
    assert found["role"].values.tolist() == ["floor", "level", "exponent"]


def test_the_prior_comes_as_quantiles_or_not_at_all(make_sweep, make_posterior):
    sweep = make_sweep()
    with_prior, without = (sb.parameters(make_posterior(sweep, prior=prior)) for prior in (1.0, None))
    assert (np.diff(with_prior["prior_alpha"].values) > 0).all()
    assert "prior_alpha" not in without


@pytest.fixture(scope="module")
def bowl():
    law = sb.Law("E*exp(k*log(lr/(c*N**p))**2/2)", covariates=("lr", "N"),
                 roles={"k": "sharpness", "c": "break", "p": "coefficient"})  # fmt: skip
    design = {"N": [1e6, 1e7, 1e8], "lr": [1e-3, 2e-3, 4e-3, 8e-3]}
    sweep = sb.simulate_sweep(law, design, truth={"E": 2.0, "k": 0.1, "c": 0.03, "p": -0.15}, seed=0)
    return sb.baseline(law, sweep, seed=0, bootstrap=10)


def test_the_best_value_is_the_vertex_draw_by_draw(bowl):
    found = sb.tune(bowl, "lr", at={"N": [1e6, 1e7, 1e8]}, within=(1e-4, 1e-1), size=81)
    draws = bowl["posterior"].to_dataset()
    vertex = draws["c"] * xr.DataArray([1e6, 1e7, 1e8], dims="point") ** draws["p"]
    np.testing.assert_allclose(found["best"].transpose(*vertex.dims), vertex, rtol=3e-3)
    assert not found["at_edge"].any()
    assert found["loss"].dims == ("chain", "draw", "point", "value")


def test_an_end_of_the_range_is_told_from_a_vertex(bowl):
    found = sb.tune(bowl, "lr", at={"N": 1e6}, within=(2e-2, 1e-1), size=9)
    np.testing.assert_allclose(found["best"], 2e-2)
    assert found["at_edge"].all()


@pytest.mark.parametrize(
    ("along", "choices", "message"),
    [
        ("batch", {}, "'batch' is no covariate"),
        ("lr", {"within": (0.1, 0.01)}, "range of positive scales"),
        ("lr", {"size": 3}, "at least 5"),
        ("lr", {"within": (1e-300, 1e300)}, "not finite at"),
    ],
)
def test_what_cannot_be_searched_is_refused(bowl, along, choices, message):
    with pytest.raises(QuestionError, match=message):
        sb.tune(bowl, along, at={"N": 1e6}, **choices)


def _number(values, **attrs):
    return xr.DataArray(np.asarray(values, float)[None], dims=("chain", "draw"), name="a", attrs=attrs)


def test_a_multiverse_keeps_even_draws_choices_and_sources():
    answers = {"one": _number(range(10), law="A"), "two": _number(range(100), law="B", failed_gates="R-hat")}
    found = sb.multiverse(answers, {"one": {"law": "A"}, "two": {"law": "B"}})
    np.testing.assert_array_equal(found["a"].sel(universe="two"), [np.arange(5, 100, 10)])
    assert found.attrs["failed_gates"] == "two: R-hat"
    assert json.loads(found.attrs["universes"])["one"] == {"law": "A"}


@pytest.mark.parametrize(
    ("answers", "choices", "message"),
    [
        ({}, {}, "same universes"),
        ({"one": _number([1, 2])}, {"two": {"law": "A"}}, "same universes"),
        ({"one": _number([1, 2]), "two": _number([1, 2])}, {"one": {"law": "A"}, "two": {"rows": 3}}, "two do not"),
        ({"one": _number([1, 2]).expand_dims(point=2)}, {"one": {"law": "A"}}, "one number"),
        ({"one": xr.Dataset({"b": 1.0})}, {"one": {"law": "A"}}, "draws of nothing"),
    ],
)
def test_universes_that_cannot_be_compared_are_refused(answers, choices, message):
    with pytest.raises(QuestionError, match=message):
        sb.multiverse(answers, choices)
