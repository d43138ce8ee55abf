"""Bands, readings and counts of the extrapolation panel against `predict` and `score`."""

import numpy as np
import pytest

import scaling_bayes as sb
from scaling_bayes.explorer.along import POINTS, QUANTILES
from scaling_bayes.explorer.extrapolation import Extrapolation
from scaling_bayes.explorer.subject import Subject


@pytest.fixture
def panel(subject):
    return Extrapolation(subject, new_run=False)


def array(view, reference):
    offset, length = reference
    return np.frombuffer(view["data"], "<f4")[offset : offset + length]


def columns_of(panel, x):
    held = {"C": lambda: {"N": np.sqrt(x / (6 * panel.at["M"])), "D": np.sqrt(x * panel.at["M"] / 6)}}
    held |= {"N": lambda: {"N": x, "D": panel.at["D"]}, "D": lambda: {"D": x, "N": panel.at["N"]}}
    return held[panel.along]()


@pytest.mark.parametrize("along", ["C", "N", "D"])
def test_bands_on_screen_are_quantiles_of_predict(panel, posterior, along):
    panel.along = along
    plot = panel.view["scene"]["plots"][0]
    bands = [m for m in plot["marks"] if m["kind"] == "band"]
    x = array(panel.view, bands[0]["x"]).astype(float)
    assert len(x) == POINTS + 1
    curve = sb.predict(posterior, columns_of(panel, x))["loss"]
    for mark, (corpus, level) in zip(bands, [(c, p) for c in ("code", "web") for p in (0.9, 0.8, 0.5)], strict=True):
        logs = np.log(curve.sel(corpus=corpus))
        ends = np.exp(logs.quantile([(1 - level) / 2, (1 + level) / 2], ("chain", "draw")).values)
        found = np.stack([array(panel.view, mark[end]) for end in ("low", "high")])
        np.testing.assert_allclose(found, ends, rtol=1e-5)


def test_answer_reads_predict_at_the_budget(panel, posterior):
    panel.budget, panel.at = 1e22, {**panel.at, "M": 30.0}
    table = panel.answer()
    assert table["C"].unique() == pytest.approx([1e22])
    median = sb.predict(posterior, columns_of(panel, np.array([1e22])))["loss"].median(("chain", "draw"))
    np.testing.assert_allclose(table["median"], median.values.ravel(), rtol=1e-4)
    assert (table["lower"] < table["median"]).all()
    assert table["extrapolation"].iloc[0] == pytest.approx(1e22 / panel.subject.covariates.fitted["C"].max())
    assert f"{table['median'].iloc[0]:.4g}" in panel.view["scene"]["summary"]


def test_budget_is_compute_along_every_axis(panel):
    panel.budget = 1e21
    panel.along = "N"
    assert panel.cursor() == pytest.approx(1e21 / (6 * panel.at["D"]))
    panel.asked = {"name": "cursor", "value": 1e9, "moving": False}
    assert panel.budget == pytest.approx(6 * 1e9 * panel.at["D"])


def test_count_beyond_the_line_is_that_of_score(panel, posterior, split):
    inside = sb.score(posterior, split[1])["inside"].sel(level=0.9).values
    table = panel.answer()
    assert table["runs_beyond"].sum() == split[1].sizes["run"]
    assert table["inside"].sum() == inside.sum()
    panel.held_out_at = 5e19
    far = split[1]["C"].values > 5e19
    assert panel.answer()["runs_beyond"].sum() == far.sum()
    assert f"{inside[far].sum()} of {far.sum()} held-out runs" in panel.view["scene"]["summary"]


def test_a_wide_sweep_is_thinned_while_it_moves_and_says_so(panel, monkeypatch):
    assert Extrapolation.work >= 4000 * POINTS * 4
    monkeypatch.setattr(Extrapolation, "work", 10 * POINTS * 2)
    panel.groups = ["code"]
    panel.groups = ["code", "web"]
    panel.asked = {"name": "at.M", "value": 30.0, "moving": True}
    assert "Moving: 10 of all draws" in panel.view["scene"]["summary"]
    moving = panel.view["data"]
    panel.asked = {"name": "at.M", "value": 30.0, "moving": False}
    assert "Moving" not in panel.view["scene"]["summary"]
    assert panel.view["data"] != moving


@pytest.mark.parametrize(
    ("state", "message"),
    [
        ({"groups": ["wab"]}, "'wab' is no group of this posterior: did you mean 'web'"),
        ({"along": "E"}, "along='E' is none that a curve can run along"),
    ],
)
def test_wrong_state_is_refused(subject, state, message):
    with pytest.raises(sb.QuestionError, match=message):
        Extrapolation(subject, **state)


def test_a_picked_run_has_a_name(panel):
    marks = [m for m in panel.view["scene"]["plots"][0]["marks"] if m["kind"] == "points"]
    index = np.concatenate([array(panel.view, m["index"]) for m in marks]).astype(int)
    assert sorted(index) == list(range(len(panel.names["runs"])))
    assert "held out" in panel.names["runs"][int(array(panel.view, marks[-1]["index"])[0])]


def test_a_law_in_one_covariate_needs_no_slider():
    law = sb.Law("E + A*N**-alpha")
    sweep = sb.simulate_sweep(
        law, {"N": [1e7, 3e7, 1e8, 3e8, 1e9]}, truth={"E": 1.8, "A": 400.0, "alpha": 0.35}, seed=0
    )
    panel = Extrapolation(Subject(sb.baseline(law, sweep, seed=0, bootstrap=20)))
    assert panel.along == "N"
    assert [c["kind"] for c in panel.view["scene"]["controls"]] == ["choice", "tick", "button"]
    assert list(panel.answer().index) == ["all runs"]
    assert len(QUANTILES) == 7
