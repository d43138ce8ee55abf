"""The drift carried to the points of a forecast."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
import xarray as xr

from scaling_bayes.laws.axes import Axis, axis_values
from scaling_bayes.laws.record import Record
from scaling_bayes.questions.drift_paths import LEVELS, SAME, Drift, list_parts, walk

Carried = Mapping[str, xr.DataArray]
"""Covariate that a first stage predicts -> values; dims (reached, chain, draw, [groups not named], point or run)."""


def walk_drift(
    draws: xr.Dataset, record: Record, points: xr.Dataset, carried: Carried, rng: np.random.Generator
) -> xr.DataArray:
    """Departure of the log response from the law at the points.

    Parameters
    ----------
    draws : Dataset
        Group ``posterior``, for every group that the points name.
    record : Record
    points : Dataset
        See `scaling_bayes.questions.points.as_points`.
    carried : mapping
        What a first stage predicts.
    rng : numpy.random.Generator
        For what the fitted knots leave open.

    Returns
    -------
    DataArray
        Zero without dims for a model without a drift.
    """
    columns = {str(name): column.values for name, column in points.coords.items()}
    total = xr.DataArray(0.0)
    for axis in record.axes:
        for known, spread in list_parts(draws, axis):
            if axis.name in carried:
                total = total + _walk_draws(known, spread, axis, carried[axis.name], points, rng)
            else:
                values = axis_values(axis.name, columns)
                distance = xr.DataArray(axis.distance(values), dims=points["extrapolation"].dims)
                total = total + _walk_cells(known, spread, axis, distance, points, rng)
    return total


def _walk_draws(
    known: xr.DataArray,
    spread: xr.DataArray,
    axis: Axis,
    values: xr.DataArray,
    points: xr.Dataset,
    rng: np.random.Generator,
) -> xr.DataArray:
    """Walk to points that are elsewhere in every draw: on a grid that spans them, by cubics between its levels."""
    distance = values.copy(data=axis.distance(values.values))
    levels = np.linspace(distance.min().item(), distance.max().item() + SAME, LEVELS)
    path = walk(known, spread, axis, xr.DataArray(levels, dims="level"), rng)
    named = {str(d): points[d] for d in path.dims if d in points.coords}
    path, distance = xr.align(path.sel(named).drop_vars(list(named)), distance)
    return Drift(axis, path, levels[0], levels[1] - levels[0]).at(distance)


def _walk_cells(
    known: xr.DataArray,
    spread: xr.DataArray,
    axis: Axis,
    distance: xr.DataArray,
    points: xr.Dataset,
    rng: np.random.Generator,
) -> xr.DataArray:
    """Walk to the points of each group that the points name; groupings that they do not name stay dims."""
    named = [str(d) for d in known.dims if d in points.coords]
    if not named:
        return walk(known, spread, axis, distance, rng)
    (dim,) = distance.dims
    cell = pd.DataFrame({g: points[g].values for g in named}).groupby(named, sort=False).ngroup().to_numpy()
    rows = [np.flatnonzero(cell == c) for c in range(cell.max() + 1)]
    pieces = []
    for own in rows:
        of_cell = known.sel({g: points[g].values[own[0]] for g in named}, drop=True)
        pieces.append(walk(of_cell, spread, axis, distance.isel({dim: own}), rng))
    return xr.concat(pieces, dim).isel({dim: np.argsort(np.concatenate(rows))})
