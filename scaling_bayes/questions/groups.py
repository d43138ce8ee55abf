"""Groups and combinations of groups that were never fitted, drawn from the population."""

import difflib
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from scaling_bayes.laws.record import Record
from scaling_bayes.questions.points import QuestionError, QuestionWarning
from scaling_bayes.sweeps.labels import bare_label

ALIKE = 0.8
"""Similarity of two labels from which one may be a slip for the other."""


def complete_groups(draws: xr.Dataset, record: Record, points: xr.Dataset, rng: np.random.Generator) -> xr.Dataset:
    """Draws for every combination of the fitted groups and of the new labels that `points` name.

    Parameters
    ----------
    draws : Dataset
        Group ``posterior``.
    record : Record
    points : Dataset
        From `as_points`.
    rng : numpy.random.Generator
        For effects of groups never seen, and drifts of combinations never seen.

    Returns
    -------
    Dataset
        Law parameters, own drift, noise and whatever else `draws` has, with each grouping's dim extended.

    Raises
    ------
    QuestionError
        If a label was never fitted and the law has no population over its grouping.
    """
    draws = _cube_of_drifts(draws, record, rng)
    for factor, labels in record.factors.items():
        named = points[factor].values.tolist() if factor in points.coords else []
        if new := sorted(set(named) - set(labels)):
            _warn_of_spelling(factor, new, labels)
            draws = _extend(draws, record, factor, new, rng)
    return draws


def draw_run_effects(
    draws: xr.Dataset, record: Record, points: xr.Dataset, rng: np.random.Generator, *, fresh: bool = False
) -> xr.DataArray:
    """Effect of the run that each point belongs to; zero for a model whose rows are runs.

    Parameters
    ----------
    draws : Dataset
        Group ``posterior``.
    record : Record
    points : Dataset
        From `as_points`. Points of one label belong to one run; where they name no run, each is a run of its own.
    rng : numpy.random.Generator
        For runs never fitted.
    fresh : bool
        Draw an effect for fitted runs too.

    Returns
    -------
    DataArray
        Dims (chain, draw, point or run).
    """
    if not record.within:
        return xr.DataArray(0.0)
    (dim,) = points["extrapolation"].dims
    known = draws["within_effect"].transpose("chain", "draw", record.within)
    size = points.sizes[dim]
    named = record.within in points.coords
    labels = pd.Index(points[record.within].values.astype(str) if named else np.arange(size).astype(str))
    fitted = pd.Index([] if fresh or not named else known[record.within].values.astype(str))
    new = labels.unique().difference(fitted, sort=False)
    more = rng.standard_normal((*known.shape[:2], len(new))) * draws["within_spread"].values[..., None]
    every = np.concatenate([known.values[..., : len(fitted)], more], axis=-1)
    return xr.DataArray(every[..., fitted.append(new).get_indexer(labels)], dims=("chain", "draw", dim))


def _warn_of_spelling(factor: str, new: Sequence[str], fitted: Sequence[str]) -> None:
    """Say so if a label never fitted looks like a fitted one: but for its numbers, it is nearly spelled alike."""
    bare = {bare_label(label): label for label in fitted}
    for label in new:
        near = difflib.get_close_matches(stripped := bare_label(label), bare, n=1, cutoff=ALIKE)
        if near and (near[0] == stripped or _letters(near[0]) != _letters(stripped)):
            warnings.warn(
                f"{factor} {label!r} was not fitted and is answered as a new group; if {bare[near[0]]!r} is meant, "
                "write it so",
                QuestionWarning,
                stacklevel=2,
            )


def _letters(label: str) -> str:
    return "".join(filter(str.isalpha, label))


def _cube_of_drifts(draws: xr.Dataset, record: Record, rng: np.random.Generator) -> xr.Dataset:
    """Own drift by groupings instead of by cell; cells that did not occur have the prior's."""
    if "drift_own" not in draws or "cell" not in draws["drift_own"].dims:
        return draws
    names = [f"cell_{g}" for g in record.factors]
    index = pd.MultiIndex.from_arrays([draws[n].values for n in names], names=list(record.factors))
    cells = xr.Coordinates.from_pandas_multiindex(index, "cell")
    own = draws["drift_own"].drop_vars(names).assign_coords(cells).unstack("cell").reindex(dict(record.factors))
    fresh = _fresh_drift(draws, {str(d): n for d, n in own.sizes.items()}, rng)
    return draws.drop_vars(["drift_own", *names]).assign(drift_own=own.fillna(fresh))


def _fresh_drift(draws: xr.Dataset, sizes: dict[str, int], rng: np.random.Generator) -> xr.DataArray:
    """Weights of the drift's knots from their prior, given its spread."""
    spread = draws["drift_spread_own"].sel(axis=draws["knot_axis"]).drop_vars("axis")
    return spread * xr.DataArray(rng.standard_normal(tuple(sizes.values())), dims=tuple(sizes))


def _extend(draws: xr.Dataset, record: Record, factor: str, new: list[str], rng: np.random.Generator) -> xr.Dataset:
    """Append the labels `new` to `factor`."""
    _refuse_without_population(draws, record, factor, new)
    effects = xr.concat([draws[f"effect_{factor}"], _fresh_effects(draws, factor, new, rng)], dim=factor, join="outer")
    theta = draws["population"] + effects
    for other in record.factors:
        theta = theta + draws[f"effect_{other}"] if other != factor else theta
    parameters = record.parameters(theta.transpose("chain", "draw", *record.factors, "coordinate").values)
    replaced: dict[str, Any] = {n: (("chain", "draw", *groups), value) for n, (groups, value) in parameters.items()}
    replaced[f"effect_{factor}"] = effects
    if factor in draws.get("drift_own", xr.DataArray()).dims:
        own = draws["drift_own"]
        sizes = {str(d): n for d, n in own.sizes.items()} | {factor: len(new)}
        more = _fresh_drift(draws, sizes, rng).assign_coords({factor: new})
        replaced["drift_own"] = xr.concat([own, more], dim=factor, join="outer")
    rest = draws.drop_vars([*replaced, factor])
    return rest.assign_coords({factor: effects[factor]}).assign(replaced)


def _refuse_without_population(draws: xr.Dataset, record: Record, factor: str, new: list[str]) -> None:
    apart = [p for p, pool in record.pooling.items() if pool["kind"] == "Separate" and factor in pool["groups"]]
    if apart or f"spread_{factor}" not in draws:
        raise QuestionError(
            f"{factor} {', '.join(new)} was not fitted, and {', '.join(apart) or 'the law'} is not pooled over "
            f"{factor}, so there is no population to draw from; the fitted labels are "
            f"{', '.join(record.factors[factor])}"
        )


def _fresh_effects(draws: xr.Dataset, factor: str, new: list[str], rng: np.random.Generator) -> xr.DataArray:
    """Deviations of new groups from the population, given its spreads and correlations."""
    spread = draws[f"spread_{factor}"].transpose("chain", "draw", "coordinate")
    chains, length, coordinates = spread.shape
    standard = rng.standard_normal((chains, length, len(new), coordinates))
    if f"correlation_{factor}" in draws:
        matrix = draws[f"correlation_{factor}"].transpose("chain", "draw", "coordinate", "coordinate_other").values
        standard = standard @ np.swapaxes(np.linalg.cholesky(matrix), -1, -2)
    return spread * xr.DataArray(standard, dims=("chain", "draw", factor, "coordinate"), coords={factor: new})
