"""One panel of prediction errors: the runs, their intervals, the fitted range and the ratio to its end."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullLocator

from scaling_bayes.figures.errors import Errors
from scaling_bayes.figures.style import BAD, GOOD, INK, MUTED, SHADE, log_axis
from scaling_bayes.figures.venues import points

FEW_LEVELS = 3
"""Up to so many scales have a tick each; more have the ticks of a log axis."""

RATIOS = (1, 2, 3, 5, 10, 20, 50, 100, 200, 500, 1000)
MOST_RATIOS, WORD, TICK = 5, 0.28, 0.42
"""Ratios that are written on one axis, and the width in inches of one of them and of a scale."""

INSIDE, OUTSIDE, INTERVAL = "inside", "outside", "interval"
"""Labels of the artists, by which they are found again."""

SMALL = 6.2
"""Font size of words inside a panel."""


@dataclass(frozen=True)
class Frame:
    """Limits that all panels of a figure share.

    Attributes
    ----------
    x, y : tuple of float
        Lowest and highest value; x in the scale's unit, y in percent.
    width : float
        Width of a panel in inches, about.
    """

    x: tuple[float, float]
    y: tuple[float, float]
    width: float

    def thickness(self, positions: np.ndarray) -> float:
        """Width of an interval's line in points: half of the least room between neighbours, within reason."""
        gaps = np.diff(np.sort(np.log10(positions)))
        room = float(gaps.min()) / np.log10(self.x[1] / self.x[0]) if gaps.size else 1.0
        return float(np.clip(0.5 * 72 * self.width * room, 0.5, 1.6))


def frame_of(panels: Collection[Errors], width: float, lines: int) -> Frame:
    """Frame that holds every run and interval, with room for `lines` of words below the lowest.

    Examples
    --------
    >>> one = np.ones(1)
    >>> errors = Errors(one, -one, 2 * one, one > 0, 1e20 * one, one, fitted=1e19)
    >>> frame_of([errors], width=2.0, lines=1).y[0] < -1.0
    True
    """
    ends = np.concatenate([np.concatenate([e.observed, e.lower, e.upper, [0.0]]) for e in panels])
    pad = 0.05 * max(float(np.ptp(ends)), 1e-6)
    low, high = float(ends.min()) - pad, float(ends.max()) + pad
    room = 0.09 * lines + 0.02
    scales = np.log10(np.concatenate([np.append(e.positions(width), e.fitted) for e in panels]))
    left, right = float(scales.min()), float(scales.max())
    span = max(right - left, 0.05)
    x = (10 ** (left - 0.13 * span), 10 ** (right + 0.06 * span))
    return Frame(x=x, y=(low - room / (1 - room) * (high - low), high), width=width)


def draw_errors(
    ax: Axes,
    errors: Errors,
    frame: Frame,
    unit: str,
    *,
    ratios: bool = True,
    stacked: bool = False,
    markers: Mapping[str, str] | None = None,
) -> None:
    """Draw the errors of one panel.

    Parameters
    ----------
    ax : Axes
    errors : Errors
    frame : Frame
        From `frame_of`, for all panels.
    unit : str
        Of the scale.
    ratios : bool
        Whether the upper axis says the ratio to the largest fitted scale.
    stacked : bool
        Whether the words in the corner take two lines.
    markers : mapping of str to str, optional
        Of the labels that are told apart; a run outside its interval then has an open one instead of a cross.
    """
    ax.set(xlim=frame.x, ylim=frame.y)
    log_axis(ax.xaxis, unit)
    if len(errors.levels) <= FEW_LEVELS:
        decade = frame.width / np.log10(frame.x[1] / frame.x[0])
        ax.xaxis.set_major_locator(
            FixedLocator(keep_apart([errors.fitted, *errors.levels.tolist()], decade, TICK)[::-1])
        )
        ax.xaxis.set_minor_locator(NullLocator())
    ax.axvspan(frame.x[0], errors.fitted, color=SHADE, lw=0, zorder=0)
    ax.axhline(0, color=INK, lw=0.6, zorder=1)
    positions = errors.positions(frame.width)
    lw = frame.thickness(positions)
    for rows, colour, marker, label in ((errors.inside, GOOD, "o", INSIDE), (~errors.inside, BAD, "x", OUTSIDE)):
        line: dict[str, Any] = {"color": colour, "label": INTERVAL, "alpha": 0.42, "lw": lw, "zorder": 2}
        ax.vlines(positions[rows], errors.lower[rows], errors.upper[rows], **line)
        look: dict[str, Any] = {"color": colour, "ms": 1.2 + 1.1 * lw, "mew": 0.4 + 0.3 * lw}
        look |= {"mfc": "white"} if markers and label == OUTSIDE else {}
        for name in errors.labels:
            at, says = rows & errors.rows(name), f"{label}, {name}" if name else label
            shape = markers[name] if markers else marker
            ax.plot(positions[at], errors.observed[at], shape, label=says, **look)
    if ratios:
        _draw_ratios(ax, errors, frame)
    says = ("\n" if stacked else ", ").join(errors.says)
    ax.text(0.98, 0.02, says, transform=ax.transAxes, ha="right", va="bottom", fontsize=points(SMALL), linespacing=1.15)


