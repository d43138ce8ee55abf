r"""Scores by extrapolation ratio, with intervals that know that runs of one curve stand or fall together.

Clusters (curves) are drawn with replacement, and with :math:`w` the times that each was drawn

.. math:: \hat s = \sum_g w_g S_g \Big/ \sum_g w_g n_g

where :math:`S_g` sums a score over the :math:`n_g` runs of a curve.
"""

from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from scaling_bayes.questions.scoring import RATIO_BINS

RESAMPLES = 4000
INTERVAL = 0.9
"""Level of the intervals of scores."""

ENDS = ("", "_lower", "_upper")
"""Of the names of a score and of the ends of its interval."""


def score_clusters(scored: xr.Dataset, clusters: np.ndarray, *, seed: int = 0) -> xr.Dataset:
    """Coverage and RMSLE over all runs and by extrapolation ratio, with clustered intervals.

    Parameters
    ----------
    scored : Dataset
        From `score`.
    clusters : array of str, shape (run,)
        From `label_runs`.
    seed : int
        For the bootstrap.

    Returns
    -------
    Dataset
        ``coverage`` (level) and ``rmsle`` over all runs; ``coverage_at_ratio`` (ratio, level) and ``rmsle_at_ratio``
        (ratio) in the bins of `score_table` that hold runs, with ``runs_at_ratio``, ``clusters_at_ratio`` and the
        coordinate ``ratio_mean``, the geometric mean of the runs' ratios. Beside each score ``_lower`` and ``_upper``,
        the central 90 % of the bootstrap: NaN with fewer than two clusters, of no width where all clusters agree.

    Examples
    --------
    >>> columns = {"inside": (("run", "level"), [[True], [False], [True]]), "log_error": ("run", [0.1, 0.2, 0.1])}
    >>> scored = xr.Dataset(columns, coords={"level": [0.9], "extrapolation": ("run", [1.5, 1.6, 3.0])})
    >>> found = score_clusters(scored, np.array(["web", "code", "web"]))
    >>> found["coverage_at_ratio"].values.ravel().tolist(), found["clusters_at_ratio"].values.tolist()
    ([0.5, 1.0], [2, 1])
    """
    rng = np.random.default_rng(seed)
    found = _measure(scored, clusters, rng)[[f"{name}{end}" for name in ("coverage", "rmsle") for end in ENDS]]
    bins = pd.cut(scored["extrapolation"].values, list(RATIO_BINS))
    present = np.unique(bins.codes)
    parts = [
        _measure(scored.isel(run=bins.codes == code), clusters[bins.codes == code], rng, "_at_ratio")
        for code in present
    ]
    at_ratio = xr.concat(parts, "ratio", data_vars="all", coords=["ratio_mean"], compat="equals", join="exact")
    labels = np.array([str(bins.categories[code]) for code in present])
    return found.drop_vars("ratio_mean").merge(at_ratio.assign_coords(ratio=labels)).assign_attrs(interval=INTERVAL)


def _measure(runs: xr.Dataset, clusters: np.ndarray, rng: np.random.Generator, where: str = "") -> xr.Dataset:
    """Scores of some runs and their intervals; `where` they are is part of their names."""
    labels, place = np.unique(clusters, return_inverse=True)
    values = np.column_stack([runs["inside"].transpose("run", "level").values, runs["log_error"].values ** 2])
    totals = np.stack([values[place == k].sum(axis=0) for k in range(len(labels))])
    columns: dict[str, Any] = {f"runs{where}": len(values), f"clusters{where}": len(labels)}
    scores = (values.mean(axis=0), *_bootstrap(totals, np.bincount(place), rng))
    for end, found in zip(ENDS, scores, strict=True):
        columns |= {f"coverage{where}{end}": ("level", found[:-1]), f"rmsle{where}{end}": found[-1] ** 0.5}
    ratio = np.exp(np.log(runs["extrapolation"].values).mean())
    return xr.Dataset(columns, coords={"level": runs["level"].values, "ratio_mean": ratio})


def _bootstrap(totals: np.ndarray, counts: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Ends of the interval of a mean, shape (2, score), from sums by cluster, shape (cluster, score)."""
    size = len(counts)
    if size < 2:
        return np.full((2, totals.shape[1]), np.nan)
    weights = rng.multinomial(size, np.full(size, 1 / size), RESAMPLES)
    means = weights @ totals / (weights @ counts)[:, None]
    return np.quantile(means, [(1 - INTERVAL) / 2, (1 + INTERVAL) / 2], axis=0)
