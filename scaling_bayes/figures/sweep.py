"""`plot_sweep`: what was trained, and what was measured."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from scaling_bayes.figures.answers import FigureError, check_groups, flagged_runs, split_runs
from scaling_bayes.figures.canvas import legend_below, new_figure, panel_grid
from scaling_bayes.figures.style import (
    BAD,
    INK,
    MUTED,
    axis_label,
    format_value,
    group_colours,
    group_markers,
    log_axis,
)
from scaling_bayes.figures.venues import points
from scaling_bayes.sweeps import attr_list, check_sweep, compared_groups
from scaling_bayes.sweeps.labels import label_runs
from scaling_bayes.sweeps.split import find_levels
from scaling_bayes.symbols import suggest

ROW = 2.5
"""Height of a row of panels, in inches."""

MOST_BUDGETS = 12
"""Up to so many levels of compute have a line each; more have one a decade."""

SHARED_DESIGN = 1.5
"""Runs for each distinct (N, D) from which on groups lie on each other, so that the plan is drawn without colours."""


def plot_sweep(
    sweep: xr.Dataset, *, x: str | None = None, hue: str | None = None, held_out: xr.Dataset | None = None
) -> Figure:
    r"""Draw a sweep: its response along the scale, and its plan of N against D with the budgets :math:`C = 6 N D`.

    Parameters
    ----------
    sweep : Dataset
        From `load_sweep`, `as_sweep`, or the fitted part of `hold_out`.
    x : str, optional
        Covariate along which the response is drawn; C where there is one, else the first.
    hue : str, optional
        Group that is told by colour; the first by default. Another group has a panel for each of its labels; seeds are
        not told apart.
    held_out : Dataset
        Runs that a fit does not see, drawn open.

    Returns
    -------
    Figure
        6.8 inches wide, closed. Flagged runs, such as diverged ones, are ringed.

    Raises
    ------
    SweepError
        If `sweep` or `held_out` is none.
    FigureError
        If `x` is no covariate, or `hue` no group.

    Examples
    --------
    >>> import scaling_bayes as sb
    >>> design = {"N": [1e7, 1e8], "D": [1e9, 1e10], "corpus": ["code", "web"]}
    >>> truth = {"E": 1.8, "A": 400.0, "alpha": 0.35, "B": 400.0, "beta": 0.3}
    >>> sweep = sb.simulate_sweep(sb.law("chinchilla"), design, truth=truth, seed=0)
    >>> [ax.get_xlabel() for ax in plot_sweep(sweep).axes]
    ['training compute $C$ (FLOP)', 'network parameters $N$']
    """
    covariates, groups = attr_list(check_sweep(sweep), "covariates"), compared_groups(sweep)
    x = x or ("C" if "C" in covariates else covariates[0])
    if x not in covariates:
        raise FigureError(f"x={x!r} is no covariate of this sweep: {suggest(x, covariates)}")
    hue = check_groups(hue, sweep)[0] if hue else next(iter(groups), None)
    parts = [sweep] if held_out is None else [_without(sweep, check_sweep(held_out)), held_out]
    colours = _Colours.of(parts, hue)
    other = next((group for group in groups if group != hue), None)
    panels = np.unique(label_runs(sweep, [other] if other else [])).tolist()
    plan = int({"N", "D"} <= set(covariates))
    rows = -(-(len(panels) + plan) // 3)
    named = dict(zip(("", "held out"), parts, strict=False))
    with new_figure(rows * ROW + 0.4, shows=named) as fig:
        axes = panel_grid(fig, len(panels) + plan)
        for ax, panel in zip(axes, panels, strict=False):
            shown = [split_runs(part, [other] if other else []).get(panel, part.isel(run=[])) for part in parts]
            _draw_runs(ax, shown, x, str(sweep.attrs["response"]), colours)
            ax.set_title(panel, weight="bold")
        if plan:
            _draw_plan(axes[-1], parts, colours)
        handles = colours.handles() + _status_handles(parts)
        if handles:
            legend_below(fig, handles)
        return fig


@dataclass(frozen=True)
class _Colours:
    """Colour and marker of each label of a group; ink and dots without one."""

    hue: str | None
    colours: Mapping[str, str]
    markers: Mapping[str, str]

    @classmethod
    def of(cls, parts: list[xr.Dataset], hue: str | None) -> "_Colours":
        labels = sorted({label for part in parts for label in label_runs(part, [hue] if hue else []).tolist()})
        if not hue:
            return cls(None, {"": group_colours([""])[""]}, {"": "o"})
        return cls(hue, group_colours(labels), group_markers(labels))

    def parts(self, runs: xr.Dataset) -> Mapping[str, xr.Dataset]:
        return split_runs(runs, [self.hue] if self.hue else [])

    def handles(self) -> list[Artist]:
        style: dict[str, Any] = {"ls": "none", "ms": 3.5, "mew": 0}
        labels = self.colours if self.hue else ()
        return [Line2D([], [], marker=self.markers[k], color=self.colours[k], label=k, **style) for k in labels]


def _without(sweep: xr.Dataset, held_out: xr.Dataset) -> xr.Dataset:
    """The sweep less the runs that are held out, where it is the whole one."""
    if "run" not in sweep.coords or "run" not in held_out.coords:
        return sweep
    return sweep.isel(run=np.flatnonzero(~np.isin(sweep["run"].values, held_out["run"].values)))


def _draw_runs(ax: Axes, parts: list[xr.Dataset], x: str, y: str, colours: _Colours) -> None:
    """Points of one panel: fitted runs full, held-out ones open, flagged ones ringed."""
    for part, face in zip(parts, (None, "white"), strict=False):
        for label, runs in colours.parts(part).items():
            style: dict[str, Any] = {"color": colours.colours[label], "ms": 2.6, "mew": 0.5, "label": label or "runs"}
            ax.plot(runs[x].values, runs[y].values, colours.markers[label], markerfacecolor=face, alpha=0.85, **style)
        rows = flagged_runs(part)
        ring: dict[str, Any] = {"mfc": "none", "mec": BAD, "ms": 5.5, "mew": 0.8, "label": "flagged"}
        ax.plot(part[x].values[rows], part[y].values[rows], "o", **ring)
    for axis, name in ((ax.xaxis, x), (ax.yaxis, y)):
        log_axis(axis, str(parts[0][name].attrs.get("units", "")))
        axis.set_label_text(axis_label(parts[0][name], name))


def _draw_plan(ax: Axes, parts: list[xr.Dataset], colours: _Colours) -> None:
    """N against D, and the budgets that were spent."""
    sizes = np.concatenate([np.column_stack([part["N"], part["D"]]) for part in parts])
    if len(sizes) > SHARED_DESIGN * len(np.unique(sizes, axis=0)):
        colours = _Colours(None, {"": INK}, {"": "o"})
    ax.margins(0.09)
    if parts[0].attrs.get("flop_rule") == "6ND":
        _draw_budgets(ax, sizes)
        ax.set_title("lines of equal compute, FLOP", fontsize=points(6.2), color=MUTED)
    _draw_runs(ax, parts, "N", "D", colours)


def _draw_budgets(ax: Axes, sizes: np.ndarray) -> None:
    """A line of equal compute through the runs of each budget, named at its upper end."""
    compute = 6 * sizes.prod(axis=1)
    level = find_levels(compute)
    budgets = [np.exp(np.log(compute[level == k]).mean()) for k in np.unique(level)]
    if len(budgets) > MOST_BUDGETS:
        decades = np.arange(np.ceil(np.log10(compute.min())), np.floor(np.log10(compute.max())) + 1)
        budgets = (10.0**decades).tolist()
    for budget in budgets:
        near = np.abs(np.log(compute / budget)) <= np.abs(np.log(compute / budget)).min() + np.log(2)
        N = np.array([sizes[near, 0].min() / 1.35, sizes[near, 0].max() * 1.35])
        ax.plot(N, budget / (6 * N), color=MUTED, lw=0.5, zorder=0, label="budget")
        says = format_value(float(budget), "FLOP")
        ax.annotate(says, (N[0], budget / (6 * N[0])), xytext=(0, 1), textcoords="offset points", ha="center",
                    va="bottom", fontsize=points(5.5), color=MUTED)  # fmt: skip


def _status_handles(parts: list[xr.Dataset]) -> list[Artist]:
    """What open and ringed points mean, if there are any."""
    flags = sorted({str(flag) for part in parts if "flag" in part.coords for flag in part["flag"].values} - {""})
    style: dict[str, Any] = {"ls": "none", "marker": "o", "mfc": "none"}
    handles: list[Artist] = [
        Line2D([], [], mec=BAD, ms=5, mew=0.8, label=flag.replace("_", " "), **style) for flag in flags
    ]
    if len(parts) > 1:
        handles.append(Line2D([], [], mec=INK, ms=3.5, mew=0.5, label="held out", **style))
    return handles
