"""`read_contents`: what a figure shows, read back from its own marks as a tidy table."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.collections import FillBetweenPolyCollection, LineCollection
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch, Rectangle
from matplotlib.text import Annotation, Text
from matplotlib.ticker import FixedLocator

COLUMNS = (
    *("panel", "title", "x_label", "y_label", "mark", "series", "label", "colour"),
    *("x", "y", "x_end", "y_end", "x_tick", "y_tick"),
)
"""Columns of the table."""

NEAR = 0.5
"""Distance from a named tick up to which a mark belongs to it."""

Numbers = dict[str, Any]


def read_contents(fig: Figure) -> pd.DataFrame:
    """Read every mark of a figure that is placed in data coordinates, and every word inside a panel.

    Parameters
    ----------
    fig : Figure

    Returns
    -------
    DataFrame
        A row a point: ``panel`` (number), its ``title``, ``x_label`` and ``y_label``; ``mark`` (line, band, segment,
        bar, outline, range, rule or text) and ``series``, the number of the mark in its panel; ``label`` and ``colour``
        of the mark; ``x`` and ``y`` in the units of the axes; ``x_end`` and ``y_end``, the other end of a segment, a
        bar or a range and the upper side of a band; ``x_tick`` and ``y_tick``, the name of the place on an axis of
        names. What is placed relative to the panel has no number there.

    Examples
    --------
    >>> from scaling_bayes.figures.canvas import new_figure
    >>> with new_figure(1.0) as fig:
    ...     lines = fig.add_subplot().plot([1.0, 2.0], [3.0, 4.0], color="#0173b2", label="web")
    >>> read_contents(fig)[["mark", "label", "colour", "x", "y"]]
       mark label   colour    x    y
    0  line   web  #0173b2  1.0  3.0
    1  line   web  #0173b2  2.0  4.0
    """
    parts = [part for k, ax in enumerate(fig.axes) for part in _read_panel(fig, ax, k)]
    table = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()
    return table.reindex(columns=list(COLUMNS))


def _read_panel(fig: Figure, ax: Axes, panel: int) -> Iterator[pd.DataFrame]:
    words = {
        "panel": panel,
        "title": ax.get_title(),
        "x_label": ax.get_xlabel() or fig.get_supxlabel(),
        "y_label": ax.get_ylabel() or fig.get_supylabel(),
    }
    bars = {bar: str(group.get_label()) for group in ax.containers for bar in group}
    shown = [artist for artist in ax.get_children() if artist.get_visible()]
    for series, artist in enumerate(artist for artist in shown if _is_mark(ax, artist)):
        for mark, numbers in _read_mark(ax, artist):
            table = pd.DataFrame({name: np.atleast_1d(value) for name, value in numbers.items()})
            table = table[np.isfinite(table.select_dtypes("number")).all(axis=1) | (mark in {"range", "rule", "text"})]
            said: dict[str, Any] = {**words, "mark": mark, "series": series, "colour": _colour(artist)}
            yield table.assign(label=bars.get(artist, _label(artist)), **said, **_ticks(ax, table))


def _is_mark(ax: Axes, artist: Artist) -> bool:
    """Whether an artist was drawn by a plot function: spines, axes, titles and the background are matplotlib's."""
    titles = (ax.title, getattr(ax, "_left_title", None), getattr(ax, "_right_title", None), ax.patch)
    own = isinstance(artist, Line2D | LineCollection | FillBetweenPolyCollection | Patch)
    words = isinstance(artist, Text) and bool(artist.get_text())
    return (own or words) and artist not in titles and not hasattr(artist, "spine_type")


