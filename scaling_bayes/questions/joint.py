r"""Posteriors of which several questions are asked jointly.

A question draws what the posterior leaves open (drift beyond the fitted knots, groups never seen) anew, so that two
calls agree in distribution, and not draw by draw. `draw_ahead` draws it once, at given points: of what it returns every
question gives draws that belong together. The drift at new points :math:`k'` is made a part of the posterior,

.. math::
    \begin{pmatrix} \delta(k) \\ \delta(k') \end{pmatrix} = \tau L \begin{pmatrix} w \\ w' \end{pmatrix}, \qquad
    L L^T = K, \qquad w' \sim N(0, 1)

with K the covariance of all knots: the fitted weights w stay what they were.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from scaling_bayes.laws.axes import Axis, axis_values
from scaling_bayes.laws.record import Record
from scaling_bayes.laws.wiener import SAME_LEVEL, further_knots
from scaling_bayes.questions.forecast import forecast
from scaling_bayes.questions.groups import complete_groups
from scaling_bayes.questions.points import as_points, read_record
from scaling_bayes.symbols import SAMPLE


def draw_ahead(
    posterior: xr.DataTree, at: Mapping[str, Any] | pd.DataFrame | xr.Dataset, rng: np.random.Generator
) -> xr.DataTree:
    """Draw once, and keep, what a posterior leaves open at points.

    Parameters
    ----------
    posterior : DataTree
    at : mapping, DataFrame or Dataset
        See `as_points`.
    rng : numpy.random.Generator
        Not the one of a question that follows: the same numbers would be drawn twice.

    Returns
    -------
    DataTree
        Groups ``posterior`` and ``constant_data``; its drift is known at the points, for every group, and the groups
        that they name are as if fitted. Of a chain that holds of both stages, and the drift along what the first one
        predicts is known at what it expects at the points.

    Raises
    ------
    QuestionError
        See `as_points` and `complete_groups`.
    """
    record, first, expected = read_record(posterior), None, dict[str, np.ndarray]()
    if "first" in posterior.children:
        first = draw_ahead(posterior.children["first"], at, rng)
        expected = expect_first(first, at, rng)
    points = as_points(at, record, posterior["constant_data"].to_dataset(), next(iter(expected), ""))
    draws = complete_groups(posterior["posterior"].to_dataset(), record, points, rng)
    columns = {str(name): column.values for name, column in points.coords.items()} | expected
    axes = tuple(_add_knots(axis, axis.distance(axis_values(axis.name, columns))) for axis in record.axes)
    factors = {name: draws[name].values.tolist() for name in record.factors}
    record = replace(record, axes=axes, factors=factors)
    return _replace(posterior, _add_weights(draws, axes, rng), record, first)


def expect_first(
    first: xr.DataTree, at: Mapping[str, Any] | pd.DataFrame | xr.Dataset, rng: np.random.Generator
) -> dict[str, Any]:
    """What the first stage of a chain expects at points, by the name of its response."""
    ahead = forecast(first, at, rng)
    return {ahead.record.response: np.exp(ahead.log_mean.mean(SAMPLE).values.ravel())}


def drop_drift(posterior: xr.DataTree) -> xr.DataTree:
    """The same draws of a law that is taken to be exact, at every scale."""
    record, draws = read_record(posterior), posterior["posterior"].to_dataset()
    first = drop_drift(posterior.children["first"]) if "first" in posterior.children else None
    of_drift = [name for name in draws.data_vars if str(name).startswith("drift_")]
    draws = draws.drop_vars(of_drift).drop_dims(["knot", "axis"], errors="ignore")
    return _replace(posterior, draws, replace(record, axes=()), first)


def _replace(posterior: xr.DataTree, draws: xr.Dataset, record: Record, first: xr.DataTree | None) -> xr.DataTree:
    """What questions need of a posterior, with other draws."""
    groups = {name: posterior[name].to_dataset() for name in ("constant_data", "observed_data") if name in posterior}
    tree = xr.DataTree.from_dict({"posterior": draws, **groups})
    if first is not None:
        tree["first"] = first
    tree.attrs = {**posterior.attrs, "record": record.to_json()}
    return tree


def _add_knots(axis: Axis, distance: np.ndarray) -> Axis:
    """The axis with knots wherever its own ones leave the drift at the distances open."""
    known = np.array([0.0, *axis.knots])
    far = distance[(abs(distance[:, None] - known) > SAME_LEVEL).all(axis=1)]
    return replace(axis, knots=(*axis.knots, *further_knots(np.unique(far), np.array(axis.knots)).tolist()))


def _add_weights(draws: xr.Dataset, axes: tuple[Axis, ...], rng: np.random.Generator) -> xr.Dataset:
    """Weights of the new knots after those of the old ones, from their prior."""
    old = {axis.name: int((draws["knot_axis"] == axis.name).sum()) for axis in axes}
    new = [(axis.name, knot) for axis in axes for knot in axis.knots[old[axis.name] :]]
    if not new:
        return draws
    names, distances = (list(column) for column in zip(*new, strict=True))
    found = draws.drop_dims("knot")
    for part in ("common", "own"):
        if (name := f"drift_{part}") in draws:
            known = draws[name].transpose(..., "knot").drop_vars(["knot_axis", "knot_distance"])
            spread = draws[f"drift_spread_{part}"].sel(axis=xr.DataArray(names, dims="knot")).drop_vars("axis")
            shape = (*known.shape[:-1], len(names))
            more = (spread * xr.DataArray(rng.standard_normal(shape), dims=known.dims)).transpose(*known.dims)
            found[name] = xr.concat([known, more.assign_coords(known.coords)], "knot", join="exact")
    every = {"knot_axis": [*draws["knot_axis"].values, *names]}
    every["knot_distance"] = [*draws["knot_distance"].values, *distances]
    return found.assign_coords({name: ("knot", values) for name, values in every.items()})
