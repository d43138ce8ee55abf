"""The lowest points of many curves at once, and where they rise to a level."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import elementwise

Array = NDArray[np.float64]
Rows = NDArray[np.intp]
Curve = Callable[[Array, Rows, Rows], Array]
"""What a search minimises: values at positions, each on the curve of the row and the column beside it (they broadcast).
Curves of one column, such as a budget, are looked at between the same ends; rows are draws."""

GRID = 36
"""Positions at which a curve is looked at before its minimum is bracketed."""

FINER = 9
"""Places at which a bracket is looked at once more, so that the deepest of several valleys in it is found."""

EDGE = 1e-2
"""Share of a step beside an end of the range at which a curve must be lower than at the end for a minimum inside."""

CLOSER = (0.1, 0.004)
"""Shares of the width of a bracket at which Newton's steps take their differences."""

SMOOTH, ROUNDING = 1e-2, 1e-14
"""By how much a value may differ from that of a parabola: as a share of its bend, and of the value."""

NEVER = 1e9
"""Stands for infinity where a search compares values."""

BLOCK = 1 << 17
"""Values that are evaluated at once, about: with what is between they stay in a processor's cache."""


@dataclass(frozen=True)
class Minimum:
    """Where curves are lowest.

    Attributes
    ----------
    x, value : array, shape (row, column)
    at_edge : array of bool, shape (row, column)
        Whether the lowest value lies at an end of the range.
    """

    x: Array
    value: Array
    at_edge: NDArray[np.bool_]


def minimise(curve: Curve, low: Array, high: Array, rows: int = 1, *, roughly: bool = False) -> Minimum:
    """The lowest point of each of many curves: on a grid, then by Newton's steps inside its bracket.

    Steps are taken by differences, so that no derivative is asked for. Where they do not end in a minimum that the
    bracket holds, as at a kink, it is sought by Chandrupatla's method.

    Parameters
    ----------
    curve : callable
        Positions, and the row and the column of the curve of each, which broadcast -> values; inf where nothing can be.
    low, high : array, shape (column,)
        Range of the curves of each column.
    rows : int
        How many there are in a column.
    roughly : bool
        Take the lowest point of the parabola through the bracket instead.

    Returns
    -------
    Minimum

    Examples
    --------
    >>> found = minimise(lambda x, row, column: (x - row) ** 2, np.array([0.5]), np.array([9.0]), rows=3)
    >>> found.x.round(5).tolist(), found.at_edge.tolist()
    ([[0.5], [1.0], [2.0]], [[True], [False], [False]])
    """
    grid = low[:, None] + (high - low)[:, None] * np.linspace(0, 1, GRID)
    blocks = _split(np.arange(rows), low.size)
    found = [_minimise_block(_finite(curve), grid, block, roughly) for block in blocks]
    x, value, at_edge = (np.concatenate(each).reshape(rows, -1) for each in zip(*found, strict=True))
    return Minimum(x, value, at_edge.astype(bool))


