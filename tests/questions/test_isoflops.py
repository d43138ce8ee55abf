"""Splits from prepared curves agree with `allocate` where the drift moves the optimum, and find edges."""

import numpy as np
import pytest

import scaling_bayes as sb
from scaling_bayes import figures
from scaling_bayes.laws.axes import Axis
from scaling_bayes.laws.costs import six_nd
from scaling_bayes.questions.curve_draws import prepare_curves
from scaling_bayes.questions.isoflops import find_lowest, lay_corners, split_budgets, to_answers
from scaling_bayes.questions.splits import choose_ratios
from scaling_bayes.questions.surface import read_surface

CHINCHILLA = "E + A*N**-alpha + B*D**-beta"
BUDGETS = np.array([1e20, 1e21])
AXES = {
    "law alone": (),
    "along C": (Axis("C", reference=6e18, knots=(-2.3, 3.4), median=0.02),),
    "along D/N": (Axis("D/N", reference=100.0, knots=(-2.3, 2.3), median=0.02),),
}


@pytest.fixture(params=AXES.values(), ids=AXES)
def asked(request, make_sweep, make_posterior):
    sweep = make_sweep(CHINCHILLA)
    posterior = make_posterior(sweep, CHINCHILLA, axes=request.param, drift=0.002, shape=(2, 500), prior=None)
    surface = read_surface(posterior, None, np.random.default_rng(0))
    ratios, _ = choose_ratios(surface, BUDGETS, six_nd)
    ends = [end for budget in BUDGETS for end in lay_corners(surface, six_nd, budget, ratios)]
    curves = prepare_curves(posterior, ends)
    return posterior, surface, curves, split_budgets(curves, surface, BUDGETS, six_nd, ratios, eps=0.0025)


def test_splits_are_those_of_allocate(asked):
    posterior, surface, curves, found = asked
    wanted = sb.allocate(posterior, BUDGETS)
    told = {"response": "loss", "cost": "6 N D", "eps": 0.0025}
    traced, best = to_answers(found, curves, surface, BUDGETS, ["all"], told)
    moved = "D/N" in str(surface.record.axes)
    for name in ("N_opt", "D_opt", "tokens_per_parameter", "loss", "N_low", "N_high", "extrapolation"):
        levels = (each[name].quantile([0.1, 0.5, 0.9], ("chain", "draw")).squeeze() for each in (best, wanted))
        found_at, wanted_at = (np.asarray(level) for level in levels)
        np.testing.assert_allclose(found_at, wanted_at, rtol=0.1 if moved else 5e-3, err_msg=name)
    np.testing.assert_allclose(traced["loss"].min("size"), best["loss"], rtol=1e-3)
    assert len(figures.plot_isoflops(traced, best).axes) == 1


def test_the_lowest_of_a_grid_is_refined_and_an_edge_is_said():
    x = np.linspace(0.0, 10.0, 41)[:, None]
    centre = np.array([4.07, -3.0, 12.0])
    best, left, right, value, at_edge = find_lowest(0.1 * (x - centre) ** 2, 0.4)
    np.testing.assert_allclose(best / 4, [4.07, 0.0, 10.0])
    np.testing.assert_allclose([left[0] / 4, right[0] / 4], [2.07, 6.07])
    assert value[0] == pytest.approx(0.0, abs=1e-12)
    assert at_edge.tolist() == [False, True, True]


def test_a_region_between_two_nodes_is_the_best_alone():
    best, left, right, *_ = find_lowest((np.arange(9.0)[:, None] - 3.5) ** 2, 1e-6)
    assert best == left == right == 3.5
