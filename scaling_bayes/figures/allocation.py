"""`plot_allocation`, `plot_isoflops`: how a budget is best split, and how little it matters."""

from collections.abc import Mapping
from itertools import product

import numpy as np
import seaborn as sns
import xarray as xr
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from scaling_bayes.figures.answers import FigureError, check_answer, split_runs
from scaling_bayes.figures.bands import BANDS, band_patches, draw_bands
from scaling_bayes.figures.canvas import legend_below, mark, new_figure, panel_grid
from scaling_bayes.figures.ranges import CROWDED, fitted_patch, stack_draws
from scaling_bayes.figures.style import GOOD, INK, MUTED, SHADE, axis_label, format_value, group_colours, log_axis
from scaling_bayes.symbols import SAMPLE

NEEDED = ("N_opt", "D_opt", "tokens_per_parameter", "N_low", "N_high", "at_edge", "extrapolation")
NEAR = 0.2
"""Log distance from a budget within which a run is drawn beside its curve."""

EDGE = 0.01
"""Share of draws with their optimum at the edge of the search above which a figure says so."""

LINES = ("--", ":", "-.")


def plot_allocation(answer: xr.Dataset, *, others: Mapping[str, xr.Dataset] | None = None) -> Figure:
    """Draw the best size, data and tokens per parameter against the budget, and the response they reach.

    Parameters
    ----------
    answer : Dataset
        From `allocate` at several budgets; a colour for each group.
    others : mapping of str to Dataset, optional
        Other answers to the same budgets by name, as from `fit_isoflops`: their medians are lines in the first three
        panels.

    Returns
    -------
    Figure
        6.8 inches wide, closed: medians with 50 % and 90 % bands. The grey strip is the fitted range, where the answer
        is along C. Failed gates, and optima at the edge of the search, are said in red above it.

    Raises
    ------
    FigureError
        If `answer` is none of `allocate`, or has fewer than two budgets.

    Examples
    --------
    >>> import scaling_bayes as sb
    >>> truth = {"E": 1.8172, "A": 482.01, "B": 2085.43, "alpha": 0.3478, "beta": 0.3658}
    >>> design = {"N": [1e8, 3e8, 1e9], "D": [2e9, 2e10, 2e11]}
    >>> sweep = sb.simulate_sweep(sb.law("chinchilla"), design, truth=truth, seed=0, noise=0.01)
    >>> posterior = sb.baseline(sb.law("chinchilla"), sweep, seed=0, bootstrap=20)
    >>> [ax.get_ylabel() for ax in plot_allocation(sb.allocate(posterior, [1e20, 1e21, 1e22])).axes][0]
    'best network parameters'
    """
    response = str(getattr(answer, "attrs", {}).get("response", "loss"))
    check_answer(answer, [*NEEDED, response], "allocate(posterior, C)")
    if answer.sizes["budget"] < 2:
        raise FigureError("one budget is no line; draw what allocate(posterior, [C1, C2, ...]) returns")
    groups = _split_groups(answer)
    colours = group_colours(list(groups)) if len(groups) > 1 else {"": GOOD}
    panels = ("N_opt", "D_opt", "tokens_per_parameter", response)
    crowded = len(groups) > CROWDED
    with new_figure(3.9, shows={"": answer, **(others or {})}) as fig:
        for ax, name in zip(panel_grid(fig, 4, columns=2), panels, strict=True):
            for label, each in groups.items():
                draw_bands(ax, each["budget"].values, stack_draws(each[name]), colours[label], label, crowded=crowded)
            for (label, other), style in zip((others or {}).items(), LINES * 3, strict=False):
                if name in other:
                    ax.plot(other["budget"], other[name].median(SAMPLE), color=INK, ls=style, lw=0.9, label=label)
            _frame(ax, answer, answer[name])
        legend_below(fig, _allocation_legend(colours, list(others or {})))
        mark(fig, _warn_edge(answer))
    return fig


