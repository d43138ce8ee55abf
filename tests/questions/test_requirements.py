"""What a target takes: the inverse of what a budget reaches, and infinite where nothing reaches it."""

from dataclasses import replace

import numpy as np
import pytest

from scaling_bayes.laws.axes import Axis
from scaling_bayes.laws.costs import gpu_hours, inference, six_nd
from scaling_bayes.questions.allocation import allocate
from scaling_bayes.questions.points import QuestionError, QuestionWarning
from scaling_bayes.questions.prediction import predict
from scaling_bayes.questions.requirements import require
from scaling_bayes.questions.summaries import summarise

CHINCHILLA = "E + A*N**-alpha + B*D**-beta"
DRAWS = ("chain", "draw")
NAMES = ("E", "A", "B", "alpha", "beta")
ALONG_C = Axis("C", reference=6e18, knots=(-3.0, 3.0, 6.0), median=0.005)


@pytest.fixture(scope="module")
def wobbling(make_sweep, make_posterior):
    return make_posterior(make_sweep(CHINCHILLA), CHINCHILLA, wobble=0.02)


@pytest.fixture(scope="module")
def known(make_sweep, make_posterior):
    """The re-fit of Besiroglu et al. as a posterior whose draws are all the same."""
    posterior = make_posterior(make_sweep(CHINCHILLA), CHINCHILLA, shape=(1, 2))
    draws = posterior["posterior"].to_dataset()
    values = dict(zip(NAMES, (1.8172, 482.01, 2085.43, 0.3478, 0.3658), strict=True))
    posterior = posterior.copy()
    posterior["posterior"] = draws.assign({name: draws[name] * 0 + value for name, value in values.items()})
    return posterior


@pytest.mark.parametrize("cost", [six_nd, replace(six_nd, per_pair=None)], ids=["closed", "searched"])
def test_the_frontier_is_inverted_in_closed_form(wobbling, cost):
    draws = wobbling["posterior"].to_dataset()
    A, B, alpha, beta = (draws[name] for name in NAMES[1:])
    G, gamma = (alpha * A / (beta * B)) ** (1 / (alpha + beta)), alpha * beta / (alpha + beta)
    K = A * G**-alpha * 6**gamma * (alpha + beta) / beta
    found = require(wobbling, loss=[2.6, 2.1], cost=cost)
    for target in (2.6, 2.1):
        expected = (K / (target - draws["E"])) ** (1 / gamma)
        np.testing.assert_allclose(found["required"].sel(target=target), expected, rtol=1e-6)
    np.testing.assert_allclose(6 * found["N"] * found["D"], found["required"], rtol=1e-9)


@pytest.mark.parametrize(
    ("cost", "N", "D"), [(six_nd + inference(1e12), 2.5564e9, 3.4791e11), (six_nd, 5.5954e9, 1.1671e11)]
)
def test_least_cost_of_a_target_with_and_without_serving(known, cost, N, D):
    """Sardana et al.: the cheapest way to a loss of 2.2, 1e12 tokens served."""
    found = require(known, loss=2.2, cost=cost).isel(chain=0, draw=0, target=0)
    assert found["N"].item() == pytest.approx(N, rel=2e-4)
    assert found["D"].item() == pytest.approx(D, rel=2e-4)


@pytest.mark.parametrize("cost", [six_nd, six_nd + inference(1e11), gpu_hours(flop_per_second=1e15, utilisation=0.4)])
def test_the_budget_found_reaches_the_target(known, cost):
    budget = require(known, loss=2.2, cost=cost)["required"].isel(chain=0, draw=0).values
    np.testing.assert_allclose(allocate(known, budget, cost=cost)["loss"], 2.2, rtol=1e-6)


@pytest.mark.parametrize(
    ("how", "point"),
    [
        ({"along": "N", "at": {"D": 1e11}}, lambda x: {"N": x, "D": 1e11}),
        ({"along": "D", "at": {"N": 5e9}}, lambda x: {"N": 5e9, "D": x}),
        ({"along": "N", "tokens_per_parameter": 20.0}, lambda x: {"N": x, "D": 20 * x}),
        ({"along": "D", "tokens_per_parameter": 20.0}, lambda x: {"N": x / 20, "D": x}),
        ({"along": "C", "tokens_per_parameter": 20.0}, lambda x: {"N": (x / 120) ** 0.5, "D": 20 * (x / 120) ** 0.5}),
    ],
)
def test_a_prediction_at_what_is_required_is_the_target(wobbling, how, point):
    found = require(wobbling, loss=2.4, **how)["required"]
    assert found.dims == (*DRAWS, "target")
    x = found.values.ravel()[:5]
    loss = predict(wobbling, point(x))["loss"].values.reshape(-1, 5)
    np.testing.assert_allclose(np.diagonal(loss[:5]), 2.4, rtol=1e-7)


