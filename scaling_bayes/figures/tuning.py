"""`plot_bowls`: the response against a hyper-parameter at several scales, and the best value along the scale."""

import numpy as np
import seaborn as sns
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from scaling_bayes.figures.answers import FigureError, check_answer
from scaling_bayes.figures.bands import draw_bands, draw_quantiles
from scaling_bayes.figures.canvas import legend_below, mark, new_figure
from scaling_bayes.figures.ranges import stack_draws
from scaling_bayes.figures.style import GOOD, INK, axis_label, format_value, log_axis
from scaling_bayes.symbols import SAMPLE

MAKER = "tune(posterior, along, at=...)"
HEIGHT, EDGE, NEAR = 2.6, 0.01, 0.1
"""Height in inches; share of draws at the edge that is said; log distance within which a run belongs to a scale."""


def plot_bowls(answer: xr.Dataset, *, over: str = "N", runs: xr.Dataset | None = None) -> Figure:
    r"""Draw the bowls of a hyper-parameter, and how the best value moves with scale.

    Left, the response with its 90 % band at each scale, and the best value with its 90 % interval at the bottom of the
    bowl. Right, the best value along the scale with 50 % and 90 % bands.

    Parameters
    ----------
    answer : Dataset
        From `tune` at two scales or more, for one group.
    over : str
        Covariate that tells the scales apart.
    runs : Dataset, optional
        Runs, drawn in the colour of the scale that they are near to.

    Returns
    -------
    Figure
        Closed. Failed gates, and bowls that do not turn within the searched range, are said in red above it.

    Raises
    ------
    FigureError
        If the answer is none of `tune`, has other groups, or one scale only.

    Examples
    --------
    >>> import scaling_bayes as sb
    >>> law, design = sb.law("hp_bowl"), {"N": [1e7, 1e8, 1e9], "D": [1e9, 1e10], "lr": [1e-3, 2e-3, 4e-3]}
    >>> truth = {"E": 2, "A": 40, "alpha": 0.3, "B": 40, "beta": 0.2, "k": 0.1, "c": 0.1, "p": -0.1, "q": -0.1}
    >>> posterior = sb.baseline(law, sb.simulate_sweep(law, design, truth=truth, seed=0), seed=0, bootstrap=4)
    >>> [ax.get_xlabel() for ax in plot_bowls(sb.tune(posterior, "lr", at={"N": [1e7, 1e8], "D": 1e9})).axes]
    ['peak learning rate $\\eta$', 'network parameters $N$']
    """
    response, along = (str(getattr(answer, "attrs", {}).get(name, "")) for name in ("response", "along"))
    check_answer(answer, ["best", "at_edge", response, along, over], MAKER)
    if extra := [str(d) for d in answer["best"].dims if d not in ("chain", "draw", "point")]:
        raise FigureError(f"bowls are of one group, and this answer has several of {', '.join(extra)}; select one")
    scale = answer[over]
    if len(np.unique(scale)) < max(scale.size, 2):
        raise FigureError(f"bowls need two or more values of {over}, each once; ask {MAKER} with them")
    answer = answer.isel(point=np.argsort(scale.values))
    colours = [str(c) for c in sns.color_palette("flare", answer.sizes["point"]).as_hex()]
    unit = str(scale.attrs.get("units", ""))
    names = [f"{over} = {format_value(float(value), unit)}" for value in answer[over].values]
    shown = {"": answer} | ({} if runs is None else {"runs": runs})
    with new_figure(HEIGHT, shows=shown) as fig:
        left, right = fig.subplots(1, 2, width_ratios=(1.25, 1))
        for k, (colour, name) in enumerate(zip(colours, names, strict=True)):
            _draw_bowl(left, answer.isel(point=k), response, along, colour, name)
            if runs is not None:
                near = abs(np.log(runs[over].values / float(answer[over][k]))) < NEAR
                at = runs[along].values[near], runs[response].values[near]
                left.plot(*at, "o", color=colour, ms=2.0, mew=0, alpha=0.8, label=f"{name}, run")
        _draw_best(right, answer, over, along, unit)
        log_axis(left.xaxis)
        log_axis(left.yaxis)
        left.set(xlabel=axis_label(answer[along], along), ylabel=axis_label(answer[response], response))
        handles = [Line2D([], [], color=c, label=n) for c, n in zip(colours, names, strict=True)]
        best = Line2D([], [], color=INK, marker="o", ms=2.8, lw=0.9, label=f"best {along}, 90 %")
        legend_below(fig, [*handles, best])
        share = float(answer["at_edge"].mean(SAMPLE).max())
        mark(fig, f"NO BEST {along} WITHIN THE RANGE IN {100 * share:.0f} % OF DRAWS" if share > EDGE else "")
    return fig


def _draw_bowl(ax: Axes, one: xr.Dataset, response: str, along: str, colour: str, name: str) -> None:
    draws, x = stack_draws(one[response]), one[along].values
    draw_bands(ax, x, draws, colour, name)
    low, middle, high = draw_quantiles(one["best"].values.ravel(), (0.05, 0.5, 0.95))
    bottom = np.interp(np.log(middle), np.log(x), draw_quantiles(draws, [0.5])[0])
    ax.plot([low, high], [bottom, bottom], color=INK, lw=0.9, zorder=5, label=f"{name}, 90 % of best")
    ax.plot(middle, bottom, "o", color=INK, ms=2.8, mew=0, zorder=6, label=f"{name}, best")


def _draw_best(ax: Axes, answer: xr.Dataset, over: str, along: str, unit: str) -> None:
    """Best value along the scale."""
    x = answer[over].values
    draw_bands(ax, x, answer["best"].transpose("chain", "draw", "point").values.reshape(-1, len(x)), GOOD, "best")
    ax.set_xlim(x.min(), x.max())
    log_axis(ax.xaxis, unit)
    log_axis(ax.yaxis)
    ax.set(xlabel=axis_label(answer[over], over), ylabel=f"best {axis_label(answer[along], along)}")
