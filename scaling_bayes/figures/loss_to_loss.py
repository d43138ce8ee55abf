"""`plot_loss_to_loss`: one loss against another, with the fitted law and its bands."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from scaling_bayes.figures.answers import FigureError, check_answer
from scaling_bayes.figures.bands import band_patches, draw_bands
from scaling_bayes.figures.canvas import legend_below, new_figure
from scaling_bayes.figures.parameters import label_groups
from scaling_bayes.figures.ranges import stack_draws
from scaling_bayes.figures.style import INK, MUTED, axis_label, group_colours, group_markers, log_axis

MAKER = "predict(posterior, {'L': ...})"
HEIGHT = 3.0
FITTED, HELD_OUT = "fitted run", "held out"


def plot_loss_to_loss(
    curve: xr.Dataset, runs: xr.Dataset, *, along: str = "L", held_out: xr.Dataset | None = None
) -> Figure:
    r"""Draw one loss against another.

    .. math:: L_1 = E_1 + K (L_0 - E_0)^\kappa

    or whatever law the posterior has, with 50 % and 90 % bands and a colour for each group. The diagonal is where both
    are equal.

    Parameters
    ----------
    curve : Dataset
        From `predict` along the first loss; a band for each group.
    runs : Dataset
        The fitted sweep.
    along : str
        Covariate that holds the first loss.
    held_out : Dataset, optional
        Runs that the fit did not see, drawn open.

    Returns
    -------
    Figure
        Closed. Failed gates are named in red above it.

    Raises
    ------
    FigureError
        If the curve is none of `predict` along that covariate, or the runs do not have it.

    Examples
    --------
    >>> import scaling_bayes as sb
    >>> law = sb.Law("E_1 + K*L**kappa", covariates=("L",), roles={"K": "level", "kappa": "rate"})
    >>> sweep = sb.simulate_sweep(law, {"L": [2.2, 2.6, 3.0, 3.6]}, truth={"E_1": 0.5, "K": 0.6, "kappa": 1.1}, seed=0)
    >>> posterior = sb.baseline(law, sweep, seed=0, bootstrap=20)
    >>> plot_loss_to_loss(sb.predict(posterior, {"L": [2.0, 3.0, 4.0]}), sweep).axes[0].get_xlabel()
    'L'
    """
    response = str(getattr(curve, "attrs", {}).get("response", "loss"))
    check_answer(curve, [response, along], MAKER)
    check_answer(runs, [response, along], "the sweep that was fitted")
    if "point" not in curve[response].dims or curve.sizes["point"] < 2:
        raise FigureError(f"a curve has several points; ask {MAKER} with a list")
    curve = curve.sortby(along)
    groups = label_groups(curve[response].transpose("chain", "draw", ..., "point").isel(point=0))
    dims = [str(d) for d in curve[response].dims if d not in ("chain", "draw", "point")]
    colours, markers = group_colours(list(groups)), group_markers(list(groups))
    parts = {FITTED: runs} | ({} if held_out is None else {HELD_OUT: held_out})
    with new_figure(HEIGHT, shows={"": curve, **parts}) as fig:
        ax = fig.add_subplot()
        for label, one in groups.items():
            at = {d: one[d].item() for d in dims}
            draws = stack_draws(curve[response].sel(at))
            says = label or "predicted median"
            draw_bands(ax, curve[along].values, draws, colours[label], says, crowded=len(groups) > 3)
            for kind, part in parts.items():
                _draw_runs(ax, part, along, response, at, colours[label], markers[label], kind)
        _frame(ax, curve, runs, along, response)
        legend_below(fig, _handles(colours, markers, held_out is not None))
    return fig


def _draw_runs(
    ax: Axes,
    runs: xr.Dataset,
    along: str,
    response: str,
    at: Mapping[str, str],
    colour: str,
    marker: str,
    kind: str,
) -> None:
    """Runs of one group, flagged ones too: a loss that rises with another one is flagged as getting worse."""
    kept = np.ones(runs.sizes["run"], dtype=bool)
    for group, label in at.items():
        kept &= runs[group].values.astype(str) == str(label)
    face = colour if kind == FITTED else "white"
    x, y = runs[along].values[kept], runs[response].values[kept]
    ax.plot(x, y, marker, ms=2.2, mew=0.5, color=colour, mfc=face, alpha=0.8, zorder=4, label=kind)


def _frame(ax: Axes, curve: xr.Dataset, runs: xr.Dataset, along: str, response: str) -> None:
    x = curve[along].values
    shown = np.concatenate([runs[response].values, *(line.get_ydata() for line in ax.lines)]).astype(float)
    low, high = shown[np.isfinite(shown)].min(), shown[np.isfinite(shown)].max()
    both = max(x.min(), low), min(x.max(), high)
    if both[0] < both[1]:
        ax.plot(both, both, color=MUTED, lw=0.6, ls=(0, (1, 2)), zorder=1, label="equal")
    ax.set_xlim(x.min(), x.max())
    ax.set_ylim(low / 1.03, high * 1.03)
    log_axis(ax.xaxis)
    log_axis(ax.yaxis)
    ax.set(xlabel=axis_label(runs[along], along), ylabel=axis_label(runs[response], response))


def _handles(colours: Mapping[str, str], markers: Mapping[str, str], held_out: bool) -> list[Artist]:
    style: dict[str, Any] = {"ms": 3.0, "lw": 1.0}
    named = {label: label or "median" for label in colours}
    found: list[Artist] = [
        Line2D([], [], color=colour, marker=markers[label], label=named[label], **style)
        for label, colour in colours.items()
    ]
    found += band_patches(MUTED)
    if held_out:
        found.append(Line2D([], [], color=INK, marker="o", mfc="white", ls="none", ms=3, label=HELD_OUT))
    return [*found, Line2D([], [], color=MUTED, lw=0.6, ls=(0, (1, 2)), label="both losses equal")]