def test_a_fixed_ratio_takes_more_compute_than_the_best_one(wobbling):
    best, fixed = (require(wobbling, loss=2.2, **how)["required"] for how in ({}, {"tokens_per_parameter": 3.0}))
    assert (fixed > best).all()


def test_never_is_infinite_and_counted(make_sweep, make_posterior):
    posterior = make_posterior(make_sweep(), wobble=0.05, shape=(2, 500))
    floor = posterior["posterior"].to_dataset()["E"]
    target = float(floor.median())
    found = require(posterior, loss=[2.0, target], along="N", within=(1e6, 1e60))
    assert found["never"].sel(target=2.0).sum() == 0
    np.testing.assert_array_equal(found["never"].sel(target=target), floor >= target)
    assert found["never"].sel(target=target).mean() == 0.5
    np.testing.assert_array_equal(np.isinf(found["required"]), found["never"] == 1)
    assert np.isinf(found["extrapolation"].where(found["never"] == 1, np.inf)).any()
    assert np.isinf(summarise(found).loc["required"].loc[target, "upper"])
    assert np.isfinite(summarise(found).loc["required"].loc[2.0, "median":"upper"]).all()
    assert summarise(found).loc["never", "probability"].tolist() == [0, 0.5]
    assert summarise(found).loc["never", "median"].isna().all()


def test_a_narrower_range_leaves_fewer_reached(wobbling):
    wide = require(wobbling, loss=2.2)["required"]
    half = float(wide.median())
    narrow = require(wobbling, loss=2.2, within=(1e18, half))
    np.testing.assert_allclose(narrow["never"], wide.values > half)


def test_a_target_that_is_reached_at_the_lower_end_is_marked_and_warned_of(wobbling):
    with pytest.warns(QuestionWarning, match=r"at 1e\+18, the lower end .* in 100% of the draws"):
        found = require(wobbling, loss=9.0, within=(1e18, 1e24))
    np.testing.assert_allclose(found["required"], 1e18)
    assert found["at_edge"].min() == 1
    assert require(wobbling, loss=2.2)["at_edge"].max() == 0


def test_drift_widens_what_is_required(make_sweep, make_posterior):
    sweep = make_sweep(CHINCHILLA)
    still, moved = (make_posterior(sweep, CHINCHILLA, axes=axes, drift=0.003) for axes in ((), (ALONG_C,)))
    quarters = [np.log(require(p, loss=2.3)["required"]).quantile([0.25, 0.75]).values for p in (still, moved)]
    assert np.ptp(quarters[1]) > 2 * np.ptp(quarters[0])


def test_groups_are_dims_or_named(make_sweep, make_posterior):
    posterior = make_posterior(make_sweep(CHINCHILLA, corpus=["code", "web"]), CHINCHILLA, groups=("corpus",))
    every = require(posterior, loss=[2.4, 2.2])
    assert every["required"].dims == (*DRAWS, "corpus", "target")
    named = require(posterior, loss=[2.4, 2.2], at={"corpus": "web"})
    np.testing.assert_allclose(named["required"], every["required"].sel(corpus="web"))
    assert (every["required"].sel(target=2.2) > every["required"].sel(target=2.4)).all()


@pytest.mark.parametrize(
    ("ask", "says"),
    [
        (lambda p: require(p, loss=0.0), "targets above 0.*found 0"),
        (lambda p: require(p, loss=[]), "targets above 0"),
        (lambda p: require(p, loss=2.0, along="batch"), "along='batch': .*'N', 'D'"),
        (lambda p: require(p, loss=2.0, along="N"), "lacks D"),
        (lambda p: require(p, loss=2.0, along="N", at={"N": 1e9, "D": 1e9}), "at= fixes N"),
        (lambda p: require(p, loss=2.0, tokens_per_parameter=-1.0), "give a positive one"),
        (lambda p: require(p, loss=2.0, within=(1e20, 1e18)), "within= is"),
        (lambda p: require(p, loss=2.0, within=(0.0, 1e18)), "within= is"),
    ],
)
def test_what_cannot_be_answered_is_refused(wobbling, ask, says):
    with pytest.raises(QuestionError, match=says):
        ask(wobbling)
