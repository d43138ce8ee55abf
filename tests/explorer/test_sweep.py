"""Counts, gaps, replicates and brushed runs of the sweep panel."""

import numpy as np
import pandas as pd
import pytest

import scaling_bayes as sb
from scaling_bayes.explorer.subject import Subject
from scaling_bayes.explorer.sweep import COLUMNS, SweepPanel
from scaling_bayes.explorer.unfitted import Unfitted


@pytest.fixture
def panel(subject):
    return SweepPanel(subject)


def test_grid_counts_every_run_once(panel, split):
    counts = panel.grid()
    assert counts.to_numpy().sum() == sum(part.sizes["run"] for part in split)
    assert counts.loc["code"].tolist() == [4, 4, 4, 4, 4]
    assert counts.columns.tolist() == pytest.approx([1e18, 3e18, 1e19, 3e19, 1e20])
    panel.along = "N"
    assert panel.grid().shape == (2, COLUMNS)
    assert panel.grid().to_numpy().sum() == 40


def test_brushed_runs_are_the_answer(panel):
    points = [m for m in panel.view["scene"]["plots"][1]["marks"] if m["kind"] == "points"]
    assert {m["series"] for m in points} == {"runs"}
    panel.brushed = {"plot": 1, "x": [1e8, 1e9], "y": [1e9, 1e10], "series": {"runs": [3, 1, 35]}}
    assert panel.answer().index.tolist() == panel.runs.index[[1, 3, 35]].tolist()
    assert panel.answer()["held_out"].tolist() == [False, False, True]
    assert "Brushed: 3 runs" in panel.view["scene"]["summary"]
    panel.asked = {"name": "all", "value": 1, "moving": False}
    assert len(panel.answer()) == 40


def test_units_rules_gaps_and_replicates_are_said():
    table = pd.DataFrame({"N": [1e6, 1e6, 1e7], "D": 1e9, "loss": [4.0, 4.1, 3.0], "corpus": ["a", "a", "b"]})
    table["seed"] = [0, 1, 0]
    units = {"N": "1", "D": "tokens", "loss": "nats/token"}
    groups = ["corpus", "seed"]
    sweep = sb.as_sweep(table, response="loss", covariates=["N", "D"], groups=groups, units=units, counting="total")
    said = SweepPanel(Unfitted(sweep)).view["scene"]["summary"]
    assert "3 runs in the sweep; 1 setting was run with several seeds (2 runs)" in said
    assert "2 of 4 cells are empty: a at 6e16; b at 6e15" in said
    assert "total" in said
    assert "D in tokens" in said


def test_a_sweep_before_a_fit_shows_the_same_runs(panel, split):
    alone = SweepPanel(Unfitted(*split))
    pd.testing.assert_frame_equal(alone.answer(), panel.answer())
    assert np.all(alone.grid() == panel.grid())


def test_page_of_a_sweep(split, tmp_path):
    assert "<title>Sweep</title>" in SweepPanel(Unfitted(split[0])).to_html(tmp_path / "page.html").read_text("utf-8")


def test_unknown_runs_are_refused(posterior, split):
    with pytest.raises(sb.QuestionError, match="'x' is none of this sweep's"):
        SweepPanel(Subject(posterior, split[1]), chosen=["x"])
