"""The sheet that a figure is drawn on: the house style, panels, a legend below, and where its numbers are from."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from itertools import pairwise
from typing import Any
from weakref import WeakKeyDictionary

import matplotlib.pyplot as plt
import numpy as np
import seaborn as sns
import xarray as xr
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from scaling_bayes.figures.answers import gate_warning
from scaling_bayes.figures.style import BAD, SIZES, STYLE
from scaling_bayes.figures.venues import FONTS, page, points
from scaling_bayes.sweeps import sweep_hash

Shown = xr.Dataset | Mapping[str, xr.Dataset]

_SOURCES: WeakKeyDictionary[Figure, dict[str, Any]] = WeakKeyDictionary()


@cache
def _load_backend() -> None:
    """Let pyplot load its backend, whose settings would end with our style: notebooks would show no figure but ours."""
    plt.close(plt.figure())


@contextmanager
def new_figure(
    height: float,
    width: float | None = None,
    *,
    shows: Shown | None = None,
    make: Callable[[tuple[float, float]], Figure] | None = None,
) -> Iterator[Figure]:
    """Make a figure in the house style, and close it whatever happens; the style ends with the block.

    Parameters
    ----------
    height : float
        In inches of the house style; a venue with larger letters has a higher figure.
    width : float, optional
        As `height`; that of the page by default.
    shows : Dataset, or mapping of str to Dataset, optional
        The answers, by name if there are several. The figure remembers where they are from, and says above itself
        which of them failed its sampler's gates.
    make : callable, optional
        Makes the figure from its size in inches; for what another library draws.

    Examples
    --------
    >>> with new_figure(2.0) as fig:
    ...     ax = fig.add_subplot()
    >>> plt.fignum_exists(fig.number)
    False
    """
    _load_backend()
    answers = {} if shows is None else {"": shows} if isinstance(shows, xr.Dataset) else dict(shows)
    with plt.rc_context(sns.axes_style("ticks") | page_style()):
        scale = page().scale
        size = (scale * (width or page().width), scale * height)
        fig = make(size) if make else plt.figure(figsize=size)
        fig.set_layout_engine("constrained")
        try:
            _SOURCES[fig] = {name: state_source(answer) for name, answer in answers.items()}
            mark(fig, gate_warning(answers))
            yield fig
            fig.draw_without_rendering()  # ticks are made when first drawn: here, in this style
            fig.set_layout_engine("none")  # or it would be laid out anew, slowly, whenever it is drawn
        finally:
            plt.close(fig)


def page_style() -> dict[str, Any]:
    """Settings of matplotlib for the present page.

    Examples
    --------
    >>> page_style()["font.size"]
    7.0
    """
    return {**STYLE, **{name: points(size) for name, size in SIZES.items()}, **FONTS[page().family]}


def state_source(answer: xr.Dataset) -> dict[str, Any]:
    """Where an answer is from, as plain data: its attributes, what is JSON in them read, and a sweep's own hash.

    Examples
    --------
    >>> state_source(xr.Dataset(attrs={"law": "A*N**-alpha", "seed": np.int64(3), "versions": '{"jax": "0.11"}'}))
    {'law': 'A*N**-alpha', 'seed': 3, 'versions': {'jax': '0.11'}}
    """
    told = {str(name): _plain(value) for name, value in answer.attrs.items()}
    if "covariates" in told and "run" in answer.dims and "data_hash" not in told:
        told["data_hash"] = sweep_hash(answer)
    return told


def read_sources(fig: Figure) -> dict[str, dict[str, Any]]:
    """What a figure remembers of each answer that it shows, by its name; nothing for another figure.

    Examples
    --------
    >>> with new_figure(1.0, shows=xr.Dataset(attrs={"law": "A*N**-alpha"})) as fig:
    ...     ax = fig.add_subplot()
    >>> read_sources(fig)
    {'': {'law': 'A*N**-alpha'}}
    """
    return _SOURCES.get(fig, {})


def _plain(value: Any) -> Any:
    if isinstance(value, np.ndarray | np.generic):
        return value.tolist()
    if isinstance(value, dict):
        return {str(name): _plain(each) for name, each in value.items()}
    if isinstance(value, str) and value[:1] in ("{", "["):
        try:
            return _plain(json.loads(value))
        except ValueError:
            return value
    return value if isinstance(value, str | int | float | list | tuple) else str(value)


def panel_grid(fig: Figure, panels: int, columns: int = 3, *, sharey: bool = False) -> list[Axes]:
    """Lay `panels` axes row by row in at most `columns` columns.

    Examples
    --------
    >>> with new_figure(2.0) as fig:
    ...     len(panel_grid(fig, 5))
    5
    """
    columns = min(panels, columns)
    rows = -(-panels // columns)
    grid = fig.subplots(rows, columns, squeeze=False, sharey=sharey).ravel()
    for unused in grid[panels:]:
        unused.remove()
    return list(grid[:panels])


def legend_below(fig: Figure, handles: Sequence[Artist], **style: Any) -> None:
    """Write a legend below the axes, in as few rows as its labels allow."""
    widths = [0.048 * len(str(handle.get_label())) + 0.37 for handle in handles]
    spacing = {"handletextpad": 0.4, "columnspacing": 1.4, "borderaxespad": 0.2, "borderpad": 0.0} | style
    columns = next((n for n in range(len(widths), 1, -1) if _sum_columns(widths, n) <= page().width), 1)
    fig.legend(handles=list(handles), loc="outside lower center", ncols=columns, **spacing)


def _sum_columns(widths: Sequence[float], columns: int) -> float:
    """Width of a legend that is filled column by column.

    >>> _sum_columns([1.0, 3.0, 2.0], 2)
    5.0
    """
    share, longer = divmod(len(widths), columns)
    ends = np.cumsum([share + (k < longer) for k in range(columns)])
    return sum(max(part, default=0.0) for part in (widths[a:b] for a, b in pairwise([0, *ends])))


def mark(fig: Figure, warning: str) -> None:
    """Write a warning above a figure, where no crop of a panel hides it; nothing for an empty one."""
    if warning:
        said = "\n".join(line for line in (fig.get_suptitle(), warning) if line)
        fig.suptitle(said, color=BAD, weight="bold", fontsize=points(7.5), x=0.01, ha="left")
