"""Settle a model on a sweep: references, cells, knots and the padded arrays that the program receives."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from scaling_bayes.laws import ROLES, Law
from scaling_bayes.laws.axes import Axis, axis_values
from scaling_bayes.laws.coordinates import Coordinates, choose_coordinates
from scaling_bayes.laws.wiener import choose_knots, distinct_levels, wiener_basis
from scaling_bayes.model.bound import BoundModel, Design
from scaling_bayes.model.checks import check_binding
from scaling_bayes.model.discrepancy import Discrepancy
from scaling_bayes.model.noise import Noise
from scaling_bayes.model.pooling import Fixed, Partial, Pooling, Separate
from scaling_bayes.model.priors import Prior
from scaling_bayes.sweeps import attr_list


@dataclass(frozen=True)
class Binding:
    """A model settled on a sweep.

    Attributes
    ----------
    law : Law
        With the sweep's covariates told from parameters.
    program : BoundModel
    design : Design
    factors : dict
        grouping -> its labels.
    cells : pandas.DataFrame
        One row a cell, one column a grouping: the label.
    runs : array of int, shape (block, cell, row)
        Position of each row's run in the sweep; -1 for padding.
    references : dict
        covariate -> reference.
    axes : tuple of Axis
        Of the discrepancy.
    pooling : dict
        parameter -> pooling.
    effect_columns : tuple of (int, str or None, str or None)
        For each effect the coordinate that it moves, the grouping, and the label where a block holds several groups.
    flags : dict
        What the data cannot tell, for the posterior's attrs.
    """

    law: Law
    program: BoundModel
    design: Design
    factors: Mapping[str, list[str]]
    cells: pd.DataFrame
    runs: np.ndarray
    references: Mapping[str, float]
    axes: tuple[Axis, ...]
    pooling: Mapping[str, Pooling]
    effect_columns: tuple[tuple[int, str | None, str | None], ...]
    flags: Mapping[str, Any]


def bind(
    law: Law,
    pooling: Mapping[str, Pooling],
    priors: Mapping[str, Prior],
    noise: Noise,
    discrepancy: Discrepancy | str | None,
    sweep: xr.Dataset,
) -> Binding:
    """Settle a model on `sweep`.

    Raises
    ------
    ValueError
        If the sweep lacks a covariate or a grouping, or cannot tell the law's terms apart; see
        `scaling_bayes.model.checks`.
    """
    law = law.with_covariates(attr_list(sweep, "covariates"))
    pooling = {p: pooling[p] for p in law.parameters}
    flags = check_binding(law, pooling, sweep)
    factors = _factors(pooling, sweep)
    cells, runs = _cells(sweep, factors)
    references = {c: float(np.exp(np.log(sweep[c].values).mean())) if c in law.scaled else 1.0 for c in law.covariates}
    axes, parts = _discrepancy(discrepancy, law, sweep, len(cells))
    coordinates = _coordinates(law, pooling, priors)
    owners = [pooling[p] for p in coordinates.owners()]
    program = BoundModel(
        coordinates=coordinates,
        noise=noise,
        drift=parts,
        sampled=tuple(bool(factors) and not isinstance(owner, Separate) for owner in owners),
        priors=tuple((p, prior) for p, prior in priors.items() if p in coordinates.singles),
    )
    terms = _terms(owners, factors)
    columns = _columns(terms, factors)
    mean, width, spread = _priors(program, sweep)
    design = Design(
        **_rows(law, sweep, runs, references),
        prior_mean=mean,
        prior_width=width,
        **_effects(terms, columns, cells, width, spread),
        **_knots(axes, sweep, runs),
    )
    return Binding(law, program, design, factors, cells, runs, references, axes, pooling, columns, flags)


def _factors(pooling: Mapping[str, Pooling], sweep: xr.Dataset) -> dict[str, list[str]]:
    names = dict.fromkeys(g for p in pooling.values() for g in p.groups)
    return {g: sorted({str(v) for v in sweep[g].values}) for g in names}


def _cells(sweep: xr.Dataset, factors: Mapping[str, list[str]]) -> tuple[pd.DataFrame, np.ndarray]:
    """Combinations of groups that occur, and the runs of each, padded and cut into blocks."""
    table = pd.DataFrame({g: sweep[g].values.astype(str) for g in factors}, index=np.arange(sweep.sizes["run"]))
    grouped = table.groupby(list(factors), sort=True).indices if factors else {(): table.index.to_numpy()}
    keys = [key if isinstance(key, tuple) else (key,) for key in grouped]
    longest = max(len(members) for members in grouped.values())
    runs = np.full((len(keys), longest), -1)
    for row, members in zip(runs, grouped.values(), strict=True):
        row[: len(members)] = members
    blocks = (len(keys), 1) if len(factors) == 1 else (1, len(keys))
    return pd.DataFrame(keys, columns=list(factors), index=range(len(keys))), runs.reshape(*blocks, longest)


def _discrepancy(
    discrepancy: Discrepancy | str | None, law: Law, sweep: xr.Dataset, cells: int
) -> tuple[tuple[Axis, ...], tuple[str, ...]]:
    if discrepancy is None:
        return (), ()
    chosen = discrepancy if isinstance(discrepancy, Discrepancy) else Discrepancy()
    along = chosen.along or (("C",) if "C" in sweep.coords else law.covariates[:1])
    median = chosen.spread or (0.01 if len(law.covariates) == 1 else 0.005)
    axes = []
    for name in along:
        logs = np.log(axis_values(name, sweep))
        reference = float(np.exp(logs.mean()))
        u = logs - logs.mean()
        if discrepancy == "auto" and len(distinct_levels(u)) < 3:
            continue
        axes.append(Axis(name, reference, tuple(choose_knots(u).tolist()), median))
    parts = chosen.parts if cells > 1 else ("own",)
    return tuple(axes), parts if axes else ()


def _coordinates(law: Law, pooling: Mapping[str, Pooling], priors: Mapping[str, Prior]) -> Coordinates:
    fixed = {p: pool.value for p, pool in pooling.items() if isinstance(pool, Fixed)}
    levels = [p for p in law.parameters if law.roles[p] in ("floor", "level")]
    alike = levels if len({pooling[p] for p in levels}) == 1 else []
    return choose_coordinates(law, priors, fixed, alike)


def _rows(law: Law, sweep: xr.Dataset, runs: np.ndarray, references: Mapping[str, float]) -> dict[str, Any]:
    padding = runs < 0
    response = np.log(sweep[sweep.attrs["response"]].values.astype(np.float64))
    return {
        "covariates": {c: np.where(padding, 1.0, sweep[c].values[runs] / references[c]) for c in law.covariates},
        "references": {c: np.float64(r) for c, r in references.items()},
        "log_response": np.where(padding, response.mean(), response[runs]),
        "weight": (~padding).astype(np.float64),
    }


def _priors(program: BoundModel, sweep: xr.Dataset) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mean and width of each coordinate's prior, and the scale of its spread."""
    coordinates = program.coordinates
    mean, width, spread = coordinates.prior(float(np.log(sweep[sweep.attrs["response"]].values).mean()))
    for p, prior in program.priors:
        i = coordinates.names.index(coordinates.name(p))
        mean[i], width[i] = prior.moments(_to_coordinate(coordinates.law, p))
    return mean, width, spread


