"""`plot_parameters`: what was learnt of each parameter, beside its prior, and which of them trade off."""

from itertools import combinations, product

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator

from scaling_bayes.figures.answers import FigureError, check_answer
from scaling_bayes.figures.bands import draw_intervals
from scaling_bayes.figures.canvas import legend_below, new_figure
from scaling_bayes.figures.style import GOOD, INK, MUTED, SHADE, group_colours, group_markers, log_axis
from scaling_bayes.symbols import SAMPLE, latex, suggest

MAKER = "parameters(posterior)"
ROW, PAIRS = 0.16, 2.0
"""Height in inches of a group's row, and of the panels of pairs."""

MOST_DOTS = 300
"""Draws of a group that a panel of pairs shows."""

WIDE = 20.0
"""Largest over smallest value above which an axis is logarithmic."""

PRIOR_LABEL = "prior, 50 %"


def plot_parameters(answer: xr.Dataset, *, pair: tuple[str, str] | None = None) -> Figure:
    r"""Draw the posterior of every parameter by group, and the two pairs in which the data see only a combination.

    Above, medians with 50 % and 90 % intervals, a panel a parameter; the grey strip is the central half of the prior,
    as far as it lies in the panel. Below, draws of one pair, and of the pair that trades off most; over each the
    correlation of their logs, the least and the largest of any group.

    Parameters
    ----------
    answer : Dataset
        From `parameters`.
    pair : (str, str), optional
        Of the left lower panel; the first floor and the first exponent by default, where the law has both.

    Returns
    -------
    Figure
        Closed. Failed gates are named in red above it.

    Raises
    ------
    FigureError
        If the answer is none of `parameters`, or the pair none of its parameters.

    Examples
    --------
    >>> import scaling_bayes as sb
    >>> law = sb.Law("E + A*N**-alpha")
    >>> design = {"N": [1e7, 3e7, 1e8, 3e8, 1e9, 3e9]}
    >>> sweep = sb.simulate_sweep(law, design, truth={"E": 1.8, "A": 400.0, "alpha": 0.35}, seed=0)
    >>> fig = plot_parameters(sb.parameters(sb.baseline(law, sweep, seed=0, bootstrap=20)))
    >>> [ax.get_xlabel() for ax in fig.axes[:3]]
    ['$E$', '$A$', '$\\alpha$']
    """
    names = list_parameters(answer)
    pairs = _choose_pairs(answer, names, pair)
    rows = max(len(label_groups(answer[name])) for name in names)
    colours = group_colours(max((list(label_groups(answer[name])) for name in names), key=len))
    upper = 0.5 + ROW * rows
    with new_figure(upper + PAIRS + 0.4, shows=answer) as fig:
        above, below = fig.subfigures(2, 1, squeeze=False, height_ratios=(upper, PAIRS + 0.2))[:, 0]
        for k, (ax, name) in enumerate(zip(np.atleast_1d(above.subplots(1, len(names))), names, strict=True)):
            _draw_forest(ax, answer, name, named=k == 0 or len(label_groups(answer[name])) != rows)
        for ax, (first, second) in zip(np.atleast_1d(below.subplots(1, len(pairs))), pairs, strict=True):
            _draw_pair(ax, answer, first, second, colours)
        markers = group_markers(list(colours))
        handles = [
            Line2D([], [], color=c, marker=markers[n], ls="none", ms=3, label=n) for n, c in colours.items() if n
        ]
        strip = [Patch(facecolor=SHADE, label=PRIOR_LABEL)] if f"prior_{names[0]}" in answer else []
        interval = Line2D([], [], color=INK, lw=2.2, alpha=0.6, label="50 %, thin 90 %")
        legend_below(fig, [*handles, interval, *strip])
    return fig


def list_parameters(answer: xr.Dataset) -> list[str]:
    """Names of the law's parameters that are not known beforehand.

    Raises
    ------
    FigureError
        If the answer is none of `parameters`.
    """
    check_answer(answer, ["correlation", "parameter", "role"], MAKER)
    names = [str(name) for name in answer["parameter"].values]
    check_answer(answer, names, MAKER)
    return [name for name in names if float(answer[name].max() - answer[name].min()) > 0]


def label_groups(array: xr.DataArray) -> dict[str, xr.DataArray]:
    """Draws of each group by its label, several groups joined by a comma; one without a label for none.

    Examples
    --------
    >>> alpha = xr.DataArray([[[0.3, 0.4]]], dims=("chain", "draw", "corpus"), coords={"corpus": ["code", "web"]})
    >>> list(label_groups(alpha))
    ['code', 'web']
    """
    dims = [str(d) for d in array.dims if d not in (*SAMPLE, "quantile", "parameter", "parameter_other")]
    labels = product(*(array[d].values.tolist() for d in dims))
    return {", ".join(map(str, each)): array.sel(dict(zip(dims, each, strict=True))) for each in labels}