def set_error_axis(ax: Axes, *, numbers: bool) -> None:
    """Percent along y, with signs; `numbers` only where no neighbour on the left has them."""
    ax.tick_params(labelleft=numbers)
    ax.yaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 5, 10]))
    ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:+g}".replace("-", "−") if value else "0"))


def error_legend(level: float, markers: Mapping[str, str] | None = None) -> list[Artist]:
    """Handles of the figure's legend; `markers` of labels that are told apart."""
    percent = f"{100 * level:g} %"
    told: dict[str, Any] = {"ls": "none", "ms": 3.5}
    outside: dict[str, Any] = {"marker": "o", "mfc": "white"} if markers else {"marker": "x"}
    return [
        *(Line2D([], [], marker=shape, color=INK, label=name, **told) for name, shape in (markers or {}).items()),
        Line2D([], [], marker="o", color=GOOD, label=f"held-out run inside its {percent} interval", **told),
        Line2D([], [], color=BAD, label="outside", **told, **outside),
        Line2D([], [], marker="|", color=MUTED, ls="none", ms=8, mew=1.2, label=f"{percent} interval of one new run"),
        Patch(facecolor=SHADE, label="fitted range"),
    ]


def pick_ratios(highest: float, decade: float) -> list[float]:
    """Round ratios up to the highest, the larger ones first, as far as their words do not touch.

    Parameters
    ----------
    highest : float
    decade : float
        Width of a decade in inches.

    Examples
    --------
    >>> pick_ratios(300, decade=1.0), pick_ratios(300, decade=0.6)
    ([200, 100, 50, 20, 10], [200, 50, 10, 3, 1])
    """
    return keep_apart([ratio for ratio in RATIOS if ratio <= highest], decade, WORD)[:MOST_RATIOS]


def keep_apart(values: Sequence[float], decade: float, word: float) -> list[float]:
    """Values whose words do not touch, the largest first.

    Parameters
    ----------
    values : sequence of float
    decade, word : float
        Width of a decade and of a word in inches.

    Examples
    --------
    >>> keep_apart([1.0, 30.0, 66.0], decade=1.0, word=0.4)
    [66.0, 1.0]
    """
    kept: list[float] = []
    for value in sorted(values, reverse=True):
        if not kept or np.log10(kept[-1] / value) * decade > word:
            kept.append(value)
    return kept


def _draw_ratios(ax: Axes, errors: Errors, frame: Frame) -> None:
    """Upper axis: how many times the largest fitted scale."""
    fitted = errors.fitted
    upper = ax.secondary_xaxis("top", functions=(partial(np.multiply, 1 / fitted), partial(np.multiply, fitted)))
    levels = (errors.levels / fitted).tolist()
    few = len(levels) <= FEW_LEVELS
    shown = levels if few else pick_ratios(levels[-1], frame.width / np.log10(frame.x[1] / frame.x[0]))
    upper.xaxis.set_major_locator(FixedLocator(shown))
    upper.xaxis.set_minor_locator(NullLocator())
    upper.xaxis.set_major_formatter(FuncFormatter(lambda ratio, _: f"×{ratio:.2g}" if ratio < 100 else f"×{ratio:.0f}"))
    upper.tick_params(length=0 if few else 2, pad=1.5, color=MUTED, labelcolor=MUTED, labelsize=points(SMALL))
    upper.spines["top"].set_visible(False)
