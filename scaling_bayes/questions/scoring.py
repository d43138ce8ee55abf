r"""`score`: how well a posterior foretold runs that it never saw.

All scores but ``mae`` are on the log response (of counts, the log of (k + 1/2) / (n + 1), which no count makes
infinite), so that a loss of 2 and one of 4 count alike: with :math:`e = \log \hat y - \log y`, RMSLE is
:math:`\sqrt{\overline{e^2}}`; the interval score at level :math:`1 - a` is
:math:`(u - l) + \frac{2}{a} (l - z)_+ + \frac{2}{a} (z - u)_+`.
"""

from collections.abc import Sequence
from typing import Literal

import numpy as np
import pandas as pd
import xarray as xr
from scipy.special import logsumexp
from xarray import ufuncs

from scaling_bayes.laws.record import Record
from scaling_bayes.questions.forecast import describe, forecast
from scaling_bayes.questions.mixture import lead, mixed
from scaling_bayes.questions.points import SHOWN, QuestionError, read_record
from scaling_bayes.questions.thinning import spread_evenly
from scaling_bayes.sweeps.labels import label_runs
from scaling_bayes.symbols import suggest

LEVELS = (0.5, 0.8, 0.9)
RATIO_BINS = (0.0, 1.0, 2.0, 4.0, 8.0, 16.0, np.inf)


