"""The house style: sizes, colours that colour-blind readers tell apart, axes labelled from attrs."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import seaborn as sns
import xarray as xr
from matplotlib.axis import Axis
from matplotlib.ticker import FuncFormatter, Locator, LogLocator, MaxNLocator, NullFormatter, NullLocator

from scaling_bayes.figures.venues import points
from scaling_bayes.symbols import COVARIATES, RESPONSES, latex

PANEL = 0.86
"""Share of a column's width that its panel takes, about."""

INK, MUTED, SHADE = "#262626", "#8c8c8c", "#eceef1"
"""Text and lines, secondary marks, and the fitted range."""

_COLOURBLIND = [str(colour) for colour in sns.color_palette("colorblind").as_hex()]
GOOD, BAD = _COLOURBLIND[0], _COLOURBLIND[3]
"""Blue for what holds; vermilion for what does not, and for nothing else."""

GROUPS = [_COLOURBLIND[i] for i in (0, 1, 2, 4, 9, 5, 7, 8, 6)]
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<", ">")

SIZES = {
    **{"font.size": 7.0, "axes.labelsize": 7.0, "axes.titlesize": 7.5, "legend.title_fontsize": 7.0},
    **{"legend.fontsize": 6.5, "xtick.labelsize": 6.5, "ytick.labelsize": 6.5},
}
"""Font sizes in points, before a venue's scale."""

STYLE: dict[str, Any] = {
    **{"text.color": INK, "axes.labelcolor": INK, "xtick.color": INK, "ytick.color": INK, "axes.edgecolor": INK},
    **{"axes.linewidth": 0.6, "axes.spines.top": False, "axes.spines.right": False, "axes.titlepad": 4.0},
    **{"xtick.major.size": 2.5, "ytick.major.size": 2.5, "xtick.minor.size": 1.5, "ytick.minor.size": 1.5},
    **{"xtick.major.width": 0.6, "ytick.major.width": 0.6, "xtick.minor.width": 0.4, "ytick.minor.width": 0.4},
    **{"lines.linewidth": 1.0, "legend.frameon": False, "figure.dpi": 150, "pdf.fonttype": 42},
}

_SUFFIXES = ((1e12, "T"), (1e9, "B"), (1e6, "M"), (1e3, "K"))
_COUNTS = {"parameters", "tokens", "samples", "examples", "bytes", "characters", "images", "sequences", "steps"}
_LONG_RANGE = 30.0
"""Largest over smallest value above which a log axis has ticks at powers of ten, if it holds two of them."""

_ROUND = ((1, 3), (1, 2, 5), (1, 1.5, 2, 3, 5, 7), (1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8))
"""Round numbers that may be ticks of a shorter range, from few to many."""

_LEAST_TICKS, _BARE = 3, 0.25
"""Ticks wanted of a shorter range, and the share of the axis that may be without one at either end."""


def group_colours(labels: Sequence[str]) -> dict[str, str]:
    """Colour of each label; vermilion is kept for what fails.

    Examples
    --------
    >>> list(group_colours(["code", "web"]).values())
    ['#0173b2', '#de8f05']
    """
    many = len(labels) > len(GROUPS)
    colours = sns.color_palette("viridis", len(labels)).as_hex() if many else GROUPS
    return {label: str(colour) for label, colour in zip(labels, colours, strict=False)}


def group_markers(labels: Sequence[str]) -> dict[str, str]:
    """Marker of each label, so that groups are told apart in grey as well.

    Examples
    --------
    >>> group_markers(["code", "web"])
    {'code': 'o', 'web': 's'}
    """
    return {label: MARKERS[i % len(MARKERS)] for i, label in enumerate(labels)}


def group_offsets(labels: Sequence[str], apart: float, within: float = np.inf) -> dict[str, float]:
    """Offset of each label from the middle, so that groups stand side by side, all of them no wider than `within`.

    Examples
    --------
    >>> group_offsets(["code", "law", "web"], 0.1)
    {'code': -0.1, 'law': 0.0, 'web': 0.1}
    """
    apart = min(apart, within / max(len(labels) - 1, 1))
    return {label: apart * (k - (len(labels) - 1) / 2) for k, label in enumerate(labels)}


