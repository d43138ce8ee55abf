"""`plot_multiverse`: the same question under every choice, sorted, with the choices marked below."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter

from scaling_bayes.figures.answers import FigureError, check_answer
from scaling_bayes.figures.bands import draw_quantiles
from scaling_bayes.figures.canvas import legend_below, new_figure
from scaling_bayes.figures.style import GOOD, INK, MUTED, SHADE, axis_label, format_value, log_axis
from scaling_bayes.figures.venues import points

MAKER = "multiverse(answers, choices)"
HEIGHT, ROW = 1.9, 0.135
"""Heights in inches: of the intervals, and of an option below."""

LINES: tuple[Any, ...] = ((0, (4, 3)), (0, (1, 2)), (0, (6, 2, 1, 2)))
"""Of the references, in turn."""

WIDE = 5.0
"""Ratio of the shown ends above which the axis is logarithmic."""


def plot_multiverse(answer: xr.Dataset, *, reference: float | Mapping[str, float] | None = None) -> Figure:
    """Draw a quantity under every combination of choices, by rising median, and below what was chosen in each.

    Parameters
    ----------
    answer : Dataset
        From `multiverse`.
    reference : float or mapping of str to float, optional
        A number that is known or was reported, as a dashed line; several by name.

    Returns
    -------
    Figure
        Closed: medians with 50 % and 90 % intervals. The grey band spans the medians; failed gates are named in red
        above.

    Raises
    ------
    FigureError
        If the answer is none of `multiverse`.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> draws = xr.DataArray(rng.normal(size=(1, 50, 2)), dims=("chain", "draw", "universe"))
    >>> answer = xr.Dataset({"a": draws}, coords={"universe": ["x", "y"], "law": ("universe", ["power", "chinchilla"])})
    >>> fig = plot_multiverse(answer.assign_attrs(choices=["law"]))
    >>> [label.get_text() for label in fig.axes[1].get_yticklabels()]
    ['chinchilla', 'power']
    """
    check_answer(answer, ["universe"], MAKER)
    choices = [str(name) for name in np.atleast_1d(answer.attrs.get("choices", []))]
    check_answer(answer, choices, MAKER)
    names = [str(name) for name, array in answer.data_vars.items() if {"chain", "draw", "universe"} == set(array.dims)]
    if len(names) != 1 or not choices:
        raise FigureError(f"draw what {MAKER} returns: one quantity with draws, and its choices")
    array = answer[names[0]].transpose("chain", "draw", "universe")
    draws = array.values.reshape(-1, array.sizes["universe"])
    order = np.argsort(np.median(draws, axis=0), kind="stable")
    options = {choice: sorted(set(answer[choice].values.astype(str)), key=_sort_key) for choice in choices}
    rows = sum(map(len, options.values())) + 0.6 * (len(options) - 1)
    known = dict(reference) if isinstance(reference, Mapping) else {} if reference is None else {"reference": reference}
    with new_figure(HEIGHT + ROW * rows + 0.45, shows=answer) as fig:
        upper, lower = fig.subplots(2, 1, sharex=True, height_ratios=(HEIGHT, ROW * rows))
        _draw_answers(upper, draws[:, order], array, known)
        _draw_choices(lower, answer.isel(universe=order), options)
        legend_below(fig, _handles(known, str(array.attrs.get("units", ""))))
    return fig


def _sort_key(option: str) -> tuple[float, str]:
    """Numbers by size, words by the alphabet."""
    try:
        return float(option), option
    except ValueError:
        return np.inf, option


def _draw_answers(ax: Axes, draws: np.ndarray, array: xr.DataArray, known: Mapping[str, float]) -> None:
    x = np.arange(draws.shape[1])
    lowest, low, middle, high, highest = draw_quantiles(draws, (0.05, 0.25, 0.5, 0.75, 0.95))
    for ends, width, label in (((lowest, highest), 0.8, "90 %"), ((low, high), 2.2, "50 %")):
        ax.vlines(x, *ends, color=GOOD, lw=width, alpha=0.6, label=label)
    ax.plot(x, middle, "o", color=GOOD, ms=2.8, label="median")
    ax.axhspan(middle.min(), middle.max(), color=SHADE, lw=0, zorder=0, label="medians")
    for (name, value), style in zip(known.items(), LINES * len(known), strict=False):
        ax.axhline(value, color=INK, lw=0.7, ls=style, zorder=1, label=name)
    if lowest.min() > 0 and highest.max() / lowest.min() > WIDE:
        log_axis(ax.yaxis, str(array.attrs.get("units", "")))
    else:
        ax.yaxis.set_major_formatter(FuncFormatter(lambda v, _: format_value(v, str(array.attrs.get("units", "")))))
    ax.set_ylabel(axis_label(array))
    ax.tick_params(axis="x", length=0)


def _draw_choices(ax: Axes, answer: xr.Dataset, options: dict[str, list[str]]) -> None:
    """A row an option, a dot where it was chosen; a gap and a name between choices."""
    row, places, names = 0.0, [], []
    for choice, known in options.items():
        for option in known:
            chosen = np.flatnonzero(answer[choice].values.astype(str) == option)
            ax.hlines(row, -0.5, answer.sizes["universe"] - 0.5, color=SHADE, lw=0.8, zorder=0, label=option)
            ax.plot(chosen, np.full(len(chosen), row), "o", color=INK, ms=2.4, mew=0, label=f"{choice}: {option}")
            places.append(row)
            names.append(option)
            row += 1
        middle = row - (len(known) + 1) / 2
        beside: dict[str, Any] = {"transform": ax.get_yaxis_transform(), "fontsize": points(6.2), "color": MUTED}
        ax.text(1.01, middle, choice.replace("_", " "), va="center", **beside)
        row += 0.6
    ax.set_yticks(places, names)
    ax.set_ylim(row - 0.6 - 0.4, -0.6)
    ax.set(xlim=(-0.6, answer.sizes["universe"] - 0.4), xticks=[])
    ax.tick_params(axis="y", length=0)
    for spine in ("left", "bottom"):
        ax.spines[spine].set_visible(False)


def _handles(known: Mapping[str, float], unit: str) -> list[Line2D]:
    dots = [Line2D([], [], color=GOOD, marker="o", ms=2.8, lw=2.2, alpha=0.7, label="median, 50 %, thin 90 %")]
    dots += [Line2D([], [], color=SHADE, lw=5, label="range of the medians")]
    lines = zip(known.items(), LINES * len(known), strict=False)
    says = {name: f"{name}, {format_value(value, unit)}" for name, value in known.items()}
    return dots + [Line2D([], [], color=INK, lw=0.7, ls=style, label=says[name]) for (name, _), style in lines]
