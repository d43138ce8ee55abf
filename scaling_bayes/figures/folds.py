"""`plot_folds`: how far beyond its data a model may be believed, from folds that left the largest scales out."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullLocator

from scaling_bayes.figures.answers import check_level, name_answers
from scaling_bayes.figures.canvas import legend_below, new_figure
from scaling_bayes.figures.error_panels import SMALL, draw_errors, error_legend, frame_of, set_error_axis
from scaling_bayes.figures.errors import Errors
from scaling_bayes.figures.style import BAD, GOOD, INK, MUTED, axis_label
from scaling_bayes.figures.venues import page, points

BY_RATIO = tuple(f"{name}_at_ratio{end}" for name in ("coverage", "rmsle") for end in ("", "_lower", "_upper"))
NEEDED = (
    *("observed", "median", "lower", "upper", "inside", "level", "extrapolation", "fold", "cluster"),
    *("ratio_mean", "runs_at_ratio", "clusters_at_ratio", "octaves", "note", *BY_RATIO),
)
ROW, HEADER, EDGES = 1.75, 0.24, 0.72
"""Heights in inches: of a row of panels, the line above it, what stands around all rows."""

WIDTHS = (1.5, 1.1, 0.8)
"""Of the panels of errors, coverage and RMSLE, relative to each other."""

ERRORS_SHARE = 0.8 * WIDTHS[0] / sum(WIDTHS)
"""Of the page's width that the panel of errors takes, about."""

PALE = 0.45
"""How much white the colour of the lowest level holds."""

DODGE = 0.035
"""Decades between levels, so that their intervals do not hide each other."""

STRIP = -22.0
"""Lower end of the panel of coverage: below zero it counts runs."""

MOST_TICKS = 6


def plot_folds(scores: xr.Dataset | Mapping[str, xr.Dataset], *, level: float = 0.9) -> Figure:
    r"""Draw errors, coverage and RMSLE against the extrapolation ratio.

    Left, each held-out run against its prediction, :math:`100 (y / \hat y_{0.5} - 1) \%`, with its predictive interval,
    as in `plot_extrapolation`. Middle, the share of runs inside their intervals, a line a level beside its nominal
    dashes; a share whose interval lies below its level is vermilion. Right, the root mean squared log error. Bars are
    bootstrap intervals clustered by curve; there are none where one curve was scored.

    Parameters
    ----------
    scores : Dataset, or mapping of str to Dataset
        From `fold_scores`. Several, by name, are compared: a row each, on the same scales.
    level : float
        Of the intervals on the left, one of the scored ones.

    Returns
    -------
    Figure
        6.8 inches wide, closed. Folds that failed their sampler's gates are named in red above it, folds that could
        not be fitted above their row.

    Raises
    ------
    FigureError
        If an answer is none of `fold_scores`, or the level was not scored.

    Examples
    --------
    >>> import scaling_bayes as sb
    >>> law, truth = sb.Law("A*N**-alpha"), {"A": 40.0, "alpha": 0.25}
    >>> design = {"N": [1e6, 2e6, 4e6, 8e6, 16e6, 32e6], "corpus": ["code", "web"]}
    >>> sweep = sb.simulate_sweep(law, design, truth=truth, seed=0)
    >>> scores = sb.fold_scores(sb.baseline(law, sweep, seed=0, bootstrap=50, by="corpus"))
    >>> len([ax for ax in plot_folds(scores).axes if ax.axison])
    3
    """
    answers = name_answers(scores, NEEDED, "fold_scores(posterior)")
    level = min(check_level(answer, level) for answer in answers.values())
    errors = {name: _errors_by_ratio(answer, level) for name, answer in answers.items()}
    frame = frame_of(errors.values(), ERRORS_SHARE * page().width, lines=1)
    highest = max(float(np.nanmax(_drawn(answer, "rmsle"))) for answer in answers.values())
    with new_figure(EDGES + len(answers) * (ROW + HEADER), shows=answers) as fig:
        grid = fig.add_gridspec(2 * len(answers), 3, height_ratios=[HEADER, ROW] * len(answers), width_ratios=WIDTHS)
        for k, (name, answer) in enumerate(answers.items()):
            _write_header(fig.add_subplot(grid[2 * k, :]), name, answer, level)
            left, middle, right = (fig.add_subplot(grid[2 * k + 1, column]) for column in range(3))
            draw_errors(left, errors[name], frame, "", ratios=False)
            set_error_axis(left, numbers=True)
            left.set_ylabel("observed / predicted − 1 (%)")
            draw_coverage(middle, answer)
            draw_rmsle(right, answer, 1.12 * highest)
            for ax in (left, middle, right):
                ax.set_xlim(frame.x)
                ratio_axis(ax.xaxis)
        legend_below(fig, _handles(level, answers), title=f"{_say_scale(answers)}, ratio to the largest fitted")
        return fig


