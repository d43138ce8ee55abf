"""`Canvas`: the one widget; it draws a view in the browser, and tells what was asked, picked and brushed there."""

import re
from functools import cache
from pathlib import Path
from typing import Any

import anywidget
import traitlets

HERE = Path(__file__).parent
HEARD = {"sync": True, "echo_update": False}
"""Tags of what only the browser says: one message less a step, as nothing is told back to it."""

SOURCES = ("axes.js", "marks.js", "controls.js", "canvas.js")


@cache
def read_script() -> str:
    """The widget's script: our modules one after the other, as one that imports nothing.

    Examples
    --------
    >>> "import " in read_script(), read_script().count("export ")
    (False, 1)
    """
    text = "\n".join((HERE / name).read_text("utf-8") for name in SOURCES)
    text = re.sub(r"^import .*\n", "", text, flags=re.MULTILINE)
    return re.sub(r"^export (?!default)", "", text, flags=re.MULTILINE)


@cache
def read_style() -> str:
    """The widget's style sheet."""
    return (HERE / "canvas.css").read_text("utf-8")


class Canvas(anywidget.AnyWidget):
    """A drawing in the browser.

    Attributes
    ----------
    view : dict
        From `scaling_bayes.explorer.scene.Scene.view`; the bytes travel as they are.
    names : dict
        series -> what is said of each of its points when the mouse is on it.
    asked : dict
        What a control or a rule was moved to last: ``name``, ``value``, and whether it is still ``moving``.
    picked : dict
        ``series`` and ``index`` of the point that was clicked; empty where none was.
    brushed : dict
        ``x`` and ``y``, the ends of a brushed rectangle, and ``series``, the numbers of the points inside.
    """

    _esm = read_script()
    _css = read_style()

    view = traitlets.Dict().tag(sync=True)
    names = traitlets.Dict().tag(sync=True)
    asked = traitlets.Dict().tag(**HEARD)
    picked = traitlets.Dict().tag(**HEARD)
    brushed = traitlets.Dict().tag(**HEARD)

    def _repr_keys(self) -> Any:
        """Leave the view out of the text form: it holds bytes by the thousand."""
        return (name for name in super()._repr_keys() if name not in {"view", "names"})
