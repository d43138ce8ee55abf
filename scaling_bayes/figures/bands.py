"""Bands of draws along a scale, and lines over intervals: one look for all figures."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Patch

BANDS = {0.9: 0.14, 0.5: 0.24}
"""Central probability and opacity of each band, the widest first; what is inside lies over what is outside."""

FAN = {0.9: 0.13, 0.8: 0.13, 0.5: 0.2}
"""The same where there is room for three."""

FARTHEST = np.finfo(float).max ** 0.5
"""What is drawn for an infinite draw."""


def draw_bands(
    ax: Axes,
    x: np.ndarray,
    draws: np.ndarray,
    colour: str,
    label: str = "",
    *,
    bands: Mapping[float, float] = BANDS,
    line: str = "",
    crowded: bool = False,
) -> None:
    """Draw central bands and the median of draws of shape (draw, point).

    Parameters
    ----------
    ax : Axes
    x, draws : array
        Quantiles are draws, so that some may be infinite.
    colour, label : str
    bands : mapping of float to float
        Probability -> opacity, the widest first.
    line : str
        Colour of the median; that of the bands by default.
    crowded : bool
        Of the widest band only the ends are drawn.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> ax = plt.figure().add_subplot()
    >>> draw_bands(ax, np.array([1.0, 2.0]), np.ones((5, 2)), "C0", "web", bands=FAN)
    >>> [band.get_label() for band in ax.collections]
    ['web, 90 %', 'web, 80 %', 'web, 50 %']
    >>> plt.close()
    """
    for k, (probability, alpha) in enumerate(bands.items()):
        ends, says = central_ends(draws, probability), f"{label}, {100 * probability:g} %".lstrip(", ")
        if crowded and k == 0:
            outer = says.replace(f"{100 * probability:g} %", f"end of {100 * probability:g} %")
            ax.plot(x, ends.T, color=colour, lw=0.5, alpha=0.8, zorder=2, label=outer)
        else:
            ax.fill_between(x, *ends, color=colour, alpha=alpha, lw=0, label=says)
    ax.plot(x, central_ends(draws, 0.0)[0], color=line or colour, label=label or "median", zorder=3)


def draw_intervals(ax: Axes, draws: np.ndarray, colour: str, y: np.ndarray | None = None) -> np.ndarray:
    """Lines over the 90 % and 50 % intervals of draws of shape (draw, row), at rows 0, 1, ... or y; their medians."""
    y = np.arange(draws.shape[1]) if y is None else y
    for level, width in ((0.9, 0.8), (0.5, 2.2)):
        line: dict[str, Any] = {"color": colour, "lw": width, "alpha": 0.6, "label": f"{100 * level:g} %"}
        ax.hlines(y, *central_ends(draws, level), **line)
    return draw_quantiles(draws, [0.5])[0]


def band_patches(colour: str, bands: Mapping[float, float] = BANDS) -> list[Patch]:
    """Handles of bands for a legend, the narrowest first, as dark as they are drawn over each other.

    Examples
    --------
    >>> [(patch.get_label(), round(patch.get_alpha(), 2)) for patch in band_patches("C0")]
    [('50 %', 0.35), ('90 %', 0.14)]
    """
    seen = 1 - np.cumprod([1 - alpha for alpha in bands.values()])
    darkness = dict(zip(bands, seen.tolist(), strict=True))
    return [Patch(facecolor=colour, alpha=darkness[p], lw=0, label=f"{100 * p:g} %") for p in reversed(list(bands))]


def central_ends(draws: np.ndarray, probability: float) -> np.ndarray:
    """Ends of the central interval of draws along the first axis, finite so that they can be drawn; shape (2, ...).

    Examples
    --------
    >>> central_ends(np.arange(101.0), 0.9)
    array([ 5., 95.])
    """
    levels = [(1 - probability) / 2, (1 + probability) / 2]
    return np.clip(draw_quantiles(draws, levels), -FARTHEST, FARTHEST)


def draw_quantiles(draws: np.ndarray, levels: Sequence[float]) -> np.ndarray:
    """Quantiles along the first axis that are draws themselves, so that infinite ones do no harm."""
    return np.quantile(draws, levels, axis=0, method="inverted_cdf")
