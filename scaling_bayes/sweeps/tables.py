"""The files of a card as one table with a row a run."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from scaling_bayes.sweeps.cards import Card
from scaling_bayes.sweeps.checks import check_columns
from scaling_bayes.sweeps.readers import read_table


def join_tables(card: Card, paths: Sequence[Path]) -> pd.DataFrame:
    r"""Read a card's files and put them one after the other.

    Rows of each file get the labels that the card gives the file; then a wide table is made long, and joined labels
    are added.

    Parameters
    ----------
    card : Card
    paths : sequence of Path
        One for each of ``card.files``, in their order.

    Returns
    -------
    DataFrame

    Raises
    ------
    SweepError
        If a file cannot be read, or lacks a column that the card names.

    Examples
    --------
    >>> import tempfile
    >>> from scaling_bayes.sweeps.cards import read_card
    >>> path = Path(tempfile.mkdtemp()) / "a.csv"
    >>> _ = path.write_text("loss\n3.0\n")
    >>> join_tables(read_card("chinchilla"), [path])["loss"].tolist()
    [3.0]
    """
    parts = [read_table(path).assign(**file.labels) for path, file in zip(paths, card.files, strict=True)]
    table = pd.concat(parts, ignore_index=True)
    return join_labels(make_long(table, card.long), card.labels)


def make_long(table: pd.DataFrame, rule: Mapping[str, Any]) -> pd.DataFrame:
    """Turn a table with one column for each scale into one with a row for each.

    Parameters
    ----------
    table : DataFrame
    rule : mapping
        ``keep``, the columns that stay; ``scale`` and ``value``, what the headers of the other columns, as numbers,
        and their entries are called. Empty for a table that is long already.

    Raises
    ------
    SweepError
        If the table lacks a column to keep.

    Examples
    --------
    >>> wide = pd.DataFrame({"network": ["a"], "200": [3.0], "400": [2.5]})
    >>> make_long(wide, {"keep": ["network"], "scale": "examples", "value": "loss"})
      network  examples  loss
    0       a       200   3.0
    1       a       400   2.5
    """
    if not rule:
        return table
    check_columns(table, {name: name for name in rule["keep"]})
    long = table.melt(id_vars=rule["keep"], var_name=rule["scale"], value_name=rule["value"])
    return long.assign(**{rule["scale"]: pd.to_numeric(long[rule["scale"]])})


def join_labels(table: pd.DataFrame, rules: Mapping[str, Sequence[str]]) -> pd.DataFrame:
    """Add columns whose labels are those of several columns, joined.

    Raises
    ------
    SweepError
        If the table lacks one of the columns.

    Examples
    --------
    >>> table = pd.DataFrame({"task": ["flan"], "network": ["gpt2"]})
    >>> join_labels(table, {"curve": ["task", "network"]})["curve"].tolist()
    ['flan, gpt2']
    """
    for name, columns in rules.items():
        check_columns(table, {column: column for column in columns})
        table = table.assign(**{name: table[list(columns)].astype(str).agg(", ".join, axis=1)})
    return table
