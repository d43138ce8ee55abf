"""From declared columns to a sweep: convert, check, derive, flag, label."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from scaling_bayes.sweeps import checks, flags
from scaling_bayes.sweeps.declaration import SHARED, Declaration, Table, pick_names, read_columns, unit_of
from scaling_bayes.sweeps.magnitudes import is_size
from scaling_bayes.symbols import COVARIATES, GROUPS, REPLICATE, RESPONSES, RISING, UNSTATED

_LONG_NAMES = {
    "run": "run",
    "flag": "what looks wrong with the run",
    "final": "run ended its learning-rate schedule",
    "chance": "value reached by guessing",
    "start_loss": "loss before training",
}


@dataclass
class _Draft:
    """A sweep in the making: rows, units by name, and what has been said and left out on the way."""

    rows: pd.DataFrame
    units: dict[str, str]
    notes: list[str] = field(default_factory=list)
    dropped_why: list[str] = field(default_factory=list)

    def keep(self, rows: pd.DataFrame, why: str) -> None:
        """Go on with `rows`, remembering how many were left out and why."""
        if len(rows) < len(self.rows):
            self.dropped_why.append(f"{len(self.rows) - len(rows)}: {why}")
        self.rows = rows


def assemble(table: Table, stated: Declaration) -> xr.Dataset:
    """Build a sweep without raising its notes as warnings; see `as_sweep`.

    Examples
    --------
    >>> stated = Declaration(response="loss", covariates=["N"], units={"N": "1", "loss": "nats/token"})
    >>> assemble({"N": [1e6, 1e7], "loss": [4.0, 3.0]}, stated).sizes["run"]
    2
    """
    frame = read_columns(table, stated)
    count = len(frame)
    draft = _convert(frame, stated)
    _check_values(draft, stated)
    _check_runs(draft, stated)
    flop_rule = _derive(draft, stated)
    covariates = [name for name in COVARIATES if name in draft.units]
    covariates += [name for name in pick_names(stated.covariates) if name not in covariates]
    _flag(draft, stated)
    attrs = {
        "response": stated.response_name,
        "covariates": covariates,
        "groups": list(pick_names(stated.groups)),
        "counting": stated.counting or UNSTATED,
        "flop_rule": flop_rule,
        "title": stated.title,
        "source": stated.source,
        "dropped": count - len(draft.rows),
        "dropped_why": draft.dropped_why,
        "notes": draft.notes,
        **stated.extra_attrs,
    }
    return _label(draft, stated, attrs)


def _convert(frame: pd.DataFrame, stated: Declaration) -> _Draft:
    """Bring every number to its canonical unit."""
    units: dict[str, str] = {}
    for name in (*pick_names(stated.covariates), stated.response_name):
        units[name], factor = unit_of(name, stated.units[name])
        for column in (name, f"{name}_se"):
            if column in frame:
                frame[column] = frame[column] * factor
    return _Draft(frame, units)


def _check_values(draft: _Draft, stated: Declaration) -> None:
    """Labels are there, numbers are finite and in their range."""
    response, covariates = stated.response_name, list(pick_names(stated.covariates))
    error = [f"{response}_se"] if stated.response_se else []
    checks.check_labels(draft.rows, [*pick_names(stated.groups), *(["run"] if stated.run else [])])
    rows = checks.drop_missing(draft.rows, [*covariates, response, *error], drop=stated.drop)
    draft.keep(rows, "NaN or infinite values")
    sizes = [name for name in covariates if is_size(name)]
    checks.check_positive(rows, sizes, "sizes are compared on a log scale")
    checks.check_positive(rows, error, "a standard error of zero claims certainty")
    if draft.units[response] == "fraction":
        for name in (response, *(["chance"] if "chance" in rows else [])):
            checks.check_range(rows, name)
    elif "/" in draft.units[response] or draft.units[response] == UNSTATED:
        checks.check_positive(rows, [response], "a cross-entropy is positive")


def _check_runs(draft: _Draft, stated: Declaration) -> None:
    """Rows are runs that ended, and each is there once."""
    covariates, groups, has_run = list(pick_names(stated.covariates)), list(pick_names(stated.groups)), bool(stated.run)
    rows = checks.pick_final(
        draft.rows, checkpoints=stated.checkpoints, has_run=has_run, covariates=covariates, groups=groups
    )
    draft.keep(rows, "checkpoints in the middle of a schedule")
    rows, notes = checks.drop_duplicates(rows, has_run=has_run, labels=[*groups, *covariates])
    draft.keep(rows, "exact duplicates of a run")
    draft.notes += notes


def _derive(draft: _Draft, stated: Declaration) -> str:
    """C = 6 N D or D = C / (6 N) where it is missing and nothing else is declared; return the rule."""
    rows, units = draft.rows, draft.units
    free = stated.flop_rule in (None, "6ND")
    if free and {"N", "D"} <= set(units) and "C" not in units and units["D"] == "tokens":
        draft.rows = rows.assign(C=6.0 * rows["N"] * rows["D"])
        units["C"] = "FLOP"
        return "6ND"
    if free and {"N", "C"} <= set(units) and "D" not in units:
        draft.rows = rows.assign(D=rows["C"] / (6.0 * rows["N"]))
        units["D"] = "tokens"
        return "6ND"
    return stated.flop_rule or UNSTATED


def _flag(draft: _Draft, stated: Declaration) -> None:
    rows, response, groups = draft.rows, stated.response_name, list(pick_names(stated.groups))
    covariates = _independent(draft)
    rows = rows.assign(flag="")
    if (rows[response] > 0).all() and covariates:
        rising = response in RISING
        worse = flags.flag_non_monotone(rows, response, covariates, groups, rising=rising)
        rows.loc[worse, "flag"] = "non_monotone"
        if not rising:
            alike = [group for group in groups if group != REPLICATE]
            rows.loc[flags.flag_diverged(rows, response, covariates, alike), "flag"] = "diverged"
        if "/" in draft.units[response]:
            draft.notes += flags.note_bits(rows, response, covariates, groups)
    draft.rows = rows
    draft.notes += flags.note_units(rows, draft.units) + flags.note_labels(rows, groups) + flags.note_flags(rows)


def _independent(draft: _Draft) -> list[str]:
    """Positive covariates, without C where N and D say as much."""
    names = [name for name in draft.units if name not in RESPONSES and name in draft.rows]
    implied = {"C"} if {"N", "D"} <= set(names) else set()
    return [name for name in names if name not in implied and (draft.rows[name] > 0).all()]


def _label(draft: _Draft, stated: Declaration, attrs: dict[str, Any]) -> xr.Dataset:
    """Put the rows into a Dataset whose variables know their units and long names."""
    response = attrs["response"]
    data = {name: ("run", draft.rows[name].to_numpy()) for name in (response, f"{response}_se") if name in draft.rows}
    coords = {
        name: ("run", _plain(draft.rows[name], label=name in (*attrs["groups"], "run", "flag", "tokenizer")))
        for name in draft.rows
        if name not in data and name != "row"
    }
    sweep = xr.Dataset(data, coords=coords, attrs=attrs)
    units = draft.units | {f"{response}_se": draft.units[response]}
    for name in map(str, sweep.variables):
        sweep[name].attrs.update(_describe(name, response, units))
    return declare_shared(sweep) if stated.response_se_shared else sweep


def declare_shared(sweep: xr.Dataset) -> xr.Dataset:
    """Say on the standard errors of the response that they are common to all runs.

    Examples
    --------
    >>> sweep = xr.Dataset({"loss_se": ("run", [0.01])}, attrs={"response": "loss"})
    >>> declare_shared(sweep)["loss_se"].attrs
    {'shared': 1}
    """
    name = f"{sweep.attrs['response']}_se"
    return sweep.assign({name: sweep[name].assign_attrs({SHARED: 1})})


def _describe(name: str, response: str, units: dict[str, str]) -> dict[str, str]:
    symbol = {**COVARIATES, **RESPONSES, **GROUPS}.get(name)
    se = f"standard error of {response}" if name == f"{response}_se" else ""
    long_name = symbol.description if symbol else se or _LONG_NAMES.get(name, name.replace("_", " "))
    return {"long_name": long_name} | ({"units": units[name]} if name in units else {})


def _plain(column: pd.Series, *, label: bool) -> np.ndarray:
    """Numpy values that survive a file: whole numbers stay numbers, other labels become text."""
    if not label and pd.api.types.is_numeric_dtype(column):
        return column.to_numpy()
    if pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column):
        whole = column.astype("int64")
        if (whole == column).all():
            return whole.to_numpy()
    return np.array([str(value) for value in _values(column)], dtype=np.str_)


def _values(column: pd.Series) -> Sequence[Any]:
    return column.tolist()
