r"""`Forecast`: the log response at points, draw by draw; what `predict`, `score` and `check` share.

.. math:: \log y^*_g = \log f(x^*; \theta_g) + \delta_g(x^*) + b_r + \epsilon

with the drift :math:`\delta` conditioned on its fitted knots, the effect :math:`b_r` of the run, if its rows share one,
and the noise :math:`\epsilon`. Of a chain a covariate of the law is itself a forecast, of the first stage: on its mean
curve for the mean curve, of one new run for a run.
"""

import json
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import prod
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from xarray import ufuncs

from scaling_bayes.laws.record import Record
from scaling_bayes.laws.residuals import RESIDUALS
from scaling_bayes.questions.drift import Carried, walk_drift
from scaling_bayes.questions.groups import complete_groups, draw_run_effects
from scaling_bayes.questions.points import (
    QuestionError,
    QuestionWarning,
    as_points,
    check_size,
    count_draws,
    read_record,
)

KEPT = ("seed", "data_title", "versions", "discrepancy")
"""Attributes of a posterior that every answer keeps."""


@dataclass(frozen=True)
class Forecast:
    """What a posterior says at points.

    Attributes
    ----------
    record : Record
        The fitted model.
    points : Dataset
        See `as_points`.
    draws : Dataset
        Draws of every quantity, for every group that the points name.
    log_mean : DataArray
        Log of the mean, from law and drift; dims (chain, draw, [groups not named], point or run).
    run_mean : DataArray
        The same with the effect of the run at each point.
    error : array, shape (point,), or 0
        Measured standard error of the log response, which adds to the noise.
    """

    record: Record
    points: xr.Dataset
    draws: xr.Dataset
    log_mean: xr.DataArray
    run_mean: xr.DataArray
    error: np.ndarray | float = 0.0

    def take(self, rows: np.ndarray) -> "Forecast":
        """The same draws at some of the points."""
        (dim,) = self.points["extrapolation"].dims
        error = self.error[rows] if isinstance(self.error, np.ndarray) else self.error
        cut = {name: getattr(self, name).isel({dim: rows}) for name in ("points", "log_mean", "run_mean")}
        return replace(self, **cut, error=error)

    def noise_values(self) -> dict[str, np.ndarray]:
        """Parameters of the noise by name, of shapes that broadcast against `log_mean`."""
        values = {n: self._align(select(self.draws[n], self.points)) for n in self.record.noise_parameters}
        columns = {str(name): column.values for name, column in self.points.coords.items()}
        return self.record.noise_at(values, columns, self.error)

    def fitted_runs(self) -> np.ndarray:
        """Whether each point belongs to a run whose effect was fitted."""
        name = self.record.within
        if name not in self.points.coords:
            return np.zeros(self.points["extrapolation"].size, dtype=bool)
        return np.isin(self.points[name].values.astype(str), self.draws[name].values.astype(str))

    def draw_noise(self, rng: np.random.Generator) -> xr.DataArray:
        """Noise of one new run at each point, in the shape of `log_mean`."""
        residual = RESIDUALS[self.record.noise]
        mean = self.run_mean.values
        noise = residual.draw(self.noise_values(), mean.shape, rng, mean)
        return self.log_mean.copy(data=mean - self.log_mean.values + noise)

    def log_density(self, log_response: np.ndarray) -> np.ndarray:
        """Log density of a measured log response at each point, in the shape of `log_mean`."""
        mean = self.run_mean.values
        return RESIDUALS[self.record.noise].log_density(log_response - mean, self.noise_values(), mean)

    def standardise(self, residual: np.ndarray) -> np.ndarray:
        """Residuals of the log response from `log_mean`, in scales of noise and run effect."""
        spread = self._align(self.draws["within_spread"]) if self.record.within else 0.0
        found = RESIDUALS[self.record.noise].standardise(residual, self.noise_values(), spread, self.log_mean.values)
        return np.asarray(found)

    def _align(self, array: xr.DataArray) -> np.ndarray:
        absent = [d for d in self.log_mean.dims if d not in array.dims]
        return array.expand_dims(absent).transpose(*self.log_mean.dims).values


def forecast(
    posterior: xr.DataTree,
    at: Mapping[str, Any] | pd.DataFrame | xr.Dataset,
    rng: np.random.Generator,
    *,
    response: np.ndarray | None = None,
    fresh_runs: bool = False,
) -> Forecast:
    """Carry a posterior to points.

    Parameters
    ----------
    posterior : DataTree
    at : mapping, DataFrame or Dataset
        See `as_points`.
    rng : numpy.random.Generator
        For drift beyond the fitted knots, and for groups and runs never seen.
    response : array, shape (run,), optional
        What was measured at the runs of a sweep `at`: their standard errors then add to the noise, if the model counts
        them.
    fresh_runs : bool
        Take even fitted runs for new ones.

    Returns
    -------
    Forecast

    Raises
    ------
    QuestionError
        If a covariate is missing or not positive, a mapping names what a first stage predicts, or a group never seen
        has no population to come from.
    """
    record, fitted = read_record(posterior), posterior["constant_data"].to_dataset()
    first = _forecast_first(posterior, at, rng, fresh_runs)
    points = as_points(at, record, fitted, first.record.response if first else "")
    named = {*map(str, points.coords), *(map(str, first.points.coords) if first else ())}
    beside = [first.log_mean.sizes.get(g, 1) for g in first.record.factors if g not in record.factors] if first else []
    numbers = count_draws(posterior, record, named) * points["extrapolation"].size * prod(beside)
    check_size(numbers, "ask at fewer points, or name groups in at=")
    draws = complete_groups(posterior["posterior"].to_dataset(), record, points, rng)
    carried = _carry(first, rng) if first else {}
    log = log_law(draws, record, points, carried) + walk_drift(draws, record, points, carried, rng)
    effects = draw_run_effects(draws, record, points, rng, fresh=fresh_runs)
    groups = dict.fromkeys([*(first.record.factors if first else ()), *record.factors])
    order = [d for d in ("chain", "draw", *groups, *points.dims) if d in log.dims]
    curve, run = (log.isel(reached=k, missing_dims="ignore") for k in (0, -1))
    mean, of_run = (_bend(each.transpose(*order), record, points) for each in (curve, run + effects))
    _warn_of_undefined(mean, points)
    columns = {str(n): v.values for n, v in at.variables.items()} if isinstance(at, xr.Dataset) else {}
    error = 0.0 if response is None else record.relative_error(response, columns)
    points = points.assign_coords(first.points.coords | points.coords) if first else points
    return Forecast(record, points, draws, mean, of_run, error)


