r"""`prepare_curves`: a posterior made ready for many curves, one after the other, in a few milliseconds each.

`predict` draws what the posterior leaves open anew at each call. Here it is drawn once: one path of the drift a draw and
group, kept at levels of each axis and looked up between them, so that a curve moves smoothly as a covariate does, and

.. math:: z_g(x) = \log f(x; \theta_g) + \delta_g(x) \; (+ b + \epsilon)

is evaluated in float32 wherever that is exact to `TOLERANCE`. Quantiles over the draws are taken by one sort, and
since the response grows with z they are those of the response too.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from scipy import sparse

from scaling_bayes.laws.axes import Axis, axis_values
from scaling_bayes.laws.record import Record
from scaling_bayes.laws.residuals import RESIDUALS
from scaling_bayes.questions.drift_paths import LEVELS, draw_drift
from scaling_bayes.questions.forecast import select
from scaling_bayes.questions.groups import complete_groups
from scaling_bayes.questions.interpolation import cubic_weights
from scaling_bayes.questions.mixture import apportion, is_stack, read_weights
from scaling_bayes.questions.points import QuestionError, read_single

Array = NDArray[Any]
Columns = Mapping[str, Array | float]

TOLERANCE = 1e-4
"""Largest error of the log response that float32 may make."""

SLACK = 1e-6
"""Log distance by which levels reach beyond what is asked for."""


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
        first, weights = cubic_weights(position, LEVELS)
        columns_of = first[:, None] + np.arange(4)
        return sparse.csr_array(
            (np.stack(weights, axis=1).ravel(), columns_of.ravel(), np.arange(0, 4 * size + 1, 4)), (size, LEVELS)
        )


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
    fresh : array, shape (1, draw), or 0
        Effect and noise of one new run at the reference of the noise.
    draws : int
    """

    record: Record
    cells: Sequence[Mapping[str, str]]
    parameters: Mapping[str, Array]
    levels: Sequence[Levels]
    paths: Array
    fresh: Array
    draws: int

    def thin(self, draws: int) -> "Curves":
        """Evenly spaced draws, as many as asked for or all there are."""
        if draws >= self.draws:
            return self
        at = ((np.arange(draws) + 0.5) * self.draws / draws).astype(int)
        parameters = {name: np.ascontiguousarray(value[:, at]) for name, value in self.parameters.items()}
        paths = self.paths.reshape(len(self.paths), -1, self.draws)[..., at].reshape(len(self.paths), -1)
        return replace(self, parameters=parameters, paths=paths, fresh=self.fresh[:, at], draws=draws)

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
            Before a counted response bends to that of guessing.

        Raises
        ------
        QuestionError
            If a point lies beyond the ends that the curves were prepared for.
        """
        size = max(np.size(column) for column in columns.values())
        dtype = self.fresh.dtype
        found = _log_law(self.record, self.parameters, columns, dtype)
        found = np.broadcast_to(found, (size, len(self.cells), self.draws))
        if self.levels:
            weights = sparse.hstack([levels.weights(columns, size) for levels in self.levels], format="csr")
            found = found + (weights.astype(dtype) @ self.paths).reshape(found.shape)
        return found + self._noise(columns, found) if new_run else found

    def _noise(self, columns: Columns, mean: Array) -> Array:
        residual, axis = RESIDUALS[self.record.noise], self.record.noise_axis
        if residual.counted or (residual.excess and axis is not None):
            rng = np.random.default_rng(0)
            shaped = {name: np.reshape(column, (-1, 1, 1)) for name, column in columns.items()}
            values = {name: self.parameters[name] for name in self.record.noise_parameters}
            noise = residual.draw(self.record.noise_at(values, shaped), mean.shape, rng, mean)
            return np.asarray(noise, dtype=mean.dtype)
        if axis is None:
            return self.fresh
        distance = axis.distance(axis_values(axis.name, columns)).reshape(-1, 1, 1)
        growth = np.exp(self.parameters["noise_slope"] * distance.astype(mean.dtype))
        return self.fresh * growth

    def quantiles(self, log_response: Array, columns: Columns, levels: Sequence[float]) -> Array:
        """Quantiles of the response, by one sort of its logarithm in place.

        Parameters
        ----------
        log_response : array, shape (point, group, draw)
            From `log_response`; its draws are sorted.
        columns : mapping
            Those of the points.
        levels : sequence of float

        Returns
        -------
        array, shape (level, point, group)
            In the units of the sweep.
        """
        if not log_response.flags.writeable or not log_response.flags.c_contiguous:
            log_response = np.ascontiguousarray(log_response).copy()
        log_response.sort(axis=-1)
        place = np.asarray(levels) * (log_response.shape[-1] - 1)
        low = np.floor(place).astype(int)
        part = (place - low)[:, None, None]
        ordered = np.moveaxis(log_response, -1, 0)
        between = (1 - part) * ordered[low] + part * ordered[np.minimum(low + 1, len(ordered) - 1)]
        return self.respond(between, columns)

    def respond(self, log_response: Array, columns: Columns) -> Array:
        """The response, in the units of the sweep, from arrays of shape (..., point, group)."""
        shaped = {name: np.reshape(column, (-1, 1)) for name, column in columns.items()}
        return np.exp(self.record.bend(np.asarray(log_response, dtype=np.float64), shaped))


def prepare_curves(
    posterior: xr.DataTree,
    ends: Sequence[Columns],
    *,
    cells: Sequence[Mapping[str, str]] = ({},),
    seed: int = 0,
) -> Curves:
    """Make a posterior ready for curves.

    Parameters
    ----------
    posterior : DataTree
        From `fit`, `baseline`, `stack` or `open_posterior`, of one stage. Of a stack each member gives its share of
        draws; they need one law.
    ends : sequence of mapping
        Points that span every curve to come: covariate -> number.
    cells : sequence of mapping
        Groups that a curve is wanted for, grouping -> label, each with a label of every grouping; a label never fitted
        is a group drawn from the population.
    seed : int
        For what is drawn beyond the posterior's own draws.

    Returns
    -------
    Curves

    Raises
    ------
    QuestionError
        If the posterior is none or a chain, members of a stack have different laws, or a group has no population.

    Examples
    --------
    >>> import scaling_bayes as sb
    >>> law = sb.Law("E + A*N**-alpha")
    >>> design = {"N": [1e7, 3e7, 1e8, 3e8, 1e9, 3e9]}
    >>> sweep = sb.simulate_sweep(law, design, truth={"E": 1.8, "A": 400.0, "alpha": 0.35}, seed=0)
    >>> curves = prepare_curves(sb.baseline(law, sweep, seed=0, bootstrap=20), [{"N": 1e7}, {"N": 1e11}])
    >>> columns = {"N": np.array([1e10, 1e11])}
    >>> curves.quantiles(curves.log_response(columns), columns, [0.05, 0.5, 0.95]).shape
    (3, 2, 1)
    """
    if is_stack(posterior):
        return _prepare_stack(posterior, ends, cells, seed)
    record, rng = read_single(posterior), np.random.default_rng(seed)
    labels = {factor: [cell[factor] for cell in cells] for factor in record.factors}
    points = xr.Dataset(coords={factor: ("point", values) for factor, values in labels.items()})
    draws = complete_groups(posterior["posterior"].to_dataset(), record, points, rng)
    draws = draws.map(lambda a: select(a, points) if {*record.factors} & {*a.dims} else a)
    names = [*record.law.parameters, *record.noise_parameters]
    parameters = {name: _flatten(draws[name]) for name in names if name in draws}
    levels = [_level(axis, ends) for axis in record.axes]
    count = draws.sizes["chain"] * draws.sizes["draw"]
    paths = [_walk(draws, each, len(cells), rng) for each in levels]
    fresh = _fresh_run(record, parameters, draws, count, rng)
    dtype = _choose_dtype(record, parameters, ends)
    return Curves(
        record=record,
        cells=list(cells),
        parameters={name: value.astype(dtype) for name, value in parameters.items()},
        levels=levels,
        paths=np.concatenate([*paths, np.zeros((0, len(cells) * count))]).astype(dtype),
        fresh=fresh.astype(dtype),
        draws=count,
    )


def _prepare_stack(
    stack: xr.DataTree, ends: Sequence[Columns], cells: Sequence[Mapping[str, str]], seed: int
) -> Curves:
    """Members of one law, joined draw by draw in proportion to their weights."""
    weights = read_weights(stack)
    members = {name: prepare_curves(stack.children[name], ends, cells=cells, seed=seed) for name in weights}
    kinds = {(m.record.law.formula, m.record.noise, m.record.axes) for m in members.values()}
    if len(kinds) > 1:
        laws = ", ".join(f"{name}: {m.record.law.formula}" for name, m in members.items())
        raise QuestionError(f"members of this stack have different laws or drifts ({laws}); show one, stack[name]")
    counts = apportion(np.array(list(weights.values())), max(m.draws for m in members.values()))
    kept = [m.thin(int(n)) for m, n in zip(members.values(), counts, strict=True) if n]
    first, groups = kept[0], len(cells)

    def join(arrays: list[Array]) -> Array:
        rows = max(len(a) for a in arrays)
        return np.concatenate([np.broadcast_to(a, (rows, a.shape[1])) for a in arrays], axis=1)

    levels = len(first.paths)
    paths = np.concatenate([m.paths.reshape(levels, groups, -1) for m in kept], axis=-1)
    parameters = {name: join([m.parameters[name] for m in kept]) for name in first.parameters}
    draws = sum(m.draws for m in kept)
    fresh = join([m.fresh for m in kept])
    return replace(first, parameters=parameters, paths=paths.reshape(levels, -1), fresh=fresh, draws=draws)


def _flatten(array: xr.DataArray) -> Array:
    """Shape (group or 1, draw)."""
    if "point" not in array.dims:
        array = array.expand_dims("point")
    values = array.transpose("point", "chain", "draw").values
    return np.ascontiguousarray(values.reshape(len(values), -1))


def _level(axis: Axis, ends: Sequence[Columns]) -> Levels:
    distance = [axis.distance(axis_values(axis.name, columns)) for columns in ends]
    low, high = np.min(distance) - SLACK, np.max(distance) + SLACK
    return Levels(axis, float(low), float((high - low) / (LEVELS - 1)))


def _walk(draws: xr.Dataset, levels: Levels, cells: int, rng: np.random.Generator) -> Array:
    """Paths of the drift at the levels, shape (level, group * draw)."""
    places = levels.start + levels.step * np.arange(LEVELS)
    paths = draw_drift(draws, levels.axis, xr.DataArray(places, dims="level"), rng).paths
    if "point" not in paths.dims:
        paths = paths.expand_dims(point=cells)
    return paths.transpose("level", "point", "chain", "draw").values.reshape(LEVELS, -1)


def _fresh_run(
    record: Record, parameters: Mapping[str, Array], draws: xr.Dataset, count: int, rng: np.random.Generator
) -> Array:
    """Effect and noise of a new run at the reference of the noise; none where the noise depends on the mean."""
    residual = RESIDUALS[record.noise]
    fresh = np.zeros((1, count))
    if record.within:
        fresh = fresh + rng.standard_normal(count) * _flatten(draws["within_spread"])
    if residual.counted or any(name not in parameters for name in residual.parameters):
        return fresh
    values = {name: parameters[name] for name in residual.parameters}
    shape = np.broadcast_shapes(*(value.shape for value in values.values()))
    return fresh + residual.draw(values, shape, rng)


def _log_law(record: Record, parameters: Mapping[str, Array], columns: Columns, dtype: Any) -> Array:
    covariates = {c: np.reshape(np.asarray(columns[c], dtype=dtype), (-1, 1, 1)) for c in record.law.covariates}
    given = {p: parameters[p][None].astype(dtype, copy=False) for p in record.law.parameters}
    return np.log(record.law.numpy(**given, **covariates))


def _choose_dtype(record: Record, parameters: Mapping[str, Array], ends: Sequence[Columns]) -> Any:
    """Float32 where the log of the law keeps `TOLERANCE` at the ends, float64 elsewhere."""
    with np.errstate(all="ignore"):
        for columns in ends:
            exact, rough = (_log_law(record, parameters, columns, dtype) for dtype in (np.float64, np.float32))
            if not np.allclose(rough, exact, rtol=0, atol=TOLERANCE):
                return np.float64
    return np.float32
