"""Optima: two power terms are found in a formula, and the searched range is what was asked for."""

import numpy as np
import pytest
import sympy as sp

from scaling_bayes.laws import CATALOGUE, Law
from scaling_bayes.laws.costs import inference, six_nd
from scaling_bayes.laws.optima import find_power_pair, search_range

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
