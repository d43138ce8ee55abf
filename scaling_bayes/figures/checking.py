"""`plot_check`: whether a posterior may be believed, on one page."""

import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullLocator
from scipy import stats

from scaling_bayes.figures.answers import (
    check_answer,
    check_groups,
    flagged_runs,
    label_coordinates,
    split_runs,
)
from scaling_bayes.figures.canvas import legend_below, new_figure
from scaling_bayes.figures.errors import scale_values
from scaling_bayes.figures.style import (
    BAD,
    GOOD,
    INK,
    MUTED,
    SHADE,
    axis_label,
    group_colours,
    group_markers,
    group_offsets,
    log_axis,
)
from scaling_bayes.figures.venues import points
from scaling_bayes.symbols import COVARIATES, latex

NEEDED = (
    *("gate_value", "gate_limit", "gate_passed", "statistic_observed", "statistic_replicated", "p_value"),
    *("residual", "pit", "contraction", "verdict"),
)
BAND = 0.9
"""Probability that all bars of the PIT histogram lie in their band at once."""

WRAP, TITLE_WRAP = 118, 24
"""Letters in a line of findings, and of a statistic's title."""

LINEAR = 3.0
"""Standardised residuals beyond this stand on a log scale, so that one diverged run does not flatten the rest."""

DODGE, MOST_DODGED = 0.016, 0.08
"""Decades between groups at one scale, so that they do not hide each other, and between the first and the last."""

QUIET: dict[str, Any] = {"color": MUTED, "ha": "center", "va": "center"}
"""How a panel says that it has nothing to show."""


def plot_check(checked: xr.Dataset, *, hue: str | None = None) -> Figure:
    r"""Draw what `check` found, on one page.

    Standardised residuals along the scale, linear to 3 and logarithmic beyond; the histogram of the probability
    integral transform with the band that holds all its bars at once with 90 % (Bonferroni,
    :math:`\mathrm{Binomial}(n, 1/B)`); each statistic under the data and under replicated data; the contraction
    :math:`1 - \mathrm{var}(\theta | y) / \mathrm{var}(\theta)` of each parameter, with the line at one half; the
    sampler's gates; and the findings in words.

    Parameters
    ----------
    checked : Dataset
        From `check`.
    hue : str, optional
        Group that is told by colour; by default the one whose labels the contraction names.

    Returns
    -------
    Figure
        6.8 inches wide, closed. Failed gates are named in red above it.

    Raises
    ------
    FigureError
        If `checked` is no answer of `check`, or `hue` no group of its runs.

    Examples
    --------
    >>> import scaling_bayes as sb
    >>> law = sb.Law("E + A*N**-alpha")
    >>> design = {"N": [1e7, 3e7, 1e8, 3e8, 1e9, 3e9]}
    >>> sweep = sb.simulate_sweep(law, design, truth={"E": 1.8, "A": 400.0, "alpha": 0.35}, seed=0)
    >>> checked = sb.check(sb.baseline(law, sweep, seed=0, bootstrap=20))
    >>> plot_check(checked).axes[0].get_xlabel()
    'network parameters $N$'
    """
    check_answer(checked, NEEDED, "check(posterior)")
    quantities = [_split_quantity(str(name)) for name in checked["quantity"].values]
    hue = check_groups(hue, checked)[0] if hue else _find_hue(checked, {label for _, label in quantities})
    groups = split_runs(checked, [hue] if hue else [])
    statistics = checked["statistic"].values.tolist()
    findings = [line for text in checked["verdict"].values for line in textwrap.wrap(f"• {text}", WRAP)]
    parameters = len(dict(quantities))
    third = max(1.15, 0.22 * parameters) if parameters or checked.sizes["gate"] else 0.3
    heights = [1.6, 1.0, third, 0.13 * len(findings) + 0.05]
    with new_figure(sum(heights) + 1.6, shows=checked) as fig:
        rows = fig.add_gridspec(4, 1, height_ratios=heights)
        above, third_row = (
            rows[0].subgridspec(1, 2, width_ratios=[8, 4]),
            rows[2].subgridspec(1, 2, width_ratios=[7, 5]),
        )
        _draw_residuals(fig.add_subplot(above[0]), groups, str(checked.attrs["scale"]))
        _draw_pit(fig.add_subplot(above[1]), checked["pit"].values)
        titles = _wrap_alike(list(map(str, statistics)))
        for k, name in enumerate(statistics):
            ax = fig.add_subplot(rows[1].subgridspec(1, len(statistics))[k])
            _draw_statistic(ax, checked.sel(statistic=name), titles[k])
        _draw_contraction(fig.add_subplot(third_row[0]), quantities, checked, list(groups))
        _write_gates(fig.add_subplot(third_row[1]), checked)
        _write_findings(fig.add_subplot(rows[3]), findings)
        _write_legend(fig, list(groups), bool(flagged_runs(checked).any()))
        for text in (text for ax in fig.axes for text in ax.texts):
            text.set_in_layout(False)  # heights make room for them; the layout finds none for one as tall as its axes
        return fig


