"""One panel of a predicted curve: its bands, the fitted runs, and those that were held out."""

import numpy as np
import xarray as xr
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from scaling_bayes.figures.answers import FigureError, check_answer
from scaling_bayes.figures.errors import scale_values
from scaling_bayes.figures.style import BAD, GOOD, INK, MUTED, SHADE, axis_label, log_axis

BANDS = ((0.9, 0.16), (0.5, 0.28))
"""Central probability and opacity of each band."""


def check_curve(curve: xr.Dataset, response: str) -> xr.Dataset:
    """Return `curve` if it is an answer of `predict` along the scale.

    Raises
    ------
    FigureError
        If it has no draws of the response, or its points lack the scale's coordinate.
    """
    check_answer(curve, [response], "predict(posterior, path)")
    if not {"chain", "draw", "point"} <= set(curve[response].dims):
        raise FigureError(f"curve={response!r} has dims {curve[response].dims}; predict along a path gives chain, draw and point")
    scale = str(curve.attrs.get("scale", ""))
    if scale not in curve.coords:
        raise FigureError(f"the curve's points lack {scale or 'a scale'!r}; name it in predict(posterior, {{{scale!r}: ...}})")
    return curve


def curve_of(curve: xr.Dataset, groups: list[str], labels: list[str]) -> xr.DataArray:
    """Draws of the response of one panel's groups, dims (chain, draw, point).

    Raises
    ------
    FigureError
        If a group of the curve has no panel, or a label of the panel no curve.
    """
    array = curve[str(curve.attrs["response"])]
    for group, label in zip(groups, labels, strict=True):
        if group not in array.coords or label not in array[group].values.astype(str):
            raise FigureError(f"the curve has no {group} {label!r}; predict it for all groups, or for the ones drawn")
        array = array.isel({str(array[group].dims[0]): array[group].values.astype(str) == label})
        array = array.squeeze(group, drop=True) if group in array.dims else array
    if extra := [str(d) for d in array.dims if d not in ("chain", "draw", "point")]:
        raise FigureError(f"the curve runs over {extra} as well, which have no panel; select one, or give by={[*groups, *extra]}")
    return array


def draw_curve(ax: Axes, curve: xr.DataArray, scale: str, fit_part: xr.Dataset, scored: xr.Dataset, level: float) -> None:
    """Draw bands, median and runs of one panel.

    Parameters
    ----------
    ax : Axes
    curve : DataArray
        From `curve_of`.
    scale : str
        Coordinate of `curve` along x.
    fit_part, scored : Dataset
        The panel's runs.
    level : float
        Of the interval that tells a hit.
    """
    response = fit_part[str(fit_part.attrs["response"])]
    order = np.argsort(curve[scale].values)
    x = curve[scale].values[order]
    for probability, alpha in BANDS:
        ends = curve.quantile([(1 - probability) / 2, (1 + probability) / 2], ("chain", "draw")).values[:, order]
        ax.fill_between(x, *ends, color=GOOD, alpha=alpha, lw=0, zorder=2)
    ax.plot(x, curve.median(("chain", "draw")).values[order], color=GOOD, zorder=3)
    fitted, held = scale_values(fit_part, scale), scale_values(scored, scale)
    ax.plot(fitted, response.values, "o", color=MUTED, ms=1.4, mew=0, alpha=0.8, zorder=4)
    inside = scored["inside"].sel(level=level).values.astype(bool)
    for rows, colour, marker in ((inside, GOOD, "o"), (~inside, BAD, "x")):
        ax.plot(held[rows], scored["observed"].values[rows], marker, color=colour, ms=1.9, mew=0.6, zorder=5)
    ax.margins(x=0.04)
    ax.axvspan(ax.get_xlim()[0], fitted.max(), color=SHADE, lw=0, zorder=0)
    ax.set_xlim(min(x.min(), fitted.min()) / 1.2, max(x.max(), held.max()) * 1.2)
    log_axis(ax.xaxis, str(fit_part[scale].attrs.get("units", "")))
    log_axis(ax.yaxis, str(response.attrs.get("units", "")))
    ax.set_ylabel(axis_label(response))


def curve_legend() -> list[Artist]:
    """Handles of what a curve's panel adds to the legend."""
    return [
        Line2D([], [], color=GOOD, label="predicted median"),
        *(Patch(facecolor=GOOD, alpha=alpha + 0.1, label=f"{100 * p:g} %") for p, alpha in reversed(BANDS)),
        Line2D([], [], marker="o", color=MUTED, ls="none", ms=2.5, label="fitted run"),
    ]
