"""`plot_prediction`: what a posterior foretells along a scale, with the runs that are known."""

from collections.abc import Sequence
from typing import Any

import xarray as xr
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from scaling_bayes.figures.answers import FigureError, check_answer, check_groups, split_runs
from scaling_bayes.figures.bands import FAN, band_patches, draw_bands
from scaling_bayes.figures.canvas import legend_below, new_figure, panel_grid
from scaling_bayes.figures.ranges import draw_scale, fitted_patch, panel_columns, scale_of, stack_draws
from scaling_bayes.figures.style import BAD, INK, axis_label, group_colours, group_markers, log_axis

TOGETHER = 3
"""Groups that share one panel; more have one each."""

FITTED_ALPHA = 0.55


def plot_prediction(
    answer: xr.Dataset, *, fit_part: xr.Dataset | None = None, scored: xr.Dataset | None = None, level: float = 0.9
) -> Figure:
    """Draw the bands of a prediction along a scale: 50, 80 and 90 % of the draws, and their median.

    Parameters
    ----------
    answer : Dataset
        From `predict` along one path: dims (chain, draw, point), and at most one grouping. A coordinate is the scale,
        named by ``attrs["along"]`` or ``attrs["scale"]``.
    fit_part : Dataset, optional
        Fitted runs, outlined.
    scored : Dataset, optional
        From `score`: runs that were held out, filled where they lie inside their own interval, and a vermilion cross
        where they do not.
    level : float
        Of that interval, one of the scored ones.

    Returns
    -------
    Figure
        Up to `TOGETHER` groups in one panel, more in one each.

    Raises
    ------
    FigureError
        If the answer is none of `predict`, has several groupings, or no scale.

    Examples
    --------
    >>> import scaling_bayes as sb
    >>> law = sb.Law("E + A*N**-alpha")
    >>> design = {"N": [1e7, 3e7, 1e8, 3e8, 1e9, 3e9]}
    >>> sweep = sb.simulate_sweep(law, design, truth={"E": 1.8, "A": 400.0, "alpha": 0.35}, seed=0)
    >>> curve = sb.predict(sb.baseline(law, sweep, seed=0, bootstrap=20), {"N": [1e7, 1e9, 1e11]})
    >>> len(plot_prediction(curve, fit_part=sweep).axes)
    1
    """
    maker = "predict(posterior, path)"
    response = str(check_answer(answer, [], maker).attrs.get("response", "loss"))
    check_answer(answer, [response], maker)
    dims = [str(d) for d in answer[response].dims if d not in {"chain", "draw", "point"}]
    if len(dims) > 1 or not {"chain", "draw", "point"} <= set(answer[response].dims):
        raise FigureError(f"the prediction has dims {answer[response].dims}; select one group of all groupings but one")
    scale = scale_of(answer, maker)
    answer = answer.sortby(scale)
    labels = answer[dims[0]].values.astype(str).tolist() if dims else [""]
    parts = {label: answer.isel({dims[0]: k}) if dims else answer for k, label in enumerate(labels)}
    shared = len(labels) <= TOGETHER
    columns = 1 if shared else panel_columns(len(labels))
    rows = 1 if shared else -(-len(labels) // columns)
    colours, markers = group_colours(labels), group_markers(labels)
    mixed = shared and len(labels) > 1  # a run then has its group's colour, and is told outside by its mark alone
    with new_figure(0.65 + (2.5 if shared else 1.7 * rows), shows=answer) as fig:
        axes = panel_grid(fig, 1 if shared else len(labels), columns, sharey=True)
        for k, (label, part) in enumerate(parts.items()):
            ax = axes[0] if shared else axes[k]
            x, draws = scale_of(part, maker).values, stack_draws(part[response])
            draw_bands(ax, x, draws, colours[label], label, bands=FAN)
            _draw_runs(ax, str(scale.name), response, _of(fit_part, dims, label), colours[label], markers[label])
            outside, held_out = colours[label] if mixed else BAD, _of(scored, dims, label)
            _draw_scored(ax, str(scale.name), held_out, level, colours[label], markers[label], outside)
            if not shared:
                ax.set_title(label, weight="bold")
        for k, ax in enumerate(axes):
            draw_scale(ax, scale_of(answer, maker), answer, label=k >= len(axes) - columns)
            log_axis(ax.yaxis, str(answer[response].attrs.get("units", "")))
            if k % columns == 0:
                ax.set_ylabel(axis_label(answer[response]))
        shown = _legend(labels if shared else [], colours, markers, fit_part, scored, level)
        legend_below(fig, [*shown, fitted_patch()])
        return fig


def _of(runs: xr.Dataset | None, dims: Sequence[str], label: str) -> xr.Dataset | None:
    """Runs of one group."""
    if runs is None or not dims:
        return runs
    return split_runs(runs, check_groups(dims, runs)).get(label)


def _draw_runs(ax: Axes, along: str, response: str, runs: xr.Dataset | None, colour: str, marker: str) -> None:
    if runs is not None:
        look: dict[str, Any] = {"mfc": "none", "mec": colour, "ms": 2.4, "mew": 0.6, "alpha": FITTED_ALPHA}
        look["label"] = "fitted run"
        ax.plot(runs[along].values, runs[response].values, marker, **look)


def _draw_scored(
    ax: Axes, along: str, scored: xr.Dataset | None, level: float, colour: str, marker: str, outside: str
) -> None:
    if scored is None:
        return
    inside = scored["inside"].sel(level=level, method="nearest").values.astype(bool)
    x, y = scored[along].values, scored["observed"].values
    ax.plot(
        x[inside], y[inside], marker, color=colour, ms=3.2, mec="white", mew=0.3, zorder=4, label="held out, inside"
    )
    ax.plot(x[~inside], y[~inside], "x", color=outside, ms=3.2, mew=0.9, zorder=4, label="held out, outside")


def _legend(
    labels: Sequence[str],
    colours: dict[str, str],
    markers: dict[str, str],
    fit_part: xr.Dataset | None,
    scored: xr.Dataset | None,
    level: float,
) -> list[Artist]:
    named = [label for label in labels if label]
    found: list[Artist] = [Line2D([], [], color=colours[n], marker=markers[n], ms=2.5, label=n) for n in named]
    base = INK if named else colours.get("", INK)
    found += [Line2D([], [], color=base, label="median"), *band_patches(base, FAN)]
    plain: dict[str, Any] = {"ls": "none", "ms": 2.8, "marker": "o"}
    if fit_part is not None:
        found.append(Line2D([], [], mfc="none", mec=base, mew=0.6, label="fitted run", **plain))
    if scored is not None:
        found.append(Line2D([], [], color=base, label=f"held out, inside {100 * level:g} %", **plain))
        found.append(Line2D([], [], color=INK if named else BAD, label="outside", **(plain | {"marker": "x"})))
    return found
