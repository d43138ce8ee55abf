"""The checks on screen are those of `check`, `score_table` and `influence`."""

import numpy as np
import pytest

import scaling_bayes as sb
from scaling_bayes.explorer.checking import Checking
from tests.explorer.test_extrapolation import array
from tests.questions.test_influence import with_likelihood


@pytest.fixture
def panel(subject):
    return Checking(subject)


def test_residuals_are_those_of_check(panel, posterior):
    checked = sb.check(posterior)
    np.testing.assert_allclose(panel.answer()["residual"], checked["residual"])
    marks = [m for m in panel.view["scene"]["plots"][0]["marks"] if m["kind"] == "points"]
    index = np.concatenate([array(panel.view, m["index"]) for m in marks]).astype(int)
    y = np.concatenate([array(panel.view, m["y"]) for m in marks])
    np.testing.assert_allclose(y, checked["residual"].values[index], rtol=1e-5)
    ratio = posterior["constant_data"]["D"] / posterior["constant_data"]["N"]
    panel.x = "D/N"
    np.testing.assert_allclose(panel.answer()["D/N"], ratio)


def test_the_picked_run_is_in_the_answer_whatever_groups_are_shown(panel):
    panel.run = str(panel.labels[0])
    panel.groups = [cell for cell in panel.groups if cell != panel.cells[0]][:1]
    assert panel.run in panel.answer().index
    assert len(panel.answer()) == (panel.cells == panel.groups[0]).sum() + 1


def test_statistics_are_named_with_their_p_values(panel, posterior):
    checked = sb.check(posterior)
    texts = {m["text"] for m in panel.view["scene"]["plots"][1]["marks"] if m["kind"] == "text"}
    expected = zip(checked["statistic"].values, checked["p_value"].values, strict=True)
    assert texts == {f"{name}, p = {p:.2f}" for name, p in expected}


def test_coverage_is_that_of_score_table(panel, posterior, split):
    expected = sb.score_table(sb.score(posterior, split[1]), by="extrapolation", level=0.5)
    panel.level = 0.5
    assert panel.coverage()["coverage"].tolist() == expected["coverage"].tolist()
    plot = panel.view["scene"]["plots"][3]
    line = next(m for m in plot["marks"] if m["kind"] == "line")
    np.testing.assert_allclose(array(panel.view, line["y"]), expected["coverage"], rtol=1e-6)


def test_without_held_out_runs_there_is_no_coverage(posterior):
    panel = Checking(posterior)
    assert len(panel.view["scene"]["plots"]) == 3


def test_a_bootstrap_says_that_it_cannot_weigh(panel):
    panel.picked = {"plot": 0, "series": "runs", "index": 3}
    assert panel.run == panel.labels[3]
    assert "this posterior has no likelihood" in panel.view["scene"]["summary"]
    assert "moved" not in panel.answer()
    panel.picked = {}
    assert panel.run == ""


def test_influence_is_that_of_the_question():
    posterior = with_likelihood({2: 1.0})
    panel = Checking(posterior, budget=1e11)
    panel.picked = {"plot": 0, "series": "runs", "index": 2}
    expected = sb.influence(posterior, {"N": 1e11}, runs=[panel.run])
    found = panel.influence(panel.run)
    for name, value in found.items():
        assert value == pytest.approx(expected[name].item(), rel=1e-3)
        assert panel.answer().loc[panel.run, name] == value
    assert "weights, no fit" in panel.view["scene"]["summary"]


def test_a_run_that_no_weights_can_replace_asks_for_a_fit():
    panel = Checking(with_likelihood({2: 40.0}, wobble=0.01))
    panel.run = str(panel.labels[2])
    assert "sb.refit_without" in panel.view["scene"]["summary"]
    assert not any(entry["colour"] == "good" for entry in panel.view["scene"]["plots"][2]["marks"])


def test_a_budget_beyond_the_slider_widens_it(panel):
    panel.budget = 1e27
    control = next(c for c in panel.view["scene"]["controls"] if c["name"] == "budget")
    assert control["high"] >= 1e27
