"""The exported page without a network: it asks for nothing, and its main slider works."""

import pytest
import xarray as xr

import scaling_bayes as sb
from benchmarks.browser import gather_errors
from scaling_bayes.explorer.explore import PANELS


@pytest.fixture(scope="module")
def explorer(folder, posterior):
    with xr.open_dataset(folder / "held_out.nc") as held_out:
        return sb.explore(posterior, held_out.load())


@pytest.fixture(scope="module")
def page(chromium, explorer, folder):
    context = chromium.new_context(offline=True, viewport={"width": 1100, "height": 900})
    page = context.new_page()
    page.errors, page.asked = gather_errors(page), []
    page.on("request", lambda request: page.asked.append(request.url))
    page.route("**/*", lambda route: route.continue_() if route.request.url.startswith("file:") else route.abort())
    page.goto(explorer.to_html(folder / "page.html").as_uri())
    yield page
    context.close()


@pytest.mark.parametrize("name", PANELS)
def test_main_slider_works_without_a_kernel(page, explorer, name):
    panel = getattr(explorer, name)
    page.locator("nav button", has_text=panel.title).first.dispatch_event("click")
    shown = page.locator(".sb-panel:visible")
    shown.wait_for()
    assert shown.locator(".sb-summary").inner_text() == panel.view["scene"]["summary"].strip()
    control = shown.locator(f'.sb-range[data-name="{panel.main}"]')
    if not panel.main or not control.count():
        pytest.skip(f"{name} has no main slider")
    before = shown.locator("canvas.sb-canvas").evaluate("(node) => node.toDataURL()")
    control.focus()
    control.press("PageUp")
    page.wait_for_timeout(300)
    assert shown.locator("canvas.sb-canvas").evaluate("(node) => node.toDataURL()") != before


def test_a_theme_is_drawn_though_the_page_hides_meanwhile(page):
    """JupyterLab hides everything for a moment while it changes themes."""
    change = """async (light) => {
      document.body.dataset.jpThemeLight = light;
      await null; // those who watch the theme have been told
      document.body.style.display = "none";
      requestAnimationFrame(() => { document.body.style.display = ""; });
    }"""
    pixels = "() => [...document.querySelectorAll('canvas.sb-canvas')].find((n) => n.checkVisibility()).toDataURL()"
    page.evaluate(change, "true")
    page.wait_for_timeout(300)
    light = page.evaluate(pixels)
    for theme, same in (("false", False), ("true", True)):
        page.evaluate(change, theme)
        page.wait_for_timeout(300)
        assert (page.evaluate(pixels) == light) == same, theme


def test_nothing_was_asked_and_no_error_told(page):
    assert [url for url in page.asked if not url.startswith("file:")] == []
    assert page.errors == []
