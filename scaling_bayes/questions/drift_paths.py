"""`Drift`: one path of the drift a draw and group, through its fitted knots, looked up wherever each draw asks."""

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from scaling_bayes.laws.axes import Axis
from scaling_bayes.laws.wiener import wiener_basis, wiener_residual
from scaling_bayes.questions.interpolation import interpolate, look_up
from scaling_bayes.questions.products import multiply

LEVELS = 65
"""Places at which a path is drawn, where each draw asks for a place of its own."""

SAME = 1e-9
"""Log distances closer than this are one."""

Array = NDArray[np.float64]
PARTS = ("common", "own")


@dataclass(frozen=True)
class Drift:
    """Paths of the drift along one axis.

    Attributes
    ----------
    axis : Axis
    paths : DataArray
        Log response, dims (chain, draw, [groups]) and ``level``, or the dim of the places where they are the same for
        all draws.
    start, step : float
        First level and the distance between two, in e-folds; a step of 0 where there are no levels.
    """

    axis: Axis
    paths: xr.DataArray
    start: float = 0.0
    step: float = 0.0

    @property
    def moves(self) -> bool:
        """Whether places of one budget, or of one draw and another, have drifts of their own."""
        return self.step > 0

    def at(self, distance: xr.DataArray) -> xr.DataArray:
        """Log response at log distances from the axis' reference; the places that it was drawn for, if only these."""
        if not self.moves:
            return self.paths
        return look_up(self.paths, (distance - self.start) / self.step)

    def at_rows(self, table: Array, rows: NDArray[np.intp], distance: Array) -> Array:
        """The same in flat arrays: a table of paths, and the row of each distance (the two broadcast)."""
        return interpolate(table, (distance - self.start) / self.step, rows)


def draw_drift(
    draws: xr.Dataset, axis: Axis, distance: xr.DataArray, rng: np.random.Generator, *, ends: Sequence[str] = ()
) -> Drift:
    """Draw paths through the fitted knots that cover the distances asked for.

    Parameters
    ----------
    draws : Dataset
        With the drift's knots.
    axis : Axis
    distance : DataArray
        Log distances from the axis' reference, any dims.
    rng : numpy.random.Generator
    ends : sequence of str
        Dims of `distance` that only hold some places of a range, all of which may be asked for.

    Returns
    -------
    Drift
    """
    same = [str(d) for d in distance.dims if (abs(distance - distance.isel({d: 0})) < SAME).all()]
    places = distance.isel(dict.fromkeys(same, 0), drop=True)
    if not places.ndim:
        return Drift(axis, _walk_parts(draws, axis, places.expand_dims("level"), rng).isel(level=0))
    if places.ndim == 1 and not {*places.dims} & {*draws.dims, *ends}:
        return Drift(axis, _walk_parts(draws, axis, places, rng))
    low, high = distance.min().item() - SAME, distance.max().item() + SAME
    levels = np.linspace(low, high, LEVELS)
    return Drift(axis, _walk_parts(draws, axis, xr.DataArray(levels, dims="level"), rng), low, levels[1] - levels[0])


def _walk_parts(draws: xr.Dataset, axis: Axis, distance: xr.DataArray, rng: np.random.Generator) -> xr.DataArray:
    parts = (walk(known, spread, axis, distance, rng) for known, spread in list_parts(draws, axis))
    return sum(parts, start=xr.DataArray(0.0))


def list_parts(draws: xr.Dataset, axis: Axis) -> Iterator[tuple[xr.DataArray, xr.DataArray]]:
    """Weights of an axis' knots and the spread of the process, of what groups have in common and of their own part."""
    of_axis = np.flatnonzero(draws["knot_axis"].values == axis.name)
    for part in PARTS:
        if f"drift_{part}" in draws:
            known = draws[f"drift_{part}"].isel(knot=of_axis).drop_vars(["knot_axis", "knot_distance"])
            yield known, draws[f"drift_spread_{part}"].sel(axis=axis.name, drop=True)


def walk(
    known: xr.DataArray, spread: xr.DataArray, axis: Axis, distance: xr.DataArray, rng: np.random.Generator
) -> xr.DataArray:
    """One path of the integrated Wiener process a draw (and group), through its knots to the points.

    Parameters
    ----------
    known : DataArray
        Weights of the knots, dims (chain, draw, [groups], knot).
    spread : DataArray
        Of the process, dims (chain, draw).
    axis : Axis
    distance : DataArray
        Log distances of the points from the axis' reference, along one dim.
    rng : numpy.random.Generator
        For what the knots leave open.

    Returns
    -------
    DataArray
        Log response, the dim of `distance` in place of ``knot``.
    """
    levels, where = np.unique(distance.values, return_inverse=True)
    knots = np.array(axis.knots)
    beyond = wiener_residual(levels, knots)
    shape = {d: n for d, n in known.sizes.items() if d != "knot"} | {"mode": beyond.shape[1]}
    fresh = xr.DataArray(rng.standard_normal(tuple(shape.values())), dims=tuple(shape))
    (dim,) = distance.dims
    through_knots = _project(known, "knot", wiener_basis(levels, knots)[where], dim)
    return through_knots + spread * _project(fresh, "mode", beyond[where], dim)


def _project(array: xr.DataArray, over: str, basis: np.ndarray, dim: Hashable) -> xr.DataArray:
    """Sum over the dim `over` with weights `basis` (point, over)."""
    weights = xr.DataArray(basis.T, dims=(over, dim))
    return xr.apply_ufunc(multiply, array, weights, input_core_dims=[[over], [over, dim]], output_core_dims=[[dim]])