def _read_mark(ax: Axes, artist: Any) -> Iterator[tuple[str, Numbers]]:
    """Kind of a mark and its numbers; none of the coordinates that are no data."""
    if isinstance(artist, FillBetweenPolyCollection):
        yield from (("band", _split_band(path.vertices)) for path in artist.get_paths())
    elif isinstance(artist, LineCollection):
        pieces = [np.hstack([ends[:-1], ends[1:]]) for ends in map(np.asarray, artist.get_segments())]
        yield "segment", dict(zip(("x", "y", "x_end", "y_end"), np.reshape(pieces, (-1, 4)).T, strict=True))
    elif isinstance(artist, Text):
        x, y = artist.xy if isinstance(artist, Annotation) else artist.get_position()
        inside = {"x", "y"} if isinstance(artist, Annotation) else _coordinates(ax, artist)
        yield "text", {name: v if name in inside else np.nan for name, v in (("x", x), ("y", y))}
    else:
        mark, numbers = _read_shape(artist)
        inside = _coordinates(ax, artist)
        beside = mark if inside == {"x", "y"} else {"line": "rule", "bar": "range"}[mark]
        yield beside, {name: value if name[0] in inside else value * np.nan for name, value in numbers.items()}


def _read_shape(artist: Any) -> tuple[str, Numbers]:
    """Corners of a line, a bar or a filled outline."""
    if isinstance(artist, Line2D):
        x, y = (np.asarray(values, dtype=float) for values in (artist.get_xdata(), artist.get_ydata()))
        return "line", {"x": x, "y": y}
    if isinstance(artist, Rectangle):
        (x, y), (x_end, y_end) = artist.get_bbox().get_points()
        return "bar", {"x": x, "y": y, "x_end": x_end, "y_end": y_end}
    vertices = np.asarray(artist.get_path().vertices)
    return "outline", {"x": vertices[:, 0], "y": vertices[:, 1]}


def _coordinates(ax: Axes, artist: Artist) -> set[str]:
    """Which coordinates of an artist are those of the data; the others are shares of the panel."""
    found = artist.get_transform().contains_branch_seperately(ax.transData)
    return {name for name, has in zip("xy", found, strict=True) if has}


def _split_band(vertices: Any) -> Numbers:
    """Lower and upper side of what `fill_between` drew.

    >>> outline = np.array([[1, 5], [1, 3], [2, 3], [2, 5], [2, 5], [1, 5], [1, 5]])
    >>> {name: values.tolist() for name, values in _split_band(outline).items()}
    {'x': [1, 2], 'y': [3, 3], 'y_end': [5, 5]}
    """
    count = (len(vertices) - 3) // 2
    below, above = vertices[1 : count + 1], vertices[count + 2 : 2 * count + 2][::-1]
    return {"x": below[:, 0], "y": below[:, 1], "y_end": above[:, 1]}


def _label(artist: Any) -> str:
    if isinstance(artist, Text):
        return str(artist.get_text())
    label = str(artist.get_label())
    return "" if label.startswith("_") else label


def _colour(artist: Any) -> str:
    """Colour of a mark, of its fill if it is filled."""
    for ask in ("get_color", "get_facecolor", "get_edgecolor"):
        found: Any = getattr(artist, ask)() if hasattr(artist, ask) else ()
        if len(found):
            return to_hex(found if isinstance(found, str) or np.ndim(found) == 1 else found[0])
    return ""


def _ticks(ax: Axes, table: pd.DataFrame) -> dict[str, Any]:
    """Names of the places on axes whose ticks are words."""
    axes = {"x": ax.xaxis, "y": ax.yaxis}
    named = {name: _read_names(axis) for name, axis in axes.items()}
    return {f"{name}_tick": [_find_name(names, v) for v in table[name]] for name, names in named.items() if names}


def _read_names(axis: Axis) -> dict[float, str]:
    """Place of each tick, where every tick is a word."""
    if not isinstance(axis.get_major_locator(), FixedLocator):
        return {}
    places = [float(place) for place in axis.get_majorticklocs()]
    labels = axis.get_major_formatter().format_ticks(places)
    words = all(any(letter.isalpha() for letter in label) for label in labels)
    return dict(zip(places, labels, strict=True)) if words else {}


def _find_name(names: dict[float, str], value: float) -> str:
    nearest = min(names, key=lambda place: abs(place - value))
    return names[nearest] if abs(nearest - value) < NEAR else ""