def score(
    posterior: xr.DataTree, held_out: xr.Dataset, *, levels: Sequence[float] = LEVELS, seed: int = 0
) -> xr.Dataset:
    """Score predictions of new runs against what was measured.

    Parameters
    ----------
    posterior : DataTree
        From `fit`, `baseline`, `stack` or `open_posterior`.
    held_out : Dataset
        A sweep with the same response, in the same units.
    levels : sequence of float
        Of the central intervals.
    seed : int
        See `predict`.

    Returns
    -------
    Dataset
        For each run ``observed``, ``median``, ``lower`` and ``upper`` (run, level), ``inside`` (run, level),
        ``log_error``, ``pit``, ``crps``, ``log_score``, ``interval_score`` (run, level) and ``interpolation`` (inside
        the fitted scales), and for a model with run effects ``fitted_run`` (whether that of the run was fitted); the
        coordinates of `held_out` and ``extrapolation``; ``p_undefined``, where some draws of the law are negative and
        the scores are of the others. Over all runs ``rmsle``, ``mae``, ``coverage`` (level) and
        ``width`` (level), the median width of the intervals of the log response.

    Raises
    ------
    QuestionError
        If the response or its units differ from the fitted ones, it is not positive somewhere, a group's labels are
        missing, or the law is negative in every draw for a run.

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
    record = read_record(lead(posterior))
    observed = _log_observed(held_out, record, levels)
    foretold = _foretell(posterior, held_out, observed, seed)
    sample, density = (foretold[name].values.reshape(-1, len(observed)) for name in ("sample", "log_density"))
    undefined = np.isnan(sample)
    sample, density = _fill_undefined(sample, undefined), _fill_undefined(density, undefined)
    scored = score_sample(np.sort(sample, axis=0), observed, np.asarray(levels, dtype=float))
    if undefined.any():
        scored["p_undefined"] = ("run", undefined.mean(axis=0))
    scored["log_score"] = ("run", logsumexp(density, axis=0) - np.log(len(density)))
    places = foretold.drop_vars(["sample", "log_density"]).drop_dims(["chain", "draw"], errors="ignore")
    scored = scored.assign_coords(places.coords).assign(places.data_vars)
    scored["interpolation"] = scored["extrapolation"].reset_coords(drop=True) <= 1.0
    for name in ("observed", "median", "lower", "upper"):
        scored[name] = ufuncs.exp(scored[name]).assign_attrs(units=record.unit)
    scored = average_scores(scored)
    columns = held_out.coords.variables.items()
    more = {name: column for name, column in columns if column.dims == ("run",) and name not in scored.variables}
    return scored.assign_coords(more).assign_attrs(foretold.attrs)


def _fill_undefined(draws: np.ndarray, undefined: np.ndarray) -> np.ndarray:
    """Draws of each run, shape (draw, run), evenly spread known ones in place of those in which the law is negative."""
    if (lost := np.flatnonzero(undefined.all(axis=0))).size:
        raise QuestionError(
            f"the law is negative in every draw for the runs at {lost[:SHOWN].tolist()}: it does not hold there"
        )
    filled = draws.copy()
    for run in np.flatnonzero(undefined.any(axis=0)):
        bad = undefined[:, run]
        known = draws[~bad, run]
        filled[bad, run] = known[spread_evenly(int(bad.sum()), known.size)]
    return filled


@mixed
def _foretell(posterior: xr.DataTree, held_out: xr.Dataset, observed: np.ndarray, seed: int) -> xr.Dataset:
    """Draws of the log response of each run, and the log density of what was measured, dims (chain, draw, run)."""
    record, rng = read_record(posterior), np.random.default_rng(seed)
    ahead = forecast(posterior, held_out, rng, response=held_out[record.response].values)
    sample = ahead.log_mean + ahead.draw_noise(rng)
    found = {"sample": sample, "log_density": sample.copy(data=ahead.log_density(observed))}
    if record.within:
        found["fitted_run"] = xr.DataArray(ahead.fitted_runs(), dims="run")
    return xr.Dataset(found).assign_coords(ahead.points.coords).assign_attrs(describe(posterior, record))


def score_table(scored: xr.Dataset, by: str | Sequence[str] = (), *, level: float = 0.9) -> pd.DataFrame:
    """Table of scores, over all runs or by group or by extrapolation ratio.

    Parameters
    ----------
    scored : Dataset
        From `score`.
    by : str or sequence of str, optional
        A grouping, several crossed ones, or ``"extrapolation"`` for bins of the ratio to the largest fitted scale.
    level : float
        Of the intervals.

    Returns
    -------
    DataFrame
        Columns ``runs``, ``coverage``, ``rmsle``, ``width`` (median width of the interval in log response), ``crps``,
        ``interval_score``, ``log_score``.

    Raises
    ------
    QuestionError
        If the level was not scored, or `by` is no grouping of the scored runs.

    Examples
    --------
    >>> import scaling_bayes as sb
    >>> law = sb.Law("E + A*N**-alpha")
    >>> design = {"N": [1e7, 3e7, 1e8, 3e8, 1e9, 3e9, 1e10]}
    >>> sweep = sb.simulate_sweep(law, design, truth={"E": 1.8, "A": 400.0, "alpha": 0.35}, seed=0)
    >>> fit_part, held_out = sb.hold_out(sweep, along="N", top=2)
    >>> scored = sb.score(sb.baseline(law, fit_part, seed=0, bootstrap=50), held_out)
    >>> score_table(scored, by="extrapolation")["runs"].to_dict()
    {Interval(2.0, 4.0, closed='right'): 1, Interval(8.0, 16.0, closed='right'): 1}
    """
    known = scored["level"].values
    if not np.isclose(known, level).any():
        raise QuestionError(f"level={level} was not scored; score(..., levels=...) was asked for {known.tolist()}")
    at = scored.sel(level=level, method="nearest")
    rows = pd.DataFrame(
        {
            "runs": 1,
            "coverage": at["inside"].values.astype(float),
            "rmsle": at["log_error"].values ** 2,
            "width": np.log(at["upper"].values / at["lower"].values),
            "crps": at["crps"].values,
            "interval_score": at["interval_score"].values,
            "log_score": at["log_score"].values,
        }
    )
    how = dict.fromkeys(rows.columns, "mean") | {"runs": "sum", "width": "median"}
    names = [by] if isinstance(by, str) else list(by)
    table = rows.groupby(_labels(scored, names), observed=True).agg(how)
    table["rmsle"] **= 0.5
    return table.rename_axis(", ".join(names) or "all")


def _labels(scored: xr.Dataset, by: Sequence[str]) -> pd.Series:
    """What the rows of a table stand for, run by run."""
    if not by:
        return pd.Series(["all runs"] * scored.sizes["run"])
    if list(by) == ["extrapolation"]:
        return pd.Series(pd.cut(scored["extrapolation"].values, list(RATIO_BINS)))
    labelled = [str(name) for name, coord in scored.coords.items() if coord.dims == ("run",)]
    for name in by:
        if name not in labelled:
            raise QuestionError(f"by= is 'extrapolation' or groupings of the scored runs: {suggest(name, labelled)}")
    return pd.Series(label_runs(scored, by))


def _log_observed(held_out: xr.Dataset, record: Record, levels: Sequence[float]) -> np.ndarray:
    """Log of what was measured, after checks that it can be compared with what is predicted."""
    name = record.response
    if not isinstance(held_out, xr.Dataset):
        found = type(held_out).__name__
        raise QuestionError(f"held_out is a sweep, found a {found}; make one with sb.as_sweep, or sb.hold_out a part")
    if name not in held_out:
        raise QuestionError(
            f"the posterior predicts {name!r}, which the held-out runs lack; they have {', '.join(map(str, held_out))}"
        )
    if (found := str(held_out[name].attrs.get("units", ""))) != record.unit:
        raise QuestionError(
            f"{name} was fitted in {record.unit!r} and the held-out runs are in {found!r}; "
            "convert them with sb.convert_loss"
        )
    if absent := [group for group in record.factors if group not in held_out.coords]:
        raise QuestionError(f"the held-out runs lack the labels of {', '.join(absent)}; each run needs its group")
    if bad := [level for level in levels if not 0 < level < 1]:
        raise QuestionError(f"levels are between 0 and 1, found {bad}")
    values = held_out[name].values
    legal = values > 0 if record.trials is None else (values >= 0) & (values <= 1)
    if rows := np.flatnonzero(~(np.isfinite(values) & legal)).tolist():
        least = "positive" if record.trials is None else "a share from 0 to 1"
        raise QuestionError(f"{name} must be {least} and finite to be scored; runs at {rows[:SHOWN]} are not")
    columns = {str(n): column.values for n, column in held_out.variables.items()}
    if absent := [column for column in record.counted if column not in columns]:
        raise QuestionError(f"{name} was counted, and the held-out runs lack {', '.join(absent)}")
    return record.log_response(values, columns)


def score_sample(
    sample: np.ndarray, observed: np.ndarray, levels: np.ndarray, *, method: Literal["linear", "hazen"] = "linear"
) -> xr.Dataset:
    """Scores of a sorted predictive sample of shape (sample, run) against observations, on the scale of both.

    The sample is of draws, or, by the method ``hazen``, of n quantiles at (k + 1/2) / n.
    """
    size = len(sample)
    at = np.stack([(1 - levels) / 2, (1 + levels) / 2])
    lower, upper = np.quantile(sample, at.ravel(), axis=0, method=method).reshape(2, len(levels), -1).transpose(0, 2, 1)
    median = np.quantile(sample, 0.5, axis=0)
    z, tail = observed[:, None], 2 / (1 - levels)
    interval = upper - lower + tail * np.clip(lower - z, 0, None) + tail * np.clip(z - upper, 0, None)
    rank = 2 * np.arange(1, size + 1) - size - 1
    crps = np.abs(sample - observed).mean(axis=0) - (rank[:, None] * sample).sum(axis=0) / size**2
    return xr.Dataset(
        {
            "observed": ("run", observed),
            "median": ("run", median),
            "lower": (("run", "level"), lower),
            "upper": (("run", "level"), upper),
            "inside": (("run", "level"), (lower <= z) & (z <= upper)),
            "log_error": ("run", median - observed),
            "pit": ("run", (sample < observed).mean(axis=0)),
            "crps": ("run", crps),
            "interval_score": (("run", "level"), interval),
        },
        coords={"level": levels},
    )


def average_scores(scored: xr.Dataset) -> xr.Dataset:
    """Add the scores over all runs; see `score`."""
    width = np.log(scored["upper"].values / scored["lower"].values)
    return scored.assign(
        rmsle=(scored["log_error"] ** 2).mean("run") ** 0.5,
        mae=abs(scored["median"] - scored["observed"]).mean("run"),
        coverage=scored["inside"].mean("run"),
        width=("level", np.median(width, axis=0)),
    )
