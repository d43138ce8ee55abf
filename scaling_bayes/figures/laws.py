"""`plot_laws`: every law of the catalogue in a small panel."""

from collections.abc import Sequence

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import LogLocator, MaxNLocator, NullFormatter, NullLocator

from scaling_bayes.figures.answers import FigureError
from scaling_bayes.figures.canvas import legend_below, new_figure, panel_grid
from scaling_bayes.figures.style import GOOD, GROUPS, MUTED
from scaling_bayes.figures.venues import points
from scaling_bayes.laws.catalogue import Entry, read_entries, suggest_law
from scaling_bayes.laws.catalogue.illustration import PRIOR, Illustration, illustrate, span
from scaling_bayes.symbols import latex

COLUMNS, ROW = 7, 0.86
"""Panels side by side, and the height of a row in inches."""

DECADES = 20.0
"""A response that rises or falls by more than this factor has a logarithmic axis."""

BESIDE = (0.1, 1.0, 10.0)
"""Multiples of the typical scale at which a law's second covariate is held, light to dark."""

SHADES = (0.35, 0.65, 1.0)

COLOURS = {"reported": GOOD, "memory": GROUPS[1], PRIOR: MUTED}
EXPLAINED = {
    "reported": "reported numbers",
    "memory": "reported numbers, from memory",
    PRIOR: "none reported: an example",
}


def plot_laws(names: Sequence[str] | None = None) -> Figure:
    """Draw laws of the catalogue along one covariate each, for three values of a second one where there is one.

    Parameters
    ----------
    names : sequence of str, optional
        See `scaling_bayes.list_laws`; all by default.

    Returns
    -------
    Figure
        Closed. Blue curves have reported numbers, orange ones numbers from memory, grey ones an example: the middle of
        the role priors, where the entry names no other value.

    Raises
    ------
    FigureError
        For a name that the catalogue does not have.

    Examples
    --------
    >>> [ax.get_title() for ax in plot_laws(["chinchilla", "bnsl"]).axes]
    ['chinchilla', 'bnsl']
    """
    entries = read_entries()
    for name in names or ():
        if name not in entries:
            raise FigureError(f"no law {name!r} in the catalogue: {suggest_law(name)}")
    chosen = [entries[name] for name in names or entries]
    rows = -(-len(chosen) // COLUMNS)
    shown = xr.Dataset(attrs={"laws": {entry.name: entry.formula for entry in chosen}})
    with new_figure(max(ROW * rows, 1.4) + 0.25, shows=shown) as fig:
        for ax, entry in zip(panel_grid(fig, len(chosen), COLUMNS), chosen, strict=True):
            _draw_law(ax, entry, illustrate(entry))
        kinds = {_kind(illustrate(entry)) for entry in chosen}
        legend_below(fig, [Line2D([], [], color=COLOURS[k], label=EXPLAINED[k]) for k in EXPLAINED if k in kinds])
    return fig


def _kind(shown: Illustration) -> str:
    return shown.trust if shown.trust in COLOURS else "reported"


def _draw_law(ax: Axes, entry: Entry, shown: Illustration) -> None:
    """Draw one law; its second covariate, if any, at three values."""
    along, *others = _order(entry, shown)
    x = span(entry, along)
    held = {c: entry.typical(c) for c in others}
    for multiple, shade in zip(BESIDE, SHADES, strict=True) if others else [(1.0, 1.0)]:
        at = held | ({others[0]: float(_within(entry, others[0], multiple))} if others else {})
        y = shown.law.evaluate({**shown.parameters, **at, along: x})
        says = ", ".join([EXPLAINED[_kind(shown)], *(f"{name} = {value:.4g}" for name, value in at.items())])
        ax.plot(x, np.broadcast_to(y, x.shape), color=COLOURS[_kind(shown)], alpha=shade, lw=0.9, label=says)
    _label(ax, entry.name, [along, *others[:1]])


def _order(entry: Entry, shown: Illustration) -> list[str]:
    """Covariates as the entry would show them, else the one that the law falls or rises with first."""
    monotone = {*entry.falls_with, *entry.rises_with}
    rest = sorted((c for c in shown.law.covariates if c not in entry.show), key=lambda c: c not in monotone)
    return [*entry.show, *rest]


def _within(entry: Entry, covariate: str, multiple: float) -> float:
    low, high = entry.domain.get(covariate, (0.0, np.inf))
    return float(np.clip(entry.typical(covariate) * multiple, low, high))


def _label(ax: Axes, name: str, covariates: Sequence[str]) -> None:
    """Title, letters of the covariates, and scales with as few ticks as can be read at this size."""
    ax.set_title(name, fontsize=points(5.2) if len(name) < 16 else 4.4, pad=2)
    ax.set_xlabel("; ".join(f"${latex(c)}$" for c in covariates), fontsize=points(5), labelpad=0.5)
    ax.set_xscale("log")
    low, high = ax.get_ylim()
    curves = np.array([line.get_ydata() for line in ax.lines])
    one_way = (np.sign(np.diff(curves)) * np.sign(curves[:, -1:] - curves[:, :1]) >= 0).all()
    if one_way and curves.min() > 0 and curves.max() > DECADES * curves.min():
        ax.set_yscale("log")
        ax.yaxis.set_major_locator(LogLocator(numticks=3))
        ax.yaxis.set_minor_locator(NullLocator())
    else:
        ax.set_ylim(low, high)
        ax.yaxis.set_major_locator(MaxNLocator(2))
    ax.xaxis.set_major_locator(LogLocator(numticks=3))
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_minor_formatter(NullFormatter())
    ax.xaxis.set_minor_locator(NullLocator())
    ax.tick_params(labelsize=points(4.2), length=1.5, pad=1)
