"""What a chain foretells, where the answer has a closed form: a power law of what a first stage predicts."""

import json

import numpy as np
import pytest
import xarray as xr

import scaling_bayes as sb
from scaling_bayes.laws import Law
from scaling_bayes.laws.axes import Axis
from scaling_bayes.laws.record import Record
from scaling_bayes.questions.mixture import _thin
from scaling_bayes.questions.points import QuestionError

K, KAPPA, SIGMA = 0.1, 1.5, 0.02
AT = {"N": [1e9, 1e11]}
GATES = json.dumps([{"name": "first stage: R-hat", "value": 2.0, "limit": 1.01, "passed": False}])


def make_chain(first: xr.DataTree, task: dict[str, float] | None = None, axes: tuple[Axis, ...] = ()) -> xr.DataTree:
    """A chain whose second stage is known: K times the loss to the power kappa, with noise and perhaps a drift."""
    size = tuple(first["posterior"].sizes[d] for d in ("chain", "draw"))
    sample = {"chain": np.arange(size[0]), "draw": np.arange(size[1])}
    levels = np.broadcast_to(list(task.values()), (*size, len(task))) if task else np.full(size, K)
    draws = {"K": (("chain", "draw", *(["task"] if task else [])), levels)}
    draws |= {name: (("chain", "draw"), np.full(size, value)) for name, value in (("kappa", KAPPA), ("sigma", SIGMA))}
    if axes:
        names = [axis.name for axis in axes for _ in axis.knots]
        sample |= {"axis": [axis.name for axis in axes], "knot_axis": ("knot", names)}
        sample |= {"knot_distance": ("knot", [knot for axis in axes for knot in axis.knots])}
        draws["drift_own"] = (("chain", "draw", "knot"), np.full((*size, len(names)), 0.03))
        draws["drift_spread_own"] = (("chain", "draw", "axis"), np.full((*size, len(axes)), 0.03))
    fitted = first["constant_data"].to_dataset()
    record = Record(
        law=Law("K*loss**kappa", covariates=("loss",)),
        references={"loss": 1.0},
        response="error",
        unit="fraction",
        noise="normal",
        pooling={p: {"kind": "Shared", "groups": [], "value": None} for p in ("K", "kappa")},
        factors={"task": sorted(task)} if task else {},
        fitted={"loss": [1.5, 4.0], "N": [1e7, 3e9]},
        axes=axes,
        scale="N",
    )
    chain = xr.DataTree.from_dict(
        {
            "posterior": xr.Dataset(draws, coords=sample | ({"task": sorted(task)} if task else {})),
            "constant_data": fitted,
        }
    )
    chain["first"] = first.copy()
    if task:
        chain["first/constant_data"] = xr.DataTree(fitted.assign(task=("run", [*task][:1] * fitted.sizes["run"])))
    chain.attrs = {"scaling_bayes": "posterior", "record": record.to_json(), "gates": GATES}
    return chain


@pytest.fixture(scope="module")
def first(make_posterior, make_sweep):
    return make_posterior(
        make_sweep(corpus=["code", "web"]), groups=("corpus",), spread=0.0, sigma=0.04, shape=(4, 1000)
    )


def test_the_mean_curve_is_the_law_of_the_mean_loss_draw_by_draw(first):
    loss, error = sb.predict(first, AT)["loss"], sb.predict(make_chain(first), AT)["error"]
    assert error.dims == loss.dims == ("chain", "draw", "corpus", "point")
    np.testing.assert_allclose(error, K * loss**KAPPA)


def test_a_new_run_has_the_noise_of_both_stages(first):
    log = np.log(sb.predict(make_chain(first), AT, new_run=True)["error"])
    curve = np.log(sb.predict(make_chain(first), AT)["error"])
    np.testing.assert_allclose((log - curve).std(("chain", "draw")), np.hypot(KAPPA * 0.04, SIGMA), rtol=0.06)
    assert abs((log - curve).mean(("chain", "draw"))).max() < 4 * np.hypot(KAPPA * 0.04, SIGMA) / np.sqrt(4000)


@pytest.mark.parametrize(
    ("at", "dims"),
    [
        ({}, ("corpus", "task", "point")),
        ({"corpus": "web"}, ("task", "point")),
        ({"task": "b"}, ("corpus", "point")),
        ({"corpus": "web", "task": ["a", "b"]}, ("point",)),
        ({"corpus": "never seen", "task": "a"}, ("point",)),
    ],
)
def test_groups_of_both_stages_are_named_or_stay_dims(first, at, dims):
    levels = {"a": 0.1, "b": 0.2}
    answer = sb.predict(make_chain(first, levels), AT | at)["error"]
    loss = sb.predict(first, AT | {n: v for n, v in at.items() if n == "corpus"})["loss"]
    assert answer.dims == ("chain", "draw", *dims)
    assert answer["N"].values.tolist() == AT["N"]
    if "task" in dims:
        np.testing.assert_allclose(answer.sel(task="b"), 2 * answer.sel(task="a"))
    elif at["task"] == ["a", "b"]:
        np.testing.assert_allclose(answer, [0.1, 0.2] * loss**KAPPA)


