"""Notebook 7 and Voila: the mouse moves a slider, and the console tells no error of ours."""

import pytest

from benchmarks.browser import visit

OURS = ("sb-", "anywidget", "scaling_bayes", "canvas")
"""Words of errors that are ours. Notebook 7 itself tells "reading 'schema'" of a notebook that holds nothing but 1 + 1,
from ``notebook_core``, where it loads the settings of its extensions; JupyterLab tells no error at all."""


@pytest.mark.slow
@pytest.mark.parametrize("app", ["notebook", "voila"])
def test_mouse_moves_the_main_slider(chromium, server, app):
    seen = visit(chromium, server, "explorer.ipynb", app=app)
    words = seen.panel.locator(".sb-summary")
    before, count = words.inner_text(), int(seen.panel.get_attribute("data-count"))
    control = seen.panel.locator(".sb-range:enabled").first
    control.scroll_into_view_if_needed()
    box = control.bounding_box()
    seen.page.mouse.click(box["x"] + 0.25 * box["width"], box["y"] + box["height"] / 2)
    seen.page.wait_for_function(
        "([node, count]) => Number(node.dataset.count) > count", arg=[seen.panel.element_handle(), count]
    )
    assert words.inner_text() != before
    assert [error for error in seen.errors if any(word in error for word in OURS)] == []
