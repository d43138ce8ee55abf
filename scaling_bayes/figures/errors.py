"""Errors of predictions in one panel: what is drawn, and where along the scale."""

from dataclasses import dataclass

import numpy as np
import xarray as xr

from scaling_bayes.laws.axes import axis_values
from scaling_bayes.sweeps.split import find_levels

SPREAD = 0.36
"""Half of the room that the runs of one level take, as a share of the smallest gap between levels."""

LONE_SPREAD = 0.06
"""The same where there is a single level, in decades."""


@dataclass(frozen=True)
class Errors:
    r"""Errors of one method on the runs of one panel, :math:`100\,(y / \hat y_{0.5} - 1)` in percent.

    Attributes
    ----------
    observed, lower, upper : array
        Run by run: what was measured and the ends of the interval, relative to the predicted median.
    inside : array of bool
        Whether the run is in its interval.
    scale : array
        Value of the scale axis.
    position : array
        Where the run is drawn: runs of one level stand side by side.
    fitted : float
        Largest fitted scale.
    """

    observed: np.ndarray
    lower: np.ndarray
    upper: np.ndarray
    inside: np.ndarray
    scale: np.ndarray
    position: np.ndarray
    fitted: float

    @property
    def levels(self) -> np.ndarray:
        """Distinct scales, ascending; values within 1 % are one."""
        level = find_levels(self.scale)
        return np.sort([np.exp(np.log(self.scale[level == k]).mean()) for k in np.unique(level)])

    @property
    def rmsle(self) -> float:
        """Root mean square of the log error."""
        return float(np.sqrt(np.mean(np.log1p(self.observed / 100) ** 2)))

    @property
    def says(self) -> tuple[str, str]:
        """Hits and size of the errors, in words."""
        return f"{self.inside.sum()}/{self.inside.size} inside", f"RMSLE {self.rmsle:.4f}"


def prediction_errors(scored: xr.Dataset, fit_part: xr.Dataset, level: float) -> Errors:
    """Errors of the runs of `scored`, relative to their predicted medians.

    Parameters
    ----------
    scored : Dataset
        From `score`; at least one run.
    fit_part : Dataset
        The fitted runs of the same panel.
    level : float
        One of the scored levels.
    """
    at = scored.sel(level=level)
    relative = {name: 100 * (at[name].values / at["median"].values - 1) for name in ("observed", "lower", "upper")}
    scale, fitted = scale_values(scored), scale_values(fit_part, str(scored.attrs["scale"]))
    largest = float(fitted.max()) if fitted.size else float((scale / scored["extrapolation"].values).max())
    order = scored["N"].values if "N" in scored.coords else scored["median"].values
    position = side_by_side(scale, order, largest)
    return Errors(**relative, inside=at["inside"].values.astype(bool), scale=scale, position=position, fitted=largest)


def scale_values(runs: xr.Dataset, scale: str | None = None) -> np.ndarray:
    """Values of the axis along which extrapolation is measured, a coordinate or a formula such as ``D/N``."""
    return axis_values(scale or str(runs.attrs["scale"]), {str(n): c.values for n, c in runs.coords.items()})


def side_by_side(scale: np.ndarray, order: np.ndarray, fitted: float) -> np.ndarray:
    """Positions at which the runs of one level stand side by side, by rising `order`; every run alone stays in place.

    Examples
    --------
    >>> side_by_side(np.array([1e19, 1e19, 1e19, 1e20]), np.array([2.0, 3.0, 1.0, 1.0]), 1e18).round(-17)
    array([1.0e+19, 2.3e+19, 4.0e+18, 1.0e+20])
    """
    level = find_levels(scale)
    members = [np.flatnonzero(level == k) for k in np.unique(level)]
    most = max(map(len, members))
    if most == 1:
        return scale
    centres = np.log10([fitted, *(np.exp(np.log(scale[rows]).mean()) for rows in members)])
    gaps = np.diff(np.sort(centres))
    gaps = gaps[gaps > np.log10(1.01)]
    half = SPREAD * float(gaps.min()) if gaps.size else LONE_SPREAD
    position = scale.copy()
    for rows, centre in zip(members, centres[1:], strict=True):
        if len(rows) > 1:
            rank = np.argsort(np.argsort(order[rows], kind="stable")) - (len(rows) - 1) / 2
            position[rows] = 10 ** (centre + 2 * half * rank / (most - 1))
    return position
