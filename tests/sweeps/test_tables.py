"""Files of a card become one table: labelled, made long, curves named, rows that are no runs left out."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from scaling_bayes.sweeps import SweepError
from scaling_bayes.sweeps.cards import read_card
from scaling_bayes.sweeps.downloads import CardFile
from scaling_bayes.sweeps.subsets import choose_rows
from scaling_bayes.sweeps.tables import join_tables

WIDE = pd.DataFrame({"network": ["a", "b"], "0": [9.0, 8.0], "200": [3.0, 2.0]})
LONG = {"keep": ["network", "task"], "scale": "examples", "value": "loss"}
TASKS = ("sums", "words")


@pytest.fixture
def paths(tmp_path) -> list[Path]:
    for task in TASKS:
        WIDE.to_csv(tmp_path / f"{task}.csv", index=False)
    return [tmp_path / f"{task}.csv" for task in TASKS]


@pytest.fixture
def card():
    files = tuple(CardFile(f"{task}.csv", sha256="", labels={"task": task}) for task in TASKS)
    usable = {"description": "before training", "above": {"examples": 0}}
    subsets = {"sums": {"description": "other tasks", "keep": {"task": ["sums"]}}}
    labels = {"curve": ["task", "network"]}
    return replace(read_card("chinchilla"), files=files, long=LONG, labels=labels, usable=usable, subsets=subsets)


def test_a_row_for_each_scale_and_file(card, paths):
    table = join_tables(card, paths)
    assert len(table) == 2 * 2 * 2
    assert table["examples"].dtype.kind == "i"
    assert table.groupby("curve")["examples"].apply(sorted).to_dict() == {
        f"{task}, {network}": [0, 200] for task in TASKS for network in "ab"
    }
    assert table.set_index(["curve", "examples"]).loc[("words, b", 200), "loss"] == 2.0


@pytest.mark.parametrize(
    ("subset", "left", "why"),
    [
        (None, 4, ["4: before training"]),
        ("all", 4, ["4: before training"]),
        ("sums", 2, ["4: before training", "2: other tasks"]),
    ],
)
def test_rows_that_are_no_runs_are_in_no_subset(card, paths, subset, left, why):
    table = join_tables(card, paths)
    rows, said = choose_rows(card, subset, lambda name: table[name].to_numpy(), "loss")
    assert len(rows) == left
    assert said == why
    assert np.all(table["examples"].to_numpy()[rows] > 0)


@pytest.mark.parametrize(
    ("rules", "missing"),
    [({"labels": {"curve": ["tusk", "network"]}}, "tusk"), ({"long": {**LONG, "keep": ["net"]}}, "net")],
)
def test_a_card_that_names_no_column_is_told(card, paths, rules, missing):
    with pytest.raises(SweepError, match=f"column '{missing}', which the table does not have: did you mean"):
        join_tables(replace(card, **rules), paths)
