"""Values of paths between the levels at which they are known."""

from collections.abc import Callable, Sequence
from math import prod
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from scipy import sparse

Array = NDArray[np.float64]


def cubic(t: Any) -> tuple[Any, ...]:
    """Weights of the values at 0, 1, 2 and 3 in the cubic through them.

    Examples
    --------
    >>> cubic(1.5)
    (-0.0625, 0.5625, 0.5625, -0.0625)
    """
    a, b, c, d = t, t - 1, t - 2, t - 3
    return -b * c * d / 6, a * c * d / 2, -a * b * d / 2, a * b * c / 6


def cubic_weights(position: Array, size: int) -> tuple[NDArray[np.intp], tuple[Array, ...]]:
    """The first of the four levels around a position, and their weights in the cubic through them.

    Examples
    --------
    >>> first, weights = cubic_weights(np.array(2.5), 6)
    >>> int(first), float(weights[0])
    (1, -0.0625)
    """
    first = np.clip(np.floor(position).astype(np.intp) - 1, 0, size - 4)
    return first, cubic(position - first)


def interpolate(paths: Array, position: Array, rows: NDArray[np.intp] | None = None) -> Array:
    """Values between the levels of smooth paths.

    Parameters
    ----------
    paths : array, shape (..., level)
    position : array, shape (...)
        In levels.
    rows : array of int, shape (...), optional
        Number of the path at each position, in the order of `paths`; by default each path in its place.

    Returns
    -------
    array, shape (...)
        Of `rows` and `position` broadcast; where all rows are asked at the same positions, a product of matrices.

    Examples
    --------
    >>> interpolate(np.arange(6.0) ** 3, np.array([0.5, 2.5, 5.0])).tolist()
    [0.125, 15.625, 125.0]
    >>> interpolate(np.array([np.arange(4.0), np.zeros(4)]), np.array([0.5, 2.5]), np.array([[0], [1]])).tolist()
    [[0.5, 2.5], [0.0, 0.0]]
    """
    return _weigh(paths, rows, *cubic_weights(position, paths.shape[-1]))


def interpolate_linearly(paths: Array, position: Array) -> Array:
    """Values on the straight lines between the levels of paths; see `interpolate`.

    Examples
    --------
    >>> interpolate_linearly(np.array([0.0, 2.0, 1.0]), np.array([0.5, 1.5])).tolist()
    [1.0, 1.5]
    """
    first = np.clip(np.floor(position).astype(np.intp), 0, paths.shape[-1] - 2)
    return _weigh(paths, None, first, (1 - (position - first), position - first))


def look_up(paths: xr.DataArray, position: xr.DataArray, how: Callable[..., Array] = interpolate) -> xr.DataArray:
    """Values of labelled paths between their levels, along dim level, at positions with any other dims.

    Examples
    --------
    >>> paths = xr.DataArray([[0.0, 1.0, 8.0, 27.0], [4.0, 5.0, 6.0, 7.0]], dims=("draw", "level"))
    >>> look_up(paths, xr.DataArray([0.5, 2.0], dims="place")).values.tolist()
    [[0.125, 8.0], [4.5, 6.0]]
    """
    return xr.apply_ufunc(how, paths, position, input_core_dims=[["level"], []])


def weight_matrix(first: NDArray[np.intp], weights: Sequence[Array], size: int) -> sparse.csr_array:
    """Weights of the levels from `first` on as a matrix (position, level)."""
    columns, count = first.ravel()[:, None] + np.arange(len(weights)), len(weights)
    values = np.stack([each.ravel() for each in weights], axis=1).ravel()
    return sparse.csr_array((values, columns.ravel(), np.arange(0, values.size + 1, count)), (first.size, size))


def _weigh(paths: Array, rows: NDArray[np.intp] | None, first: NDArray[np.intp], weights: Sequence[Array]) -> Array:
    """Weighted sum of the levels from `first` on."""
    levels = paths.shape[-1]
    table = np.ascontiguousarray(paths).reshape(-1, levels)
    if rows is None:
        rows = np.arange(len(table)).reshape(paths.shape[:-1])
    lead = rows.ndim - first.ndim
    if lead >= 0 and rows.size == prod(rows.shape[:lead]):
        weighed = weight_matrix(first, weights, levels) @ np.ascontiguousarray(table[rows.ravel()].T)
        return np.asarray(weighed.T.reshape(*rows.shape[:lead], *first.shape))
    flat, start = table.ravel(), rows * levels + first
    return np.asarray(sum(weight * flat.take(start + k) for k, weight in enumerate(weights)))
