"""Statistics of standardised residuals that mean something for a scaling law, to set beside data from the posterior."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from scaling_bayes.laws.axes import axis_values
from scaling_bayes.laws.record import Record
from scaling_bayes.sweeps import attr_list, compared_groups
from scaling_bayes.sweeps.labels import label_runs
from scaling_bayes.symbols import REPLICATE

OCTAVE = np.log(2.0)

Array = NDArray[np.float64]
Columns = dict[str, np.ndarray]


def count_sign_changes(z: Array, columns: Columns) -> Array:
    """Times that residuals change sign along the scale, within groups; few where the law bends away.

    Examples
    --------
    >>> columns = {"scale": np.array([1.0, 2.0, 3.0, 4.0]), "group": np.array(["a", "a", "a", "b"])}
    >>> count_sign_changes(np.array([[0.5, -0.5, 0.5, -0.5]]), columns).tolist()
    [2.0]
    """
    order = np.lexsort((columns["scale"], columns["group"]))
    signs, group = z[:, order] > 0, columns["group"][order]
    return ((signs[:, 1:] != signs[:, :-1]) & (group[1:] == group[:-1])).sum(axis=1).astype(np.float64)


def measure_top_slope(z: Array, columns: Columns) -> Array:
    """Slope of residuals along the scale, per e-fold, over its top octave (at least the two largest levels).

    Examples
    --------
    >>> measure_top_slope(np.array([[0.0, 0.0, 1.0]]), {"scale": np.array([1.0, 10.0, 100.0])}).round(3).tolist()
    [0.434]
    """
    u = np.log(columns["scale"])
    top = u >= min(u.max() - OCTAVE, np.unique(u.round(2))[-2:].min() - 0.01)
    centred = u[top] - u[top].mean()
    return z[:, top] @ centred / max((centred**2).sum(), 1e-12)


def correlate_with_ratio(z: Array, columns: Columns) -> Array:
    """Correlation of residuals with log tokens per parameter; far from zero where the law is wrong off the optimum.

    Examples
    --------
    >>> correlate_with_ratio(np.array([[1.0, 2.0, 3.0]]), {"ratio": np.array([4.0, 5.0, 6.0])}).round(3).tolist()
    [1.0]
    """
    ratio = columns["ratio"] - columns["ratio"].mean()
    centred = z - z.mean(axis=1, keepdims=True)
    return centred @ ratio / np.sqrt((centred**2).sum(axis=1) * (ratio**2).sum())


def find_largest(z: Array, columns: Columns) -> Array:
    """Largest residual, of either sign.

    Examples
    --------
    >>> find_largest(np.array([[1.0, -3.0]]), {}).tolist()
    [3.0]
    """
    return np.abs(z).max(axis=1)


def measure_replicates(z: Array, columns: Columns) -> Array:
    """Median distance of residuals from the mean of their replicates; small where misfit is called noise.

    Examples
    --------
    >>> columns = {"replicate": np.array([0, 0, 1])}
    >>> measure_replicates(np.array([[1.0, 3.0, 7.0]]), columns).tolist()
    [1.0]
    """
    found, sizes = np.unique(columns["replicate"], return_counts=True)
    sets = [np.flatnonzero(columns["replicate"] == k) for k in found[sizes > 1]]
    apart = [np.abs(z[:, runs] - z[:, runs].mean(axis=1, keepdims=True)) for runs in sets]
    return np.median(np.concatenate(apart, axis=1), axis=1)


STATISTICS: dict[str, tuple[Callable[[Array, Columns], Array], str]] = {
    "number of sign changes along the scale": (count_sign_changes, "scale"),
    "slope in the top octave": (measure_top_slope, "scale"),
    "correlation with log D/N": (correlate_with_ratio, "ratio"),
    "largest residual": (find_largest, "scale"),
    "distance between seeds": (measure_replicates, "replicate"),
}
"""Name -> (function of standardised residuals (draw, run) and columns, the column that it needs)."""


def compare_statistics(observed: Array, replicated: Array, runs: xr.Dataset, record: Record) -> xr.Dataset:
    """Statistics of observed residuals and of those that the posterior would produce.

    Parameters
    ----------
    observed, replicated : array, shape (chain, draw, run)
        Standardised residuals.
    runs : Dataset
        Group ``constant_data``.
    record : Record

    Returns
    -------
    Dataset
        ``statistic_observed`` and ``statistic_replicated`` (chain, draw, statistic), and ``p_value`` (statistic), the
        probability that the replicated one is larger.
    """
    columns = _columns(runs, record)
    names = [name for name, (_, needed) in STATISTICS.items() if needed in columns]

    def measure(z: Array) -> Array:
        flat = z.reshape(-1, z.shape[-1])
        return np.stack([STATISTICS[name][0](flat, columns).reshape(z.shape[:2]) for name in names], axis=-1)

    dims = ("chain", "draw", "statistic")
    seen, expected = measure(observed), measure(replicated)
    larger = (expected > seen).mean(axis=(0, 1)) + (expected == seen).mean(axis=(0, 1)) / 2
    return xr.Dataset(
        {
            "statistic_observed": (dims, seen),
            "statistic_replicated": (dims, expected),
            "p_value": ("statistic", larger),
        },
        coords={"statistic": names},
    )


def _columns(runs: xr.Dataset, record: Record) -> Columns:
    """Scale, group and, where it varies, log tokens per parameter of each run."""
    table = {str(name): column.values for name, column in runs.variables.items()}
    columns = {"scale": axis_values(record.scale_axis(), table), "group": label_runs(runs, record.factors)}
    replicate = find_replicates(runs)
    if len(np.unique(replicate)) < len(replicate):
        columns["replicate"] = replicate
    if {"N", "D"} <= table.keys():
        ratio = np.log(axis_values("D/N", table))
        return columns | ({"ratio": ratio} if np.ptp(ratio) > OCTAVE else {})
    return columns


def find_replicates(runs: xr.Dataset) -> np.ndarray:
    """Number of the set of each run: runs of a set differ in their seed alone."""
    names = [*attr_list(runs, "covariates"), *compared_groups(runs)]
    same = pd.DataFrame({name: runs[name].values for name in names if name in runs})
    has_seed = REPLICATE in runs and not same.empty
    return same.groupby(list(same)).ngroup().to_numpy() if has_seed else np.arange(runs.sizes["run"])
