r"""Where curves that are known at nodes reach a value, draw by draw.

Between nodes a curve is the cubic through the four nearest ones, so that what is straight on log axes is exact and the
error of a smooth curve falls with the fourth power of the spacing.
"""

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

NEAR = 1e-9
"""Distance from a node that counts as none."""

STEPS = 6
"""Newton steps inside one cell, each kept inside the bracket."""


def first_reach(x: Array, curve: Array, target: Array, start: Array | None = None) -> Array:
    r"""Smallest position at which a curve is no higher than a target.

    .. math:: x^* = \min \{x : f(x) \le y\}

    Parameters
    ----------
    x : array, shape (node,)
        Ascending and evenly spaced.
    curve : array, shape (..., node)
        Values of the curves; they need not be monotone.
    target : array, shape (..., target)
    start : array, shape (target,), optional
        Position from which each target is looked for; by default the first node.

    Returns
    -------
    array, shape (..., target)
        Infinite where no node reaches the target, minus infinity where the start already does, NaN where it is NaN.

    Examples
    --------
    >>> x = np.linspace(0.0, 4.0, 9)
    >>> first_reach(x, 3.0 - x, np.array([1.7, 4.0, -2.0])).round(6).tolist()
    [1.3, -inf, inf]
    """
    begin = np.zeros(target.shape[-1], dtype=int) if start is None else np.searchsorted(x, start - NEAR)
    lead = np.broadcast_shapes(curve.shape[:-1], target.shape[:-1])
    out = np.empty((*lead, target.shape[-1]))
    for k in range(target.shape[-1]):
        value, b = np.broadcast_to(target[..., k], lead), begin[k]
        lowest = np.minimum.accumulate(curve[..., b:], axis=-1)
        cell = np.broadcast_to(b - 1 + (lowest > value[..., None]).sum(axis=-1), lead)
        before = cell == b - 1 if b == 0 else (cell == b - 1) & (curve[..., b - 1] <= value)
        inside = ~before & (cell < len(x) - 1)
        found = np.where(np.isnan(value), np.nan, np.where(before, -np.inf, np.inf))
        inside &= ~np.isnan(value)
        rows = np.broadcast_to(curve, (*lead, len(x)))[inside]
        found[inside] = root_in_cell(x, rows - value[inside][:, None], cell[inside])
        out[..., k] = found
    return out


def root_in_cell(x: Array, curve: Array, cell: NDArray[np.int64]) -> Array:
    """Root of each curve between two neighbouring nodes at which its signs differ.

    Parameters
    ----------
    x : array, shape (node,)
        Evenly spaced.
    curve : array, shape (curve, node)
    cell : array of int, shape (curve,)
        Number of the node on the left of the root.

    Returns
    -------
    array, shape (curve,)

    Examples
    --------
    >>> x = np.arange(5.0)
    >>> root_in_cell(x, (x**2 - 5.0)[None], np.array([2])).round(6).tolist()
    [2.236068]
    """
    size = min(4, len(x))
    start = np.clip(cell - 1, 0, len(x) - size)
    rows = np.arange(len(curve))
    values = np.stack([curve[rows, start + i] for i in range(size)])
    values *= np.where(curve[rows, cell] > 0, 1.0, -1.0)  # falls through zero, whichever way the curve goes
    powers = np.linalg.solve(np.vander(np.arange(size), increasing=True).astype(float), values)
    low, high = (cell - start).astype(float), (cell - start + 1).astype(float)
    left, right = curve[rows, cell], curve[rows, cell + 1]
    t = low + left / (left - right)
    for _ in range(STEPS):
        value, slope = _polynomial(powers, t)
        low, high = np.where(value > 0, t, low), np.where(value > 0, high, t)
        step = t - np.divide(value, slope, out=np.full_like(t, np.inf), where=slope < 0)
        t = np.where((step >= low) & (step <= high), step, (low + high) / 2)
    return x[0] + (x[1] - x[0]) * (start + t)


def _polynomial(powers: Array, t: Array) -> tuple[Array, Array]:
    """Value and slope by Horner's rule."""
    value, slope = powers[-1], np.zeros_like(t)
    for coefficient in powers[-2::-1]:
        value, slope = coefficient + t * value, value + t * slope
    return value, slope
