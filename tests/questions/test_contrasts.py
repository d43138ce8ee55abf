"""Contrasts of prepared curves against `compare`, where drift and noise have a say, and by hand."""

import numpy as np
import pytest

import scaling_bayes as sb
from scaling_bayes.laws.axes import Axis
from scaling_bayes.questions.contrasts import Contrast, Crossings, contrast, multiply
from scaling_bayes.questions.curve_draws import prepare_curves

CHINCHILLA = "E + A*N**-alpha + B*D**-beta"
X = np.geomspace(1e7, 1e11, 9)


def hold(log_mean, sign=1.0):
    return Contrast(log_mean, log_mean, 1, sign)


def test_probabilities_are_those_of_compare(make_sweep, make_posterior):
    axes, more = (Axis("N", reference=1e8, knots=(-2.3, 3.4), median=0.02),), {"shape": (2, 2000), "prior": None}
    sweep = make_sweep(CHINCHILLA, corpus=["code", "web"])
    posterior = make_posterior(sweep, CHINCHILLA, groups=("corpus",), axes=axes, spread=0.01, **more)
    cells = [{"corpus": "code"}, {"corpus": "web"}]
    curves = prepare_curves(posterior, [{"N": n, "D": 1e10} for n in X[[0, -1]]], cells=cells)
    found = contrast(curves, {"N": X, "D": np.full(9, 1e10)}, baseline=1)
    answer = sb.compare(posterior, "corpus", at={"N": X, "D": 1e10}, baseline="web", along=None)
    for kind, new_run in (("", False), ("_new_run", True)):
        wanted = answer[f"p_best{kind}"].transpose("point", "corpus")
        np.testing.assert_allclose(found.p_best(new_run=new_run), wanted, atol=0.04)
        np.testing.assert_allclose(found.p_better(new_run=new_run)[:, 0], wanted[:, 0], atol=0.04)
    relative = (answer["ratio"].sel(corpus="code") - 1).quantile([0.25, 0.5, 0.75], ("chain", "draw"))
    width = (relative[2] - relative[0]).values
    assert (abs(found.quantiles([0.25, 0.5, 0.75])[:, :, 0] - relative.values) < 0.1 * width + 1e-4).all()


@pytest.mark.parametrize(("sign", "better"), [(1.0, [0.75, 0.5]), (-1.0, [0.25, 0.5])])
def test_ties_are_shared_and_the_order_of_accuracies_turns(sign, better):
    first = np.array([[0.0, 0.0, 0.0, 2.0], [1.0, 1.0, 1.0, 1.0]])
    found = hold(np.stack([first, np.ones((2, 4))], axis=1), sign)
    assert found.p_better()[:, 0].tolist() == better
    assert found.p_best()[:, 0].tolist() == better
    np.testing.assert_allclose(found.p_best().sum(axis=1), 1.0)
    np.testing.assert_allclose(found.quantiles([0.0, 1.0])[:, 1, 0], 0.0)


def test_crossings_are_counted_and_placed():
    nodes = np.linspace(0.0, 4.0, 33)
    once, never, twice = nodes - 2.0, nodes + 1.0, (nodes - 1.0) * (nodes - 3.0)
    curves = np.stack([once, once, never, twice], axis=1)[:, None]
    found = hold(np.concatenate([curves, np.zeros_like(curves)], axis=1)).crossings(nodes)
    assert {name: p.tolist() for name, p in found.chances().items()} == {"none": [0.25], "one": [0.5], "more": [0.25]}
    np.testing.assert_allclose(found.quantiles([0.5])[0], np.exp(2.0))
    centres, share = found.density(0, 8)
    assert share.sum() == pytest.approx(0.5)
    assert abs(np.log(centres[share.argmax()]) - 2.0) < 0.5


def test_no_crossing_has_no_place():
    found = Crossings(np.zeros((1, 5), dtype=int), np.full((1, 5), np.nan), (0.0, 1.0))
    assert np.isnan(found.quantiles([0.05, 0.5])).all()
    assert not found.density(0, 4)[1].any()


def test_a_multiple_is_exact_for_power_laws(make_sweep, make_posterior, set_parameters):
    posterior = make_posterior(make_sweep(corpus=["code", "web"]), groups=("corpus",), prior=None, shape=(1, 3))
    posterior = set_parameters(posterior, E=0.0, alpha=0.5, A={"code": 10.0, "web": 20.0})
    cells = [{"corpus": "code"}, {"corpus": "web"}]
    curves = prepare_curves(posterior, [{"N": 1e4}, {"N": 1e12}], cells=cells)
    nodes = np.linspace(np.log(1e4), np.log(1e12), 65)
    target = contrast(curves, {"N": np.array([1e8])}, baseline=1).log_mean[-1, [0]]
    times = multiply(curves.only(1), {"N": np.exp(nodes)}, nodes, np.log(1e8), target)
    np.testing.assert_allclose(times, 4.0, rtol=1e-4)
    assert (multiply(curves.only(1), {"N": np.exp(nodes)}, nodes, np.log(1e8), target - 9.0) == np.inf).all()


def test_undefined_draws_have_no_say():
    """Of four draws one is undefined for the first choice; the other three have it better, worse and as good."""
    log = np.log([[[1.0, 2.0, 3.0, np.nan], [2.0, 2.0, 2.0, 2.0]]])
    found = Contrast(log, log, 1, 1.0)
    np.testing.assert_allclose(found.p_better(), [[0.5]])
    np.testing.assert_allclose(found.p_best(), [[0.5, 0.5]])
    np.testing.assert_allclose(found.quantiles([0.5])[0], [[0.0]], atol=1e-12)
