r"""`score`: how well a posterior foretold runs that it never saw.

All scores are on the log response, so that a loss of 2 and one of 4 count alike: with :math:`e = \log \hat y - \log y`,
RMSLE is :math:`\sqrt{\overline{e^2}}`; the interval score at level :math:`1 - a` is
:math:`(u - l) + \frac{2}{a} (l - z)_+ + \frac{2}{a} (z - u)_+`.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import xarray as xr
from scipy.special import logsumexp

from scaling_bayes.laws.residuals import RESIDUALS
from scaling_bayes.questions.groups import complete_groups
from scaling_bayes.questions.points import QuestionError, as_points, read_record
from scaling_bayes.questions.prediction import describe, drift, log_law, noise, select

LEVELS = (0.5, 0.8, 0.9)
RATIO_BINS = (0.0, 1.0, 2.0, 4.0, 8.0, 16.0, np.inf)


def score(posterior: xr.DataTree, held_out: xr.Dataset, *, levels: Sequence[float] = LEVELS, seed: int = 0) -> xr.Dataset:
    """Score predictions of new runs against what was measured.

    Parameters
    ----------
    posterior : DataTree
        From `fit` or `baseline`.
    held_out : Dataset
        A sweep with the same response, in the same units.
    levels : sequence of float
        Of the central intervals.
    seed : int
        See `predict`.

    Returns
    -------
    Dataset
        For each run ``observed``, ``median``, ``lower`` and ``upper`` (run, level), ``inside`` (run, level), ``log_error``,
        ``pit``, ``crps``, ``log_score``, ``interval_score`` (run, level) and ``interpolation`` (inside the fitted scales);
        coordinate ``extrapolation``. Over all runs ``rmsle``, ``mae``, ``coverage`` (level), ``width`` (level).

    Raises
    ------
    QuestionError
        If the response or its units differ from the fitted ones.

    Examples
    --------
    >>> import scaling_bayes as sb
    >>> law = sb.Law("E + A*N**-alpha")
    >>> design = {"N": [1e7, 3e7, 1e8, 3e8, 1e9, 3e9, 1e10]}
    >>> sweep = sb.simulate_sweep(law, design, truth={"E": 1.8, "A": 400.0, "alpha": 0.35}, seed=0)
    >>> fit_part, held_out = sb.hold_out(sweep, along="N", top=2)
    >>> scored = score(sb.baseline(law, fit_part, seed=0, bootstrap=50), held_out)
    >>> scored["coverage"].dims, scored.sizes["run"]
    (('level',), 2)
    """
    record = read_record(posterior)
    _check_response(record.response, record.unit, held_out)
    points = as_points(held_out, record, str(posterior["constant_data"].attrs.get("flop_rule", "")))
    rng = np.random.default_rng(seed)
    draws = complete_groups(posterior["posterior"].to_dataset(), record, points, rng)
    mean = (log_law(draws, record, points) + drift(draws, record, points, rng)).transpose("chain", "draw", "run")
    new_run = mean + noise(draws, record, points, mean, rng)
    observed = np.log(held_out[record.response].values)
    sample = np.sort(new_run.values.reshape(-1, new_run.sizes["run"]), axis=0)
    parameters = {n: select(draws[n], points) for n in RESIDUALS[record.noise].parameters}
    parameters = {n: xr.broadcast(v, mean)[0].transpose(*mean.dims).values for n, v in parameters.items()}
    density = RESIDUALS[record.noise].log_density(observed - mean.values, parameters)
    scored = _score_sample(sample, observed, np.asarray(levels, dtype=float))
    scored["log_score"] = ("run", logsumexp(density, axis=(0, 1)) - np.log(density.shape[0] * density.shape[1]))
    scored = scored.assign_coords(points.coords)
    scored["interpolation"] = ("run", scored["extrapolation"].values <= 1.0)
    return _totals(scored).assign_attrs(describe(posterior, record))


def score_table(scored: xr.Dataset, by: str | None = None, *, level: float = 0.9) -> pd.DataFrame:
    """Table of scores, over all runs or by group or by extrapolation ratio.

    Parameters
    ----------
    scored : Dataset
        From `score`.
    by : str, optional
        A grouping, or ``"extrapolation"`` for bins of the ratio to the largest fitted scale.
    level : float
        Of the intervals.

    Returns
    -------
    DataFrame
        Columns ``runs``, ``coverage``, ``rmsle``, ``width`` (median width of the interval in log response), ``crps``,
        ``interval_score``, ``log_score``.
    """
    at = scored.sel(level=level)
    rows = pd.DataFrame({
        "runs": 1,
        "coverage": at["inside"].values.astype(float),
        "squared": at["log_error"].values ** 2,
        "width": np.log(at["upper"].values / at["lower"].values),
        "crps": at["crps"].values,
        "interval_score": at["interval_score"].values,
        "log_score": at["log_score"].values,
    })
    rows["by"] = _labels(scored, by)
    how = {"runs": "sum", "width": "median"}
    table = rows.groupby("by", observed=True).agg({c: how.get(c, "mean") for c in rows.columns if c != "by"})
    table.insert(2, "rmsle", np.sqrt(table.pop("squared")))
    return table.rename_axis(by or "all")


def _labels(scored: xr.Dataset, by: str | None) -> object:
    if by is None:
        return "all runs"
    if by == "extrapolation":
        return pd.cut(scored["extrapolation"].values, list(RATIO_BINS), right=True)
    if by not in scored.coords:
        raise QuestionError(f"by= is a grouping of the scored runs or 'extrapolation', found {by!r}; they have {list(scored.coords)}")
    return scored[by].values.astype(str)


def _check_response(response: str, unit: str, held_out: xr.Dataset) -> None:
    if response not in held_out:
        raise QuestionError(f"the posterior predicts {response!r}, which the held-out runs lack; they have {list(held_out.data_vars)}")
    found = str(held_out[response].attrs.get("units", ""))
    if found != unit:
        raise QuestionError(f"{response} was fitted in {unit!r} and the held-out runs are in {found!r}; convert them with sb.convert_loss")


def _score_sample(sample: np.ndarray, observed: np.ndarray, levels: np.ndarray) -> xr.Dataset:
    """Scores of a sorted predictive sample of shape (sample, run) against observations, on the log scale."""
    size = len(sample)
    at = np.stack([(1 - levels) / 2, (1 + levels) / 2])
    lower, upper = np.quantile(sample, at.ravel(), axis=0).reshape(2, len(levels), -1).transpose(0, 2, 1)
    median = np.quantile(sample, 0.5, axis=0)
    z, tail = observed[:, None], 2 / (1 - levels)
    interval = upper - lower + tail * np.clip(lower - z, 0, None) + tail * np.clip(z - upper, 0, None)
    rank = 2 * np.arange(1, size + 1) - size - 1
    crps = np.abs(sample - observed).mean(axis=0) - (rank[:, None] * sample).sum(axis=0) / size**2
    return xr.Dataset(
        {
            "observed": ("run", np.exp(observed)),
            "median": ("run", np.exp(median)),
            "lower": (("run", "level"), np.exp(lower)),
            "upper": (("run", "level"), np.exp(upper)),
            "inside": (("run", "level"), (lower <= z) & (z <= upper)),
            "log_error": ("run", median - observed),
            "pit": ("run", (sample < observed).mean(axis=0)),
            "crps": ("run", crps),
            "interval_score": (("run", "level"), interval),
        },
        coords={"level": levels},
    )


def _totals(scored: xr.Dataset) -> xr.Dataset:
    error = scored["log_error"]
    return scored.assign(
        rmsle=np.sqrt((error**2).mean("run")),
        mae=abs(scored["median"] - scored["observed"]).mean("run"),
        coverage=scored["inside"].mean("run"),
        width=np.log(scored["upper"] / scored["lower"]).median("run"),
    )