def _split_quantity(name: str) -> tuple[str, str]:
    """`alpha[web]` as parameter and label.

    >>> _split_quantity("alpha[web]"), _split_quantity("alpha")
    (('alpha', 'web'), ('alpha', ''))
    """
    parameter, _, label = name.partition("[")
    return parameter, label.removesuffix("]")


def _find_hue(checked: xr.Dataset, labels: set[str]) -> str | None:
    """The group whose labels the quantities name, or else the first that labels the runs."""
    known = label_coordinates(checked)
    named = [group for group in known if labels & set(checked[group].values.astype(str))]
    return next(iter([*named, *known]), None)


def _write_legend(fig: Figure, labels: Sequence[str], flagged: bool) -> None:
    colours, markers = group_colours(labels), group_markers(labels)
    shown = labels if len(labels) > 1 else []
    handles: list[Artist] = [
        Line2D([], [], ls="none", marker=markers[k], color=colours[k], ms=3.2, mew=0, label=k) for k in shown
    ]
    if flagged:
        handles.append(Line2D([], [], ls="none", marker="o", mfc="none", mec=BAD, ms=5, mew=0.8, label="flagged"))
    handles += [Patch(color=GOOD, alpha=0.5, lw=0, label="statistic of the data")]
    handles += [Patch(color=MUTED, alpha=0.5, lw=0, label="of replicated data")]
    legend_below(fig, handles)


def _wrap_alike(titles: Sequence[str]) -> list[str]:
    r"""Titles of equally many lines, so that the panels below them are equally high.

    >>> _wrap_alike(["slope", "number of sign changes along the scale"])
    ['\nslope', 'number of sign changes\nalong the scale']
    """
    wrapped = [textwrap.wrap(title, TITLE_WRAP) for title in titles]
    most = max(map(len, wrapped), default=0)
    return ["\n" * (most - len(lines)) + "\n".join(lines) for lines in wrapped]


def _draw_residuals(ax: Axes, groups: Mapping[str, xr.Dataset], scale: str) -> None:
    """Standardised residuals along the scale, groups by colour, flagged runs ringed."""
    colours, markers = group_colours(list(groups)), group_markers(list(groups))
    aside = group_offsets(list(groups), DODGE, MOST_DODGED)
    for label, runs in groups.items():
        x, y, flagged = scale_values(runs, scale) * 10 ** aside[label], runs["residual"].values, flagged_runs(runs)
        ax.plot(x, y, markers[label], color=colours[label], ms=2.2, mew=0, alpha=0.8, label=label)
        ax.plot(x[flagged], y[flagged], "o", mfc="none", mec=BAD, ms=5, mew=0.8, label="flagged")
    ax.axhspan(-2, 2, color=SHADE, lw=0, zorder=0)
    ax.axhline(0, color=INK, lw=0.6, zorder=1)
    ax.set_yscale("symlog", linthresh=LINEAR)
    ax.yaxis.set_major_locator(FixedLocator([-100, -30, -10, -2, 0, 2, 10, 30, 100]))
    ax.yaxis.set_minor_locator(NullLocator())
    ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}".replace("-", "−")))
    runs = next(iter(groups.values()))
    array = runs[scale] if scale in runs.coords else xr.DataArray(0.0, name=scale)
    log_axis(ax.xaxis, str(array.attrs.get("units", COVARIATES[scale].unit if scale in COVARIATES else "")))
    ax.set(xlabel=axis_label(array, scale), ylabel="standardised residual")


def _draw_pit(ax: Axes, pit: np.ndarray) -> None:
    """Histogram of the probability integral transform; bars outside the simultaneous band are vermilion."""
    bins = int(np.clip(np.sqrt(pit.size) / 2, 5, 10))
    counts, edges = np.histogram(pit, bins=bins, range=(0, 1))
    low, high = stats.binom.ppf([(1 - BAND) / 2 / bins, 1 - (1 - BAND) / 2 / bins], pit.size, 1 / bins)
    outside = (counts < low) | (counts > high)
    ax.bar(
        edges[:-1],
        counts,
        width=0.92 / bins,
        align="edge",
        color=np.where(outside, BAD, GOOD).tolist(),
        alpha=0.6,
        lw=0,
    )
    ax.axhspan(low, high, color=MUTED, alpha=0.3, lw=0, zorder=0)
    ax.axhline(pit.size / bins, color=INK, lw=0.6)
    ax.set(xlabel="PIT of fitted runs", ylabel="runs", xlim=(0, 1))
    ax.set_title(f"band of {100 * BAND:g} % of uniform samples", fontsize=points(6.2), color=MUTED)


