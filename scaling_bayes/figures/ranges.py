"""What figures along a scale share: the panel of each other group, the axis, the fitted range, bands of draws."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import product

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.ticker import FuncFormatter

from scaling_bayes.figures.answers import FigureError
from scaling_bayes.figures.style import INK, MUTED, PANEL, SHADE, axis_label, fit_text, group_colours, log_axis
from scaling_bayes.figures.venues import page

CROWDED = 3
"""Choices from which the 90 % bands are not filled."""

MOST_BANDS = 6
"""Choices with a colour and bands; the rest are thin grey lines."""


def split_panels(answer: xr.Dataset, dims: Iterable[str]) -> dict[str, xr.Dataset]:
    """The part of an answer for every combination of labels of the groups beside `dims`.

    Examples
    --------
    >>> answer = xr.Dataset({"p_best": (("task", "corpus"), [[0.2, 0.8]])}, coords={"task": ["qa"]})
    >>> list(split_panels(answer, ["corpus"]))
    ['qa']
    """
    beside = [str(d) for d in answer.dims if d not in {"chain", "draw", "point", "run", "quantile", *dims}]
    labels = [answer[d].values.astype(str).tolist() for d in beside]
    found = {}
    for at in product(*(range(answer.sizes[d]) for d in beside)):
        name = ", ".join(labels[i][k] for i, k in enumerate(at))
        found[name] = answer.isel(dict(zip(beside, at, strict=True)), drop=True)
    return found


def scale_of(answer: xr.Dataset, maker: str) -> xr.DataArray:
    """The coordinate that runs along the points, in ascending order.

    Raises
    ------
    FigureError
        If the points have no scale, or only one value of it.
    """
    along = str(answer.attrs.get("along") or answer.attrs.get("scale", ""))
    if along not in answer.coords or len(np.unique(answer[along])) < 2:
        raise FigureError(f"a figure along a scale needs two values of it or more; ask {maker} with several")
    if len(np.unique(answer[along])) < answer[along].size:
        raise FigureError(f"several points have one value of {along}; ask {maker} along one path")
    return answer[along]


def draw_scale(ax: Axes, scale: xr.DataArray, answer: xr.Dataset, *, label: bool = True) -> None:
    """Limits, ticks and label of a scale, and the fitted range in grey."""
    low, high = float(scale.min()), float(scale.max())
    ax.set_xlim(low, high)
    fitted = np.atleast_1d(answer.attrs.get("fitted", []))
    if fitted.size == 2 and fitted[1] > low and fitted[0] < high:
        ax.axvspan(max(fitted[0], low), min(fitted[1], high), color=SHADE, lw=0, zorder=0)
    log_axis(ax.xaxis, str(scale.attrs.get("units", "")))
    if label:
        ax.set_xlabel(axis_label(scale))
    else:
        ax.tick_params(labelbottom=False)


def stack_draws(array: xr.DataArray) -> np.ndarray:
    """Draws of an array with the dims chain, draw and point as (draw, point)."""
    values = array.transpose("chain", "draw", ...).values
    return values.reshape(-1, *values.shape[2:])


def choose_colours(labels: Sequence[str], weight: np.ndarray, known: Mapping[str, str] | None = None) -> dict[str, str]:
    """Colours of the choices that matter most, those that are known already kept; the rest are grey.

    Examples
    --------
    >>> choose_colours(["code", "web"], np.array([0.1, 0.9]))
    {'code': '#0173b2', 'web': '#de8f05'}
    >>> choose_colours(["code", "web"], np.array([0.1, 0.9]), {"web": "black"})
    {'code': '#0173b2', 'web': 'black'}
    """
    most = np.sort(np.argsort(-weight, kind="stable")[:MOST_BANDS])
    chosen = [labels[k] for k in most]
    colours = {label: (known or {}).get(label, colour) for label, colour in group_colours(chosen).items()}
    return {label: colours.get(label, MUTED) for label in labels}


def probability_axis(ax: Axes, label: str) -> None:
    """From 0 to 1 with a line at one half."""
    ax.set(ylim=(0, 1.0), yticks=[0, 0.25, 0.5, 0.75, 1], ylabel=label)
    ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    ax.axhline(0.5, color=INK, lw=0.5, ls=(0, (1, 2)), zorder=1)


def fitted_patch() -> Patch:
    """Handle of the fitted range in a legend."""
    return Patch(facecolor=SHADE, edgecolor=MUTED, lw=0.3, label="fitted range")


def title_size(names: Sequence[str]) -> float:
    """Font size at which the longest title of panels side by side fits above its own.

    Examples
    --------
    >>> title_size(["web", "code"]), title_size(["", ""])
    (7.5, 7.5)
    """
    return fit_text([*names, " "], PANEL * page().width / panel_columns(len(names)))


def panel_columns(panels: int) -> int:
    """Panels side by side, so that no row holds one alone if that can be.

    Examples
    --------
    >>> [panel_columns(n) for n in (1, 2, 4, 5, 6, 25)]
    [1, 2, 2, 3, 3, 3]
    """
    return 2 if panels == 4 else min(panels, 3)


def two_rows(fig: Figure, panels: int) -> list[tuple[Axes, Axes]]:
    """An upper and a lower panel for each, side by side where there is only one."""
    if panels == 1:
        left, right = fig.subplots(1, 2)
        return [(left, right)]
    columns = panel_columns(panels)
    blocks = -(-panels // columns)
    grid = fig.add_gridspec(2 * blocks, columns, height_ratios=[1.0, 0.75] * blocks)
    places = [divmod(i, columns) for i in range(panels)]
    return [(fig.add_subplot(grid[2 * row, at]), fig.add_subplot(grid[2 * row + 1, at])) for row, at in places]


def rows_height(panels: int) -> float:
    """Height in inches of a figure of `two_rows`."""
    return 2.35 if panels == 1 else 0.55 + 2.7 * -(-panels // panel_columns(panels))
