"""One panel of a predicted curve: its bands, the fitted runs, and those that were held out."""

from collections.abc import Mapping, Sequence

import numpy as np
import xarray as xr
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from scaling_bayes.figures.answers import FigureError, check_answer
from scaling_bayes.figures.bands import band_patches, draw_bands
from scaling_bayes.figures.error_panels import INSIDE, OUTSIDE
from scaling_bayes.figures.errors import scale_values
from scaling_bayes.figures.ranges import stack_draws
from scaling_bayes.figures.style import BAD, GOOD, MUTED, SHADE, log_axis

FITTED = "fitted"


def curve_parts(curve: xr.Dataset, groups: Sequence[str], panels: Mapping[str, xr.Dataset]) -> dict[str, xr.DataArray]:
    """Draws of the curve of each panel, dims (chain, draw, point); one curve for all where the law knows no groups.

    Parameters
    ----------
    curve : Dataset
        From `predict` along the scale.
    groups : sequence of str
        Groups that have a panel each.
    panels : mapping of str to Dataset
        Runs of each panel.

    Raises
    ------
    FigureError
        If `curve` has no draws or no scale, lacks a label of a panel, or runs over a group that has no panel.
    """
    check_answer(curve, [str(curve.attrs.get("response", "loss"))], "predict(posterior, path)")
    array, scale = curve[str(curve.attrs["response"])], str(curve.attrs["scale"])
    if not {"chain", "draw", "point"} <= set(array.dims):
        raise FigureError(f"the curve has dims {array.dims}; predict along a path gives chain, draw and point")
    if scale not in array.coords:
        raise FigureError(f"the curve's points lack {scale!r}; name it in predict(posterior, {{{scale!r}: ...}})")
    return {label: _select(array, {g: str(runs[g].values[0]) for g in groups}) for label, runs in panels.items()}


def _select(array: xr.DataArray, labels: Mapping[str, str]) -> xr.DataArray:
    named = {group: label for group, label in labels.items() if group in array.coords}
    for group, label in named.items():
        if label not in array[group].values.astype(str):
            raise FigureError(f"the curve has no {group} {label!r}; predict it for every group that is drawn")
        rows = np.flatnonzero(array[group].values.astype(str) == label)
        array = array.isel({array[group].dims[0]: rows[0] if group in array.dims else rows})
    if extra := [str(d) for d in array.dims if d not in ("chain", "draw", "point")]:
        raise FigureError(f"the curve runs over {extra}, which have no panel; select one of each, or name them in by=")
    return array


def draw_curve(ax: Axes, curve: xr.DataArray, fit_part: xr.Dataset, scored: xr.Dataset, level: float) -> None:
    """Draw bands, median and runs of one panel.

    Parameters
    ----------
    ax : Axes
    curve : DataArray
        One of `curve_parts`.
    fit_part, scored : Dataset
        The panel's runs.
    level : float
        Of the interval that tells a hit.
    """
    scale, response = str(scored.attrs["scale"]), fit_part[str(fit_part.attrs["response"])]
    curve = curve.sortby(scale)
    x = curve[scale].values
    draw_bands(ax, x, stack_draws(curve), GOOD)
    fitted, held = scale_values(fit_part, scale), scale_values(scored, scale)
    ax.plot(fitted, response.values, "o", color=MUTED, ms=1.4, mew=0, label=FITTED)
    inside = scored["inside"].sel(level=level).values.astype(bool)
    for rows, colour, marker, label in ((inside, GOOD, "o", INSIDE), (~inside, BAD, "x", OUTSIDE)):
        ax.plot(held[rows], scored["observed"].values[rows], marker, color=colour, ms=1.9, mew=0.6, label=label)
    left = min(x.min(), fitted.min()) / 1.2
    ax.set_xlim(left, max(x.max(), held.max()) * 1.2)
    ax.axvspan(left, fitted.max(), color=SHADE, lw=0, zorder=0)
    log_axis(ax.xaxis, str(fit_part[scale].attrs.get("units", "")) if scale in fit_part.coords else "")
    log_axis(ax.yaxis, str(response.attrs.get("units", "")))


def curve_legend() -> list[Artist]:
    """Handles of what a curve's panel adds to the legend."""
    return [
        Line2D([], [], color=GOOD, label="predicted median"),
        *band_patches(GOOD),
        Line2D([], [], marker="o", color=MUTED, ls="none", ms=2.5, label="fitted run"),
    ]