def test_scores_are_those_of_the_predictive_distribution(first, make_sweep):
    held_out = make_sweep(N=[1e9, 1e10], corpus=["web"])
    loss = sb.predict(first, held_out)["loss"].mean(("chain", "draw")).values
    held_out = held_out.assign(error=("run", K * loss**KAPPA, {"units": "fraction"})).assign_attrs(response="error")
    scored = sb.score(make_chain(first), held_out, levels=[0.9])
    sd = np.hypot(KAPPA * 0.04, SIGMA)
    np.testing.assert_allclose(scored["log_score"], -0.5 * np.log(2 * np.pi * sd**2), atol=0.1)
    np.testing.assert_allclose(np.log(scored["upper"] / scored["lower"]), 2 * 1.645 * sd, rtol=0.06)
    np.testing.assert_allclose(scored["extrapolation"], [1 / 3, 10 / 3])


@pytest.mark.parametrize("corpora", [[], ["code", "web"]], ids=["one curve", "a curve a corpus"])
def test_a_drift_along_the_loss_is_that_of_the_stage_alone(make_posterior, make_sweep, corpora):
    groups = {"corpus": corpora} if corpora else {}
    still = make_posterior(make_sweep(**groups), groups=tuple(groups), wobble=0.0, spread=0.0)
    loss = sb.predict(still, {"N": 1e8})["loss"].values.ravel()[0]
    axis = Axis("loss", reference=2.0, knots=(float(np.log(loss / 2)), 0.6), median=0.03)
    chain = make_chain(still, axes=(axis,))
    chained = sb.predict(chain, {"N": 1e8})["error"].values
    alone = sb.predict(chain.drop_nodes("first"), {"loss": loss, "N": 1e8})["error"].values
    assert alone[0, 0, 0] != pytest.approx(K * loss**KAPPA, rel=1e-4)
    np.testing.assert_allclose(chained, np.broadcast_to(alone.ravel()[0], chained.shape), rtol=1e-6)


def test_a_drift_widens_with_distance_from_the_fitted_losses(first):
    axis = Axis("loss", reference=3.0, knots=(-0.2, 0.2), median=0.3)
    near, far = (
        sb.predict(make_chain(first, axes=(axis,)), {"N": n, "corpus": "web"})["error"]
        / sb.predict(make_chain(first), {"N": n, "corpus": "web"})["error"]
        for n in (3e7, 1e12)
    )
    assert np.log(far).std() > 3 * np.log(near).std()


def test_a_table_may_hold_what_was_measured(first, make_sweep):
    held_out = make_sweep(N=[1e9, 1e10], corpus=["web"])
    measured = held_out.assign(loss=held_out["loss"] * 2)
    chain = make_chain(first)
    xr.testing.assert_equal(sb.predict(chain, held_out)["error"], sb.predict(chain, measured)["error"])


def test_a_loss_is_not_asked_for(first):
    with pytest.raises(sb.QuestionError, match="at= names 'loss', which the first stage predicts"):
        sb.predict(make_chain(first), {"N": 1e9, "loss": 2.0})


def test_an_answer_tells_of_failed_gates_of_the_first_stage(first):
    assert sb.predict(make_chain(first), AT).attrs["failed_gates"] == "first stage: R-hat"


OTHER = {
    "compare": lambda p: sb.compare(p, "corpus", at={"N": 1e9}),
    "crossover": lambda p: sb.crossover(p, "corpus", between=["code", "web"], along="N", within=(1e6, 1e9)),
    "multiplier": lambda p: sb.multiplier(p, "corpus", baseline="web", at={"N": 1e9}, along="N"),
    "exponents": lambda p: sb.exponents(p, {"N": 1e9}),
    "allocate": lambda p: sb.allocate(p, 1e21),
    "require": lambda p: sb.require(p, loss=0.3, along="N"),
}


@pytest.mark.parametrize("name", OTHER)
def test_questions_that_would_lose_the_first_stage_refuse_a_chain(first, name):
    with pytest.raises(QuestionError, match=r"a chain answers sb\.predict, sb\.score and sb\.plan"):
        OTHER[name](make_chain(first))


def test_a_stack_keeps_the_first_stage_of_a_chain(first):
    thin = _thin(make_chain(first), 400)
    given = {"N": [1e9], "corpus": ["web"]}
    expected = K * sb.predict(thin["first"], given)["loss"] ** KAPPA
    np.testing.assert_allclose(sb.predict(thin, given)["error"], expected)
    assert expected.sizes["draw"] == 400
