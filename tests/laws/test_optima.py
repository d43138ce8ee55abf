"""Optima: two power terms are found in a formula, and a search agrees with algebra."""

import numpy as np
import pytest
import sympy as sp

from scaling_bayes.laws import CATALOGUE, Law
from scaling_bayes.laws.costs import inference, six_nd
from scaling_bayes.laws.optima import find_level, find_power_pair, minimise, search_range

# law -> (A, alpha, B, beta) of A N**-alpha + B D**-beta, the part that decides; None where no two powers do
PAIRS = {
    "chinchilla": ("A", "alpha", "B", "beta"),
    "chinchilla_power": ("A", "alpha", "B", "beta"),
    "kaplan_E": ("A", "alpha/beta", "B", "1"),
    "kaplan_joint": ("N_c**(alpha_N/alpha_D)", "alpha_N/alpha_D", "D_c", "1"),
    "precision": ("A*(1 - exp(-bits/gamma))**-alpha", "alpha", "B", "beta"),
    "distillation": ("A", "alpha", "B", "beta"),
    "chinchilla_interaction": None,
    "farseer": None,
    "width_depth": None,
    "hp_power": None,
    "sloth": None,
    "power": None,
}


@pytest.mark.parametrize("name", PAIRS)
def test_two_powers_are_found_in_a_law(name):
    found, expected = find_power_pair(CATALOGUE[name]), PAIRS[name]
    assert (found is None) == (expected is None)
    if found is not None:
        parts = (found.level_N, found.exponent_N, found.level_D, found.exponent_D)
        values = {s: 0.3 + 0.1 * k for k, s in enumerate(sorted(CATALOGUE[name].expression.free_symbols, key=str))}
        for part, text in zip(parts, expected, strict=True):
            by_hand = sp.sympify(text, locals={s.name: s for s in values})
            numeric = part.replace(lambda e: e.func.__name__ == "expm1", lambda e: sp.exp(e.args[0]) - 1)
            assert float(abs(numeric.subs(values))) == pytest.approx(float(abs(by_hand.subs(values))))


@pytest.mark.parametrize(
    "formula", ["E + A*N**-alpha*D**-beta", "A*N**-alpha + F*N**-beta", "A*N**-log(D)", "E + A*min(N, D)**-alpha"]
)
def test_what_are_no_two_powers_is_left_to_a_search(formula):
    assert find_power_pair(Law(formula)) is None


@pytest.mark.parametrize("sign", [-1.0, 0.0])
def test_no_size_is_best_where_a_level_or_exponent_is_not_positive(sign):
    pair = find_power_pair(Law("E + A*N**-alpha + B*D**-beta"))
    assert np.isnan(pair.best_size(1e21, 6.0, {"A": sign * 400.0, "B": 400.0, "alpha": 0.3, "beta": 0.3}))


def test_the_searched_range_holds_the_ratios():
    budget = np.array([1e18, 1e25])
    for cost in (six_nd, six_nd + inference(1e12)):
        low, high = (np.exp(end) for end in search_range(cost, budget, (1e-2, 1e4)))
        np.testing.assert_allclose(cost.afford(low, budget) / low, 1e4, rtol=1e-6)
        np.testing.assert_allclose(cost.afford(high, budget) / high, 1e-2, rtol=1e-6)


def test_many_minima_in_blocks(monkeypatch):
    monkeypatch.setattr("scaling_bayes.laws.optima.BLOCK", 100)
    at, ends = np.linspace(-1.0, 11.0, 57), np.array([[0.0, 2.0], [10.0, 9.0]])
    found = minimise(lambda x, row, column: np.cosh(x - at[row]) + column, *ends, rows=57)
    np.testing.assert_allclose(found.x, np.clip(at[:, None], *ends), atol=1e-6)
    np.testing.assert_allclose(found.value, np.cosh(found.x - at[:, None]) + np.arange(2))
    np.testing.assert_array_equal(found.at_edge, (at[:, None] <= ends[0]) | (at[:, None] >= ends[1]))


# curves between 0 and 10, shifted by their row -> by how much the lowest value may be missed
CURVES = {
    "parabola": (lambda x: (x - 4.0) ** 2, 1e-13),
    "steep on one side": (lambda x: np.exp(-9 * (x - 4.0)) + 9 * x, 1e-11),
    "kink": (lambda x: np.abs(x - np.pi), 1e-6),
    "kinks on a slope": (lambda x: np.abs(x - np.pi) + 0.3 * np.abs(x - 3.2) + 0.02 * x, 1e-6),
    "flat as a quartic": (lambda x: 1e-3 * (x - 4.0) ** 4, 1e-13),
    "two valleys": (lambda x: np.minimum((x - 2.0) ** 2, (x - 8.0) ** 2 - 0.1), 1e-13),
    "ripples": (lambda x: 0.02 * (x - 5.0) ** 2 + 0.05 * np.sin(5 * x), 1e-13),
    "lowest close to an end": (lambda x: (x - 5e-3) ** 2, 1e-13),
    "lowest beyond an end": (lambda x: (x + 1.0) ** 2, 0.0),
    "nothing to be had beyond a place": (lambda x: np.where(x > 3, np.inf, -x), 1e-5),
    "nowhere defined on one side": (lambda x: np.where(x < 3, np.nan, x), 1e-5),
}


@pytest.mark.parametrize("name", CURVES)
def test_no_place_of_a_fine_grid_is_lower(name):
    of, missed = CURVES[name]
    shifts, fine = np.linspace(0.0, 0.3, 40), np.linspace(0.0, 10.0, 100_001)
    found = minimise(lambda x, row, column: of(x - shifts[row]), np.zeros(1), np.full(1, 10.0), rows=40)
    values = np.array([np.nan_to_num(of(fine - shift), nan=np.inf) for shift in shifts])
    assert (found.value[:, 0] <= values.min(axis=1) + missed).all()
    np.testing.assert_allclose(found.value[:, 0], of(found.x[:, 0] - shifts), rtol=1e-12, atol=1e-12)
    np.testing.assert_array_equal(found.at_edge[:, 0], found.x[:, 0] == 0.0)


def test_a_rough_minimum_is_that_of_a_parabola_through_the_grid():
    of = lambda x, row, column: np.cosh(x - 4.1)  # noqa: E731
    rough, exact = (minimise(of, np.zeros(1), np.full(1, 10.0), roughly=roughly).x.item() for roughly in (True, False))
    assert exact == pytest.approx(4.1, abs=1e-7)
    assert 1e-6 < abs(rough - 4.1) < 1e-2


def test_levels_are_found_on_either_side():
    level, inner = np.array([[0.25, 4.0, 1e3]]), np.full((1, 3), 5.0)
    for outer in (0.0, 20.0):
        found = find_level(lambda x, row, column: (x - 5.0) ** 2, level, inner, np.full((1, 3), outer))
        reached = np.minimum(np.sqrt(level), abs(outer - 5.0))
        np.testing.assert_allclose(found, 5.0 + np.sign(outer - 5.0) * reached, atol=1e-8)
