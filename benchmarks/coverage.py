"""Whether intervals hold by how far beyond the fit they are asked: the scoreboard's rows as answers that are drawn."""

import numpy as np
import pandas as pd
import xarray as xr

from benchmarks.extrapolation import COVERAGE, name_bins
from scaling_bayes.questions.clusters import score_clusters
from scaling_bayes.questions.scoring import LEVELS, RATIO_BINS


def score_methods(rows: pd.DataFrame, *, seed: int = 0) -> dict[str, xr.Dataset]:
    """Coverage and error by extrapolation ratio of every method, over the families that all were run on.

    Every curve counts alike in each bin of the ratio. The curves of a family bend alike, so that families, not curves,
    are drawn with replacement for the intervals.

    Parameters
    ----------
    rows : DataFrame
        From `benchmarks.extrapolation.read_rows`.
    seed : int
        For the bootstrap.

    Returns
    -------
    dict of str to Dataset
        By method, as `scaling_bayes.fold_scores` has them: ``runs_at_ratio`` counts curves, ``clusters_at_ratio``
        families; ``ratio_mean`` is the middle of a bin in log scale, one and a half times the lower end of the last.

    Examples
    --------
    >>> scores = {"coverage_50": 0.5, "coverage_80": 1.0, "coverage_90": 1.0, "squared_error": 0.01}
    >>> rows = pd.DataFrame([{"family": "a", "method": "huber", "curve": "web", "ratio": "1-2", **scores}])
    >>> found = score_methods(rows)["huber"]
    >>> found["coverage_at_ratio"].values.tolist(), found["rmsle_at_ratio"].values.tolist()
    ([[0.5, 1.0, 1.0]], [0.1])
    """
    shared = rows.groupby("family")["method"].transform("nunique") == rows["method"].nunique()
    return {str(method): _score(part, seed) for method, part in rows[shared].groupby("method", sort=False)}


def _score(rows: pd.DataFrame, seed: int) -> xr.Dataset:
    """A row, the mean over a curve's runs in a bin, stands where a run does."""
    low, high = np.array(RATIO_BINS[:-1]), np.array(RATIO_BINS[1:])
    middle = np.where(np.isfinite(high), np.sqrt(low * high), 1.5 * low)
    place = dict(zip(name_bins(), middle, strict=True))
    columns = {
        "inside": (("run", "level"), rows[COVERAGE].to_numpy()),
        "log_error": ("run", rows["squared_error"].to_numpy() ** 0.5),
    }
    coords = {"level": list(LEVELS), "extrapolation": ("run", rows["ratio"].map(place).to_numpy())}
    found = score_clusters(xr.Dataset(columns, coords=coords), rows["family"].to_numpy(), seed=seed)
    return found.assign_attrs(families=sorted(set(rows["family"])), counted=["curves", "families"])
