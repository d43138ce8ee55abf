"""`plot_crossover`: where two choices change places, and how likely it is that they do not."""

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from scaling_bayes.figures.answers import check_answer
from scaling_bayes.figures.canvas import legend_below, new_figure
from scaling_bayes.figures.ranges import (
    draw_scale,
    fitted_patch,
    panel_columns,
    probability_axis,
    rows_height,
    scale_of,
    split_panels,
    title_size,
    two_rows,
)
from scaling_bayes.figures.style import GOOD, INK, group_colours
from scaling_bayes.figures.venues import points

MAKER = "crossover(posterior, group, between=..., within=...)"
NEEDED = ("crossing", "crossings", "p_none", "p_one", "p_more", "crossing_quantile", "p_better", "p_beyond")
BINS = 40


def plot_crossover(answer: xr.Dataset) -> Figure:
    """Draw the posterior of the crossing, and above which scale which choice is better.

    The histogram holds the draws with exactly one crossing; its bars are shares of all draws, so that they add up to
    P(one). The line below it spans the central 90 % of those draws, its dot is their median.

    Parameters
    ----------
    answer : Dataset
        From `crossover`. Other groups have a panel each.

    Returns
    -------
    Figure
        Closed. Grey is the fitted range; failed gates are named in red above.

    Raises
    ------
    FigureError
        If the answer is none of `crossover`.

    Examples
    --------
    >>> import scaling_bayes as sb
    >>> law = sb.Law("A*N**-alpha")
    >>> truth = {"A": {"code": 40.0, "web": 160.0}, "alpha": {"code": 0.2, "web": 0.3}}
    >>> sweep = sb.simulate_sweep(law, {"N": [1e5, 1e6, 1e7], "corpus": ["code", "web"]}, truth=truth, seed=0)
    >>> posterior = sb.baseline(law, sweep, seed=0, bootstrap=20, by="corpus")
    >>> fig = plot_crossover(sb.crossover(posterior, "corpus", between=("code", "web"), along="N", within=(1e4, 1e9)))
    >>> fig.axes[0].get_title()
    'no crossing 0 %, one 100 %, more 0 %'
    """
    check_answer(answer, NEEDED, MAKER)
    dim = str(answer.attrs["group"])
    scale = scale_of(answer, MAKER)
    panels = split_panels(answer, (dim,))
    colours = group_colours(sorted(answer[dim].values.astype(str)))
    with new_figure(rows_height(len(panels)), shows=answer) as fig:
        pairs = two_rows(fig, len(panels))
        for i, ((upper, lower), (name, part)) in enumerate(zip(pairs, panels.items(), strict=True)):
            _draw_density(upper, part)
            for label, colour in colours.items():
                lower.plot(scale.values, part["p_better"].sel({dim: label}).values, color=colour, label=label)
            probability_axis(lower, "P(better)" if i % panel_columns(len(panels)) == 0 else "")
            draw_scale(upper, scale, answer, label=len(panels) == 1)
            draw_scale(lower, scale, answer)
            words = [name, _say(part)] if name else [_say(part)]
            upper.set_title("\n".join(words), fontsize=min(title_size(list(panels)), points(6.5 if name else 7.5)))
            if i % panel_columns(len(panels)) == 0:
                upper.set_ylabel("share of draws")
        legend_below(
            fig,
            [
                *(Line2D([], [], color=colour, label=label) for label, colour in colours.items()),
                Line2D([], [], color=INK, marker="o", ms=3, label="crossing, given one: median and 90 %"),
                fitted_patch(),
            ],
        )
        return fig


def _say(part: xr.Dataset) -> str:
    none, one, more = (100 * part[name].item() for name in ("p_none", "p_one", "p_more"))
    return f"no crossing {none:.0f} %, one {one:.0f} %, more {more:.0f} %"


def _draw_density(ax: Axes, part: xr.Dataset) -> None:
    """Histogram of the crossings over the asked range, on bins of equal log width."""
    low, high = part.attrs["within"]
    place = part["crossing"].values.ravel()
    known = place[np.isfinite(place)]
    share = np.full(known.size, 1 / place.size)
    bins = np.geomspace(low, high, BINS + 1).tolist()
    ax.hist(known, bins=bins, weights=share, color=GOOD, alpha=0.45, lw=0, label="crossing")
    top = ax.get_ylim()[1] if known.size else 1.0
    if known.size:
        five, middle, ninety = (part["crossing_quantile"].sel(quantile=q).item() for q in (0.05, 0.5, 0.95))
        ax.plot([five, ninety], [-0.06 * top] * 2, color=INK, lw=1.2, solid_capstyle="butt", label="90 %")
        ax.plot([middle], [-0.06 * top], "o", color=INK, ms=3, label="median")
    ax.set_ylim(-0.12 * top, top)
    ax.set_yticks([tick for tick in MaxNLocator(4).tick_values(0, top) if 0 <= tick <= top])