def draw_coverage(ax: Axes, scores: xr.Dataset) -> None:
    """Share of runs inside their intervals by ratio, with the nominal share of each level."""
    ratio, levels = scores["ratio_mean"].values, scores["level"].values
    below = (scores["coverage_at_ratio_upper"] < scores["level"]).transpose("ratio", "level").values
    middle, lower, upper = (100 * _drawn(scores, "coverage", end) for end in ("", "_lower", "_upper"))
    for k, level in enumerate(levels):
        at = ratio * 10 ** (DODGE * (k - (len(levels) - 1) / 2))
        found = [v[:, k] for v in (middle, lower, upper, below)]
        _draw_level(ax, at, found, 100 * float(level), _shade(k, len(levels)))
    ax.set(ylim=(STRIP, 103), ylabel="runs inside their interval (%)")
    shares = [0, 25, 50, 75, 100]
    ax.set_yticks([STRIP / 2, *shares], ["\n".join(counted_of(scores)), *map(str, shares)])
    ax.yaxis.get_major_ticks()[0].tick1line.set_markersize(0)  # hidden, it would be laid out by chance
    counted = ax.get_yticklabels()[0]
    counted.set(color=MUTED, fontsize=points(SMALL), linespacing=1.0)
    style: dict[str, Any] = {"ha": "center", "va": "center", "color": MUTED, "linespacing": 1.0}
    for x, runs, curves in zip(ratio, scores["runs_at_ratio"].values, scores["clusters_at_ratio"].values, strict=True):
        ax.text(x, STRIP / 2, f"{runs}\n{curves}", fontsize=points(SMALL), **style)


def _draw_level(ax: Axes, at: np.ndarray, found: Sequence[np.ndarray], percent: float, colour: Any) -> None:
    """Shares of one level with their intervals, those below it vermilion, and the level itself in dashes."""
    says = f"{percent:g} %"
    ax.axhline(percent, color=colour, lw=0.7, ls=(0, (4, 3)), zorder=1)
    ax.plot(at, found[0], color=colour, lw=0.8, zorder=2, label=says)
    bar: dict[str, Any] = {"lw": 1.4, "alpha": 0.7, "solid_capstyle": "butt", "zorder": 3, "label": f"{says}, interval"}
    for x, y, low, high, bad in zip(at, *found, strict=True):
        ax.plot([x, x], [low, high], color=BAD if bad else colour, **bar)
        ax.plot(x, y, "o", color=BAD if bad else colour, ms=3.2, mew=0, zorder=4, label=says)
    end: dict[str, Any] = {"xycoords": ax.get_yaxis_transform(), "xytext": (2, 0), "textcoords": "offset points"}
    ax.annotate(says, (1, percent), **end, va="center", color=colour, fontsize=points(SMALL))


def counted_of(scores: xr.Dataset) -> tuple[str, str]:
    """What a score is over, and what was drawn with replacement for its interval.

    >>> counted_of(xr.Dataset(attrs={"counted": ["curves", "families"]}))
    ('curves', 'families')
    """
    first, second = np.atleast_1d(scores.attrs.get("counted", ("runs", "curves")))
    return str(first), str(second)


