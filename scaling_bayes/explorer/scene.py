"""`Scene`: what a canvas draws, as plain data; every array is cut from one float32 buffer.

A scene is a dictionary that goes to the browser as JSON: plots with axes and marks, controls, a legend and words. An
array is named there by its offset and length in the buffer, which goes as bytes. Colours are names of the theme
(``ink``, ``muted``, ``shade``, ``good``, ``bad``) or hexadecimal.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

HEIGHT = 430
"""Of the canvas, in CSS pixels, where the plots stand in one row."""

Reference = list[int]


@dataclass(frozen=True)
class Axis:
    """One axis of a plot.

    Attributes
    ----------
    low, high : float
        Ends, in the units of the data.
    label : str
    unit : str
        Says how numbers are written: counts as 70M, FLOP as 1e21.
    log : bool
    ticks : sequence of (float, str), optional
        Instead of those that the browser finds.
    """

    low: float
    high: float
    label: str
    unit: str = ""
    log: bool = True
    ticks: Sequence[tuple[float, str]] | None = None

    def plain(self) -> dict[str, Any]:
        """As JSON has it."""
        found: dict[str, Any] = {"low": float(self.low), "high": float(self.high), "label": self.label}
        found |= {"unit": self.unit, "log": self.log}
        if self.ticks is not None:
            found["ticks"] = [{"value": float(value), "text": text} for value, text in self.ticks]
        return found


@dataclass
class Plot:
    """One plot of a scene; each method adds a mark, and the later one lies above.

    Attributes
    ----------
    scene : Scene
    x, y : Axis
    row, column : int
    title : str
    brush : bool
        Whether a rectangle may be brushed; the panel finds it in its trait ``brushed``.
    """

    scene: "Scene"
    x: Axis
    y: Axis
    row: int = 0
    column: int = 0
    title: str = ""
    brush: bool = False
    marks: list[dict[str, Any]] = field(default_factory=list)

    def band(self, x: ArrayLike, low: ArrayLike, high: ArrayLike, *, colour: str, alpha: float = 0.2) -> None:
        """Fill between two curves."""
        arrays = {"x": self.scene.store(x), "low": self.scene.store(low), "high": self.scene.store(high)}
        self.marks.append({"kind": "band", **arrays, "colour": colour, "alpha": alpha})

    def line(
        self,
        x: ArrayLike,
        y: ArrayLike,
        *,
        colour: str = "ink",
        width: float = 1.8,
        alpha: float = 1.0,
        dash: str = "solid",
    ) -> None:
        """Draw a curve; `dash` is solid, dashed or dotted."""
        arrays = {"x": self.scene.store(x), "y": self.scene.store(y)}
        look = {"colour": colour, "width": width, "alpha": alpha, "dash": dash}
        self.marks.append({"kind": "line", **arrays, **look})

    def points(
        self,
        x: ArrayLike,
        y: ArrayLike,
        *,
        colour: str = "ink",
        marker: str = "o",
        size: float = 3.0,
        open: bool = False,
        shown: ArrayLike | None = None,
        series: str = "",
        index: ArrayLike | None = None,
    ) -> None:
        """Draw markers.

        Parameters
        ----------
        x, y : array, shape (point,)
        colour, marker : str
            Markers as in the figures, and ``x``.
        size : float
            Radius in pixels.
        open : bool
            Outline only.
        shown : array, shape (point,), optional
            Opacity of each.
        series : str
            Under which points are picked and brushed, and have names; points without cannot be picked.
        index : array, shape (point,), optional
            Number of each point in its series; its place by default.
        """
        arrays = {"x": x, "y": y, "shown": shown, "index": index}
        kept = {name: self.scene.store(array) for name, array in arrays.items() if array is not None}
        look = {"colour": colour, "marker": marker, "size": size, "open": open, "series": series}
        self.marks.append({"kind": "points", **kept, **look})

    def rule(
        self, *, x: float | None = None, y: float | None = None, drag: str = "", label: str = "", **look: Any
    ) -> None:
        """Draw a line across the plot; a vertical one may be dragged, and then asks for the trait `drag`."""
        where = {name: float(value) for name, value in (("x", x), ("y", y)) if value is not None}
        self.marks.append({"kind": "rule", **where, "drag": drag, "label": label, **look})

    def span(self, *, x: tuple[float, float] | None = None, y: tuple[float, float] | None = None, **look: Any) -> None:
        """Shade a range across the plot."""
        where = {name: [float(v) for v in ends] for name, ends in (("x", x), ("y", y)) if ends is not None}
        self.marks.append({"kind": "span", **where, **look})

    def text(self, x: float, y: float, text: str, *, colour: str = "ink", align: str = "left") -> None:
        """Write at a point of the data; `align` is left, center or right."""
        place = {"x": float(x), "y": float(y)}
        self.marks.append({"kind": "text", **place, "text": text, "colour": colour, "align": align})

    def cells(self, x: ArrayLike, y: ArrayLike, values: ArrayLike, *, colour: str = "good", to: float = 1.0) -> None:
        """Shade the cells of a grid from 0 to `to`.

        Parameters
        ----------
        x, y : array, shape (column + 1,) and (row + 1,)
            Edges.
        values : array, shape (row, column)
            NaN where nothing is drawn.
        colour : str
        to : float
            Value of the full colour.
        """
        arrays = {"x": self.scene.store(x), "y": self.scene.store(y), "values": self.scene.store(values)}
        self.marks.append({"kind": "cells", **arrays, "colour": colour, "from": 0.0, "to": float(to)})

    def plain(self) -> dict[str, Any]:
        """As JSON has it."""
        place = {"row": self.row, "column": self.column, "title": self.title, "brush": self.brush}
        return {"x": self.x.plain(), "y": self.y.plain(), **place, "marks": self.marks}


@dataclass
class Scene:
    """What a panel shows: plots, controls and words.

    Attributes
    ----------
    label : str
        What a reader who sees nothing is told first.
    height : int
        In CSS pixels.
    summary : str
        What the picture says, in numbers; changes with the view.
    warning : str
        In red above everything.

    Examples
    --------
    >>> scene = Scene("loss against size")
    >>> plot = scene.plot(Axis(1e6, 1e9, "N", "parameters"), Axis(2.0, 4.0, "loss"))
    >>> plot.line([1e6, 1e9], [4.0, 2.0])
    >>> view = scene.view()
    >>> view["scene"]["plots"][0]["marks"][0]["y"], np.frombuffer(view["data"], "<f4").tolist()[2:]
    ([2, 2], [4.0, 2.0])
    """

    label: str
    height: int = HEIGHT
    summary: str = ""
    warning: str = ""
    plots: list[Plot] = field(default_factory=list)
    controls: list[dict[str, Any]] = field(default_factory=list)
    legend: list[dict[str, Any]] = field(default_factory=list)
    arrays: list[np.ndarray] = field(default_factory=list)
    size: int = 0

    def store(self, array: ArrayLike) -> Reference:
        """Put numbers into the buffer, and say where they lie."""
        numbers = np.ascontiguousarray(array, dtype="<f4").ravel()
        self.arrays.append(numbers)
        self.size += numbers.size
        return [self.size - numbers.size, numbers.size]

    def plot(self, x: Axis, y: Axis, **place: Any) -> Plot:
        """Add a plot; see `Plot` for its place."""
        self.plots.append(Plot(self, x, y, **place))
        return self.plots[-1]

    def add_range(
        self, name: str, label: str, value: float, low: float, high: float, *, unit: str = "", log: bool = True
    ) -> None:
        """A slider; moving it asks for `name`."""
        ends = {"low": float(min(low, value)), "high": float(max(high, value)), "value": float(value)}
        self.controls.append({"kind": "range", "name": name, "label": label, "unit": unit, "log": log, **ends})

    def add_choice(self, name: str, label: str, value: str, options: Sequence[str]) -> None:
        """A list of which one is chosen."""
        self.controls.append({"kind": "choice", "name": name, "label": label, "value": value, "options": list(options)})

    def add_several(
        self, name: str, label: str, value: Sequence[str], options: Sequence[str], colours: Mapping[str, str]
    ) -> None:
        """Boxes of which any are ticked, with their colours."""
        known = {"value": list(value), "options": list(options), "colours": [colours.get(o) for o in options]}
        self.controls.append({"kind": "several", "name": name, "label": label, **known})

    def add_tick(self, name: str, label: str, value: bool) -> None:
        """One box."""
        self.controls.append({"kind": "tick", "name": name, "label": label, "value": bool(value)})

    def add_button(self, name: str, label: str) -> None:
        """A button; pressing it asks for `name`."""
        self.controls.append({"kind": "button", "name": name, "label": label})

    def explain(self, text: str, kind: str, **look: Any) -> None:
        """An entry of the legend; `kind` is line, band or points."""
        self.legend.append({"text": text, "kind": kind, **look})

    def view(self, count: int = 0) -> dict[str, Any]:
        """What is sent: the scene, and the bytes that its arrays are cut from."""
        words = {"label": self.label, "summary": self.summary, "warning": self.warning, "height": self.height}
        drawn = {"plots": [plot.plain() for plot in self.plots], "controls": self.controls, "legend": self.legend}
        data = np.concatenate([*self.arrays, np.zeros(0, "<f4")]).tobytes()
        return {"scene": {**words, **drawn, "count": count}, "data": data}
