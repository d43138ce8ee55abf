"""Curves that are prepared once agree with `predict`, and say what they cannot do."""

from dataclasses import replace

import numpy as np
import pytest
import xarray as xr

import scaling_bayes as sb
from scaling_bayes.laws.axes import Axis
from scaling_bayes.laws.record import Record
from scaling_bayes.questions.covariates import read_covariates
from scaling_bayes.questions.curve_draws import prepare_curves
from scaling_bayes.questions.curves import to_answer

CHINCHILLA = "E + A*N**-alpha + B*D**-beta"
X = np.geomspace(1e7, 1e11, 9)
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
AXES = (Axis("N", reference=1e8, knots=(-2.3, 3.4), median=0.02),)
POSTERIORS = {
    "law alone": {},
    "two groups": {"groups": ("corpus",)},
    "drift": {"axes": AXES},
    "drift of each group": {"groups": ("corpus",), "axes": AXES},
    "heavy noise": {"nu": 4.0},
    "effects of runs": {"effects": {"a": 0.1, "b": -0.1}},
}


@pytest.fixture(params=POSTERIORS.values(), ids=POSTERIORS)
def posterior(request, make_sweep, make_posterior):
    more = {"corpus": ["code", "web"]} if "groups" in request.param else {}
    more |= {"network": ["a", "b"]} if "effects" in request.param else {}
    return make_posterior(make_sweep(CHINCHILLA, **more), CHINCHILLA, shape=(2, 2000), prior=None, **request.param)


def prepare(posterior):
    labels = sb.predict(posterior, {"N": 1e8, "D": 1e10})["loss"].coords.get("corpus")
    cells = [{"corpus": str(label)} for label in labels.values] if labels is not None else [{}]
    follow = read_covariates(posterior).follow
    return prepare_curves(posterior, [follow("N", n, {"D": d}) for n in X[[0, -1]] for d in (1e9, 1e11)], cells=cells)


@pytest.mark.parametrize("new_run", [False, True])
def test_quantiles_are_those_of_predict(posterior, new_run):
    curves = prepare(posterior)
    assert curves.fresh.dtype == np.float32
    columns = read_covariates(posterior).follow("N", X, {"D": 2e10})
    found = curves.quantiles(curves.log_response(columns, new_run=new_run), columns, QUANTILES, new_run=new_run)
    draws = sb.predict(posterior, {"N": X, "D": 2e10}, new_run=new_run)["loss"]
    logs = np.log(draws.transpose("chain", "draw", "point", ...)).quantile(QUANTILES, ("chain", "draw")).values
    width = logs[-1] - logs[0]
    exact = not (new_run or curves.levels)
    error = abs(np.log(found.reshape(logs.shape)) - logs) / width
    assert error.max() < (1e-3 if exact else 0.12)


SCALE = Axis("C", reference=1e18, knots=(), median=1.0)
NOISES = {
    "a slope and effects": {"noise": "student_t", "noise_axis": SCALE, "within": "network"},
    "a frontier with a slope and effects": {"noise": "frontier", "noise_axis": SCALE, "within": "network"},
    "counted": {"noise": "beta_binomial", "trials": 200, "chance": 0.75},
    "counted, with effects": {"noise": "beta_binomial", "trials": 200, "chance": 0.75, "within": "network"},
}


@pytest.mark.parametrize("noise", NOISES)
def test_new_runs_are_those_of_predict(noise, make_sweep, make_posterior):
    sweep = make_sweep(CHINCHILLA, network=["a", "b"])
    posterior = make_posterior(sweep, CHINCHILLA, shape=(2, 2000), nu=4.0, effects={"a": 0.1, "b": -0.1}, prior=None)
    draws = posterior["posterior"].to_dataset()
    more = {"noise_slope": -0.25, "inefficiency": 0.05}
    posterior["posterior"] = xr.DataTree(draws.assign({n: xr.full_like(draws["sigma"], v) for n, v in more.items()}))
    record = replace(Record.from_json(posterior.attrs["record"]), **NOISES[noise])
    posterior.attrs["record"] = record.to_json()
    curves, columns = prepare(posterior), read_covariates(posterior).follow("N", X, {"D": 2e10})
    found = np.log(curves.trace(columns, QUANTILES, new_run=True))[..., 0]
    expected = np.log(sb.predict(posterior, {"N": X, "D": 2e10, "C": columns["C"]}, new_run=True)["loss"])
    expected = expected.quantile(QUANTILES, ("chain", "draw")).values
    assert (abs(found - expected) < 0.12 * (expected[-1] - expected[0])).all()


