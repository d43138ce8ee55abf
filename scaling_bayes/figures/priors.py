"""`plot_priors`: what a model says of a sweep before it has seen it, and what each parameter may be."""

from typing import Any

import numpy as np
import xarray as xr
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from scaling_bayes.figures.answers import check_answer
from scaling_bayes.figures.bands import FAN, band_patches, draw_bands
from scaling_bayes.figures.canvas import legend_below, new_figure
from scaling_bayes.figures.style import GOOD, INK, MUTED, axis_label, log_axis
from scaling_bayes.symbols import latex

BINS = 34
PREFIX = "prior_"
AFTER = "posterior_"


def plot_priors(answer: xr.Dataset, *, sweep: xr.Dataset | None = None) -> Figure:
    """Draw prior curves over the runs, and the prior of each parameter with its posterior where there is one.

    Parameters
    ----------
    answer : Dataset
        ``curve`` (draw, point) with the coordinate that ``attrs["along"]`` names; ``prior_<parameter>`` (draw) and
        perhaps ``posterior_<parameter>``; ``attrs["log"]`` names the parameters that are above 0.
    sweep : Dataset, optional
        Its runs are drawn over the curves.

    Returns
    -------
    Figure
        6.8 inches wide, closed.

    Raises
    ------
    FigureError
        If the answer has no curve.

    Examples
    --------
    >>> N, rng = np.geomspace(1e7, 1e9, 5), np.random.default_rng(0)
    >>> curve = rng.lognormal(0.0, 0.2, (40, 1)) * (N / 1e8) ** -0.3
    >>> answer = xr.Dataset({"curve": (("draw", "point"), curve)}, coords={"N": ("point", N)}, attrs={"along": "N"})
    >>> answer["prior_alpha"] = "draw", rng.lognormal(-1.0, 0.5, 40)
    >>> len(plot_priors(answer).axes)
    2
    """
    check_answer(answer, ["curve"], "scaling_bayes.explorer.priors.Priors.draws()")
    parameters = [str(n).removeprefix(PREFIX) for n in answer.data_vars if str(n).startswith(PREFIX)]
    positive = set(np.atleast_1d(answer.attrs.get("log", [])).tolist())
    rows = -(-len(parameters) // 2) if len(parameters) > 1 else 1
    columns = -(-len(parameters) // rows)
    with new_figure(0.75 + max(1.15 * rows, 2.2), shows=answer) as fig:
        halves = fig.add_gridspec(1, 2, width_ratios=[2.8, columns])
        grid = halves[0, 1].subgridspec(rows, columns)
        _draw_curves(fig.add_subplot(halves[0, 0]), answer, sweep)
        for k, name in enumerate(parameters):
            ax = fig.add_subplot(grid[k // columns, k % columns])
            _draw_parameter(ax, answer, name, log=name in positive)
        has_posterior = any(str(n).startswith(AFTER) for n in answer.data_vars)
        legend_below(fig, _legend(has_posterior, sweep is not None))
        return fig


def _draw_curves(ax: Axes, answer: xr.Dataset, sweep: xr.Dataset | None) -> None:
    along = str(answer.attrs["along"])
    x, curve = answer[along].values, answer["curve"].values
    draw_bands(ax, x, curve, MUTED, "prior", bands=FAN, line=INK)
    if sweep is not None:
        response = str(sweep.attrs["response"])
        ax.plot(sweep[along].values, sweep[response].values, "o", color=GOOD, ms=1.9, mew=0, alpha=0.7, label="run")
    ax.set_xlim(float(x.min()), float(x.max()))
    log_axis(ax.xaxis, str(answer[along].attrs.get("units", "")))
    log_axis(ax.yaxis, str(answer["curve"].attrs.get("units", "")))
    ax.set(xlabel=axis_label(answer[along]), ylabel=axis_label(answer["curve"]))


def _draw_parameter(ax: Axes, answer: xr.Dataset, name: str, *, log: bool) -> None:
    parts = {PREFIX: MUTED, AFTER: GOOD}
    drawn = {p: answer[p + name].values.ravel() for p in parts if p + name in answer}
    low, high = np.quantile(drawn[PREFIX], [0.005, 0.995])
    ends = [np.append(d, [low, high]) for p, d in drawn.items() if p == AFTER]
    low, high = min([low, *(e.min() for e in ends)]), max([high, *(e.max() for e in ends)])
    edges = np.geomspace(low, high, BINS + 1) if log else np.linspace(low, high, BINS + 1)
    for prefix, values in drawn.items():
        heights = np.histogram(values, edges)[0] / len(values)
        style: dict[str, Any] = {"color": parts[prefix], "lw": 0.8, "label": f"{prefix.removesuffix('_')} of {name}"}
        ax.stairs(heights / heights.max(), edges, fill=True, alpha=0.35, **style)
        ax.stairs(heights / heights.max(), edges, **style)
    if log:
        log_axis(ax.xaxis)
    ax.set_yticks([])
    ax.spines["left"].set_visible(False)
    stem, _, kind = name.partition("_ref")
    ax.set_title(f"${latex(stem)}$" + (" at the reference" if kind or name.endswith("_ref") else ""))


def _legend(posterior: bool, runs: bool) -> list[Artist]:
    found: list[Artist] = [Line2D([], [], color=INK, label="prior median"), *band_patches(MUTED, FAN)]
    if runs:
        found.append(Line2D([], [], ls="none", marker="o", ms=3, mew=0, color=GOOD, label="run"))
    found.append(Patch(facecolor=MUTED, alpha=0.5, lw=0, label="prior of a group"))
    return found + ([Patch(facecolor=GOOD, alpha=0.5, lw=0, label="posterior")] if posterior else [])