Term = tuple[int, str | None, bool]
Column = tuple[int, str | None, str | None]


def _terms(owners: list[Pooling], factors: Mapping[str, list[str]]) -> list[Term]:
    """(coordinate, grouping, whether its spread is sampled) for every set of effects."""
    if not factors:
        return [(i, None, False) for i in range(len(owners))]
    return [(i, g, isinstance(owner, Partial)) for i, owner in enumerate(owners) for g in owner.groups]


def _columns(terms: list[Term], factors: Mapping[str, list[str]]) -> tuple[Column, ...]:
    """(coordinate, grouping, label) for every effect of a block; no label where each block is one group."""
    return tuple((i, g, label) for i, g, _ in terms for label in ([None] if len(factors) < 2 else factors[str(g)]))


def _effects(
    terms: list[Term], columns: tuple[Column, ...], cells: pd.DataFrame, width: np.ndarray, spread: np.ndarray
) -> dict[str, Any]:
    """Which effects move which coordinates of which cell, and with what spread."""
    sampled = [(i, g) for i, g, partial in terms if partial]
    incidence = np.zeros((len(cells), len(width), len(columns)))
    for e, (i, g, label) in enumerate(columns):
        incidence[:, i, e] = 1.0 if label is None else cells[g] == label
    return {
        "spread_scale": np.array([spread[i] for i, _ in sampled]),
        "incidence": incidence[:, None] if len(cells.columns) == 1 else incidence[None],
        "effect_spread": np.array(
            [sampled.index((i, g)) if (i, g) in sampled else -1 for i, g, _ in columns], np.int64
        ),
        "effect_scale": np.array([width[i] for i, _, _ in columns]),
    }


def _to_coordinate(law: Law, parameter: str) -> Any:
    support = ROLES[law.roles[parameter]].support
    return {"positive": np.log, "unit": lambda v: np.log(v / (1 - v)), "real": lambda v: v}[support]


def _knots(axes: Iterable[Axis], sweep: xr.Dataset, runs: np.ndarray) -> dict[str, Any]:
    bases, owners = [np.zeros((sweep.sizes["run"], 0))], [np.zeros(0, dtype=np.int64)]
    axes = tuple(axes)
    for k, axis in enumerate(axes):
        bases.append(wiener_basis(axis.distance(axis_values(axis.name, sweep)), np.array(axis.knots)))
        owners.append(np.full(len(axis.knots), k))
    basis = np.concatenate(bases, axis=1)
    return {
        "basis": np.where(runs[..., None] < 0, 0.0, basis[runs]),
        "knot_axis": np.concatenate(owners),
        "drift_median": np.array([axis.median for axis in axes]),
    }