def format_value(value: float, unit: str = "") -> str:
    """Write a value shortly: counts as 70M or 1.5B, FLOP as 1e21, the rest as it is.

    Examples
    --------
    >>> format_value(1.5e9, "parameters"), format_value(2.2e19, "FLOP"), format_value(2.5), format_value(1e6)
    ('1.5B', '2.2e19', '2.5', '1e6')
    """
    if unit == "FLOP" and value > 0:
        mantissa, exponent = f"{value:.1e}".split("e")
        return f"{mantissa.removesuffix('.0')}e{int(exponent)}"
    for size, suffix in _SUFFIXES if unit in _COUNTS and value < 1e15 else ():
        if value >= size * 0.9995:
            return f"{value / size:.3g}{suffix}"
    mantissa, _, power = f"{value:.4g}".partition("e")
    return f"{mantissa}e{int(power)}" if power else mantissa


def axis_label(array: xr.DataArray, name: str | None = None) -> str:
    """Label of an axis: what it is, its letter and its unit, from the array's attrs and the table of symbols.

    Examples
    --------
    >>> axis_label(xr.DataArray([1e9], name="D", attrs={"units": "tokens"}))
    'training tokens $D$'
    >>> axis_label(xr.DataArray([2.0], name="loss", attrs={"units": "nats/token"}))
    'loss (nats/token)'
    """
    name, unit = name or str(array.name), str(array.attrs.get("units", ""))
    symbol = (COVARIATES | RESPONSES).get(name)
    says = str(array.attrs.get("long_name") or (symbol.description if symbol else name.replace("_", " ")))
    says = says.replace("tokens or samples", unit or "tokens")
    letter = f" ${latex(name)}$" if name in COVARIATES else ""
    told = unit in {"", "1"} or unit in says
    return says + letter + ("" if told else f" ({unit})")


def log_axis(axis: Axis, unit: str = "") -> None:
    """Make an axis logarithmic, with a handful of readable ticks however short its range is.

    Call it after the limits are final: a range below a factor of 30 has ticks at round numbers, not at powers of ten.
    """
    axes = axis.axes
    (axes.set_xscale if axis is axes.xaxis else axes.set_yscale)("log")
    low, high = axis.get_view_interval()
    ratio = high / max(low, np.finfo(float).tiny)
    decades = np.floor(np.log10(high)) - np.ceil(np.log10(max(low, np.finfo(float).tiny))) + 1
    long = ratio >= _LONG_RANGE and decades >= 2
    axis.set_major_locator(LogLocator(numticks=6) if long else RoundLocator())
    axis.set_major_formatter(FuncFormatter(lambda value, _: format_value(value, unit)))
    axis.set_minor_locator(LogLocator(subs="auto", numticks=20) if long else NullLocator())
    axis.set_minor_formatter(NullFormatter())


class RoundLocator(Locator):
    """Round numbers on a log axis of a short range: as few as leave neither end bare, evenly spaced where none do.

    Examples
    --------
    >>> RoundLocator().tick_values(2.1, 5.2), RoundLocator().tick_values(0.25, 0.9)
    ([2.5, 3.0, 4.0, 5.0], [0.3, 0.5, 0.7])
    """

    def __call__(self) -> list[float]:
        """Ticks of the axis as it is."""
        return [] if self.axis is None else self.tick_values(*self.axis.get_view_interval())

    def tick_values(self, vmin: float, vmax: float) -> list[float]:
        """Ticks between two positive numbers."""
        span = np.log(vmax / vmin)
        decades = 10.0 ** np.arange(np.floor(np.log10(vmin)), np.ceil(np.log10(vmax)) + 1)
        for subs in _ROUND:
            ticks = np.outer(decades, subs).ravel()
            ticks = ticks[(ticks >= vmin) & (ticks <= vmax)]
            bare = max(np.log(ticks[0] / vmin), np.log(vmax / ticks[-1])) / span if len(ticks) else 1.0
            if len(ticks) >= _LEAST_TICKS and bare <= _BARE:
                return [float(tick) for tick in ticks]
        even = MaxNLocator(4, steps=[1, 2, 5, 10]).tick_values(vmin, vmax)
        return [float(tick) for tick in even if vmin <= tick <= vmax]


def fit_text(labels: Sequence[str], width: float, most: float = 7.5, least: float = 5.0) -> float:
    """Font size in points at which the longest of `labels` in bold fits `width` inches of the house style.

    Examples
    --------
    >>> fit_text(["web", "code"], 1.0), round(fit_text(["slimpajama-chunk1"], 0.9), 1)
    (7.5, 5.6)
    """
    return points(float(np.clip(72 * width / (0.68 * max(map(len, labels))), least, most)))
