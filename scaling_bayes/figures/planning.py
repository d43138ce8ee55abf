"""`plot_plan`: what each possible run is expected to teach, against what it costs."""

from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from scaling_bayes.figures.answers import check_answer
from scaling_bayes.figures.canvas import legend_below, new_figure
from scaling_bayes.figures.style import BAD, GOOD, INK, MUTED, SHADE, format_value, log_axis
from scaling_bayes.figures.venues import points

NEEDED = ("cost", "gain", "gain_error", "share", "gain_per_cost", "share_if_law_exact", "flag", "outside")
HEIGHT = 2.9
"""In inches."""

LEAST_TOP = 10.0
"""Of the axis of shares, in percent."""

LEAST_ROWS, MOST_ROWS = 6, 12
"""Of the list of candidates."""

APART = 0.012
"""Between candidates of one cost, as a share of the axis."""

LAW_ONLY, UNRESOLVED = "law only", "unresolved"
COLOURS = {"": GOOD, LAW_ONLY: BAD, UNRESOLVED: MUTED}
SAYS = {
    "": "expected",
    LAW_ONLY: "expected, a fifth of the promise or less",
    UNRESOLVED: "expected, indistinguishable from zero",
}
EXACT = "promised if the law were exact"
SMALL = 6.0


def plot_plan(answer: xr.Dataset) -> Figure:
    """Draw what each candidate is expected to teach.

    Left, the share of what there is to gain (the target's variance, or the expected regret of a choice) that each
    candidate is expected to take away, against its cost, with two Monte-Carlo standard errors; a hollow dot shows what
    the law alone would promise. Right, the gain per cost of the best ones, relative to the best.

    Parameters
    ----------
    answer : Dataset
        From `plan`.

    Returns
    -------
    Figure
        6.8 inches wide, closed. Failed gates of the posterior are named in red above it.

    Raises
    ------
    FigureError
        If `answer` is none of `plan`.

    Examples
    --------
    >>> import scaling_bayes as sb
    >>> law, truth = sb.Law("E + A*N**-alpha"), {"E": 1.8, "A": 400.0, "alpha": 0.35}
    >>> sweep = sb.simulate_sweep(law, {"N": [1e7, 3e7, 1e8, 3e8, 1e9]}, truth=truth, seed=0)
    >>> posterior = sb.baseline(law, sweep, seed=0, bootstrap=100)
    >>> def loss(posterior):
    ...     return sb.predict(posterior, {"N": 1e11})["loss"]
    >>> len(plot_plan(sb.plan(posterior, {"N": [1e7, 1e9, 1e10]}, target=loss, cost="N")).axes)
    2
    """
    check_answer(answer, NEEDED, "plan(posterior, candidates, target=...)")
    runs = answer.sortby("rank") if "rank" in answer else answer
    with new_figure(HEIGHT, shows=answer) as fig:
        left, right = fig.subplots(1, 2, width_ratios=(1.35, 1.0))
        draw_shares(left, runs)
        draw_list(right, runs.isel(candidate=slice(MOST_ROWS)))
        legend_below(fig, _handles(runs))
        return fig


def draw_shares(ax: Axes, runs: xr.Dataset) -> None:
    """Share that each candidate takes away, against its cost; those of one cost stand side by side."""
    cost, share = _side_by_side(runs["cost"].values), 100 * runs["share"].values
    error = 200 * (runs["gain_error"] / float(runs.attrs["open"])).values
    promised = 100 * np.minimum(runs["share_if_law_exact"].values, 1.0)
    ends = np.minimum(share, promised), np.maximum(share, promised)
    ax.vlines(cost, *ends, color=SHADE, lw=0.8, zorder=1, label="from expected to promised")
    ax.plot(cost, promised, "o", mfc="white", mec=MUTED, mew=0.7, ms=3.2, ls="none", zorder=2, label=EXACT)
    for flag, colour in COLOURS.items():
        of = runs["flag"].values == flag
        if of.any():
            ends = np.clip([share[of] - error[of], share[of] + error[of]], 0, 100)
            ax.vlines(cost[of], *ends, color=colour, lw=1.3, alpha=0.6, zorder=3, label="two Monte-Carlo errors")
            ax.plot(cost[of], share[of], "o", color=colour, ms=3.6, mew=0, ls="none", zorder=4, label=SAYS[flag])
    _number_steps(ax, runs, cost, share)
    what = "expected regret" if runs.attrs.get("choose") else "variance of the target"
    unit = str(runs.attrs.get("cost_unit", ""))
    top = min(1.05 * max((share + error).max(), promised.max(), LEAST_TOP), 103)
    ax.set(ylim=(-0.03 * top, top), ylabel=f"fall of the {what} (%)")
    ax.yaxis.set_major_locator(MaxNLocator(6, integer=True))
    ax.set_xlabel("cost of the run" + (f" ({unit})" if unit else ""))
    ax.set_xlim(cost.min() / 1.8, cost.max() * 1.8)
    log_axis(ax.xaxis, unit)


