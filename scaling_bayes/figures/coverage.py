"""`plot_coverage`: whether the intervals of several methods hold, by how far beyond the fit they are asked."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from scaling_bayes.figures.answers import FigureError, check_answer
from scaling_bayes.figures.canvas import legend_below, new_figure
from scaling_bayes.figures.folds import BY_RATIO, counted_of, draw_coverage, ratio_axis
from scaling_bayes.figures.style import BAD, INK, MUTED, group_colours, group_markers, group_offsets

MAKER = "fold_scores(posterior)"
NEEDED = ("ratio_mean", "level", "runs_at_ratio", "clusters_at_ratio", *BY_RATIO)
HEIGHT = 2.5
MOST = 3
"""Methods that stand in one row."""

APART = 0.05
"""Decades between the methods of the last panel."""


def plot_coverage(answers: Mapping[str, xr.Dataset]) -> Figure:
    """Draw the share of runs inside their intervals by extrapolation ratio, a panel a method, and the error of all.

    Parameters
    ----------
    answers : mapping of str to Dataset
        Up to three by name, as `fold_scores` returns them: scores by ratio with the ends of their intervals.

    Returns
    -------
    Figure
        6.8 inches wide, closed. Dashes are nominal; a share whose interval lies below its level is vermilion. Below
        zero stand the numbers of runs and of curves, or of what ``attrs["counted"]`` says. Right, the root mean
        squared log error.

    Raises
    ------
    FigureError
        If an answer is none of `fold_scores`, there are more than three, or they count different things.

    Examples
    --------
    >>> import scaling_bayes as sb
    >>> law, truth = sb.Law("A*N**-alpha"), {"A": 40.0, "alpha": 0.25}
    >>> design = {"N": [1e6, 2e6, 4e6, 8e6, 16e6, 32e6], "corpus": ["code", "web"]}
    >>> sweep = sb.simulate_sweep(law, design, truth=truth, seed=0)
    >>> scores = sb.fold_scores(sb.baseline(law, sweep, seed=0, bootstrap=50, by="corpus"))
    >>> [ax.get_title() for ax in plot_coverage({"Huber": scores}).axes]
    ['Huber', 'error']
    """
    if not isinstance(answers, Mapping) or isinstance(answers, xr.Dataset) or not 0 < len(answers) <= MOST:
        raise FigureError(f"name one to {MOST} answers: {{'Huber': scores, ...}} of {MAKER}")
    for answer in answers.values():
        check_answer(answer, NEEDED, MAKER)
    if len(over := {counted_of(answer) for answer in answers.values()}) > 1:
        raise FigureError(f"the answers count different things: {sorted(over)}; draw them apart")
    with new_figure(HEIGHT, shows=dict(answers)) as fig:
        *panels, last = np.atleast_1d(fig.subplots(1, len(answers) + 1))
        for k, (ax, (name, answer)) in enumerate(zip(panels, answers.items(), strict=True)):
            draw_coverage(ax, answer)
            ax.set_title(name, weight="bold")
            if k:
                ax.set_ylabel("")
                ax.tick_params(labelleft=False)
        _draw_errors(last, answers)
        ends = [float(end) for a in answers.values() for end in (a["ratio_mean"].min(), a["ratio_mean"].max())]
        for ax in (*panels, last):
            ax.set_xlim(min(ends) / 1.4, max(ends) * 1.3)
            ratio_axis(ax.xaxis)
        percent = 100 * float(next(iter(answers.values())).attrs["interval"])
        nominal = Line2D([], [], color=INK, ls=(0, (4, 3)), lw=0.8, label="nominal")
        says = f"{percent:g} % interval, by {over.pop()[1]}"
        share = Line2D([], [], color=MUTED, marker="o", ms=3.2, lw=1.4, label=says)
        below = Line2D([], [], color=BAD, marker="o", ms=3.2, lw=1.4, label="below nominal")
        handles = [nominal, share, below, *_name_methods(list(answers))]
        legend_below(fig, handles, title="scale of the run, ratio to the largest fitted")
    return fig


def _look(names: list[str]) -> dict[str, dict[str, Any]]:
    colours, markers = group_colours(names), group_markers(names)
    return {name: {"color": colours[name], "marker": markers[name]} for name in names}


def _name_methods(names: list[str]) -> list[Line2D]:
    return [Line2D([], [], ms=3.2, lw=0.8, label=name, **look) for name, look in _look(names).items()]


def _draw_errors(ax: Axes, answers: Mapping[str, xr.Dataset]) -> None:
    """Root mean squared log error by ratio, a line a method."""
    names = list(answers)
    offsets = group_offsets(names, APART)
    for name, look in _look(names).items():
        scores = answers[name]
        x = scores["ratio_mean"].values * 10 ** offsets[name]
        middle = scores["rmsle_at_ratio"]
        low, high = (scores[f"rmsle_at_ratio_{end}"].fillna(middle).values for end in ("lower", "upper"))
        ax.vlines(x, low, high, color=look["color"], lw=1.2, alpha=0.5, label=f"{name}, interval")
        ax.plot(x, middle.values, ms=3.2, mew=0, lw=0.8, label=name, **look)
    ax.set_title("error", weight="bold")
    ax.set_ylabel("RMSLE")
    ax.set_ylim(bottom=0)
    ax.yaxis.set_major_locator(MaxNLocator(4))
