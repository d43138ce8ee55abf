"""`plot_multiplier`: how many times its scale a choice is worth, along the scale."""

from collections.abc import Mapping

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter

from scaling_bayes.figures.answers import check_answer
from scaling_bayes.figures.bands import draw_bands, draw_quantiles
from scaling_bayes.figures.canvas import legend_below, new_figure
from scaling_bayes.figures.ranges import (
    CROWDED,
    choose_colours,
    draw_scale,
    fitted_patch,
    panel_columns,
    probability_axis,
    rows_height,
    scale_of,
    split_panels,
    stack_draws,
    title_size,
    two_rows,
)
from scaling_bayes.figures.style import INK, MUTED, log_axis

MAKER = "multiplier(posterior, group, baseline=..., at=...)"
NEEDED = ("multiplier", "p_unattained", "p_more")
WIDEST = 1e3
"""Largest multiplier, and inverse of the smallest, that the axis shows."""

LOWEST = 1e-6
"""Where multipliers of zero are drawn, below the axis."""


def plot_multiplier(answer: xr.Dataset, *, colours: Mapping[str, str] | None = None) -> Figure:
    """Draw multipliers along a scale with 50 % and 90 % bands, and how likely they are above one or without end.

    Parameters
    ----------
    answer : Dataset
        From `multiplier` at two scales or more. Other groups have a panel each.
    colours : mapping of str to str, optional
        Label -> colour, where choices have colours in other figures already.

    Returns
    -------
    Figure
        Closed. A band that leaves the panel above holds draws in which the baseline never gets there; dotted lines
        are their share. Grey is the fitted range; failed gates are named in red above.

    Raises
    ------
    FigureError
        If the answer is none of `multiplier`, or has one scale only.

    Examples
    --------
    >>> import scaling_bayes as sb
    >>> law, truth = sb.Law("A*N**-alpha"), {"A": {"code": 40.0, "web": 80.0}, "alpha": 0.25}
    >>> sweep = sb.simulate_sweep(law, {"N": [1e5, 1e6, 1e7], "corpus": ["code", "web"]}, truth=truth, seed=0)
    >>> posterior = sb.baseline(law, sweep, seed=0, bootstrap=20, by="corpus")
    >>> answer = sb.multiplier(posterior, "corpus", baseline="web", at={"N": [1e7, 1e9]}, along="N")
    >>> plot_multiplier(answer).axes[0].get_ylabel()
    'N that web needs, relative'
    """
    check_answer(answer, NEEDED, MAKER)
    dim, along = (str(answer.attrs[name]) for name in ("group", "along"))
    scale = scale_of(answer, MAKER)
    (place,) = scale.dims
    answer = answer.isel({place: np.argsort(scale.values)})
    panels = split_panels(answer, (dim,))
    weight = answer["p_more"].max([d for d in answer["p_more"].dims if d != dim]).values
    shown = choose_colours(answer[dim].values.astype(str).tolist(), weight, colours)
    limits = _read_limits(answer["multiplier"])
    with new_figure(rows_height(len(panels)), shows=answer) as fig:
        pairs = two_rows(fig, len(panels))
        for i, ((upper, lower), (name, part)) in enumerate(zip(pairs, panels.items(), strict=True)):
            _draw_multiplier(upper, part, dim, shown, limits)
            _draw_shares(lower, part, dim, shown)
            draw_scale(upper, part[along], answer, label=len(panels) == 1)
            draw_scale(lower, part[along], answer)
            upper.set_title(name, weight="bold", fontsize=title_size(list(panels)))
            if i % panel_columns(len(panels)) == 0:
                apart = "\n" if len(panels) > 1 else " "  # side by side with others a panel is low
                upper.set_ylabel(f"{along} that {answer.attrs['baseline']}{apart}needs, relative")
            lower.set_ylabel("probability" if i % panel_columns(len(panels)) == 0 else "")
        legend_below(
            fig,
            [
                *(Line2D([], [], color=colour, label=label) for label, colour in shown.items()),
                Line2D([], [], color=INK, label="P(above 1)"),
                Line2D([], [], color=INK, ls=":", label=f"P({answer.attrs['baseline']} never gets there)"),
                fitted_patch(),
            ],
        )
        return fig


def _read_limits(found: xr.DataArray) -> tuple[float, float]:
    """Limits that hold the finite ends of the 90 % bands, and no more than `WIDEST`."""
    ends = draw_quantiles(stack_draws(found), [0.05, 0.95])
    known = np.append(ends[np.isfinite(ends) & (ends > 0)], [0.8, 1.25])
    return max(known.min() / 1.15, 1 / WIDEST), min(known.max() * 1.15, WIDEST)


def _draw_multiplier(
    ax: Axes, part: xr.Dataset, dim: str, colours: dict[str, str], limits: tuple[float, float]
) -> None:
    x = part[str(part.attrs["along"])].values
    for label, colour in colours.items():
        draws = np.maximum(stack_draws(part["multiplier"].sel({dim: label})), LOWEST)
        if colour == MUTED:
            ax.plot(x, draw_quantiles(draws, [0.5])[0], color=MUTED, lw=0.5, label=label)
        else:
            draw_bands(ax, x, draws, colour, label, crowded=len(colours) >= CROWDED)
    ax.set_ylim(limits)
    ax.axhline(1, color=INK, lw=0.6, zorder=1)
    log_axis(ax.yaxis)
    ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"×{value:g}"))


def _draw_shares(ax: Axes, part: xr.Dataset, dim: str, colours: dict[str, str]) -> None:
    x = part[str(part.attrs["along"])].values
    for label, colour in colours.items():
        for name, style in (("p_more", "-"), ("p_unattained", ":")):
            ax.plot(x, part[name].sel({dim: label}).values, style, color=colour, label=label, clip_on=False)
    probability_axis(ax, "probability")
