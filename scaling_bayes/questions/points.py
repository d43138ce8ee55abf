"""Where a question is asked: a mapping, a table or a sweep, as labelled covariates and groups."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from scaling_bayes.laws.reader import read_formula
from scaling_bayes.laws.record import Record


class QuestionError(ValueError):
    """A question that this posterior cannot answer; the message says what to give instead."""


def read_record(posterior: xr.DataTree) -> Record:
    """The model behind a posterior.

    Raises
    ------
    QuestionError
        If `posterior` is no posterior of this package.
    """
    if not isinstance(posterior, xr.DataTree) or "record" not in posterior.attrs:
        raise QuestionError(f"a posterior is the DataTree that fit, baseline or open_posterior returns, found {type(posterior)}")
    return Record.from_json(posterior.attrs["record"])


def as_points(at: Mapping[str, Any] | pd.DataFrame | xr.Dataset, record: Record, flop_rule: str = "") -> xr.Dataset:
    """Labelled points along one dim, ``run`` for a sweep and ``point`` otherwise.

    Parameters
    ----------
    at : mapping, DataFrame or Dataset
        Covariates in the units of the fitted sweep (numbers or equally long lists), and labels of groups. A grouping that
        is not named is answered for all of its groups.
    record : Record
    flop_rule : str
        How the fitted sweep counted compute; under ``"6ND"`` a missing ``C`` is derived.

    Returns
    -------
    Dataset
        Without variables; the covariates and groups are coordinates along the dim, with ``extrapolation``, the ratio to
        the largest fitted scale.

    Raises
    ------
    QuestionError
        If a covariate is missing, not positive or not finite, or a label is missing.
    """
    dim, columns = _columns(at)
    if "C" not in columns and flop_rule == "6ND" and {"N", "D"} <= columns.keys():
        columns["C"] = 6.0 * np.asarray(columns["N"], dtype=np.float64) * np.asarray(columns["D"], dtype=np.float64)
    needed = _needed(record)
    if absent := [c for c in needed if c not in columns]:
        raise QuestionError(f"at= lacks {absent}; this posterior needs {', '.join(needed)} in the units of the fitted sweep")
    length = max(np.size(v) for v in columns.values())
    coords: dict[str, Any] = {}
    for name, values in columns.items():
        if name in needed or name in record.factors or name == "C":
            coords[name] = (dim, _column(name, values, length, name in record.factors))
    points = xr.Dataset(coords=coords)
    if dim == "run" and isinstance(at, xr.Dataset):
        points = points.assign_coords(run=at["run"])
    return points.assign_coords(extrapolation=(dim, record.extrapolation(points)))


def _columns(at: Mapping[str, Any] | pd.DataFrame | xr.Dataset) -> tuple[str, dict[str, Any]]:
    if isinstance(at, xr.Dataset):
        return "run", {str(n): v.values for n, v in at.variables.items() if v.dims == ("run",) and n != "run"}
    if isinstance(at, pd.DataFrame):
        return "point", {str(n): at[n].to_numpy() for n in at.columns}
    if isinstance(at, Mapping) and at:
        return "point", {n: np.atleast_1d(np.asarray(v)) for n, v in at.items()}
    raise QuestionError(f"at= is a mapping such as {{'N': 1e9, 'D': 2e10}}, a DataFrame or a sweep, found {at!r}")


def _needed(record: Record) -> list[str]:
    axes = [s.name for axis in record.axes for s in read_formula(axis.name).free_symbols]
    return list(dict.fromkeys([*record.law.covariates, *sorted(axes)]))


def _column(name: str, values: Any, length: int, label: bool) -> np.ndarray:
    values = np.atleast_1d(values)
    if len(values) not in (1, length):
        raise QuestionError(f"at[{name!r}] has {len(values)} values and another has {length}; give one or equally many")
    values = np.broadcast_to(values, (length,))
    if label:
        if bad := np.flatnonzero(pd.isna(values) | (values.astype(str) == "")).tolist():
            raise QuestionError(f"at[{name!r}] has no label at positions {bad[:8]}")
        return values.astype(str)
    values = values.astype(np.float64)
    if bad := np.flatnonzero(~(np.isfinite(values) & (values > 0))).tolist():
        raise QuestionError(f"at[{name!r}] must be positive and finite; positions {bad[:8]} hold {values[bad[:3]].tolist()}")
    return values
