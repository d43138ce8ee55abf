"""`write_page`: panels as one page of HTML that needs neither network nor kernel; the main slider of each still works.

The page holds the widget's own script, and the views of each panel on a grid of its main slider. A few lines stand in
for the kernel: they answer the slider with the nearest view.
"""

import base64
import json
from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scaling_bayes.explorer.canvas import read_script, read_style

if TYPE_CHECKING:
    from scaling_bayes.explorer.panel import Panel

MOST = 5_000_000
"""Bytes that a page may have."""

FEWEST = 7
"""Positions of a slider below which a page is not thinned to become small enough."""

PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>%(title)s</title>
<style>
:root { color-scheme: light dark; }
body { margin: 0 auto; max-width: 1120px; padding: 12px; font: 15px/1.45 system-ui, sans-serif; }
@media (prefers-color-scheme: dark) { body { background: #141517; color: #e4e4e4; } }
nav button { font: inherit; padding: 4px 14px; margin-right: 4px; } nav [aria-selected="true"] { font-weight: 600; }
%(style)s</style></head>
<body><nav role="tablist"></nav><main></main>
<p><small>%(note)s</small></p>
<script type="module">
%(script)s
const panels = JSON.parse(document.getElementById("panels").textContent);
const bytes = (text) => new DataView(Uint8Array.from(atob(text), (c) => c.charCodeAt(0)).buffer);
const show = (frame) => ({ scene: frame.scene, data: bytes(frame.data) });
const nearest = (frames, at) => frames.reduce((a, b) => (Math.abs(b.at - at) < Math.abs(a.at - at) ? b : a));
const tabs = panels.map((panel) => {
  const el = make("section", "", document.querySelector("main"));
  const state = { view: show(panel.frames.find((f) => f.now) ?? panel.frames[0]), names: panel.names };
  const heard = [];
  const model = {
    get: (name) => state[name],
    set: (name, value) => { state[name] = value; },
    on: (event, tell) => heard.push(tell),
    off() {},
    save_changes() {
      if (state.asked?.name !== panel.main) return;
      const control = state.view.scene.controls.find((c) => c.name === panel.main);
      const place = (value) => toFraction(control, value);
      state.view = show(nearest(panel.frames.map((f) => ({ ...f, at: place(f.value) })), place(state.asked.value)));
      heard.forEach((tell) => tell());
    },
  };
  const draw = () => render({ model, el });
  return { el, draw, panel };
});
const open = (chosen) => tabs.forEach((tab) => {
  tab.el.hidden = tab !== chosen;
  tab.button.setAttribute("aria-selected", String(tab === chosen));
  if (tab === chosen && !tab.el.firstChild) tab.draw();
});
for (const tab of tabs) {
  tab.button = make("button", "", document.querySelector("nav"), { textContent: tab.panel.title });
  tab.button.setAttribute("role", "tab");
  tab.button.addEventListener("click", () => open(tab));
}
document.querySelector("nav").hidden = tabs.length < 2;
open(tabs[0]);
</script>
<script type="application/json" id="panels">%(panels)s</script>
</body></html>
"""


def write_page(panels: Sequence["Panel"], path: str | Path) -> Path:
    """Write panels as one page.

    Parameters
    ----------
    panels : sequence of Panel
        With more than one the page has tabs.
    path : str or Path
        Of the file; its folder exists.

    Returns
    -------
    Path
        What was written, at most `MOST` bytes: where it would be larger, sliders have fewer positions.

    Raises
    ------
    ValueError
        If it is larger even so: panels then show too many groups.
    """
    packed = [pack(panel) for panel in panels]
    while (text := _fill(panels, packed)) and len(text.encode()) > MOST:
        if max(len(panel["frames"]) for panel in packed) < 2 * FEWEST:
            size = len(text.encode()) / 1e6
            raise ValueError(f"the page would have {size:.1f} MB, more than {MOST / 1e6:g}: show fewer groups")
        packed = [_thin(panel) for panel in packed]
    path = Path(path)
    path.write_text(text, encoding="utf-8")
    return path


def _fill(panels: Sequence["Panel"], packed: Sequence[dict[str, Any]]) -> str:
    """The page."""
    heading, gates = panels[0].subject.heading, panels[0].warning
    moves = any(len(panel["frames"]) > 1 for panel in packed)
    told = "The slider moves over a grid of saved views; other controls need" if moves else "Controls need"
    words = {
        "title": escape(heading),
        "note": escape(f"{heading}. {told} a kernel. {gates}"),
        "style": read_style(),
        "script": read_script().replace("export default { render };", ""),
        "panels": json.dumps(packed, allow_nan=False, separators=(",", ":")).replace("</", "<\\/"),
    }
    return PAGE % words


def _thin(panel: dict[str, Any]) -> dict[str, Any]:
    """Every second position of the slider, and the one that is seen.

    >>> frames = [{"value": v, "now": v == 3} for v in range(6)]
    >>> [frame["value"] for frame in _thin({"frames": frames})["frames"]]
    [0, 2, 3, 4]
    """
    return {**panel, "frames": [f for k, f in enumerate(panel["frames"]) if k % 2 == 0 or f["now"]]}


def pack(panel: "Panel") -> dict[str, Any]:
    """A panel's views along its main slider as plain data; every control but the main one is switched off."""
    now = panel.scene().controls
    current = next((c["value"] for c in now if c["name"] == panel.main), None)
    frames = [_freeze(view, value, panel.main, value == current) for value, view in panel.frames()]
    if not frames:
        frames = [_freeze(panel.scene().view(), 0.0, "", True)]
    return {"title": panel.title, "main": panel.main, "names": panel.names, "frames": frames}


def _freeze(view: dict[str, Any], value: float, main: str, now: bool) -> dict[str, Any]:
    scene = dict(view["scene"])
    scene["controls"] = [{**c, "disabled": c["name"] != main} for c in scene["controls"]]
    scene["plots"] = [
        {**p, "brush": False, "marks": [_fix(m, k) for k, m in enumerate(p["marks"])]} for p in scene["plots"]
    ]
    return {"value": value, "now": now, "scene": scene, "data": base64.b64encode(view["data"]).decode()}


def _fix(mark: dict[str, Any], place: int) -> dict[str, Any]:
    """A rule that was dragged stands still, its name at a height of its own."""
    return {**mark, "drag": "", "level": place % 2} if mark.get("drag") else mark
