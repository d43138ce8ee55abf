"""`plot_ranking`: choices at one place, by what taking each would cost."""

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from scaling_bayes.figures.answers import FigureError, check_answer
from scaling_bayes.figures.bands import draw_intervals
from scaling_bayes.figures.canvas import new_figure
from scaling_bayes.figures.comparison import MAKER, NEEDED
from scaling_bayes.figures.ranges import stack_draws
from scaling_bayes.figures.style import GOOD, INK, axis_label, format_value, log_axis
from scaling_bayes.figures.venues import points
from scaling_bayes.symbols import SAMPLE

ROW = 0.19
"""Height in inches of a choice."""


def plot_ranking(answer: xr.Dataset) -> Figure:
    """Draw the choices at one place, the least expected regret on top: regret, probability of being best, cost.

    Dots are expected regrets, lines their 50 % and 90 % intervals. Bars are P(best) of the mean curve, ticks those of
    one new run. On the right how many times the scale a choice needs to do as well as the best, with the share of
    draws in which it never does.

    Parameters
    ----------
    answer : Dataset
        From `compare` at one point, without other groups.

    Returns
    -------
    Figure
        Closed; failed gates are named in red above.

    Raises
    ------
    FigureError
        If the answer is none of `compare`, or has several points or other groups.

    Examples
    --------
    >>> import scaling_bayes as sb
    >>> law, truth = sb.Law("E + A*N**-alpha"), {"E": 1.8, "A": {"code": 300.0, "web": 400.0}, "alpha": 0.35}
    >>> design = {"N": [1e7, 3e7, 1e8, 3e8, 1e9], "corpus": ["web", "code"]}
    >>> sweep = sb.simulate_sweep(law, design, truth=truth, seed=0)
    >>> posterior = sb.baseline(law, sweep, seed=0, bootstrap=20, by="corpus")
    >>> fig = plot_ranking(sb.compare(posterior, "corpus", at={"N": 1e9}))
    >>> [label.get_text() for label in fig.axes[0].get_yticklabels()]
    ['code', 'web']
    """
    check_answer(answer, NEEDED, MAKER)
    dim = str(answer.attrs["group"])
    if extra := [f"{d} ({n})" for d, n in answer["p_best"].sizes.items() if d != dim and n > 1]:
        raise FigureError(f"a ranking is of one place, and this answer has several of {', '.join(extra)}; select one")
    one = answer.isel({d: 0 for d in answer["p_best"].dims if d != dim})
    one = one.isel({dim: np.argsort(one["regret"].mean(SAMPLE).values, kind="stable")})
    with new_figure(0.85 + ROW * one.sizes[dim], shows=answer) as fig:
        panels = fig.subplots(1, 3 if "regret_factor" in one else 2, sharey=True)
        _draw_regret(panels[0], one, dim)
        _draw_shares(panels[1], one)
        if "regret_factor" in one:
            _draw_factor(panels[2], one)
        panels[0].set_ylim(one.sizes[dim] - 0.4, -0.6)
        fig.supxlabel(_place(answer), fontsize=points(7))
        return fig


def _place(answer: xr.Dataset) -> str:
    """Where the choices are ranked, and how far beyond the fitted scales."""
    names = [n for n in ("C", "N", "D") if n in answer.coords]
    told = [f"{n} = {format_value(answer[n].item(), str(answer[n].attrs.get('units', '')))}" for n in names]
    return "at " + ", ".join(
        [*told, f"{answer['extrapolation'].item():.3g} times the largest fitted {answer.attrs['scale']}"]
    )


def _draw_regret(ax: Axes, one: xr.Dataset, dim: str) -> None:
    draw_intervals(ax, stack_draws(one["regret"]), GOOD)
    ax.plot(one["regret"].mean(SAMPLE), np.arange(one.sizes[dim]), "o", color=GOOD, ms=3.2, label="mean")
    ax.set(yticks=np.arange(one.sizes[dim]), yticklabels=one[dim].values, xlabel=axis_label(one["regret"]))
    ax.set_xlim(left=0)
    ax.xaxis.set_major_locator(MaxNLocator(4))


def _draw_shares(ax: Axes, one: xr.Dataset) -> None:
    y = np.arange(len(one["p_best"]))
    ax.barh(y, one["p_best"], height=0.62, color=GOOD, alpha=0.45, lw=0, label="P(best)")
    ax.plot(one["p_best_new_run"], y, "|", color=INK, ms=5, mew=0.9, label="one new run")
    ax.set(xlim=(0, 1), xticks=[0, 0.5, 1], xticklabels=["0", "0.5", "1"], xlabel="P(best); tick: one new run")


def _draw_factor(ax: Axes, one: xr.Dataset) -> None:
    factor = stack_draws(one["regret_factor"])
    median, never = draw_intervals(ax, factor, GOOD), one["p_unattained"].values
    y = np.arange(len(median))
    known = np.isfinite(median)
    ax.plot(median[known], y[known], "o", color=GOOD, ms=3.2, label="median")
    finite = factor[np.isfinite(factor)]
    right = max(3.0, float(np.quantile(finite, 0.99)) * 1.5) if finite.size else 10.0
    ax.set_xlim(1, right)
    log_axis(ax.xaxis)
    ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"×{value:g}"))
    for place, share in enumerate(never):
        if share > 0:
            ax.text(
                1.02,
                place,
                f"never {100 * share:.3g} %",
                transform=ax.get_yaxis_transform(),
                fontsize=points(6),
                va="center",
            )
    ax.set_xlabel(f"{one.attrs['along']} needed to equal the best")
