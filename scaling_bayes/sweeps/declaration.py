"""What the owner of a table states about its columns, and the columns read accordingly."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from scaling_bayes.sweeps.checks import SweepError, check_columns, say_rows
from scaling_bayes.sweeps.magnitudes import is_size, read_numbers
from scaling_bayes.symbols import COUNTING, COVARIATES, FLOP_RULES, RESPONSES, UNITS, one_of, suggest, unit_factor

Names = str | Sequence[str] | Mapping[str, str]
Table = pd.DataFrame | xr.Dataset | Mapping[str, Any]

SHARED = "shared"
"""Attribute of standard errors that are common to all runs."""

_OWN_NAMES = ("row", "run", "final", "flag", "chance", "start_loss", "tokenizer")


@dataclass(frozen=True)
class Declaration:
    """Which column plays which part, in which unit, counted how; the arguments of `as_sweep`.

    Examples
    --------
    >>> stated = Declaration(response={"loss": "val"}, covariates=["N"], units={"N": "1", "loss": "nats/token"})
    >>> stated.response_name, stated.columns
    ('loss', {'N': 'N', 'loss': 'val'})
    """

    response: Names
    covariates: Names
    units: Mapping[str, Any]
    groups: Names = ()
    counting: str | None = None
    flop_rule: str | None = None
    run: str | None = None
    response_se: str | None = None
    response_se_shared: bool = False
    final: str | None = None
    checkpoints: str = "refuse"
    tokenizer: str | None = None
    chance: float | str | None = None
    start_loss: float | str | None = None
    keep: Names = ()
    drop: bool = False
    title: str = ""
    source: str = ""
    extra_attrs: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse unknown words and names that play two parts before any row is looked at."""
        if self.counting is not None:
            one_of(self.counting, COUNTING, "counting")
        if self.flop_rule is not None:
            one_of(self.flop_rule, FLOP_RULES, "flop_rule")
        if len(pick_names(self.response)) != 1:
            raise SweepError(f"a sweep has one response, found {list(pick_names(self.response))}. Make one sweep each.")
        parts = [*pick_names(self.covariates), *pick_names(self.groups), *pick_names(self.keep), self.response_name]
        twice = sorted({name for name in parts if parts.count(name) > 1})
        if twice:
            raise SweepError(f"{twice} play two parts; each name is one covariate, group, response or kept column.")
        numbers = [*pick_names(self.covariates).values(), *pick_names(self.response).values()]
        if shared := sorted({column for column in numbers if numbers.count(column) > 1}):
            raise SweepError(f"{shared} is the column of several covariates or of the response too; each has its own.")
        if self.response_se_shared and self.response_se is None:
            raise SweepError("response_se_shared=True, but no response_se names the column of standard errors.")
        reserved = sorted({name for name in parts if name in _OWN_NAMES and name != "tokenizer"})
        if reserved:
            raise SweepError(f"{reserved} are a sweep's own names. Map the column to another name.")
        if not pick_names(self.covariates):
            raise SweepError(f"a sweep needs a covariate, for instance one of {list(COVARIATES)[:4]}.")
        self._check_unit_names()

    def _check_unit_names(self) -> None:
        needed = [*pick_names(self.covariates), self.response_name]
        if not isinstance(self.units, Mapping):
            raise SweepError(
                f"units are a mapping such as {{{needed[0]!r}: '1'}}, one of each number; found {self.units!r}."
            )
        missing = [name for name in needed if name not in self.units]
        if missing:
            hints = "; ".join(f"{name!r}: for instance {_example_units(name)}" for name in missing)
            raise SweepError(f"units are required and are missing for {missing}. {hints}.")
        strange = [name for name in self.units if name not in needed]
        if strange:
            raise SweepError(f"units are given for {strange}, which this sweep does not have: {suggest('', needed)}.")

    @property
    def response_name(self) -> str:
        """Name of the response in the sweep."""
        return next(iter(pick_names(self.response)))

    @property
    def columns(self) -> dict[str, str]:
        """Name in the sweep -> column in the table, for every column that is asked for by name."""
        named = {**pick_names(self.covariates), **pick_names(self.groups), **pick_names(self.response)}
        singles = {"run": self.run, f"{self.response_name}_se": self.response_se, "final": self.final}
        return {**named, **pick_names(self.keep), **{name: c for name, c in singles.items() if c is not None}}


def pick_names(names: Names) -> dict[str, str]:
    """Spell out a name, a sequence of names or a mapping as name in the sweep -> column in the table.

    Raises
    ------
    SweepError
        For anything else.

    Examples
    --------
    >>> pick_names("loss"), pick_names(["N", "D"]), pick_names({"N": "params"})
    ({'loss': 'loss'}, {'N': 'N', 'D': 'D'}, {'N': 'params'})
    """
    if isinstance(names, str):
        return {names: names}
    if not isinstance(names, Iterable):
        raise SweepError(
            f"columns are given by a name, a list of names or a mapping of name to column; found {names!r}."
        )
    return dict(names) if isinstance(names, Mapping) else {name: name for name in names}


def as_frame(table: Table) -> pd.DataFrame:
    """Read a DataFrame, a dict of columns or a Dataset as a DataFrame whose rows are counted from 0.

    Raises
    ------
    SweepError
        If there is no row, two columns have one name, or the table is of another type.

    Examples
    --------
    >>> as_frame({"N": [1e6, 2e6]}).shape
    (2, 1)
    """
    if isinstance(table, xr.Dataset):
        table = table.to_dataframe().reset_index()
    elif isinstance(table, Mapping):
        table = pd.DataFrame(dict(table))
    if isinstance(table, pd.DataFrame) and not table.columns.is_unique:
        twice = table.columns[table.columns.duplicated()].unique().tolist()
        raise SweepError(f"the table has several columns of one name: {twice}. Rename them, or leave copies out.")
    if not isinstance(table, pd.DataFrame):
        raise SweepError(f"a table is a DataFrame, a dict of columns or a Dataset; found {type(table).__name__}.")
    if table.empty:
        raise SweepError(f"the table has no rows (columns: {list(table.columns)[:8]}).")
    return table.reset_index(drop=True)