def _choose_pairs(answer: xr.Dataset, names: list[str], pair: tuple[str, str] | None) -> list[tuple[str, str]]:
    for name in pair or ():
        if name not in names:
            raise FigureError(f"pair= names {name!r}, which is no parameter with draws: {suggest(name, names)}")
    role = dict(zip(answer["parameter"].values.tolist(), answer["role"].values.tolist(), strict=True))
    first = [next((name for name in names if role[name] == wanted), "") for wanted in ("floor", "exponent")]
    strength = {two: max(abs(end) for end in _correlations(answer, *two)) for two in combinations(names, 2)}
    ranked = sorted(strength, key=lambda two: -strength[two])
    chosen = pair or ((first[0], first[1]) if all(first) else ranked[0])
    return [chosen, *(two for two in ranked if set(two) != set(chosen))][:2]


def _correlations(answer: xr.Dataset, first: str, second: str) -> tuple[float, float]:
    """The least and the largest correlation of any group."""
    found = answer["correlation"].sel(parameter=first, parameter_other=second)
    return float(found.min()), float(found.max())


def _draw_forest(ax: Axes, answer: xr.Dataset, name: str, *, named: bool) -> None:
    """A row a group; in the panels beside the first one labels only where the groups are others."""
    groups = label_groups(answer[name])
    draws = np.stack([array.values.ravel() for array in groups.values()], axis=1)
    y = np.arange(len(groups))
    ax.plot(draw_intervals(ax, draws, GOOD), y, "o", color=GOOD, ms=3, label="median")
    ends = np.quantile(draws, [0.02, 0.98])
    pad = 0.08 * (ends[1] - ends[0])
    wide = ends[0] > 0 and ends[1] / ends[0] > WIDE
    ax.set_xlim((ends[0] / 1.3, ends[1] * 1.3) if wide else (ends[0] - pad, ends[1] + pad))
    if f"prior_{name}" in answer:
        prior = answer[f"prior_{name}"].sel(quantile=[0.25, 0.75])
        low, high = float(prior.isel(quantile=0).min()), float(prior.isel(quantile=1).max())
        left, right = ax.get_xlim()
        ax.axvspan(max(low, left), max(min(high, right), left), color=SHADE, lw=0, zorder=0, label=PRIOR_LABEL)
        ax.set_xlim(left, right)
    _scale_axis(ax, draws)
    ax.set(ylim=(len(groups) - 0.4, -0.6), xlabel=f"${latex(name)}$")
    ax.set_yticks(y, list(groups) if named and len(groups) > 1 else ["" if len(groups) > 1 else "all"] * len(groups))
    ax.tick_params(axis="y", length=0)


def _scale_axis(ax: Axes, draws: np.ndarray, *, along: str = "x") -> None:
    axis = ax.xaxis if along == "x" else ax.yaxis
    low, high = np.quantile(draws, [0.02, 0.98])
    if low > 0 and high / low > WIDE:
        log_axis(axis)
    else:
        axis.set_major_locator(MaxNLocator(3))


def _draw_pair(ax: Axes, answer: xr.Dataset, first: str, second: str, colours: dict[str, str]) -> None:
    """Draws of two parameters; the ridge is their name and correlation."""
    both = xr.broadcast(answer[first], answer[second])
    markers = group_markers(list(colours))
    values = [label_groups(array) for array in both]
    for label in values[0]:
        x, y = (group[label].values.ravel() for group in values)
        keep = np.linspace(0, len(x) - 1, min(len(x), MOST_DOTS)).astype(int)
        colour = colours.get(label, MUTED)
        marker = markers.get(label, "o")
        ax.plot(x[keep], y[keep], marker, ms=1.4, mew=0, color=colour, alpha=0.5, label=label or "draw")
    for along, array in zip("xy", both, strict=True):
        _scale_axis(ax, array.values, along=along)
    low, high = _correlations(answer, first, second)
    said = f"{low:.2f}" if round(low, 2) == round(high, 2) else f"{low:.2f} to {high:.2f}"
    ridge = "ridge" if max(abs(low), abs(high)) > 0.9 else "correlation"
    ax.set_title(f"${latex(first)}$ against ${latex(second)}$, {ridge} {said}".replace("-", "−"))
    ax.set(xlabel=f"${latex(first)}$", ylabel=f"${latex(second)}$")
