"""Minima of many curves: no place of a fine grid is lower, whatever their shape."""

import numpy as np
import pytest

from scaling_bayes.laws.minima import find_level, minimise


def test_many_minima_in_blocks(monkeypatch):
    monkeypatch.setattr("scaling_bayes.laws.minima.BLOCK", 100)
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
