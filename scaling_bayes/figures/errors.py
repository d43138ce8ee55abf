"""Errors of predictions in one panel: what is drawn, and where along the scale."""

from dataclasses import dataclass, field

import numpy as np
import xarray as xr
from scipy.optimize import isotonic_regression

from scaling_bayes.laws.axes import axis_values
from scaling_bayes.sweeps.split import find_levels

POINTS_APART = 3.4
"""Distance between neighbouring runs that is aimed at, in points."""

MOST_ROOM = 0.7
"""Share of the extrapolated range that the runs of a panel may take together."""


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
    order : array
        What runs of one scale are sorted by.
    fitted : float
        Largest fitted scale.
    marked : array of str
        Labels that markers tell apart; none, where the array is empty.
    """

    observed: np.ndarray
    lower: np.ndarray
    upper: np.ndarray
    inside: np.ndarray
    scale: np.ndarray
    order: np.ndarray
    fitted: float
    marked: np.ndarray = field(default_factory=lambda: np.array([], dtype=str))

    @property
    def labels(self) -> list[str]:
        """Labels that markers tell apart; an empty one where they tell nothing."""
        return np.unique(self.marked).tolist() or [""]

    def rows(self, label: str) -> np.ndarray:
        """Which runs have a label."""
        return self.marked == label if self.marked.size else np.full(self.inside.size, True)

    @property
    def levels(self) -> np.ndarray:
        """Distinct scales, ascending; values within 1 % are one."""
        level = find_levels(self.scale)
        return np.sort([np.exp(np.log(self.scale[level == k]).mean()) for k in np.unique(level)])

    def positions(self, width: float) -> np.ndarray:
        """Where the runs are drawn in a panel `width` inches wide: side by side where their scales are equal."""
        ends = np.log10([self.fitted, self.scale.min(), self.scale.max()])
        share = min(MOST_ROOM / len(self.scale), POINTS_APART / (72 * width))
        above = self.fitted if self.scale.min() > self.fitted else 0.0
        return side_by_side(self.scale, self.order, share * max(float(np.ptp(ends)), 0.05), above)

    @property
    def log_error(self) -> np.ndarray:
        """Log of observed over predicted."""
        return np.log1p(self.observed / 100)

    @property
    def says(self) -> tuple[str, str]:
        """Hits and size of the errors, in words."""
        rmsle = np.sqrt(np.mean(self.log_error**2))
        return f"{self.inside.sum()}/{self.inside.size} inside", f"RMSLE {rmsle:.4f}"


def prediction_errors(scored: xr.Dataset, fit_part: xr.Dataset, level: float, mark: str | None = None) -> Errors:
    """Errors of the runs of `scored`, relative to their predicted medians.

    Parameters
    ----------
    scored : Dataset
        From `score`; at least one run.
    fit_part : Dataset
        The fitted runs of the same panel.
    level : float
        One of the scored levels.
    mark : str, optional
        Group whose labels markers tell apart; runs of one scale stand in the order of its labels.
    """
    at = scored.sel(level=level)
    relative = {name: 100 * (at[name].values / at["median"].values - 1) for name in ("observed", "lower", "upper")}
    axis = str(scored.attrs["scale"])
    scale, largest = scale_values(scored, axis), float(scale_values(fit_part, axis).max())
    order = scored["N"].values if "N" in scored.coords else scored["median"].values
    marked = scored[mark].values.astype(str) if mark else np.array([], dtype=str)
    order = np.lexsort((order, marked)).argsort() if mark else order
    inside = at["inside"].values.astype(bool)
    return Errors(**relative, inside=inside, scale=scale, order=order, fitted=largest, marked=marked)


def scale_values(runs: xr.Dataset, axis: str) -> np.ndarray:
    """Values of the axis along which extrapolation is measured, a covariate or a formula such as ``D/N``."""
    return axis_values(axis, {str(name): coord.values for name, coord in runs.coords.items()})


def side_by_side(scale: np.ndarray, order: np.ndarray, apart: float, above: float = 0.0) -> np.ndarray:
    r"""Positions nearest to the scales at which neighbours are `apart` decades from each other, at least.

    Least squares, :math:`\min \sum (q_i - p_i)^2` with :math:`q_{i+1} \ge q_i + d`, an isotonic regression; runs of one
    scale, to within 1 %, stand by rising `order`, and none falls below `above`.

    Examples
    --------
    >>> side_by_side(np.array([1e19, 1e19, 1e19, 1e22]), np.array([2.0, 3.0, 1.0, 1.0]), apart=0.1).round(-17)
    array([1.00e+19, 1.26e+19, 7.90e+18, 1.00e+22])
    """
    ranked = np.lexsort((order, -find_levels(scale)))
    steps = apart * np.arange(len(scale))
    position = np.empty(len(scale))
    nearest = isotonic_regression(np.log10(scale[ranked]) - steps).x
    position[ranked] = (np.maximum(nearest, np.log10(above) + apart) if above else nearest) + steps
    return 10**position
