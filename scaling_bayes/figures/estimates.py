"""`plot_estimates`: the parameters of one law as several fits have them, beside published numbers."""

from collections.abc import Mapping, Sequence

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import LogLocator, MaxNLocator

from scaling_bayes.figures.answers import FigureError
from scaling_bayes.figures.bands import draw_intervals
from scaling_bayes.figures.canvas import legend_below, new_figure
from scaling_bayes.figures.parameters import MAKER, ROW, SAMPLE, WIDE, list_parameters
from scaling_bayes.figures.style import GOOD, INK, SHADE, log_axis
from scaling_bayes.symbols import latex, suggest

EDGES = 0.85
"""Height in inches of what stands around the rows."""

CROWDED = 6
"""Parameters from which each has fewer ticks."""

Published = Mapping[str, Mapping[str, float]]


def plot_estimates(
    answers: Mapping[str, xr.Dataset], *, published: Published | None = None, names: Sequence[str] | None = None
) -> Figure:
    """Draw every parameter under several fits of one law: a panel a parameter, a row a fit.

    Parameters
    ----------
    answers : mapping of str to Dataset
        From `parameters`, by name; of fits without groups, or one group of each.
    published : mapping of str to mapping, optional
        Whom from -> parameter -> number, as `Law.reported` has them: rows below, without an interval.
    names : sequence of str, optional
        Parameters that are shown; every one of the law by default.

    Returns
    -------
    Figure
        Closed: medians with 50 % and 90 % intervals. Failed gates are named in red above.

    Raises
    ------
    FigureError
        If an answer is none of `parameters`, has groups, or lacks a parameter of the others.

    Examples
    --------
    >>> import scaling_bayes as sb
    >>> law = sb.Law("E + A*N**-alpha")
    >>> design, truth = {"N": [1e7, 3e7, 1e8, 3e8, 1e9, 3e9]}, {"E": 1.8, "A": 400.0, "alpha": 0.35}
    >>> sweep = sb.simulate_sweep(law, design, truth=truth, seed=0)
    >>> found = sb.parameters(sb.baseline(law, sweep, seed=0, bootstrap=20))
    >>> fig = plot_estimates({"Huber": found}, published={"truth": truth}, names=["E", "alpha"])
    >>> [label.get_text() for label in fig.axes[0].get_yticklabels()]
    ['Huber', 'truth']
    """
    if not isinstance(answers, Mapping) or isinstance(answers, xr.Dataset) or not answers:
        raise FigureError(f"name each fit: {{'Huber': parameters(...), ...}} of {MAKER}")
    shown = _read_names(answers, names)
    draws = {fit: {name: _read_draws(fit, answer[name]) for name in shown} for fit, answer in answers.items()}
    told = {whom: dict(numbers) for whom, numbers in (published or {}).items()}
    with new_figure(EDGES + ROW * (len(draws) + len(told)), shows=dict(answers)) as fig:
        for ax, name in zip(np.atleast_1d(fig.subplots(1, len(shown), sharey=True)), shown, strict=True):
            numbers = [whom.get(name, np.nan) for whom in told.values()]
            _draw_rows(ax, [fit[name] for fit in draws.values()], numbers, ticks=3 if len(shown) < CROWDED else 2)
            ax.set_xlabel(f"${latex(name)}$")
            ax.set_yticks(np.arange(len(draws) + len(told)), [*draws, *told])
            ax.tick_params(axis="y", length=0)
        handles = [Line2D([], [], color=GOOD, marker="o", ms=3, lw=2.2, alpha=0.7, label="median, 50 %, thin 90 %")]
        if told:
            handles.append(Line2D([], [], color=INK, marker="D", mfc="white", ls="none", ms=3.2, label="as published"))
        legend_below(fig, handles)
    return fig


def _read_names(answers: Mapping[str, xr.Dataset], names: Sequence[str] | None) -> list[str]:
    """Parameters that every fit has, and that are asked for."""
    known = {fit: list_parameters(answer) for fit, answer in answers.items()}
    shown = list(names or next(iter(known.values())))
    for fit, own in known.items():
        if absent := [name for name in shown if name not in own]:
            raise FigureError(f"fit {fit!r} has no parameter {absent[0]!r}: {suggest(absent[0], own)}")
    return shown


def _read_draws(fit: str, array: xr.DataArray) -> np.ndarray:
    if beside := [str(d) for d in array.dims if d not in SAMPLE]:
        raise FigureError(f"fit {fit!r} has {array.name} by {', '.join(beside)}; select one, or draw plot_parameters")
    return array.values.ravel()


def _draw_rows(ax: Axes, draws: Sequence[np.ndarray], told: Sequence[float], ticks: int) -> None:
    """Intervals of each fit, and the published numbers below them."""
    for row, own in enumerate(draws):
        y = np.array([row])
        ax.plot(draw_intervals(ax, own[:, None], GOOD, y), y, "o", color=GOOD, ms=3, label="median")
    ends = np.concatenate([*(np.quantile(own, [0.05, 0.95]) for own in draws), [t for t in told if np.isfinite(t)]])
    if told:
        ax.plot(
            told, len(draws) + np.arange(len(told)), "D", color=INK, mfc="white", ms=3.2, mew=0.7, label="published"
        )
        ax.axhspan(len(draws) - 0.5, len(draws) + len(told), color=SHADE, lw=0, zorder=0)
    low, high = float(ends.min()), float(ends.max())
    if low > 0 and high / low > WIDE:
        pad = (high / low) ** 0.08
        ax.set_xlim(low / pad, high * pad)
        log_axis(ax.xaxis)
        powers = np.floor(np.log10(high)) - np.ceil(np.log10(low)) > 0
        ax.xaxis.set_major_locator(LogLocator(subs=(1.0,) if powers else (1.0, 3.0)))
    else:
        pad = 0.08 * max(high - low, 1e-12)
        ax.set_xlim(low - pad, high + pad)
        ax.xaxis.set_major_locator(MaxNLocator(ticks))
    ax.set_ylim(len(draws) + len(told) - 0.4, -0.6)
