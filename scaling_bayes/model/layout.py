"""A sweep's runs as padded arrays: cells of groups, group effects, and the basis of the drift."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from scaling_bayes.laws import Law
from scaling_bayes.laws.axes import Axis, axis_values
from scaling_bayes.laws.wiener import wiener_basis
from scaling_bayes.model.pooling import Partial, Pooling

SMALLEST_BUCKET = 8
"""Rows to which smaller cells are padded."""

ENOUGH_GROUPS = 8
"""Groups from which correlations between their effects are sampled."""


@dataclass(frozen=True)
class Cells:
    """Combinations of groups that occur in a sweep, and the runs of each.

    Attributes
    ----------
    factors : dict
        grouping -> its labels, sorted.
    table : pandas.DataFrame
        One row a cell, one column a grouping: the label.
    runs : array of int, shape (block, cell, row)
        Position of each row's run in the sweep; -1 for padding.
    """

    factors: Mapping[str, list[str]]
    table: pd.DataFrame
    runs: np.ndarray

    @property
    def crossed(self) -> bool:
        """Whether several groupings share one block."""
        return len(self.factors) > 1


@dataclass(frozen=True)
class Term:
    """Effects of one grouping on one coordinate; without groups, of the whole sweep.

    Attributes
    ----------
    coordinate : int
    grouping : str
    partial : bool
        Whether they come from a population.
    sampled : bool
        Whether their spread is sampled; that of a single group stays at its prior's scale, since nothing tells it.
    """

    coordinate: int
    grouping: str
    partial: bool = False
    sampled: bool = False


@dataclass(frozen=True)
class Effect:
    """One effect of a block: the coordinate that it moves, the grouping, and the label where a block holds several."""

    coordinate: int
    grouping: str
    label: str | None


def arrange_cells(pooling: Mapping[str, Pooling], sweep: xr.Dataset) -> Cells:
    """Cells of a sweep under the groupings that `pooling` names.

    Returns
    -------
    Cells
        With one grouping a block for each cell; otherwise one block.
    """
    names = dict.fromkeys(g for pool in pooling.values() for g in pool.groups)
    table = pd.DataFrame({g: sweep[g].values.astype(str) for g in names}, index=np.arange(sweep.sizes["run"]))
    grouped = table.groupby(list(names), sort=True).indices if names else {(): table.index.to_numpy()}
    keys = [key if isinstance(key, tuple) else (key,) for key in grouped]
    longest = round_up(max(len(members) for members in grouped.values()))
    runs = np.full((len(keys), longest), -1)
    for row, members in zip(runs, grouped.values(), strict=True):
        row[: len(members)] = members
    blocks = (len(keys), 1) if len(names) == 1 else (1, len(keys))
    factors = {g: sorted(set(table[g])) for g in names}
    return Cells(
        factors, pd.DataFrame(keys, columns=list(names), index=range(len(keys))), runs.reshape(*blocks, longest)
    )


def round_up(rows: int) -> int:
    """Smallest bucket that holds `rows`, so that sweeps of nearby sizes share compiled functions.

    Buckets grow by a quarter at most: 8, 10, 12, 14, 16, 20, 24, 28, 32, 40, ...

    Examples
    --------
    >>> [round_up(n) for n in (3, 8, 9, 33, 65)]
    [8, 8, 10, 40, 80]
    """
    step = 2 ** max(rows - 1, 1).bit_length() // 8
    return max(SMALLEST_BUCKET, -(-rows // max(step, 1)) * max(step, 1))


def arrange_rows(
    law: Law, response: np.ndarray, sweep: xr.Dataset, cells: Cells, references: Mapping[str, float]
) -> dict[str, Any]:
    """Covariates divided by their references, log response and weight of every row; padding has weight zero.

    Padding has the covariates of the last run: a law is finite where runs are, and need not be at the reference.
    """
    padding = cells.runs < 0
    columns = {c: sweep[c].values.astype(np.float64) / references[c] for c in law.covariates}
    return {
        "covariates": {c: column[cells.runs] for c, column in columns.items()},
        "references": {c: np.float64(r) for c, r in references.items()},
        "log_response": np.where(padding, response.mean(), response[cells.runs]),
        "weight": (~padding).astype(np.float64),
    }


def arrange_noise(
    axis: Axis | None, error: np.ndarray, labels: np.ndarray, sweep: xr.Dataset, cells: Cells
) -> dict[str, Any]:
    """Log distance of every row from the scale at which the noise is told, its measured error, and its run.

    Parameters
    ----------
    axis : Axis or None
    error : array, shape (run,)
        Measured standard error of the log response.
    labels : array of int, shape (run,), or empty
        Number of the run effect of each row of the sweep.
    sweep : Dataset
    cells : Cells
    """
    columns, none = {str(c): sweep[c].values for c in sweep.coords}, np.zeros(sweep.sizes["run"])
    distance = axis.distance(axis_values(axis.name, columns)) if axis else none
    label, padding = labels if labels.size else none.astype(int), cells.runs < 0
    return {
        "noise_distance": np.where(padding, 0.0, distance[cells.runs]),
        "measured_error": np.where(padding, 0.0, error[cells.runs]),
        "typical_error": np.median(error),
        "run_label": np.where(padding, 0, label[cells.runs]),
        "label_rows": np.bincount(labels).astype(np.float64),
    }


def arrange_counts(counts: Mapping[str, np.ndarray], cells: Cells) -> dict[str, Any]:
    """Counts of every row; padding has no error in one trial."""
    empty = {"count": 0.0, "trials": 1.0, "chance": 1.0}
    return {name: np.where(cells.runs < 0, empty[name], column[cells.runs]) for name, column in counts.items()}


def number_labels(name: str | None, sweep: xr.Dataset) -> tuple[list[str], np.ndarray]:
    """Sorted labels of a coordinate and the number of each run's; empty without a name.

    Examples
    --------
    >>> number_labels("network", xr.Dataset(coords={"network": ("run", ["b", "a", "b"])}))
    (['a', 'b'], array([1, 0, 1]))
    """
    if name is None:
        return [], np.zeros(0, dtype=np.int64)
    labels, numbers = np.unique(sweep[name].values.astype(str), return_inverse=True)
    return labels.tolist(), numbers


def list_terms(owners: Sequence[Pooling], cells: Cells) -> list[Term]:
    """Sets of effects, for the pooling that each coordinate follows."""
    if not cells.factors:
        return [Term(i, "") for i in range(len(owners))]
    several = {g: len(labels) > 1 for g, labels in cells.factors.items()}
    return [
        Term(i, g, partial := isinstance(owner, Partial), partial and several[g])
        for i, owner in enumerate(owners)
        for g in owner.groups
    ]


def list_effects(terms: Sequence[Term], cells: Cells) -> tuple[Effect, ...]:
    """Every effect of a block, term by term."""
    labels = cells.factors if cells.crossed else {}
    return tuple(Effect(t.coordinate, t.grouping, label) for t in terms for label in labels.get(t.grouping, [None]))


def list_correlated(
    terms: Sequence[Term], effects: Sequence[Effect], cells: Cells
) -> tuple[tuple[str, tuple[tuple[int, ...], ...]], ...]:
    """Groupings whose groups are enough to tell correlations between the effects on several coordinates.

    Returns
    -------
    tuple of (str, tuple of tuple of int)
        Grouping, and for each label of a block the positions of its effects, coordinate by coordinate.
    """
    found = []
    for grouping, labels in cells.factors.items():
        varying = {t.coordinate for t in terms if t.grouping == grouping and t.sampled}
        own = [e for e, effect in enumerate(effects) if effect.grouping == grouping and effect.coordinate in varying]
        if len(labels) >= ENOUGH_GROUPS and len(varying) > 1:
            of_label = dict.fromkeys(effects[e].label for e in own)
            found.append((grouping, tuple(tuple(e for e in own if effects[e].label == label) for label in of_label)))
    return tuple(found)


def arrange_effects(
    terms: Sequence[Term], effects: Sequence[Effect], cells: Cells, width: np.ndarray, spread: np.ndarray
) -> dict[str, Any]:
    """Which effects move which coordinates of which cell, and with what spread.

    Parameters
    ----------
    terms, effects
        From `list_terms` and `list_effects`.
    cells : Cells
    width, spread : array, shape (coordinate,)
        Prior width of each coordinate, and scale of its spread between groups.
    """
    sampled = {(t.coordinate, t.grouping): k for k, t in enumerate(t for t in terms if t.sampled)}
    known = {(t.coordinate, t.grouping): (spread if t.partial else width)[t.coordinate] for t in terms}
    incidence = np.zeros((len(cells.table), len(width), len(effects)))
    for e, effect in enumerate(effects):
        moved = effect.label is None or cells.table[effect.grouping] == effect.label
        incidence[:, effect.coordinate, e] = moved
    blocks = cells.runs.shape[:2]
    return {
        "spread_scale": np.array([spread[t.coordinate] for t in terms if t.sampled]),
        "incidence": incidence.reshape(*blocks, *incidence.shape[1:]),
        "effect_spread": np.array([sampled.get((e.coordinate, e.grouping), -1) for e in effects], dtype=np.int64),
        "effect_scale": np.array([known[e.coordinate, e.grouping] for e in effects]),
    }


def arrange_drift(axes: Sequence[Axis], sweep: xr.Dataset, cells: Cells) -> dict[str, Any]:
    """Basis of the drift at every row, the axis of every knot, and the prior medians of the spreads."""
    columns = {str(c): sweep[c].values for c in sweep.coords}
    along = [axis.distance(axis_values(axis.name, columns)) for axis in axes]
    bases = [wiener_basis(u, np.array(axis.knots)) for u, axis in zip(along, axes, strict=True)]
    basis = np.concatenate([np.zeros((sweep.sizes["run"], 0)), *bases], axis=1)
    return {
        "basis": np.where(cells.runs[..., None] < 0, 0.0, basis[cells.runs]),
        "knot_axis": np.repeat(np.arange(len(axes)), [len(axis.knots) for axis in axes]),
        "drift_median": np.array([axis.median for axis in axes]),
    }