def plot_isoflops(curves: xr.Dataset, answer: xr.Dataset, *, sweep: xr.Dataset | None = None) -> Figure:
    """Draw the response along every split of each budget, with the optimum and the region around it.

    Parameters
    ----------
    curves : Dataset
        From `trace_isoflops`; a panel for each group.
    answer : Dataset
        From `allocate` at the same budgets. A dot is the median optimum, its bar the 90 % interval; the thick part of
        a curve is the region within eps, between the medians of its ends.
    sweep : Dataset, optional
        Runs whose compute is near a budget are dots of its colour, where budgets are in FLOP.

    Returns
    -------
    Figure
        6.8 inches wide, closed.

    Raises
    ------
    FigureError
        If the answers are others, or their budgets or groups differ.

    Examples
    --------
    >>> import scaling_bayes as sb
    >>> truth = {"E": 1.8172, "A": 482.01, "B": 2085.43, "alpha": 0.3478, "beta": 0.3658}
    >>> design = {"N": [1e8, 3e8, 1e9], "D": [2e9, 2e10, 2e11]}
    >>> sweep = sb.simulate_sweep(sb.law("chinchilla"), design, truth=truth, seed=0, noise=0.01)
    >>> posterior, C = sb.baseline(sb.law("chinchilla"), sweep, seed=0, bootstrap=20), [1e20, 1e21]
    >>> len(plot_isoflops(sb.trace_isoflops(posterior, C), sb.allocate(posterior, C)).axes)
    1
    """
    response = str(getattr(curves, "attrs", {}).get("response", "loss"))
    check_answer(curves, [response, "N", "budget"], "trace_isoflops(posterior, C)")
    check_answer(answer, [*NEEDED, response], "allocate(posterior, C)")
    panels, optima = _split_groups(curves), _split_groups(answer)
    if list(panels) != list(optima) or not np.array_equal(curves["budget"], answer["budget"]):
        raise FigureError("the curves and the optimum differ in budgets or groups; ask both of one posterior and C")
    in_flop = answer["budget"].attrs.get("units") == "FLOP"
    runs = split_runs(sweep, _group_names(answer)) if sweep is not None and in_flop else {}
    colours = sns.color_palette("flare", answer.sizes["budget"]).as_hex()
    rows = -(-len(panels) // 3)
    shown = {"": answer} | ({} if sweep is None else {"sweep": sweep})
    with new_figure(2.6 if rows == 1 else 1.9 * rows + 0.5, shows=shown) as fig:
        for ax, (label, each) in zip(panel_grid(fig, len(panels), sharey=True), panels.items(), strict=True):
            for k, colour in enumerate(colours):
                _draw_isoflop(ax, each[response].isel(budget=k), optima[label].isel(budget=k), colour)
                if label in runs:
                    _draw_runs(ax, runs[label], float(each["budget"][k]), colour)
            ax.set_title(label)
            log_axis(ax.xaxis, "parameters")
            log_axis(ax.yaxis, str(curves[response].attrs.get("units", "")))
            ax.set_xlabel(axis_label(curves["N"], "N"))
            ax.set_ylabel(axis_label(curves[response]))
            ax.label_outer(remove_inner_ticks=False)
            ax.tick_params(labelbottom=True)
        legend_below(fig, _isoflop_legend(answer, colours))
        mark(fig, _warn_edge(answer))
    return fig


def _group_names(answer: xr.Dataset) -> list[str]:
    array = answer["N_opt" if "N_opt" in answer else str(answer.attrs["response"])]
    return [str(d) for d in array.dims if d not in (*SAMPLE, "budget", "size")]


def _split_groups(answer: xr.Dataset) -> dict[str, xr.Dataset]:
    """The answer of each group by its label, several groups joined by a comma; one without a label for none."""
    names = _group_names(answer)
    labels = product(*(answer[name].values.tolist() for name in names))
    return {", ".join(map(str, each)): answer.sel(dict(zip(names, each, strict=True))) for each in labels}


def _frame(ax: Axes, answer: xr.Dataset, array: xr.DataArray) -> None:
    """Scales, labels and the fitted range."""
    x = answer["budget"].values
    ax.set_xlim(x.min(), x.max())
    if answer.attrs.get("scale") == "C":
        end = (answer["budget"] / answer["extrapolation"]).median().item()
        ax.axvspan(x.min(), float(np.clip(end, x.min(), x.max())), color=SHADE, lw=0, zorder=0)
    log_axis(ax.xaxis, str(answer["budget"].attrs.get("units", "")))
    log_axis(ax.yaxis, str(array.attrs.get("units", "")))
    ax.set_xlabel(_budget_label(answer))
    ax.set_ylabel(axis_label(array))


def _budget_label(answer: xr.Dataset) -> str:
    unit = str(answer["budget"].attrs.get("units", ""))
    return f"training compute $C$ ({unit})" if answer.attrs.get("cost") == "6 N D" else f"budget ({unit})"


def _draw_isoflop(ax: Axes, curve: xr.DataArray, optimum: xr.Dataset, colour: str) -> None:
    known = curve.notnull().any(SAMPLE).values
    curve = curve.isel(size=np.flatnonzero(known))
    N, median = curve["N"].values, curve.median(SAMPLE).values
    unit = str(curve["budget"].attrs.get("units", ""))
    budget = f"{format_value(curve['budget'].item(), unit)} {unit}"
    low, high = curve.quantile([0.05, 0.95], SAMPLE).values  # some draws reach no such split
    ax.fill_between(N, low, high, color=colour, alpha=BANDS[0.9], lw=0, label=f"{budget}, 90 %")
    ax.plot(N, median, color=colour, lw=0.8, label=budget)
    inside = np.geomspace(optimum["N_low"].median().item(), optimum["N_high"].median().item(), 50)
    at = np.interp(np.log(inside), np.log(N), median)
    ax.plot(inside, at, color=colour, lw=2.4, solid_capstyle="butt", label=f"{budget}, nearly the lowest")
    left, middle, right = optimum["N_opt"].quantile([0.05, 0.5, 0.95]).values
    lowest = np.interp(np.log(middle), np.log(N), median)
    ax.plot([left, right], [lowest, lowest], color=INK, lw=0.8, label=f"{budget}, 90 % of optima")
    ax.plot(middle, lowest, "o", color=INK, ms=2.6, mew=0, label=f"{budget}, optimum")


def _draw_runs(ax: Axes, runs: xr.Dataset, budget: float, colour: str) -> None:
    near = abs(np.log(runs["C"].values / budget)) < NEAR
    ax.plot(runs["N"].values[near], runs[runs.attrs["response"]].values[near], "o", color=colour, ms=1.8, mew=0)


def _allocation_legend(colours: Mapping[str, str], others: list[str]) -> list[Artist]:
    found: list[Artist] = [Line2D([], [], color=c, label=label or "median") for label, c in colours.items()]
    found += band_patches(colours.get("", MUTED))
    found += [Line2D([], [], color=INK, ls=ls, lw=0.9, label=n) for n, ls in zip(others, LINES * 3, strict=False)]
    return [*found, fitted_patch()]


def _isoflop_legend(answer: xr.Dataset, colours: list[str]) -> list[Artist]:
    unit = str(answer["budget"].attrs.get("units", ""))
    budgets = [f"{format_value(float(b), unit)} {unit}" for b in answer["budget"].values]
    found: list[Artist] = [Line2D([], [], color=c, label=b) for c, b in zip(colours, budgets, strict=True)]
    dot = Line2D([], [], color=INK, marker="o", ms=2.6, mew=0, lw=0.8, label="optimum, 90 %")
    region = Line2D([], [], color=MUTED, lw=2.4, label=f"within {100 * float(answer.attrs['eps']):g} % of the lowest")
    return [*found, dot, region]


def _warn_edge(answer: xr.Dataset) -> str:
    share = float(answer["at_edge"].mean(SAMPLE).max())
    return f"OPTIMUM AT THE EDGE OF THE SEARCH IN {100 * share:.0f} % OF DRAWS" if share > EDGE else ""