def _draw_statistic(ax: Axes, found: xr.Dataset, title: str) -> None:
    """Where the data stand among replicated data."""
    observed, replicated = (found[f"statistic_{kind}"].values.ravel() for kind in ("observed", "replicated"))
    ends = np.quantile(np.concatenate([observed, replicated]), [0.002, 0.995])
    bins = np.linspace(ends[0], max(ends[1], ends[0] + 1e-9), 32).tolist()
    p = float(found["p_value"])
    colour = BAD if min(p, 1 - p) < found.attrs["extreme"] else GOOD
    for values, c, label in ((replicated, MUTED, "replicated"), (observed, colour, "observed")):
        ax.hist(values, bins=bins, density=True, color=c, alpha=0.5, histtype="stepfilled", lw=0, label=label)
    ax.set_ylim(0, 1.4 * ax.get_ylim()[1])
    ax.set_title(title, fontsize=points(6.5))
    ax.text(
        0.98, 0.97, f"p = {p:.3f}", transform=ax.transAxes, ha="right", va="top", color=colour, fontsize=points(6.2)
    )
    ax.set_yticks([])
    ax.spines["left"].set_visible(False)
    ax.margins(x=0.12)
    ax.xaxis.set_major_locator(MaxNLocator(3, prune="both"))


def _draw_contraction(ax: Axes, quantities: list[tuple[str, str]], checked: xr.Dataset, groups: Sequence[str]) -> None:
    """A row of dots for each parameter, one for each group."""
    if not quantities:
        ax.axis("off")
        ax.text(0.5, 0.5, "no prior was saved: contraction is not known", transform=ax.transAxes, **QUIET)
        return
    parameters, values, identified = list(dict(quantities)), checked["contraction"].values, checked.attrs["identified"]
    colours, markers, aside = group_colours(groups), group_markers(groups), group_offsets(groups, 0.11, within=0.6)
    for (parameter, label), value in zip(quantities, values, strict=True):
        row = parameters.index(parameter) + aside.get(label, 0.0)
        style: dict[str, Any] = {"color": colours.get(label, INK), "ms": 2.8, "mew": 0, "clip_on": False}
        ax.plot(value, row, markers.get(label, "o"), label=label, **style)
    left = np.nanmin(values, initial=0.0) - 0.03  # a parameter that was fixed has no contraction
    ax.axvspan(left, identified, color=SHADE, lw=0, zorder=0)
    ax.axvline(identified, color=INK, lw=0.6, ls=(0, (4, 3)), zorder=1)
    ax.set(xlim=(left, 1.0), ylim=(len(parameters) - 0.4, -0.6))
    ax.set_yticks(range(len(parameters)), [f"${latex(p)}$" for p in parameters])
    ax.tick_params(axis="y", length=0)
    ax.set_xlabel("contraction of prior by data; shaded: not identified")


def _write_gates(ax: Axes, checked: xr.Dataset) -> None:
    """The sampler's gates as a small table."""
    ax.axis("off")
    gates = zip(*(checked[n].values for n in ("gate", "gate_value", "gate_limit", "gate_passed")), strict=True)
    rows = [(str(name), f"{value:.4g}", f"{limit:.4g}", bool(passed)) for name, value, limit, passed in gates]
    if not rows:
        ax.text(0.5, 0.5, "no sampler, so no gates", transform=ax.transAxes, **QUIET)
        return
    step = 1 / (len(rows) + 1)
    columns = (0.06, 0.56, 0.76, 0.98)
    for x, word in zip(columns, ("sampler gate", "value", "limit", "passed"), strict=True):
        ax.text(
            x, 1 - step / 2, word, ha="left" if x < 0.1 else "right", va="center", color=MUTED, fontsize=points(6.5)
        )
    for k, (name, value, limit, passed) in enumerate(rows, start=1):
        colour = INK if passed else BAD
        for x, word in zip(columns, (name, value, limit, "yes" if passed else "NO"), strict=True):
            style: dict[str, Any] = {"color": colour, "weight": "normal" if passed else "bold", "fontsize": points(6.5)}
            ax.text(x, 1 - (k + 0.5) * step, word, ha="left" if x < 0.1 else "right", va="center", **style)


def _write_findings(ax: Axes, lines: list[str]) -> None:
    ax.axis("off")
    ax.text(0, 1, "\n".join(lines), va="top", fontsize=points(6.5), linespacing=1.35, transform=ax.transAxes)