def _warn_of_undefined(mean: xr.DataArray, points: xr.Dataset) -> None:
    undefined = mean.isnull().mean([d for d in mean.dims if d not in points.dims])
    if undefined.any():
        warnings.warn(
            f"the law is negative, and its response undefined, in up to {100 * float(undefined.max()):.2g} % of the "
            f"draws at {int((undefined > 0).sum())} of {undefined.size} points; what is said there is of the others",
            QuestionWarning,
            stacklevel=3,
        )


def _forecast_first(
    posterior: xr.DataTree, at: Mapping[str, Any] | pd.DataFrame | xr.Dataset, rng: np.random.Generator, fresh: bool
) -> Forecast | None:
    """Of a chain, what its first stage says at the points; measurements in a table or sweep are not looked at."""
    if "first" not in posterior.children:
        return None
    through = read_record(posterior.children["first"]).response
    if through in at and not isinstance(at, (xr.Dataset, pd.DataFrame)):
        raise QuestionError(f"at= names {through!r}, which the first stage predicts: leave it out")
    return forecast(posterior.children["first"], at, rng, fresh_runs=fresh)


def describe(posterior: xr.DataTree, record: Record, along: str = "") -> dict[str, Any]:
    """Attributes that every answer carries: the response, the model behind it, and where its draws are from.

    ``scale`` is what ``extrapolation`` is a ratio of, and ``fitted`` the smallest and the largest fitted value of what
    the answer runs along: of `along`, or of the scale; it is absent where `along` was not fitted.
    """
    gates = json.loads(posterior.attrs.get("gates", "[]"))
    ends = record.fitted.get(along or record.scale_axis())
    return {
        "response": record.response,
        "units": record.unit,
        "law": record.law.formula,
        "method": str(posterior.attrs.get("method", "")),
        "scale": record.scale_axis(),
        "failed_gates": ", ".join(gate["name"] for gate in gates if not gate["passed"]),
        "data_hash": str(posterior.attrs.get("data_hash", "")),
        "gates": json.dumps(gates),
        "pooling": json.dumps({p: _say_pool(pool) for p, pool in record.pooling.items()}),
        "noise": record.noise,
        "drift": ", ".join(axis.name for axis in record.axes),
        **({"fitted": list(ends)} if ends else {}),
        **{name: posterior.attrs[name] for name in KEPT if name in posterior.attrs},
    }


def _say_pool(pool: Mapping[str, Any]) -> str:
    """How a parameter is pooled, in the words of a model.

    >>> _say_pool({"kind": "Partial", "groups": ["corpus"], "value": None}), _say_pool({"kind": "Fixed", "value": 0.5})
    ('Partial(corpus)', 'Fixed(0.5)')
    """
    inside = f"{pool['value']:g}" if pool.get("value") is not None else ", ".join(pool.get("groups", ()))
    return f"{pool['kind']}({inside})"


def select(array: xr.DataArray, points: xr.Dataset) -> xr.DataArray:
    """Take each point's group where the points name groups; leave other groupings as dims.

    Examples
    --------
    >>> alpha = xr.DataArray([0.3, 0.4], coords={"corpus": ["web", "code"]}, dims="corpus")
    >>> select(alpha, xr.Dataset(coords={"corpus": ("point", ["code", "web", "code"])})).values.tolist()
    [0.4, 0.3, 0.4]
    """
    named = [str(d) for d in array.dims if d in points.coords]
    places = {g: (points[g].dims, array.indexes[g].get_indexer(points[g].values)) for g in named}
    return array.isel({g: xr.DataArray(at, dims=dims) for g, (dims, at) in places.items()}).drop_vars(named)


def _bend(log_law: xr.DataArray, record: Record, points: xr.Dataset) -> xr.DataArray:
    """Log of the mean from the log of the law."""
    columns = {str(name): column.values for name, column in points.coords.items()}
    return log_law.copy(data=record.bend(log_law.values, columns))


def _carry(first: Forecast, rng: np.random.Generator) -> dict[str, xr.DataArray]:
    """What a first stage predicts at the points, along dim reached: on the mean curve, and by one new run."""
    reached = xr.concat([first.log_mean, first.log_mean + first.draw_noise(rng)], "reached")
    return {first.record.response: ufuncs.exp(reached)}


def log_law(
    draws: xr.Dataset, record: Record, points: xr.Dataset, carried: Carried = MappingProxyType({})
) -> xr.DataArray:
    """Log of the law at points, without drift; groupings that the points do not name stay dims."""
    parameters = {p: select(draws[p], points) for p in record.law.parameters}
    here = [c for c in record.law.covariates if c not in carried]
    covariates = {c: xr.DataArray(points[c].values, dims=points[c].dims) for c in here}
    with np.errstate(invalid="ignore"):  # `forecast` says in how many draws a law is negative
        return ufuncs.log(record.law.numpy(**parameters, **covariates, **carried))
