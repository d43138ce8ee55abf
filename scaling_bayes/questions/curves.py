r"""`Curves`: a posterior made ready for many curves, one after the other, in a few milliseconds each.

`predict` draws what the posterior leaves open anew at each call. Here it is drawn once: one path of the drift a draw
and group, kept at levels of each axis and looked up between them, so that a curve moves smoothly as a covariate does,
and

.. math:: z_g(x) = \log f(x; \theta_g) + \delta_g(x) \; (+ b + \epsilon)

is evaluated in float32 wherever that is exact enough. Quantiles over the draws are taken by one sort, and
since the response grows with z they are those of the response too.
"""

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from scipy import sparse

from scaling_bayes.laws.axes import Axis, axis_values
from scaling_bayes.laws.record import Record
from scaling_bayes.laws.residuals import RESIDUALS
from scaling_bayes.questions.drift_paths import LEVELS
from scaling_bayes.questions.interpolation import cubic_weights, weight_matrix
from scaling_bayes.questions.points import QuestionError
from scaling_bayes.questions.thinning import spread_evenly

BLOCK = 65_536
"""Values that are evaluated at once: with what is between they stay in a processor's cache."""

Array = NDArray[Any]
Columns = Mapping[str, Array | float]


@dataclass(frozen=True)
class Levels:
    """Evenly spaced log distances along an axis at which paths of the drift are kept."""

    axis: Axis
    start: float
    step: float

    def weights(self, columns: Columns, size: int) -> sparse.csr_array:
        """Of the levels in the cubics through the points, shape (point, level)."""
        distance = np.broadcast_to(self.axis.distance(axis_values(self.axis.name, columns)), (size,))
        position = (distance - self.start) / self.step
        if np.any((position < 0) | (position > LEVELS - 1)):
            low, high = self.axis.reference * np.exp(self.start + self.step * np.array([0, LEVELS - 1]))
            raise QuestionError(
                f"curves were prepared for {self.axis.name} from {low:.3g} to {high:.3g}; prepare them with wider ends"
            )
        return weight_matrix(*cubic_weights(position, LEVELS), LEVELS)


