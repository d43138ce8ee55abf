r"""`influence`: what a prediction would be without one run, without a fit.

Draws are weighed by the inverse of the density that they give the run, smoothed in the tail by a Pareto distribution:

.. math:: w_s \propto p(y_i \mid \theta_s)^{-1}, \qquad
          \Delta_i = \sum_s w_s \log y^*_s - \frac{1}{S} \sum_s \log y^*_s

The shape :math:`\hat k` of that tail says whether the weights can be believed. A small change of all draws is what they
carry well; where :math:`\hat k > 0.7` the posterior without the run lies elsewhere, and only a fit can tell.

Source: Vehtari, Simpson, Gelman, Yao and Gabry, Pareto smoothed importance sampling, JMLR 25 (2024).
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from arviz_stats.base import array_stats
from xarray import ufuncs

from scaling_bayes.laws.record import Record
from scaling_bayes.questions.mixture import is_stack
from scaling_bayes.questions.points import QuestionError, check_size, read_single
from scaling_bayes.questions.prediction import predict
from scaling_bayes.symbols import SAMPLE, suggest

RELIABLE = 0.7
"""Pareto k up to which weights stand for a fit without the run."""


def influence(
    posterior: xr.DataTree,
    at: Mapping[str, Any] | pd.DataFrame | xr.Dataset,
    *,
    runs: Sequence[str] | None = None,
    seed: int = 0,
) -> xr.Dataset:
    """Find out how far leaving out each run would move a prediction.

    Parameters
    ----------
    posterior : DataTree
        From `fit` or `open_posterior`: a sampler made its draws.
    at : mapping, DataFrame or Dataset
        Where to predict the mean curve; see `predict`.
    runs : sequence of str, optional
        Labels of fitted runs; all by default.
    seed : int
        See `predict`.

    Returns
    -------
    Dataset
        ``moved`` (run, [groups], point), the change of the mean log response, so that 0.01 is one percent;
        ``moved_sd``, the same in standard deviations of the mean curve; ``moved_error``, the Monte Carlo error of
        ``moved``; ``pareto_k`` (run), ``reliable`` (run), whether it is at most 0.7, and ``weight`` (chain, draw, run),
        which sum to one. Where a run is not reliable, only `refit_without` tells.

    Raises
    ------
    QuestionError
        If the posterior has no likelihood (a bootstrap, a stack), or a run was not fitted.

    Examples
    --------
    >>> import scaling_bayes as sb
    >>> law = sb.Law("A*N**-alpha")
    >>> sweep = sb.simulate_sweep(law, {"N": [1e7, 1e8, 1e9]}, truth={"A": 40.0, "alpha": 0.3}, seed=0)
    >>> influence(sb.baseline(law, sweep, seed=0, bootstrap=20), {"N": 1e10})
    Traceback (most recent call last):
    ...
    scaling_bayes.questions.points.QuestionError: this posterior has no likelihood of its runs (huber: resamples cannot
    be weighed); ask a fit, or fit again with sb.refit_without
    """
    found = weigh_without(posterior, runs=runs)
    curve = predict(posterior, at, seed=seed)
    log_response = ufuncs.log(curve[str(curve.attrs["response"])])
    change = measure_change(log_response, found["weight"])
    return found.assign(change.data_vars).assign_coords(curve.coords).assign_attrs(curve.attrs | found.attrs)


def measure_change(log_response: xr.DataArray, weight: xr.DataArray) -> xr.Dataset:
    """What weights of draws change in the mean of a log response.

    Parameters
    ----------
    log_response : DataArray
        Dims chain, draw and others.
    weight : DataArray
        Dims (chain, draw, run), of sum one; see `weigh_without`.

    Returns
    -------
    Dataset
        ``moved``, ``moved_sd`` and ``moved_error``, dims run and the others of `log_response`.

    Examples
    --------
    >>> draws = xr.DataArray([[0.0, 1.0]], dims=("chain", "draw"))
    >>> weight = xr.DataArray([[[0.0], [1.0]]], dims=("chain", "draw", "run"))
    >>> measure_change(draws, weight)["moved"].values.tolist()
    [0.5]
    """
    centred = log_response - log_response.mean(SAMPLE)
    moved = xr.dot(weight, centred, dim=SAMPLE)
    draws = weight.sizes["chain"] * weight.sizes["draw"]
    error = xr.dot((weight - 1 / draws) ** 2, centred**2, dim=SAMPLE) ** 0.5
    return xr.Dataset({"moved": moved, "moved_sd": moved / centred.std(SAMPLE), "moved_error": error})


def weigh_without(posterior: xr.DataTree, *, runs: Sequence[str] | None = None) -> xr.Dataset:
    """Weights of the draws of a posterior without each run.

    Parameters
    ----------
    posterior : DataTree
        See `influence`.
    runs : sequence of str, optional
        Labels of fitted runs; all by default.

    Returns
    -------
    Dataset
        ``pareto_k`` (run), ``reliable`` (run) and ``weight`` (chain, draw, run), of sum one.

    Raises
    ------
    QuestionError
        See `influence`.
    """
    density = _choose_runs(_read_density(posterior, read_single(posterior)), runs)
    check_size(3 * density.size, "name fewer with runs=")
    logs, k = array_stats.psislw(density.transpose("run", *SAMPLE).values, axis=(1, 2))
    weight = np.exp(logs - logs.max(axis=(1, 2), keepdims=True))
    weight = np.moveaxis(weight / weight.sum(axis=(1, 2), keepdims=True), 0, -1)
    columns = {"pareto_k": ("run", k), "reliable": ("run", k <= RELIABLE), "weight": ((*SAMPLE, "run"), weight)}
    return xr.Dataset(columns, coords={"run": density["run"]})


def _read_density(posterior: xr.DataTree, record: Record) -> xr.DataArray:
    """Log density of each fitted run under each draw."""
    if "log_likelihood" not in posterior.children:
        stack = "the members of a stack have one each"
        why = stack if is_stack(posterior) else f"{posterior.attrs.get('method')}: resamples cannot be weighed"
        raise QuestionError(
            f"this posterior has no likelihood of its runs ({why}); ask a fit, or fit again with sb.refit_without"
        )
    return posterior["log_likelihood"].to_dataset()[record.response]


def _choose_runs(density: xr.DataArray, runs: Sequence[str] | None) -> xr.DataArray:
    if runs is None:
        return density
    known = density["run"].values.astype(str).tolist()
    for name in runs:
        if name not in known:
            raise QuestionError(f"{name!r} is no fitted run: {suggest(name, known)}")
    return density.isel(run=[known.index(name) for name in runs])
