"""The explorer in JupyterLab: every panel answers keys and mouse, and shows what it says without a browser."""

import numpy as np
import pytest
import xarray as xr

import scaling_bayes as sb
from benchmarks.browser import visit
from scaling_bayes.explorer.explore import PANELS, find_panel
from scaling_bayes.explorer.panel import Panel
from scaling_bayes.explorer.subject import Subject

FIRST = {"checking": "setattr(explorer.checking, 'run', str(explorer.checking.labels[0]))"}
"""What is done so that the main slider has something to say: a run is chosen."""


@pytest.fixture(scope="module")
def lab(chromium, server):
    return visit(chromium, server, "explorer.ipynb")


@pytest.fixture(scope="module")
def subject(folder):
    with xr.open_dataset(folder / "held_out.nc") as held_out:
        return Subject(sb.open_posterior(folder / "posterior.nc"), held_out.load())


@pytest.fixture(params=PANELS)
def opened(request, lab):
    """A panel's name; its tab is open."""
    lab.open_tab(find_panel(request.param).title)
    lab.ask(FIRST.get(request.param, "None"))
    lab.settle(f"explorer.{request.param}")
    return request.param


def same_panel(name: str, subject: Subject, state: dict) -> Panel:
    return find_panel(name)(subject, **state)


def place(control):
    """Where a slider stands, from 0 to 1; a handle is none."""
    return control.evaluate("(n) => (n.max ? (n.value - n.min) / (n.max - n.min) : 0)")


def seen(lab, name):
    """Pixels, words and state of a panel at rest."""
    lab.settle(f"explorer.{name}")
    pixels = lab.panel.locator("canvas.sb-canvas").evaluate("(node) => node.toDataURL()")
    return pixels, lab.panel.locator(".sb-summary").inner_text(), lab.ask(f"explorer.{name}.state()")


def assert_moved(lab, name, before, subject):
    """Pixels and state changed, and the words are those of the same panel in this process."""
    pixels, words, state = seen(lab, name)
    assert state != before[2]
    assert pixels != before[0]
    twin = same_panel(name, subject, state)
    assert words == twin.view["scene"]["summary"].strip()
    table = twin.answer()
    asked = lab.ask(f"explorer.{name}.answer().select_dtypes('number').astype(float).values.tolist()")
    np.testing.assert_allclose(np.array(asked, float), table.select_dtypes("number").to_numpy(float), rtol=1e-6)
    return words


def test_keys_move_a_slider(lab, opened, subject):
    control = lab.panel.locator(".sb-range:enabled, .sb-handle:visible").first
    if not control.count():
        pytest.skip(f"{opened} has no slider")
    before = seen(lab, opened)
    control.focus()
    control.press("PageDown" if place(control) > 0.5 else "PageUp")
    assert assert_moved(lab, opened, before, subject) != before[1]


def test_the_mouse_moves_a_slider(lab, opened, subject):
    control = lab.panel.locator(".sb-range:enabled").first
    if not control.count():
        pytest.skip(f"{opened} has no slider")
    before = seen(lab, opened)
    control.scroll_into_view_if_needed()
    box = control.bounding_box()
    far = 0.25 if place(control) > 0.5 else 0.75  # panels share budgets: another may have moved this slider
    lab.page.mouse.click(box["x"] + far * box["width"], box["y"] + box["height"] / 2)
    assert_moved(lab, opened, before, subject)


def test_the_mouse_drags_a_rule(lab, opened, subject):
    handle = lab.panel.locator(".sb-handle:visible").last
    if not handle.count():
        pytest.skip(f"{opened} has no rule to drag")
    before = seen(lab, opened)
    handle.scroll_into_view_if_needed()
    box = handle.bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + 0.6 * box["height"]
    lab.page.mouse.move(x, y)
    lab.page.mouse.down()
    lab.page.mouse.move(x - 60, y, steps=4)
    lab.page.mouse.up()
    assert_moved(lab, opened, before, subject)


def test_numbers_on_screen_are_those_of_predict(lab, subject):
    lab.open_tab("Extrapolation")
    lab.ask("setattr(explorer.extrapolation, 'new_run', False)")
    lab.panel.locator(".sb-range").first.press("PageDown")
    _, words, state = seen(lab, "extrapolation")
    C, M = state["budget"], state["at"]["M"]
    loss = sb.predict(subject.posterior, {"N": np.sqrt(C / (6 * M)), "D": np.sqrt(C * M / 6)})["loss"]
    for corpus, value in loss.median(("chain", "draw")).squeeze("point").to_series().items():
        assert f"{corpus} {value:.4g} (90 %" in words


def test_state_set_in_python_reaches_the_screen(lab):
    lab.open_tab("Extrapolation")
    lab.settle("explorer.extrapolation")
    lab.ask("setattr(explorer, 'budget', 3e22)")
    lab.settle("explorer.extrapolation")
    assert "At C = 3e22 FLOP" in lab.panel.locator(".sb-summary").inner_text()


def test_a_change_of_theme_is_drawn_at_once(lab):
    lab.open_tab("Extrapolation")
    lab.settle("explorer.extrapolation")
    pixels = "() => document.querySelector('.sb-panel[data-count] canvas.sb-canvas').toDataURL()"
    change = "(theme) => window.jupyterapp.commands.execute('apputils:change-theme', { theme })"
    light = lab.page.evaluate(pixels)
    for theme, same in (("JupyterLab Dark", False), ("JupyterLab Light", True)):
        lab.page.evaluate(change, theme)
        lab.page.wait_for_function(f"([light, same]) => (({pixels})() === light) === same", arg=[light, same])


def test_the_console_told_no_error(lab):
    assert lab.errors == []
