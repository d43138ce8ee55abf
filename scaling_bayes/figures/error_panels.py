"""One panel of prediction errors: the runs, their intervals, the fitted range and the ratio to its end."""

from collections.abc import Iterable

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullLocator

from scaling_bayes.figures.errors import Errors
from scaling_bayes.figures.style import BAD, GOOD, INK, MUTED, SHADE, format_value, log_axis

FEW_LEVELS = 3
"""Up to so many scales have a tick each; more have the ticks of a log axis."""

RATIOS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)
INSIDE, OUTSIDE, INTERVAL = "inside", "outside", "interval"
"""Labels of the artists, by which they are found again."""


def draw_errors(ax: Axes, errors: Errors, unit: str, *, ratios: bool = True, lines: int = 1) -> None:
    """Draw the errors of one panel.

    Parameters
    ----------
    ax : Axes
        Whose y limits are final, see `error_limits`.
    errors : Errors
    unit : str
        Of the scale.
    ratios : bool
        Whether the upper axis says the ratio to the largest fitted scale.
    lines : int
        How many lines the words in the corner take, 1 or 2.
    """
    left, right = _limits(errors)
    ax.set_xlim(left, right)
    log_axis(ax.xaxis, unit)
    ax.axvspan(left, errors.fitted, color=SHADE, lw=0, zorder=0)
    ax.axhline(0, color=INK, lw=0.6, zorder=1)
    dense = float(np.clip(9 / np.sqrt(len(errors.scale)), 0.6, 1.6))
    for rows, colour, marker, label in ((errors.inside, GOOD, "o", INSIDE), (~errors.inside, BAD, "x", OUTSIDE)):
        at = errors.position[rows]
        ax.vlines(at, errors.lower[rows], errors.upper[rows], color=colour, alpha=0.45, lw=dense, zorder=2, label=INTERVAL)
        size = 1.6 * dense if marker == "o" else 2.1 * dense
        ax.plot(at, errors.observed[rows], marker, color=colour, ms=size, mew=0.35 * dense + 0.35, zorder=3, label=label)
    _tick_scales(ax, errors, unit)
    if ratios:
        _draw_ratios(ax, errors)
    says = "\n".join(errors.says) if lines > 1 else ", ".join(errors.says)
    ax.text(0.97, 0.03, says, transform=ax.transAxes, ha="right", va="bottom", fontsize=6.2, linespacing=1.15)


def error_limits(panels: Iterable[Errors], room: float) -> tuple[float, float]:
    """Limits of y that hold every run and interval of all panels, with a share `room` kept free below for words."""
    ends = np.concatenate([np.concatenate([e.observed, e.lower, e.upper, [0.0]]) for e in panels])
    low, high = float(ends.min()), float(ends.max())
    pad = 0.05 * max(high - low, 1e-6)
    low, high = low - pad, high + pad
    return low - room / (1 - room) * (high - low), high


def set_error_axis(ax: Axes, label: str = "") -> None:
    """Percent along y, and the words where there is room."""
    ax.yaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10]))
    ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:+g}".replace("-", "−") if value else "0"))
    ax.set_ylabel(label)


def error_legend(level: float) -> list[Artist]:
    """Handles of the figure's legend."""
    percent = f"{100 * level:g} %"
    dot = {"ls": "none", "ms": 3.5}
    return [
        Line2D([], [], marker="o", color=GOOD, label=f"held-out run inside its {percent} interval", **dot),
        Line2D([], [], marker="x", color=BAD, label="outside", **dot),
        Line2D([], [], marker="|", color=MUTED, ls="none", ms=8, mew=1.2, label=f"{percent} interval of one new run"),
        Patch(facecolor=SHADE, label="fitted range"),
    ]


def _limits(errors: Errors) -> tuple[float, float]:
    low, high = np.log10([min(errors.fitted, errors.position.min()), max(errors.fitted, errors.position.max())])
    span = max(high - low, 0.05)
    return float(10 ** (low - 0.13 * span)), float(10 ** (high + 0.06 * span))


def _tick_scales(ax: Axes, errors: Errors, unit: str) -> None:
    """A tick at each scale where they are few; the end of the fitted range is told by the strip."""
    if len(errors.levels) <= FEW_LEVELS:
        ax.xaxis.set_major_locator(FixedLocator([errors.fitted, *errors.levels]))
        ax.xaxis.set_minor_locator(NullLocator())


def _draw_ratios(ax: Axes, errors: Errors) -> None:
    upper = ax.secondary_xaxis("top", functions=(lambda x: x / errors.fitted, lambda r: r * errors.fitted))
    levels = errors.levels / errors.fitted
    few = len(levels) <= FEW_LEVELS
    upper.xaxis.set_major_locator(FixedLocator(levels if few else [r for r in RATIOS if r <= levels.max()][-4:]))
    upper.xaxis.set_minor_locator(NullLocator())
    upper.xaxis.set_major_formatter(FuncFormatter(lambda ratio, _: f"×{ratio:.2g}"))
    upper.tick_params(length=0, pad=1.5, labelcolor=MUTED, labelsize=6.2)
    upper.spines["top"].set_visible(False)