def read_columns(table: Table, stated: Declaration) -> pd.DataFrame:
    """Take the declared columns out of a table, under the sweep's names and as float64, labels or booleans.

    Raises
    ------
    SweepError
        If a column is missing, or holds text where numbers are expected.

    Examples
    --------
    >>> stated = Declaration(response="loss", covariates={"N": "params"}, units={"N": "1", "loss": "nats/token"})
    >>> read_columns({"params": [10**6], "loss": [3.0]}, stated).columns.tolist()
    ['row', 'run', 'N', 'loss']
    """
    given = as_frame(table)
    check_columns(given, stated.columns)
    labels = [*pick_names(stated.groups), "run"]
    frame = pd.DataFrame({"row": np.arange(len(given)), "run": np.arange(len(given))})
    for name, column in stated.columns.items():
        kept, sized = name in pick_names(stated.keep), name in pick_names(stated.covariates) and _is_plain(name, stated)
        frame[name] = _read_column(given[column], name, labels, kept=kept, magnitudes=sized)
    if "final" not in frame:
        frame = frame.assign(**_find_final(given))
    if stated.tokenizer is not None and "tokenizer" not in frame:
        frame["tokenizer"] = given.get(stated.tokenizer, stated.tokenizer)
    for name, value in {"chance": stated.chance, "start_loss": stated.start_loss}.items():
        if isinstance(value, str):
            check_columns(given, {name: value})
            frame[name] = _as_numbers(given[value], name)
        elif value is not None:
            frame[name] = float(value)
    return frame


def _is_plain(name: str, stated: Declaration) -> bool:
    """Whether numbers of a covariate are sizes in their canonical unit, so that 10M can mean nothing but 10 million."""
    return is_size(name) and unit_of(name, stated.units[name])[1] == 1


def _read_column(column: pd.Series, name: str, labels: list[str], *, kept: bool, magnitudes: bool) -> pd.Series:
    if name == "final":
        return _as_booleans(column)
    if name in labels:
        return column
    if kept:
        return column if pd.api.types.is_numeric_dtype(column) else column.astype(str)
    return _as_numbers(column, name, magnitudes=magnitudes)


def _as_numbers(column: pd.Series, name: str, *, magnitudes: bool = False) -> pd.Series:
    numbers = read_numbers(column, magnitudes=magnitudes)
    text = numbers.isna() & column.notna()
    if text.any():
        raise SweepError(
            f"{name!r} (column {column.name!r}) is {column[text].iloc[0]!r} in {say_rows(column.index[text])}; "
            f"expected a number, in the unit that units={{{name!r}: ...}} declares."
        )
    return numbers


def _as_booleans(column: pd.Series) -> pd.Series:
    values = column.map({True: True, False: False, "True": True, "False": False})
    if values.isna().any():
        raise SweepError(
            f"'final' (column {column.name!r}) is {column[values.isna()].iloc[0]!r} in "
            f"{say_rows(column.index[values.isna()])}; expected True where a run ended its schedule, else False."
        )
    return values.astype(bool)


def _find_final(given: pd.DataFrame) -> dict[str, pd.Series]:
    """A boolean column called final, or its opposite called checkpoint, speaks for itself."""
    for column, turned in (("final", False), ("checkpoint", True)):
        if column in given and pd.api.types.is_bool_dtype(given[column]):
            return {"final": ~given[column] if turned else given[column]}
    return {}


def unit_of(name: str, unit: Any) -> tuple[str, float]:
    """Canonical unit and factor of a named covariate or response; one unit for all rows.

    Raises
    ------
    SweepError
        If the unit is unknown, or rows are declared in several units.

    Examples
    --------
    >>> unit_of("D", "billion")
    ('tokens', 1000000000.0)
    """
    if not isinstance(unit, str):
        unit = _single_unit(name, list(unit))
    symbol = {**COVARIATES, **RESPONSES}.get(name)
    if symbol is not None:
        return unit_factor(unit, symbol.kind)
    for table in (UNITS["loss"], UNITS["compute"], UNITS["count"]):
        if unit in table:
            return table[unit]
    return ("fraction", UNITS["fraction"][unit][1]) if unit in UNITS["fraction"] else (unit, 1.0)


def _single_unit(name: str, units: Iterable[str]) -> str:
    rows: dict[str, list[int]] = {}
    for row, unit in enumerate(units):
        rows.setdefault(str(unit), []).append(row)
    if len(rows) > 1:
        found = "; ".join(f"{unit!r} in {say_rows(where)}" for unit, where in rows.items())
        raise SweepError(
            f"{name!r} mixes units: {found}. Make one sweep for each unit, convert with convert_loss, then join_sweeps."
        )
    return next(iter(rows))


def _example_units(name: str) -> str:
    symbol = {**COVARIATES, **RESPONSES}.get(name)
    examples = {
        "parameters": ["1", "million"],
        "data": ["tokens", "billion tokens"],
        "compute": ["FLOP", "PFLOP-day"],
        "loss": ["nats/token", "bits/byte"],
        "fraction": ["fraction", "percent"],
    }
    return " or ".join(repr(unit) for unit in examples.get(symbol.kind if symbol else "", ["1"]))
