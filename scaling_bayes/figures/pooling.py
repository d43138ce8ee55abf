"""`plot_pooling`: what each group says alone, and what it says when the groups learn from each other."""

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from scaling_bayes.figures.answers import FigureError
from scaling_bayes.figures.bands import draw_quantiles
from scaling_bayes.figures.canvas import legend_below, new_figure, panel_grid
from scaling_bayes.figures.parameters import WIDE, label_groups, list_parameters
from scaling_bayes.figures.style import GOOD, INK, MUTED, log_axis
from scaling_bayes.symbols import latex, suggest

ROW, APART = 0.24, 0.17
"""Height in inches of a group, and distance of its two estimates from its middle."""

LEVELS = (0.05, 0.5, 0.95)
ALONE, POOLED = "each group alone", "pooled"

FAR = 4.0
"""Widths of the pooled intervals beyond which an end of a separate interval is cut."""


def plot_pooling(separate: xr.Dataset, pooled: xr.Dataset, *, names: list[str] | None = None) -> Figure:
    """Draw how far pooling moves the estimate of each group, and how much surer it makes it.

    Open dots are the medians of separate fits, full ones those of the pooled fit, with 90 % intervals; a grey line
    joins the two, the vertical line is the mean of the pooled medians. A separate interval that is far wider than the
    panel is cut at its edge.

    Parameters
    ----------
    separate, pooled : Dataset
        From `parameters`: of fits of each group by itself (``sb.baseline(..., by=...)``) and of the pooled posterior.
    names : list of str, optional
        Parameters that have a panel; by default all that both know by the same groups.

    Returns
    -------
    Figure
        Closed. Failed gates are named in red above it.

    Raises
    ------
    FigureError
        If an answer is none of `parameters`, or the two share no parameter by group.

    Examples
    --------
    >>> import scaling_bayes as sb
    >>> law, truth = sb.Law("A*N**-alpha"), {"A": {"code": 40.0, "web": 80.0}, "alpha": 0.25}
    >>> sweep = sb.simulate_sweep(law, {"N": [1e5, 1e6, 1e7], "corpus": ["code", "web"]}, truth=truth, seed=0)
    >>> alone = sb.parameters(sb.baseline(law, sweep, seed=0, bootstrap=20, by="corpus"))
    >>> [label.get_text() for label in plot_pooling(alone, alone).axes[0].get_yticklabels()]
    ['code', 'web']
    """
    known = [list_parameters(separate), list_parameters(pooled)]
    by_group = [n for n in known[1] if len(label_groups(pooled[n])) > 1]
    shared = [n for n in by_group if n in known[0] and set(label_groups(separate[n])) == set(label_groups(pooled[n]))]
    for name in names or ():
        if name not in shared:
            raise FigureError(f"{name!r} is not known by the same groups in both answers: {suggest(name, shared)}")
    if not shared:
        raise FigureError("no parameter differs between the same groups in both; give baseline by= the pooled groups")
    shown = names or shared
    rows = max(len(label_groups(pooled[name])) for name in shown)
    columns = min(len(shown), 5)
    height = (0.55 + ROW * rows) * -(-len(shown) // columns) + 0.3
    with new_figure(height, shows={ALONE: separate, POOLED: pooled}) as fig:
        for k, (ax, name) in enumerate(zip(panel_grid(fig, len(shown), columns), shown, strict=True)):
            _draw_moves(ax, separate[name], pooled[name])
            ax.set_xlabel(f"${latex(name)}$")
            ax.tick_params(axis="y", length=0, labelleft=k % columns == 0)
        legend_below(
            fig,
            [
                Line2D([], [], color=INK, marker="o", mfc="white", ms=3.4, lw=0.8, label=f"{ALONE}, 90 %"),
                Line2D([], [], color=GOOD, marker="o", ms=3.4, lw=1.4, label=f"{POOLED}, 90 %"),
                Line2D([], [], color=MUTED, lw=0.6, ls=(0, (4, 3)), label="mean of the pooled medians"),
            ],
        )
    return fig


def _draw_moves(ax: Axes, separate: xr.DataArray, pooled: xr.DataArray) -> None:
    """Both estimates of every group, joined."""
    labels = list(label_groups(pooled))
    y = np.arange(len(labels))
    ends = [_quantiles(array, labels) for array in (separate, pooled)]
    ax.axvline(ends[1][1].mean(), color=MUTED, lw=0.6, ls=(0, (4, 3)), zorder=0, label="mean of the pooled medians")
    for a, b, row in zip(ends[0][1], ends[1][1], y, strict=True):
        ax.plot([a, b], [row - APART, row + APART], color=MUTED, lw=0.7, zorder=1, label="move")
    for (low, middle, high), at, colour, face, lw, label in (
        (ends[0], y - APART, INK, "white", 0.8, ALONE),
        (ends[1], y + APART, GOOD, GOOD, 1.4, POOLED),
    ):
        ax.hlines(at, low, high, color=colour, lw=lw, zorder=2, label=f"{label}, 90 %")
        ax.plot(middle, at, "o", color=colour, mfc=face, ms=3.4, mew=0.8, zorder=3, label=label)
    ax.set_xlim(*_limits(*ends))
    low, high = ax.get_xlim()
    if low > 0 and high / low > WIDE:
        log_axis(ax.xaxis)
    else:
        ax.xaxis.set_major_locator(MaxNLocator(3))
    ax.set_yticks(y, labels)
    ax.set_ylim(len(labels) - 0.4, -0.6)


def _quantiles(array: xr.DataArray, labels: list[str]) -> np.ndarray:
    groups = label_groups(array)
    return draw_quantiles(np.stack([groups[label].values.ravel() for label in labels], axis=1), LEVELS)


def _limits(separate: np.ndarray, pooled: np.ndarray) -> tuple[float, float]:
    """Limits that hold every median and pooled interval, and separate ones as far as these let them be read."""
    low = min(pooled.min(), separate[1].min())
    high = max(pooled.max(), separate[1].max())
    width = FAR * max(high - low, 1e-12)
    ends = max(separate.min(), low - width), min(separate.max(), high + width)
    low, high = min(low, ends[0]), max(high, ends[1])
    if separate.min() > 0 and high / separate.min() > WIDE:
        return float(max(separate.min(), high / 1e4)) / 1.2, high * 1.2
    pad = 0.05 * (high - low)
    return float(low - pad), float(high + pad)