@pytest.mark.parametrize("new_run", [False, True])
def test_points_after_each_other_are_points_at_once(posterior, new_run, monkeypatch):
    curves, columns = prepare(posterior), read_covariates(posterior).follow("N", X, {"D": 2e10})
    whole = curves.quantiles(curves.log_response(columns, new_run=new_run), columns, QUANTILES, new_run=new_run)
    monkeypatch.setattr("scaling_bayes.questions.curves.BLOCK", 2 * curves.draws)
    np.testing.assert_allclose(curves.trace(columns, QUANTILES, new_run=new_run), whole, rtol=1e-6)
    lone = {name: column if np.ndim(column) == 0 else column[:1] for name, column in columns.items()}
    np.testing.assert_allclose(curves.trace(lone, QUANTILES, new_run=new_run), whole[:, :1], rtol=1e-6)


def test_moving_a_covariate_moves_the_same_paths(make_sweep, make_posterior):
    posterior = make_posterior(make_sweep(CHINCHILLA), CHINCHILLA, axes=AXES, shape=(2, 500), prior=None)
    curves, follow = prepare(posterior), read_covariates(posterior).follow
    one, other = (curves.log_response(follow("N", X, {"D": d})) for d in (1e10, 1.001e10))
    assert abs(one - other).max() < 1e-3


def test_fewer_draws_are_some_of_all(posterior):
    curves, columns = prepare(posterior), read_covariates(posterior).follow("N", X, {"D": 1e10})
    few = curves.thin(10)
    at = ((np.arange(10) + 0.5) * curves.draws / 10).astype(int)
    for new_run in (False, True):
        every, some = (c.log_response(columns, new_run=new_run) for c in (curves, few))
        np.testing.assert_array_equal(every[..., at], some)


def test_an_answer_has_all_draws(make_sweep, make_posterior):
    posterior = make_posterior(make_sweep(CHINCHILLA), CHINCHILLA)
    columns = read_covariates(posterior).follow("N", X, {"D": 1e10})
    answer = to_answer(prepare(posterior), columns, ["all"], {"along": "N"}, units={"N": "parameters"})
    mine, theirs = answer["loss"].isel(group=0, chain=0), sb.predict(posterior, {"N": X, "D": 1e10})["loss"]
    np.testing.assert_allclose(mine, theirs.stack(sample=("chain", "draw")).transpose("sample", "point"), rtol=1e-5)
    assert answer["N"].attrs["units"] == "parameters"


def test_a_stack_gives_each_member_its_share(make_sweep, make_posterior, set_parameters):
    posterior = make_posterior(make_sweep(CHINCHILLA), CHINCHILLA, shape=(1, 400))
    members = {"low": set_parameters(posterior, E=1.0), "high": set_parameters(posterior, E=3.0)}
    stack = xr.DataTree.from_dict({f"/{name}": member for name, member in members.items()})
    stack.attrs = {"scaling_bayes": "stack", "weights": '{"low": 0.25, "high": 0.75}'}
    log = prepare(stack).log_response(read_covariates(stack).follow("N", X, {"D": 1e10}))
    assert (log[-1, 0] > np.log(3.0)).mean() == 0.75


def test_beyond_what_was_prepared_is_refused(make_sweep, make_posterior):
    posterior = make_posterior(make_sweep(CHINCHILLA), CHINCHILLA, axes=AXES, prior=None)
    with pytest.raises(sb.QuestionError, match=r"curves were prepared for N from 1e\+07 to 1e\+11"):
        prepare(posterior).log_response(read_covariates(posterior).follow("N", np.array([1e13]), {"D": 1e10}))


def test_numbers_that_float32_loses_stay_in_float64(make_sweep, make_posterior):
    posterior = make_posterior(make_sweep(), shape=(1, 50))
    assert prepare_curves(posterior, [{"N": 1e8}]).fresh.dtype == np.float32
    assert prepare_curves(posterior, [{"N": 1e-60}]).fresh.dtype == np.float64
