"""What a table alone can tell: each check raises with what was found, where and what to do, or counts what it dropped.

Rows are counted from 0 in the table as it was given, and keep that number (column ``row``) while rows are dropped.
"""

from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd

from scaling_bayes.symbols import SweepError, SweepWarning, suggest

__all__ = [
    "SweepError",
    "SweepWarning",
    "check_columns",
    "check_labels",
    "check_positive",
    "check_range",
    "drop_duplicates",
    "drop_missing",
    "pick_final",
    "say_rows",
]

DUPLICATES_ALLOWED = 0.01
"""Share of exact duplicates that is tolerated without a run id."""

CHECKPOINTS = ("refuse", "drop", "keep")


def say_rows(rows: Iterable[int], most: int = 8) -> str:
    """Name rows, the first `most` of them.

    Examples
    --------
    >>> say_rows([3, 4])
    'rows 3, 4'
    >>> say_rows(range(20), most=2)
    'rows 0, 1 and 18 more'
    """
    found = [int(row) for row in rows]
    more = f" and {len(found) - most} more" if len(found) > most else ""
    return f"row{'s' if len(found) > 1 else ''} " + ", ".join(str(row) for row in found[:most]) + more


def check_columns(table: pd.DataFrame, wanted: dict[str, str]) -> None:
    """Raise if a column that the sweep wants is not in the table.

    Raises
    ------
    SweepError
        Naming the column, what it was wanted for, and the nearest column there is.

    Examples
    --------
    >>> check_columns(pd.DataFrame({"params": [1.0]}), {"N": "params"})
    """
    for name, column in wanted.items():
        if column not in table.columns:
            raise SweepError(
                f"{name} should come from column {column!r}, which the table does not have: "
                f"{suggest(column, table.columns)}. Map it with {{{name!r}: 'column in the table'}}."
            )


def check_labels(table: pd.DataFrame, groups: Sequence[str]) -> None:
    """Raise if a group label is missing or empty.

    Raises
    ------
    SweepError
        Naming the column and the rows.

    Examples
    --------
    >>> check_labels(pd.DataFrame({"row": [0], "corpus": ["web"]}), ["corpus"])
    """
    for group in groups:
        missing = table[group].isna() | (table[group].astype(str).str.strip() == "")
        if missing.any():
            known = ", ".join(repr(str(label)) for label in table[group][~missing].unique()[:8])
            raise SweepError(
                f"group {group!r} has no label in {say_rows(table['row'][missing])}. Give each run a label "
                f"(known so far: {known or 'none'}) or leave these rows out; a guess would pool them wrongly."
            )


def drop_missing(table: pd.DataFrame, names: Sequence[str], *, drop: bool) -> pd.DataFrame:
    """Raise on NaN or infinite values, or leave such rows out when told to.

    Raises
    ------
    SweepError
        Listing rows for each column, or saying that no row is left.

    Examples
    --------
    >>> table = pd.DataFrame({"row": [0, 1], "N": [1e6, np.nan]})
    >>> len(drop_missing(table, ["N"], drop=True))
    1
    """
    bad = ~np.isfinite(table[list(names)].to_numpy(dtype=float))
    if not bad.any():
        return table
    if not drop:
        found = "; ".join(
            f"{name!r} in {say_rows(table['row'][column])} ({table[name][column].iloc[0]})"
            for name, column in zip(names, bad.T, strict=True)
            if column.any()
        )
        raise SweepError(f"values are NaN or infinite: {found}. Mend the table, or pass drop=True to leave them out.")
    kept = table[~bad.any(axis=1)]
    if kept.empty:
        raise SweepError(f"every one of the {len(table)} rows has a NaN or infinite value: nothing is left.")
    return kept


def check_positive(table: pd.DataFrame, names: Iterable[str], why: str) -> None:
    """Raise if a value is zero or negative.

    Raises
    ------
    SweepError
        Naming the column, the rows, the first value found and `why` it must be above zero.

    Examples
    --------
    >>> check_positive(pd.DataFrame({"row": [0], "N": [1e6]}), ["N"], "sizes are compared on a log scale")
    """
    for name in names:
        bad = table[name] <= 0
        if bad.any():
            raise SweepError(
                f"{name!r} is {table[name][bad].iloc[0]:g} in {say_rows(table['row'][bad])}; expected above zero, "
                f"because {why}. Mend or leave out these rows."
            )


def check_range(table: pd.DataFrame, name: str) -> None:
    """Raise if a fraction lies outside [0, 1].

    Raises
    ------
    SweepError
        Naming the rows, the first value found, and the unit to declare if values are percentages.

    Examples
    --------
    >>> check_range(pd.DataFrame({"row": [0], "accuracy": [0.5]}), "accuracy")
    """
    bad = ~table[name].between(0, 1)
    if bad.any():
        declare = f"If it is in percent, declare units={{{name!r}: 'percent'}}."
        raise SweepError(
            f"{name!r} is {table[name][bad].iloc[0]:g} in {say_rows(table['row'][bad])}; expected between 0 and 1. "
            f"{'It is a fraction: 0.25 for one answer of four.' if name == 'chance' else declare}"
        )


