"""`prepare_curves`: draws of a posterior laid out for many curves; what `predict` draws at each call is drawn once."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import xarray as xr

from scaling_bayes.laws.axes import Axis, axis_values
from scaling_bayes.laws.record import Record
from scaling_bayes.laws.residuals import RESIDUALS
from scaling_bayes.questions.curves import Array, Columns, Curves, Levels, log_law
from scaling_bayes.questions.drift_paths import LEVELS, draw_drift
from scaling_bayes.questions.forecast import select
from scaling_bayes.questions.groups import complete_groups
from scaling_bayes.questions.mixture import apportion, is_stack, read_weights
from scaling_bayes.questions.points import QuestionError, read_single

TOLERANCE = 1e-4
"""Largest error of the log response that float32 may make."""

SLACK = 1e-6
"""Log distance by which levels reach beyond what is asked for."""


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
    shape = len(cells), count
    effects = rng.standard_normal(shape) * _flatten(draws["within_spread"]) if record.within else np.zeros(shape)
    fresh = _fresh_noise(record, parameters, shape, rng)
    dtype = _choose_dtype(record, parameters, ends)
    return Curves(
        record=record,
        cells=list(cells),
        parameters={name: value.astype(dtype) for name, value in parameters.items()},
        levels=levels,
        paths=np.concatenate([*paths, np.zeros((0, len(cells) * count))]).astype(dtype),
        effects=effects.astype(dtype),
        fresh=fresh.astype(dtype),
        draws=count,
    )


def _prepare_stack(
    stack: xr.DataTree, ends: Sequence[Columns], cells: Sequence[Mapping[str, str]], seed: int
) -> Curves:
    """Members of one law, joined draw by draw in proportion to their weights."""
    weights = read_weights(stack)
    members = {name: prepare_curves(stack.children[name], ends, cells=cells, seed=seed) for name in weights}
    kinds = {_kind(m.record) for m in members.values()}
    if len(kinds) > 1:
        laws = ", ".join(f"{name}: {m.record.law.formula}" for name, m in members.items())
        raise QuestionError(
            f"members of this stack have different laws, drifts or noises ({laws}); show one, stack[name]"
        )
    counts = apportion(np.array(list(weights.values())), max(m.draws for m in members.values()))
    kept = [m.thin(int(n)) for m, n in zip(members.values(), counts, strict=True) if n]
    first, groups = kept[0], len(cells)

    def join(arrays: list[Array]) -> Array:
        rows = max(len(a) for a in arrays)
        return np.concatenate([np.broadcast_to(a, (rows, a.shape[1])) for a in arrays], axis=1)

    levels = len(first.paths)
    paths = np.concatenate([m.paths.reshape(levels, groups, m.draws) for m in kept], axis=-1)
    parameters = {name: join([m.parameters[name] for m in kept]) for name in first.parameters}
    draws = sum(m.draws for m in kept)
    effects, fresh = join([m.effects for m in kept]), join([m.fresh for m in kept])
    paths = paths.reshape(levels, groups * draws)
    return replace(first, parameters=parameters, paths=paths, effects=effects, fresh=fresh, draws=draws)


def _kind(record: Record) -> tuple[Any, ...]:
    """What curves must have in common to be drawn together."""
    return record.law.formula, record.axes, record.noise, record.noise_axis, bool(record.within)


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


def _fresh_noise(
    record: Record, parameters: Mapping[str, Array], shape: tuple[int, int], rng: np.random.Generator
) -> Array:
    """Noise of a new run of each group at the reference of the noise; none where noise needs the mean."""
    residual = RESIDUALS[record.noise]
    if residual.counted or any(name not in parameters for name in residual.parameters):
        return np.zeros(shape)
    return np.asarray(residual.draw({name: parameters[name] for name in residual.parameters}, shape, rng))


def _choose_dtype(record: Record, parameters: Mapping[str, Array], ends: Sequence[Columns]) -> Any:
    """Float32 where the log of the law keeps `TOLERANCE` at the ends, float64 elsewhere."""
    with np.errstate(all="ignore"):
        for columns in ends:
            exact, rough = (log_law(record, parameters, columns, dtype) for dtype in (np.float64, np.float32))
            if not np.allclose(rough, exact, rtol=0, atol=TOLERANCE):
                return np.float64
    return np.float32