def _split(rows: Rows, size: int) -> list[Rows]:
    """Rows of so many values each in blocks of about `BLOCK` values."""
    return np.array_split(rows, max(1, -(-rows.size * size // BLOCK)))


Own = tuple[Rows, Rows]
"""Row and column of curves that were picked."""

Three = list[Array]
"""Left, middle and right."""


def _minimise_block(curve: Curve, grid: Array, rows: Rows, roughly: bool) -> tuple[Array, Array, NDArray[np.bool_]]:
    """Minima of some rows; where an end of the grid is best, a place close to it tells whether one lies inside."""
    columns = np.arange(len(grid))
    parts = (curve(grid, part[:, None, None], columns[:, None]) for part in _split(rows, grid.size))
    found = zip(*(_bracket(grid, part) for part in parts), strict=True)
    places, levels = ([np.concatenate(each).ravel() for each in zip(*parts, strict=True)] for parts in found)
    row, column = np.repeat(rows, columns.size), np.tile(columns, rows.size)
    at_end = (places[0] == places[1]) | (places[1] == places[2])
    if not roughly:
        finer = places[0][:, None] + (places[2] - places[0])[:, None] * np.linspace(0, 1, FINER)
        places, levels = _bracket(finer, curve(finer, row[:, None], column[:, None]))
    x, value = places[1].copy(), levels[1].copy()
    stays = (places[0] == x) | (places[2] == x)
    if (k := np.flatnonzero(stays)).size:
        places[1][k] += EDGE * (places[0] + places[2] - 2 * x)[k]
        levels[1][k] = curve(places[1][k], row[k], column[k])
        stays[k] = levels[1][k] >= value[k]
    if (k := np.flatnonzero(~stays)).size:
        three = ([each[k] for each in places], [each[k] for each in levels])
        x[k], value[k] = _vertex(*three) if roughly else _descend(curve, (row[k], column[k]), *three)
    return x, value, at_end & stays


def _bracket(grid: Array, values: Array) -> tuple[Three, Three]:
    """The best place of each curve between its neighbours, and the values there; an end of the grid is its own."""
    best = values.argmin(axis=-1)
    around = (np.maximum(best - 1, 0), best, np.minimum(best + 1, values.shape[-1] - 1))
    places = [grid[np.arange(len(grid)), k] for k in around]
    return places, [np.take_along_axis(values, k[..., None], axis=-1)[..., 0] for k in around]


def _descend(curve: Curve, own: Own, places: Three, levels: Three) -> tuple[Array, Array]:
    """Newton's steps by ever closer differences; Chandrupatla's method where they end in no minimum."""
    (left, _, right), (x, _) = places, _vertex(places, levels)
    for share in CLOSER:
        step = share * (right - left)
        middle = np.clip(x, left + step, right - step)
        near = [middle - step, middle, middle + step]
        heights = [curve(each, *own) for each in near]
        x, expected = _vertex(near, heights)
    value, rounding = curve(x, *own), ROUNDING * abs(levels[1])
    smooth = abs(value - expected) <= SMOOTH * (heights[0] - 2 * heights[1] + heights[2]) + rounding
    settled = smooth & (abs(x - middle) <= step) & (value <= np.minimum.reduce([levels[1], *heights]) + rounding)
    if (lost := np.flatnonzero(~settled)).size:
        bracket, args = (tuple(each[lost] for each in every) for every in (places, own))
        found = elementwise.find_minimum(curve, bracket, args=args)
        x[lost], value[lost] = found.x, found.f_x
    return x, value


def _vertex(places: Three, levels: Three) -> tuple[Array, Array]:
    """The lowest point of the parabola through three places; the middle one where it opens downwards."""
    before, after = places[0] - places[1], places[2] - places[1]
    left, right = (levels[0] - levels[1]) / before, (levels[2] - levels[1]) / after
    bend = (right - left) / (after - before)
    slope = left - bend * before
    shift = np.divide(-slope, 2 * bend, out=np.zeros_like(bend), where=bend > 0)
    return places[1] + shift, levels[1] + slope * shift / 2


def _finite(curve: Curve) -> Curve:
    """The curve for SciPy, which hands the numbers of curves over as floats and takes no infinite values."""

    def finite(x: Array, row: Rows, column: Rows) -> Array:
        own = row.astype(np.intp, copy=False), column.astype(np.intp, copy=False)
        values = np.array(np.broadcast_to(curve(x, *own), np.broadcast_shapes(x.shape, row.shape, column.shape)))
        values[~(values < NEVER)] = NEVER
        return values

    return finite


def find_level(curve: Curve, level: Array, inner: Array, outer: Array) -> Array:
    """Where each curve rises through a level between `inner`, at or below it, and `outer`; `outer` where it does not.

    Parameters
    ----------
    curve : callable
        See `minimise`.
    level, inner, outer : array, shape (row, column)

    Returns
    -------
    array, shape (row, column)

    Examples
    --------
    >>> level, inner, outer = np.array([[4.0, 400.0]]), np.zeros((1, 2)), np.full((1, 2), 10.0)
    >>> find_level(lambda x, row, column: x**2, level, inner, outer).round(6).tolist()
    [[2.0, 10.0]]
    """
    row, column = np.ogrid[: level.shape[0], : level.shape[1]]
    crossed, found = curve(outer, row, column) > level, outer.copy()

    def excess(x: Array, row: Rows, column: Rows, level: Array) -> Array:
        return _finite(curve)(x, row, column) - level

    if crossed.any():
        of_curve, tolerances = (*np.nonzero(crossed), level[crossed]), {"xatol": 1e-9, "xrtol": 1e-12}
        solved = elementwise.find_root(excess, (inner[crossed], outer[crossed]), args=of_curve, tolerances=tolerances)
        found[crossed] = np.where(solved.success, solved.x, inner[crossed])
    return found
