"""What every panel keeps, run over the table of panels: one line there, all tests here."""

import base64
import re

import numpy as np
import pandas as pd
import pytest
import traitlets
from matplotlib.figure import Figure

import scaling_bayes as sb
from scaling_bayes.explorer.explore import PANELS, SHARED, find_panel
from scaling_bayes.explorer.panel import STATE, spread
from scaling_bayes.explorer.subject import Subject


@pytest.fixture(params=PANELS)
def panel(request, subject):
    return find_panel(request.param)(subject)


def references(view):
    """Every array of a view as it lies in the buffer."""
    for plot in view["scene"]["plots"]:
        for mark in plot["marks"]:
            for name, value in mark.items():
                numbers = isinstance(value, list) and len(value) == 2 and all(isinstance(v, int) for v in value)
                if numbers and name in {"x", "y", "low", "high", "values", "shown", "index"}:
                    yield name, value


def test_view_is_plain_and_its_arrays_lie_in_the_buffer(panel):
    size = len(panel.view["data"]) // 4
    found = list(references(panel.view))
    assert found
    assert all(offset >= 0 and offset + length <= size for _, (offset, length) in found)
    assert panel.view["scene"]["label"] == panel.title
    assert panel.view["scene"]["summary"]


def test_a_change_of_state_is_a_new_view(panel):
    if panel.has_trait("cost"):
        panel.cost = "6 N D + serving"  # what is served counts in this one
    for name in sorted(panel.traits(**{STATE: True})):
        before, value = panel.view, getattr(panel, name)
        if isinstance(value, float) and name != "level":
            setattr(panel, name, value * 1.1)
            assert panel.view["scene"]["count"] > before["scene"]["count"], name
            assert panel.view["data"] != before["data"] or panel.view["scene"]["plots"] != before["scene"]["plots"]


def test_every_range_answers_the_browser(panel):
    for control in list(panel.view["scene"]["controls"]):
        if control["kind"] != "range":
            continue
        count, value = panel.view["scene"]["count"], spread(control, 5)[1]
        panel.asked = {"name": control["name"], "value": value, "moving": False}
        now = next(c for c in panel.view["scene"]["controls"] if c["name"] == control["name"])
        assert now["value"] == pytest.approx(value)
        assert panel.view["scene"]["count"] == count + 1


def test_every_choice_answers_the_browser(panel):
    for control in list(panel.view["scene"]["controls"]):
        if control["kind"] == "choice":
            for option in control["options"]:
                panel.asked = {"name": control["name"], "value": option, "moving": False}
                now = next(c for c in panel.view["scene"]["controls"] if c["name"] == control["name"])
                assert now["value"] == option


def test_what_cannot_be_set_is_said_and_changes_nothing(panel):
    if panel.has_trait("groups"):
        before = panel.groups
        panel.asked = {"name": "groups", "value": [], "moving": False}
        assert panel.groups == before
        assert "show at least one group of code, web" in panel.view["scene"]["summary"]


def test_answer_is_a_table_and_figure_a_figure(panel):
    assert isinstance(panel.answer(), pd.DataFrame)
    assert len(panel.answer())
    assert isinstance(panel.figure(), Figure)


def test_display_has_widget_picture_and_text(panel):
    bundle = panel._repr_mimebundle_()
    data = bundle[0] if isinstance(bundle, tuple) else bundle
    assert {"application/vnd.jupyter.widget-view+json", "image/png", "text/plain"} <= data.keys()
    assert base64.b64decode(data["image/png"])[:4] == b"\x89PNG"
    assert len(data["text/plain"]) < 2000


def test_failed_gates_stand_in_red(panel, failed_posterior, split):
    assert panel.view["scene"]["warning"] == ""
    warned = type(panel)(Subject(failed_posterior, split[1]))
    assert warned.view["scene"]["warning"] == "SAMPLER GATES FAILED: R-hat"
    assert "R-hat" in str(warned.answer().columns.name)


def test_page_needs_no_network(panel, tmp_path):
    state = panel.state()
    text = panel.to_html(tmp_path / "page.html").read_text("utf-8")
    assert not re.search(r"https?://|//cdn|import\s*\(|<link|src=", text)
    assert panel.state() == state
    assert len(text) < 5_000_000