def _side_by_side(cost: np.ndarray) -> np.ndarray:
    """Costs moved apart a little where they are equal."""
    table = pd.DataFrame({"level": pd.Series(cost).map("{:.2g}".format)})
    groups = table.groupby("level")["level"]
    place = groups.cumcount() - (groups.transform("size") - 1) / 2
    return np.asarray(cost * 10 ** (APART * place.to_numpy() * np.log10(cost.max() / cost.min())))


def _number_steps(ax: Axes, runs: xr.Dataset, cost: np.ndarray, share: np.ndarray) -> None:
    """Write beside a candidate at which steps it was chosen."""
    chosen = np.atleast_1d(runs["choice"].values).tolist() if "choice" in runs else []
    for k in dict.fromkeys(chosen):
        at = int(np.flatnonzero(runs["candidate"].values == k)[0])
        steps = ", ".join(str(step + 1) for step, each in enumerate(chosen) if each == k)
        style: dict[str, Any] = {"textcoords": "offset points", "weight": "bold", "fontsize": points(SMALL + 0.5)}
        ax.annotate(steps, (cost[at], share[at]), (-4, 3), ha="right", **style)


def draw_list(ax: Axes, runs: xr.Dataset) -> None:
    """Gain per cost of the best candidates, named."""
    gain = runs["gain_per_cost"].values
    told = gain > 0
    relative = np.where(told, gain, 1.0) / (gain.max() or 1.0)
    rows = np.arange(len(gain))
    left = relative[told].min(initial=1.0) / 2
    ax.hlines(rows[told], left, relative[told], color=SHADE, lw=1.2, zorder=1)
    for row in rows[told]:
        ax.plot(relative[row], row, "o", color=COLOURS[str(runs["flag"].values[row])], ms=3.6, mew=0, zorder=2)
    ax.set_yticks(rows, name_runs(runs), fontsize=points(SMALL))
    ax.set(ylim=(max(LEAST_ROWS, len(rows)) - 0.4, -0.6), xlim=(left, 1.5))
    ax.set_xlabel("gain per cost, relative to the best")
    log_axis(ax.xaxis)
    ax.tick_params(axis="y", length=0)


def name_runs(runs: xr.Dataset) -> list[str]:
    """Words for each candidate: its groups, and the covariates that say it."""
    skip = {"candidate", "extrapolation", "outside", "outside_along", "rank", "cost"}
    names = [str(n) for n, c in runs.coords.items() if c.dims == ("candidate",) and n not in skip]
    names = [n for n in names if not n.startswith("expected_")]
    names = [n for n in names if n != "C" or not {"N", "D"} <= set(names)]
    shown = [n for n in names if len(np.unique(runs[n].values)) > 1] or names
    units = {"N": "parameters", "D": "tokens", "C": "FLOP"}
    table = pd.DataFrame({n: runs[n].values for n in shown})

    def word(name: str, value: Any) -> str:
        return f"{name} {format_value(float(value), units.get(name, ''))}" if isinstance(value, float) else str(value)

    return [", ".join(word(n, row[n]) for n in shown) for _, row in table.iterrows()]


def _handles(runs: xr.Dataset) -> list[Line2D]:
    seen = [flag for flag in COLOURS if flag in runs["flag"].values]
    dots = [Line2D([], [], color=COLOURS[f], marker="o", ms=3.6, lw=1.3, label=SAYS[f]) for f in seen]
    law = Line2D([], [], mfc="white", mec=MUTED, marker="o", ms=3.2, ls="none", label=EXACT)
    order = Line2D([], [], color=INK, ls="none", marker="$1$", ms=3.5, mew=0.2, label="order of the chosen batch")
    return [*dots, law, *([order] if "choice" in runs else [])]