def draw_rmsle(ax: Axes, scores: xr.Dataset, highest: float) -> None:
    """Root mean squared log error by ratio."""
    ratio = scores["ratio_mean"].values
    middle, lower, upper = (_drawn(scores, "rmsle", end) for end in ("", "_lower", "_upper"))
    ax.vlines(ratio, lower, upper, color=INK, lw=1.4, alpha=0.5, label="interval")
    ax.plot(ratio, middle, "o-", color=INK, ms=3.2, mew=0, lw=0.8, label="RMSLE")
    ax.set(ylim=(0, highest), ylabel="RMSLE")
    ax.yaxis.set_major_locator(MaxNLocator(4))


def _errors_by_ratio(scores: xr.Dataset, level: float) -> Errors:
    """Errors of all held-out runs, their scale in units of the largest fitted one, curve beside curve."""
    at = scores.sel(level=level)
    relative = {name: 100 * (at[name].values / at["median"].values - 1) for name in ("observed", "lower", "upper")}
    curve = np.unique(scores["cluster"].values.astype(str), return_inverse=True)[1]
    ratio = scores["extrapolation"].values
    return Errors(**relative, inside=at["inside"].values.astype(bool), scale=ratio, order=curve, fitted=1.0)


def _drawn(scores: xr.Dataset, name: str, end: str = "_upper") -> np.ndarray:
    """Values of a score by ratio, or of an end of its interval; where that is not known, the score itself."""
    middle = scores[f"{name}_at_ratio"]
    array = scores[f"{name}_at_ratio{end}"].fillna(middle)
    return array.transpose("ratio", ...).values


def _shade(k: int, levels: int) -> tuple[float, float, float]:
    """Grey of a level, the highest darkest."""
    white = PALE * (1 - k / max(levels - 1, 1))
    red, green, blue = (1 - (1 - white) * (1 - part) for part in to_rgb(INK))
    return red, green, blue


def _write_header(ax: Axes, name: str, scores: xr.Dataset, level: float) -> None:
    """What was scored, above its row."""
    ax.axis("off")
    ax.text(0, 0.1, name, weight="bold", fontsize=points(8.5), va="bottom", transform=ax.transAxes)
    at = scores.sel(level=level)
    share, low, high = (f"{100 * float(at[f'coverage{end}']):.0f}" for end in ("", "_lower", "_upper"))
    absent = [f"{k:g}" for k in scores["octaves"].values if k not in scores["fold"].values]
    octaves = ", ".join(f"{k:g}" for k in np.unique(scores["fold"].values))
    by_curves = f" ({low} to {high} % by curves)" if np.isfinite(at["coverage_lower"]) else ""
    says = f"top octaves held out: {octaves}; {share} % inside{by_curves}, nominally {100 * level:g} %"
    says += f"; not fitted: {', '.join(absent)}" if absent else ""
    style: dict[str, Any] = {"fontsize": points(7), "va": "bottom", "transform": ax.transAxes}
    ax.text(1 if name else 0, 0.1, says, ha="right" if name else "left", **style)


def ratio_axis(axis: Axis) -> None:
    """Ticks at powers of two, not too many."""
    axis.axes.set_xscale("log")
    high = axis.get_view_interval()[1]
    powers = np.arange(int(np.log2(high)) + 1)
    step = -(-len(powers) // MOST_TICKS)
    axis.set_major_locator(FixedLocator((2.0 ** powers[::step]).tolist()))
    axis.set_major_formatter(FuncFormatter(lambda ratio, _: f"×{ratio:g}"))
    axis.set_minor_locator(NullLocator())


def _say_scale(answers: Mapping[str, xr.Dataset]) -> str:
    """What the ratio is a ratio of."""
    first = next(iter(answers.values()))
    return axis_label(xr.DataArray(0.0), str(first.attrs["scale"]))


def _handles(level: float, answers: Mapping[str, xr.Dataset]) -> Sequence[Artist]:
    by_curves = 100 * float(next(iter(answers.values())).attrs["interval"])
    inside, outside, interval, fitted = error_legend(level)
    return [
        inside,
        outside,
        interval,
        fitted,
        Line2D([], [], color=GOOD, ls=(0, (4, 3)), lw=0.8, label="nominal share"),
        Line2D([], [], color=MUTED, marker="o", ms=3.2, lw=1.4, label=f"score with {by_curves:g} % interval by curves"),
        Line2D([], [], color=BAD, marker="o", ms=3.2, lw=1.4, label="below nominal"),
    ]