def drop_duplicates(table: pd.DataFrame, *, has_run: bool, labels: Sequence[str]) -> tuple[pd.DataFrame, list[str]]:
    """De-duplicate by run id; without one tolerate a few exact repeats and refuse many.

    Raises
    ------
    SweepError
        If more than 1 % of rows repeat and no run id tells them apart, or one run id holds contradicting values.

    Examples
    --------
    >>> table = pd.DataFrame({"row": [0, 1], "run": ["a", "a"], "N": [1e6, 1e6], "loss": [3.0, 3.0]})
    >>> kept, notes = drop_duplicates(table, has_run=True, labels=[])
    >>> len(kept), notes
    (1, ['1 exact duplicate of a run was left out (row 1)'])
    """
    compared = [column for column in table.columns if column not in ("row", *([] if has_run else ["run"]))]
    repeated = table.duplicated(subset=compared)
    count, rows = int(repeated.sum()), table["row"][repeated]
    if not has_run:
        if count > DUPLICATES_ALLOWED * len(table):
            raise SweepError(
                f"{count} of {len(table)} rows repeat an earlier row exactly ({say_rows(rows)}) and no run id tells "
                "them apart. Pass run='column of run ids', or leave the copies out of the table."
            )
        note = f"{count} exact duplicate{'s' * (count > 1)} kept, because there is no run id ({say_rows(rows)})"
        return table, [note] if count else []
    kept = table[~repeated]
    _refuse_contradictions(kept, labels)
    return kept, [
        f"{count} exact duplicate{'s' * (count > 1)} of a run {'were' if count > 1 else 'was'} left out "
        f"({say_rows(rows)})"
    ] if count else []  # fmt: skip


def _refuse_contradictions(table: pd.DataFrame, labels: Sequence[str]) -> None:
    """One run id with one set of labels and covariates has one response."""
    same = table.duplicated(subset=["run", *labels], keep=False)
    if same.any():
        first = table["run"][same].iloc[0]
        raise SweepError(
            f"run {first!r} has several values at the same covariates and labels "
            f"({say_rows(table['row'][table['run'] == first])}; {int(same.sum())} such rows in all). Give each run its "
            "own id, or name what differs as a group (a task, a seed)."
        )


def pick_final(
    table: pd.DataFrame, *, checkpoints: str, has_run: bool, covariates: Sequence[str], groups: Sequence[str]
) -> pd.DataFrame:
    """Refuse, drop or keep checkpoints taken in the middle of a learning-rate schedule.

    A column ``final`` says which rows are the end of their run; without one, a run id that occurs at several values of
    a covariate gives itself away.

    Raises
    ------
    SweepError
        With ``checkpoints="refuse"`` if there is any such row, with the reason and the ways out.

    Examples
    --------
    >>> table = pd.DataFrame({"row": [0, 1], "run": ["a", "a"], "D": [1e9, 2e9], "final": [False, True]})
    >>> pick_final(table, checkpoints="drop", has_run=True, covariates=["D"], groups=[])["D"].tolist()
    [2000000000.0]
    """
    if checkpoints not in CHECKPOINTS:
        raise SweepError(f"checkpoints={checkpoints!r}: {suggest(checkpoints, CHECKPOINTS)}.")
    declared = "final" in table.columns
    middle = ~table["final"] if declared else _moving(table, covariates, groups, has_run)
    if not middle.any() or checkpoints == "keep":
        return table
    if checkpoints == "drop" and declared:
        if middle.all():
            raise SweepError("no row is marked as final: nothing is left after dropping checkpoints.")
        return table[~middle]
    found = "are marked as not final" if declared else "share a run id at several values of a covariate"
    ways = (
        "Pass checkpoints='drop' to leave them out"
        if declared
        else "Mark the last row of each run in a boolean column and pass final='that column'"
    )
    raise SweepError(
        f"{int(middle.sum())} of {len(table)} rows {found} ({say_rows(table['row'][middle])}): checkpoints in the "
        "middle of a learning-rate schedule, whose loss is above that of a run which ended there. "
        f"{ways}, or checkpoints='keep' if the learning rate was constant."
    )


def _moving(table: pd.DataFrame, covariates: Sequence[str], groups: Sequence[str], has_run: bool) -> pd.Series:
    """Rows of runs that occur at more than one value of a covariate under the same labels."""
    if not has_run or not covariates:
        return pd.Series(False, index=table.index)
    values = table.groupby(["run", *groups], sort=False)[list(covariates)].transform("nunique")
    return (values > 1).any(axis=1)