@dataclass(frozen=True)
class Curves:
    """Draws of a posterior, laid out so that a curve is a few passes over memory.

    Attributes
    ----------
    record : Record
    cells : sequence of mapping
        Groups: grouping -> label.
    parameters : mapping
        Of law and noise, arrays of shape (group or 1, draw).
    levels : sequence of Levels
    paths : array, shape (level of each axis, group * draw)
    effects : array, shape (group, draw)
        Of one new run of each group; zero without run effects.
    fresh : array, shape (group, draw)
        Noise of one new run of each group at the reference of the noise.
    draws : int
    """

    record: Record
    cells: Sequence[Mapping[str, str]]
    parameters: Mapping[str, Array]
    levels: Sequence[Levels]
    paths: Array
    effects: Array
    fresh: Array
    draws: int

    def thin(self, draws: int) -> "Curves":
        """Evenly spaced draws, as many as asked for or all there are."""
        if draws >= self.draws:
            return self
        at = spread_evenly(draws, self.draws)
        parameters = {name: np.ascontiguousarray(value[:, at]) for name, value in self.parameters.items()}
        paths = self.paths.reshape(-1, len(self.cells), self.draws)[..., at].reshape(
            len(self.paths), len(self.cells) * draws
        )
        effects, fresh = self.effects[:, at], self.fresh[:, at]
        return replace(self, parameters=parameters, paths=paths, effects=effects, fresh=fresh, draws=draws)

    def only(self, group: int) -> "Curves":
        """Those of one group, by its place among the cells."""
        kept = slice(group, group + 1)
        parameters = {name: value[kept] if len(value) > 1 else value for name, value in self.parameters.items()}
        paths = self.paths.reshape(-1, len(self.cells), self.draws)[:, group]
        effects, fresh = self.effects[kept], self.fresh[kept]
        return replace(
            self, cells=[self.cells[group]], parameters=parameters, paths=paths, effects=effects, fresh=fresh
        )

    def log_response(self, columns: Columns, *, new_run: bool = False) -> Array:
        """Draws of the log response at points.

        Parameters
        ----------
        columns : mapping
            covariate -> number, or array of shape (point,).
        new_run : bool
            Of one new run instead of the mean curve.

        Returns
        -------
        array, shape (point, group, draw)
            A mean curve before a counted response bends to that of guessing; a new run after it.

        Raises
        ------
        QuestionError
            If a point lies beyond the ends that the curves were prepared for.
        """
        return np.concatenate(list(self._blocks(columns, new_run)))

    def _blocks(self, columns: Columns, new_run: bool) -> Iterator[Array]:
        """`log_response` of a few points after the other, as many as a processor's cache holds."""
        size, dtype = max(np.size(column) for column in columns.values()), self.fresh.dtype
        shape, rng = (len(self.cells), self.draws), np.random.default_rng(0)
        parts = [levels.weights(columns, size) for levels in self.levels]
        weights = sparse.hstack(parts, format="csr").astype(dtype) if parts else None
        step = max(1, BLOCK // (shape[0] * shape[1]))
        for start in range(0, size, step):
            own = slice(start, start + step)
            part = {name: np.asarray(c)[own] if np.size(c) > 1 else c for name, c in columns.items()}
            found = log_law(self.record, self.parameters, part, dtype)
            found = np.broadcast_to(found, (min(step, size - start), *shape))
            if weights is not None:
                found = found + (weights[own] @ self.paths).reshape(found.shape)
            yield self.run(part, found, rng) if new_run else found

    def run(self, columns: Columns, mean: Array, rng: np.random.Generator | None = None) -> Array:
        """Log response of one new run of each group: its effect moves the law, noise what is measured.

        Parameters
        ----------
        columns : mapping
            Those of the points.
        mean : array, shape (point, group, draw)
            `log_response` there.
        rng : numpy.random.Generator, optional
            For noise that depends on the mean or on the place.

        Returns
        -------
        array, shape (point, group, draw)
        """
        residual, axis = RESIDUALS[self.record.noise], self.record.noise_axis
        shaped = {name: np.reshape(column, (-1, 1, 1)) for name, column in columns.items()}
        level = self.record.bend(mean + self.effects if self.record.within else mean, shaped)
        if residual.counted or (residual.excess and axis is not None):
            rng = rng or np.random.default_rng(0)
            values = {name: self.parameters[name] for name in self.record.noise_parameters}
            noise = residual.draw(self.record.noise_at(values, shaped), level.shape, rng, level)
            return np.asarray(level + noise, dtype=mean.dtype)
        if axis is None:
            return np.asarray(level + self.fresh)
        distance = axis.distance(axis_values(axis.name, columns)).reshape(-1, 1, 1)
        growth = np.exp(self.parameters["noise_slope"] * distance.astype(mean.dtype))
        return np.asarray(level + self.fresh * growth)

    def quantiles(
        self, log_response: Array, columns: Columns, levels: Sequence[float], *, new_run: bool = False
    ) -> Array:
        """Quantiles of the response, by one sort of its logarithm in place.

        Parameters
        ----------
        log_response : array, shape (point, group, draw)
            From `log_response`; its draws are sorted.
        columns : mapping
            Those of the points.
        levels : sequence of float
        new_run : bool
            Whether it is of new runs.

        Returns
        -------
        array, shape (level, point, group)
            In the units of the sweep.
        """
        if not log_response.flags.writeable or not log_response.flags.c_contiguous:
            log_response = np.ascontiguousarray(log_response).copy()
        return self.respond(sort_quantiles(log_response, levels), columns, new_run=new_run)

    def trace(self, columns: Columns, levels: Sequence[float], *, new_run: bool = False) -> Array:
        """Quantiles of the response at points; `quantiles` of `log_response`, a few points after the other.

        Parameters
        ----------
        columns : mapping
            covariate -> number, or array of shape (point,).
        levels : sequence of float
        new_run : bool
            Of one new run instead of the mean curve.

        Returns
        -------
        array, shape (level, point, group)
            In the units of the sweep.
        """
        blocks = (np.array(block) if not block.flags.writeable else block for block in self._blocks(columns, new_run))
        with ThreadPoolExecutor(1) as pool:  # sorts one block while the next is evaluated
            found = list(pool.map(partial(sort_quantiles, levels=levels), blocks))
        return self.respond(np.concatenate(found, axis=1), columns, new_run=new_run)

    def respond(self, log_response: Array, columns: Columns, *, new_run: bool = False) -> Array:
        """The response, in the units of the sweep, from `log_response` in shape (..., point, group)."""
        if new_run:
            return np.exp(np.asarray(log_response, dtype=np.float64))
        shaped = {name: np.reshape(column, (-1, 1)) for name, column in columns.items()}
        return np.exp(self.record.bend(np.asarray(log_response, dtype=np.float64), shaped))


def sort_quantiles(values: Array, levels: Sequence[float]) -> Array:
    """Quantiles over the last axis, by one sort in place: of many levels a few times as fast as `numpy.quantile`.

    Parameters
    ----------
    values : array, shape (..., draw)
        Its draws are sorted.
    levels : sequence of float

    Returns
    -------
    array, shape (level, ...)

    Examples
    --------
    >>> sort_quantiles(np.array([[3.0, 1.0, 2.0], [6.0, 4.0, 5.0]]), [0.5, 0.75]).tolist()
    [[2.0, 5.0], [2.5, 5.5]]
    """
    values.sort(axis=-1)
    place = np.asarray(levels) * (values.shape[-1] - 1)
    low = np.floor(place).astype(int)
    part = np.reshape(place - low, (-1,) + (1,) * (values.ndim - 1))
    ordered = np.moveaxis(values, -1, 0)
    return np.asarray((1 - part) * ordered[low] + part * ordered[np.minimum(low + 1, len(ordered) - 1)])


def to_answer(
    curves: Curves,
    columns: Columns,
    groups: Sequence[str],
    attrs: Mapping[str, Any],
    *,
    units: Mapping[str, str],
    new_run: bool = False,
) -> xr.Dataset:
    """Curves as an answer, like that of `predict`.

    Parameters
    ----------
    curves : Curves
    columns : mapping
        covariate -> number, or array of shape (point,).
    groups : sequence of str
        Name of each cell.
    attrs : mapping
        Of the answer.
    units : mapping
        covariate -> unit.
    new_run : bool

    Returns
    -------
    Dataset
        The response, dims (chain, draw, group, point), all draws in one chain; the columns and ``extrapolation`` are
        coordinates along the points.
    """
    log_response = np.moveaxis(curves.log_response(columns, new_run=new_run), -1, 0)
    values = np.moveaxis(curves.respond(log_response, columns, new_run=new_run), 2, 1)[None]
    size = values.shape[-1]
    table = {**columns, "extrapolation": curves.record.extrapolation(dict(columns))}
    wide = {n: np.broadcast_to(np.asarray(column, dtype=float), (size,)) for n, column in table.items()}
    along = {n: ("point", column, {"units": units[n]} if units.get(n) else {}) for n, column in wide.items()}
    name, unit = curves.record.response, curves.record.unit
    found = xr.Dataset({name: (("chain", "draw", "group", "point"), values, {"units": unit})})
    return found.assign_coords({**along, "group": list(groups)}).assign_attrs(attrs, new_run=int(new_run))


def log_law(record: Record, parameters: Mapping[str, Array], columns: Columns, dtype: Any) -> Array:
    """Log of the law, shape (point or 1, group or 1, draw)."""
    covariates = {c: np.reshape(np.asarray(columns[c], dtype=dtype), (-1, 1, 1)) for c in record.law.covariates}
    given = {p: parameters[p][None].astype(dtype, copy=False) for p in record.law.parameters}
    with np.errstate(invalid="ignore"):  # NaN where a law is negative
        return np.log(record.law.numpy(**given, **covariates))