def test_a_figure_is_saved_by_the_button(panel, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    panel.asked = {"name": "figure", "value": 1, "moving": False}
    assert {path.suffix for path in tmp_path.iterdir()} == {".csv", ".json", ".pdf", ".png"}
    assert "Saved" in panel.view["scene"]["summary"]


def test_unknown_state_is_refused(panel):
    with pytest.raises(TypeError, match="has no 'bugdet'; its state is"):
        type(panel)(panel.subject, bugdet=1.0)


def test_explorer_shares_state(posterior, split):
    explorer = sb.explore(posterior, split[1], budget=1e22)
    made = [getattr(explorer, name) for name in PANELS]
    for trait in SHARED:
        assert len({str(getattr(p, trait)) for p in made if p.has_trait(trait)}) == 1
    explorer.budget = 1e21
    assert {p.budget for p in made if p.has_trait("budget")} == {1e21}
    assert isinstance(explorer.figure(), Figure)
    assert np.isfinite(explorer.answer()["median"]).all()


@pytest.fixture(scope="module")
def plain():
    """Of a law in size alone, and one group."""
    law, design = sb.Law("E + A*N**-alpha"), {"N": [1e7, 3e7, 1e8, 3e8, 1e9]}
    sweep = sb.simulate_sweep(law, design, truth={"E": 1.8, "A": 400.0, "alpha": 0.35}, seed=0)
    return sb.baseline(law, sweep, seed=0, bootstrap=20)


def test_a_covariate_that_is_not_positive_is_no_axis():
    law = sb.Law("E + A*N**-alpha + b*x", covariates=("N", "x"), roles={"b": "coefficient"})
    design = {"N": [1e7, 3e7, 1e8, 3e8], "x": [-1.0, 0.0, 1.0]}
    sweep = sb.simulate_sweep(law, design, truth={"E": 1.8, "A": 400.0, "alpha": 0.35, "b": 0.1}, seed=0)
    explorer = sb.explore(sb.baseline(law, sweep, seed=0, bootstrap=20))
    controls = {c["name"]: c for c in explorer.extrapolation.view["scene"]["controls"]}
    assert not controls["at.x"]["log"]
    assert "along" not in controls
    for panel in (explorer.extrapolation, explorer.priors):
        with pytest.raises(sb.QuestionError, match="along='x': x reaches -1, and the axis is logarithmic; run along N"):
            panel.along = "x"
    shifted = sb.Law("E + b*x", covariates=("x",), roles={"b": "coefficient"})
    alone = sb.explore(sb.baseline(shifted, sweep, seed=0, bootstrap=20))
    assert alone.tabs.titles == ("Sweep",)
    assert "above 0 throughout" in alone.left_out["extrapolation"]


@pytest.mark.parametrize("name", ["comparison", "allocation"])
def test_a_panel_with_nothing_to_show_says_why(plain, name):
    explorer = sb.explore(plain)
    assert name not in explorer.tabs.titles
    assert explorer.left_out[name]
    for ask in (lambda: sb.explore(plain, panels=[name]), lambda: find_panel(name)(Subject(plain))):
        with pytest.raises(sb.QuestionError, match=f"nothing to show: {re.escape(explorer.left_out[name])}"):
            ask()
    with pytest.raises(AttributeError, match="nothing to show"):
        getattr(explorer, name)


def test_before_a_fit_there_are_the_sweep_and_the_priors_of_a_model(split):
    model = sb.Model(sb.law("chinchilla"), discrepancy=None)
    explorer = sb.explore(*split, model=model)
    assert explorer.tabs.titles == ("Priors", "Sweep")
    assert explorer.priors.model == model
    assert sb.explore(split[0]).tabs.titles == ("Sweep",)
    assert all("needs a fit" in explorer.left_out[name] for name in ("extrapolation", "comparison", "checking"))
    with pytest.raises(AttributeError, match="no panel of this explorer has 'budget'; they are priors, sweep"):
        _ = explorer.budget


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        ({"budgte": 1e20}, TypeError, "panels do not share 'budgte', they share budget, groups, level"),
        ({"model": "chinchilla"}, sb.QuestionError, "this posterior keeps the model it was fitted with"),
        ({"budget": -1.0}, traitlets.TraitError, "budget is above 0, found -1"),
        ({"groups": ["wbe"]}, sb.QuestionError, "'wbe' is no group of this posterior: did you mean 'web'"),
    ],
)
def test_explorer_refuses_what_it_does_not_know(posterior, given, error, message):
    with pytest.raises(error, match=message):
        sb.explore(posterior, **given)


def test_explorer_takes_no_table(split):
    with pytest.raises(sb.QuestionError, match="takes a posterior or a sweep, found DataFrame"):
        sb.explore(split[0].to_dataframe())


def test_a_page_without_a_slider_does_not_speak_of_one(subject, tmp_path):
    pages = {
        name: find_panel(name)(subject).to_html(tmp_path / f"{name}.html").read_text()
        for name in ("sweep", "allocation")
    }
    told = {name: "The slider moves over a grid" in page for name, page in pages.items()}
    assert told == {"sweep": False, "allocation": True}


def test_explorer_refuses_unknown_panels(posterior):
    with pytest.raises(sb.QuestionError, match="no panel is called 'extrapolate'"):
        sb.explore(posterior, panels=["extrapolate"])


def test_a_page_that_would_be_large_has_fewer_positions_of_its_slider(subject, tmp_path, monkeypatch):
    panel = find_panel("extrapolation")(subject)
    whole = len(panel.to_html(tmp_path / "whole.html").read_text("utf-8"))
    monkeypatch.setattr("scaling_bayes.explorer.export.MOST", int(0.7 * whole))
    small = panel.to_html(tmp_path / "small.html").read_text("utf-8")
    assert len(small) < 0.7 * whole
    assert small.count('"now":true') == 1
    monkeypatch.setattr("scaling_bayes.explorer.export.MOST", whole // 30)
    with pytest.raises(ValueError, match="show fewer groups"):
        panel.to_html(tmp_path / "none.html")
    assert not (tmp_path / "none.html").exists()
