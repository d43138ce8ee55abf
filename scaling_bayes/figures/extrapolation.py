"""`plot_extrapolation`: what was foretold of runs that the fit never saw, and what came."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import xarray as xr
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from scaling_bayes.figures.answers import FigureError, check_groups, check_level, name_answers, split_runs
from scaling_bayes.figures.canvas import legend_below, new_figure, panel_grid
from scaling_bayes.figures.curves import curve_legend, curve_parts, draw_curve
from scaling_bayes.figures.error_panels import draw_errors, error_legend, frame_of, set_error_axis
from scaling_bayes.figures.errors import Errors, prediction_errors
from scaling_bayes.figures.ranges import panel_columns
from scaling_bayes.figures.style import PANEL, axis_label, fit_text, group_markers
from scaling_bayes.figures.venues import page, points
from scaling_bayes.sweeps import check_sweep, compared_groups

NEEDED = ("observed", "median", "lower", "upper", "inside", "level", "extrapolation")
MOST_COLUMNS = 6
"""Panels side by side: of one answer, and where several are compared."""

ROW, CURVE_ROW, HEADER, EDGES = 1.25, 1.6, 0.2, 0.75
"""Heights in inches: of a row of errors, a row of curves, the line above a row, what stands around all rows."""

ERROR = "observed / predicted − 1"

Panels = dict[str, Errors]


def plot_extrapolation(
    scored: xr.Dataset | Mapping[str, xr.Dataset],
    fit_part: xr.Dataset,
    *,
    curve: xr.Dataset | None = None,
    by: str | Sequence[str] | None = None,
    mark: str | None = None,
    level: float = 0.9,
) -> Figure:
    r"""Draw each held-out run against its prediction, as a relative error.

    .. math:: 100 \left( \frac{y}{\hat y_{0.5}} - 1 \right) \%

    with the predictive interval of a new run on the same scale. A run inside its interval is a blue dot, one outside
    a vermilion cross; runs of one scale stand side by side by rising N. The grey strip is the fitted range, the upper
    axis the ratio to its end.

    Parameters
    ----------
    scored : Dataset, or mapping of str to Dataset
        From `score`. Several, by name, are compared: a row of panels each, on one scale of errors.
    fit_part : Dataset
        The fitted sweep, from `hold_out`; says the groups, the units and where the fitted range ends.
    curve : Dataset, optional
        From `predict` along the scale: a panel above each shows the response with its 50 % and 90 % bands and all
        runs. Only with one scored answer.
    by : str or sequence of str, optional
        Groups that have a panel each; all of `fit_part` but seeds by default, ``()`` for a single panel.
    mark : str, optional
        Group whose labels markers tell apart within a panel: filled inside the interval, open outside.
    level : float
        Of the intervals, one of the scored ones.

    Returns
    -------
    Figure
        6.8 inches wide, closed. Answers of a posterior that failed its sampler's gates are named in red above it.

    Raises
    ------
    FigureError
        If an answer is none of `score`, the level was not scored, a group is unknown, or `curve` cannot be placed.

    Examples
    --------
    >>> import scaling_bayes as sb
    >>> law = sb.Law("E + A*N**-alpha")
    >>> design = {"N": [1e7, 3e7, 1e8, 3e8, 1e9, 3e9, 1e10]}
    >>> sweep = sb.simulate_sweep(law, design, truth={"E": 1.8, "A": 400.0, "alpha": 0.35}, seed=0)
    >>> fit_part, held_out = sb.hold_out(sweep, along="N", top=2)
    >>> scored = sb.score(sb.baseline(law, fit_part, seed=0, bootstrap=20), held_out)
    >>> len(plot_extrapolation(scored, fit_part).axes)
    1
    """
    answers = name_answers(scored, NEEDED, "score(posterior, held_out)")
    if curve is not None and len(answers) > 1:
        raise FigureError(f"curve= goes with one scored answer, found {len(answers)}: {', '.join(answers)}")
    groups = compared_groups(check_sweep(fit_part)) if by is None else check_groups(by, fit_part)
    level = min(check_level(answer, level) for answer in answers.values())
    mark = next(iter(check_groups(mark, fit_part)), None) if mark else None
    words = _say(answers, fit_part, level, mark)
    fitted = split_runs(fit_part, groups)
    held_out = {name: split_runs(answer, check_groups(groups, answer)) for name, answer in answers.items()}
    table = {name: _errors(parts, fitted, fit_part, words) for name, parts in held_out.items()}
    if curve is not None:
        (name,) = table
        if new := sorted(set(table[name]) - set(fitted)):
            raise FigureError(f"curve= needs fitted runs in every panel, and {new} have none; score the others alone")
        curves = curve_parts(curve, groups, held_out[name])
        return _draw_curves(table[name], curves, fitted, held_out[name], words)
    if len(table) > 1 and max(map(len, table.values())) > 1:
        return _draw_table(table, words)
    return _draw_panels({name or label: errors for name, row in table.items() for label, errors in row.items()}, words)


def _errors(
    held_out: Mapping[str, xr.Dataset], fitted: Mapping[str, xr.Dataset], fit_part: xr.Dataset, words: "_Words"
) -> Panels:
    """Errors of each panel; a group that was never fitted is measured from the end of the whole fitted range."""
    return {
        label: prediction_errors(runs, fitted.get(label, fit_part), words.level, words.mark)
        for label, runs in held_out.items()
    }


@dataclass(frozen=True)
class _Words:
    """What is written around the panels."""

    scale: str
    unit: str
    response: str
    shows: Mapping[str, xr.Dataset]
    level: float
    mark: str | None
    markers: Mapping[str, str] | None

    def write(self, fig: Figure, *, more: Sequence[Artist] = (), error_label: bool = True) -> None:
        """Write labels and legend; a figure with curves labels its rows itself."""
        if error_label:
            fig.supylabel(f"{self.response}, {ERROR} (%)", fontsize=points(7))
        # A supxlabel would lie on the legend: the scale is the legend's title, right below the axes.
        legend_below(fig, [*more, *error_legend(self.level, self.markers)], title=self.scale)


def _say(answers: Mapping[str, xr.Dataset], fit_part: xr.Dataset, level: float, mark: str | None) -> _Words:
    first = next(iter(answers.values()))
    scale = str(first.attrs.get("scale", ""))
    known = scale in fit_part.coords
    unit = str(fit_part[scale].attrs.get("units", "")) if known else ""
    label = axis_label(fit_part[scale]) if known else scale
    shown = sorted({str(k) for a in answers.values() for k in a[mark].values}) if mark else []
    shows = {**answers, "fitted runs": fit_part}
    return _Words(label, unit, str(fit_part.attrs["response"]), shows, level, mark, group_markers(shown) or None)


def _draw_panels(panels: Panels, words: _Words) -> Figure:
    """One answer: a panel a group, or a panel a method where there is one group."""
    columns = panel_columns(len(panels))
    rows = -(-len(panels) // columns)
    with new_figure(EDGES + rows * (ROW + HEADER), shows=words.shows) as fig:
        frame = frame_of(panels.values(), PANEL * page().width / columns, lines=1)
        for i, (ax, label) in enumerate(zip(panel_grid(fig, len(panels), columns), panels, strict=True)):
            draw_errors(ax, panels[label], frame, words.unit, markers=words.markers)
            set_error_axis(ax, numbers=i % columns == 0)
            ax.set_title(label, weight="bold")
        words.write(fig)
        return fig


def _draw_table(table: Mapping[str, Panels], words: _Words) -> Figure:
    """Several answers: a row each, a column a group; more groups than columns go on below."""
    labels = sorted({label for row in table.values() for label in row})
    columns = min(MOST_COLUMNS, len(labels))
    blocks = [labels[i : i + columns] for i in range(0, len(labels), columns)]
    lines = [(block, name) for block in blocks for name in table]
    with new_figure(EDGES + len(lines) * (ROW + HEADER), shows=words.shows) as fig:
        grid = fig.add_gridspec(2 * len(lines), columns, height_ratios=[HEADER, ROW] * len(lines))
        frame = frame_of([e for row in table.values() for e in row.values()], PANEL * page().width / columns, lines=2)
        for k, (block, name) in enumerate(lines):
            _write_header(fig.add_subplot(grid[2 * k, :]), name, table[name], words.level)
            for j, label in enumerate(block):
                ax = fig.add_subplot(grid[2 * k + 1, j])
                first, last = k % len(table) == 0, k % len(table) == len(table) - 1
                if label in table[name]:
                    errors, look = table[name][label], {"ratios": first, "stacked": True}
                    draw_errors(ax, errors, frame, words.unit, markers=words.markers, **look)
                else:
                    ax.set(xlim=frame.x, ylim=frame.y, xticks=[])
                set_error_axis(ax, numbers=j == 0)
                ax.tick_params(labelbottom=last)
                if first:
                    ax.set_title(label, fontsize=fit_text(labels, PANEL * page().width / columns), weight="bold")
        words.write(fig)
        return fig


def _write_header(ax: Axes, name: str, row: Panels, level: float) -> None:
    """The method and its score over all groups, above its row."""
    inside = np.concatenate([errors.inside for errors in row.values()])
    rmsle = np.sqrt(np.mean(np.concatenate([errors.log_error for errors in row.values()]) ** 2))
    ax.axis("off")
    ax.text(0, 0, name, weight="bold", fontsize=points(8.5), va="bottom", transform=ax.transAxes)
    share = f"{100 * inside.mean():.0f} %, nominally {100 * level:g} %"
    says = f"{inside.sum()} of {inside.size} runs inside ({share}), RMSLE {rmsle:.4f}"
    ax.text(1, 0, says, fontsize=points(7), ha="right", va="bottom", transform=ax.transAxes)


def _draw_curves(
    panels: Panels,
    curves: Mapping[str, xr.DataArray],
    fitted: Mapping[str, xr.Dataset],
    held_out: Mapping[str, xr.Dataset],
    words: _Words,
) -> Figure:
    """One answer with its curves: above each panel of errors, the response itself."""
    labels = list(panels)
    columns = panel_columns(len(labels))
    blocks = -(-len(labels) // columns)
    with new_figure(EDGES + blocks * (CURVE_ROW + ROW + 2 * HEADER), shows=words.shows) as fig:
        grid = fig.add_gridspec(2 * blocks, columns, height_ratios=[CURVE_ROW, ROW] * blocks)
        frame = frame_of(panels.values(), PANEL * page().width / columns, lines=1)
        for i, label in enumerate(labels):
            row, column = divmod(i, columns)
            upper, lower = (fig.add_subplot(grid[2 * row + k, column]) for k in (0, 1))
            upper.set_title(label, weight="bold")
            draw_curve(upper, curves[label], fitted[label], held_out[label], words.level)
            draw_errors(lower, panels[label], frame, words.unit, markers=words.markers)
            set_error_axis(lower, numbers=column == 0)
            if column == 0:
                upper.set_ylabel(words.response)
                lower.set_ylabel(ERROR.replace(" / ", " /\n") + " (%)")
        words.write(fig, more=curve_legend(), error_label=False)
        return fig
