"""`tune`: how the response depends on a hyper-parameter at each scale, and which value is best there."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from scaling_bayes.questions.forecast import describe
from scaling_bayes.questions.points import QuestionError, read_range, read_single
from scaling_bayes.questions.prediction import predict
from scaling_bayes.questions.summaries import EVENT
from scaling_bayes.symbols import sense_of, suggest


def tune(
    posterior: xr.DataTree,
    along: str,
    *,
    at: Mapping[str, Any] | pd.DataFrame,
    within: tuple[float, float] | None = None,
    size: int = 61,
    seed: int = 0,
) -> xr.Dataset:
    r"""Trace the response along a hyper-parameter, and find its best value, draw by draw.

    .. math:: h^*(x) = \arg\min_h f(x, h; \theta)

    on an even grid in :math:`\log h`, refined by the parabola through the lowest three values; the largest where more
    is better.

    Parameters
    ----------
    posterior : DataTree
        From `fit`, `baseline` or `open_posterior`, of a law in which the hyper-parameter is a covariate.
    along : str
        The hyper-parameter, such as ``lr``.
    at : mapping or DataFrame
        The scales: every other covariate, and labels of groups; see `predict`.
    within : (float, float), optional
        Range that is searched; the fitted one by default.
    size : int
        Values in that range, at least five.
    seed : int
        For drift beyond the data, and groups never seen.

    Returns
    -------
    Dataset
        The response (chain, draw, [groups], point, value) with the coordinate `along` (value); ``best`` (chain, draw,
        [groups], point) in the unit of `along`, and ``at_edge``, one where the range ends before the bowl turns.

    Raises
    ------
    QuestionError
        If `along` is no covariate of the law, the range is none, or the response is not finite in it.

    Examples
    --------
    >>> import scaling_bayes as sb
    >>> law = sb.Law("E*exp(k*log(lr/c)**2/2)", covariates=("lr",), roles={"k": "sharpness", "c": "break"})
    >>> sweep = sb.simulate_sweep(law, {"lr": [1e-3, 2e-3, 4e-3, 8e-3]}, truth={"E": 2, "k": 0.1, "c": 3e-3}, seed=0)
    >>> found = tune(sb.baseline(law, sweep, seed=0, bootstrap=20), "lr", at={})
    >>> found["best"].median().round(3).item()
    0.003
    """
    record = read_single(posterior)
    if along not in record.law.covariates:
        raise QuestionError(f"{along!r} is no covariate of the law: {suggest(along, record.law.covariates)}")
    low, high = read_range(within or record.fitted[along])
    if size < 5:
        raise QuestionError(f"size= is at least 5, found {size}")
    table, values = _as_table(at), np.geomspace(low, high, size)
    grid = table.loc[table.index.repeat(size)].assign(**{along: np.tile(values, len(table))})
    with np.errstate(over="ignore", invalid="ignore"):  # said below
        traced = predict(posterior, grid.reset_index(drop=True), seed=seed)
    curve = _fold(traced[record.response], len(table), size)
    if not (finite := np.isfinite(curve.values)).all():
        share = f"{(~finite).mean():.1%}"
        raise QuestionError(
            f"the response is not finite at {share} of the grid from {low:g} to {high:g}; narrow within="
        )
    best, at_edge = _find_best(curve.values, np.log(values), sense_of(record.response))
    dims = curve.dims[:-1]
    unit = str(posterior["constant_data"][along].attrs.get("units", "")) if along in posterior["constant_data"] else ""
    named = {"units": unit, "long_name": f"best {along}"}
    scales = {n: ("point", c.values[::size], c.attrs) for n, c in traced.coords.items() if c.dims == ("point",)}
    scales.pop(along), scales.pop("point", None)
    answer = xr.Dataset({record.response: curve, "best": (dims, best, named), "at_edge": (dims, at_edge, EVENT)})
    answer = answer.assign_coords({**scales, along: ("value", values, {"units": unit})})
    return answer.assign_attrs(describe(posterior, record, along), along=along)


def _as_table(at: Mapping[str, Any] | pd.DataFrame) -> pd.DataFrame:
    if isinstance(at, pd.DataFrame):
        return at.reset_index(drop=True)
    length = max((np.size(column) for column in at.values()), default=1)
    return pd.DataFrame({name: np.broadcast_to(column, (length,)) for name, column in at.items()}, index=range(length))


def _fold(array: xr.DataArray, points: int, size: int) -> xr.DataArray:
    """Points by value out of one long row of points."""
    *dims, last = array.dims
    values = array.transpose(*dims, last).values.reshape(*array.shape[:-1], points, size)
    coords = {d: array[d] for d in dims if d in array.coords}
    return xr.DataArray(values, dims=(*dims, "point", "value"), coords=coords, attrs=array.attrs)


def _find_best(curve: np.ndarray, grid: np.ndarray, sense: float) -> tuple[np.ndarray, np.ndarray]:
    """Best value along the last axis, refined by a parabola, and whether it lies at an end of the grid."""
    curve = sense * curve
    lowest = curve.argmin(-1)
    middle = np.clip(lowest, 1, len(grid) - 2)[..., None]
    left, here, right = (np.take_along_axis(curve, middle + k, -1)[..., 0] for k in (-1, 0, 1))
    bend = left - 2 * here + right
    edge = (lowest == 0) | (lowest == len(grid) - 1)
    shift = np.divide(left - right, 2 * bend, out=np.zeros_like(bend), where=(bend > 0) & ~edge)
    return np.exp(grid[lowest] + np.clip(shift, -1, 1) * (grid[1] - grid[0])), edge.astype(float)
