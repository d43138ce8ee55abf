"""`predict`: the law, its drift and its noise, carried to any scale as labelled draws."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from xarray import ufuncs

from scaling_bayes.questions.doubts import doubted
from scaling_bayes.questions.forecast import describe, forecast
from scaling_bayes.questions.mixture import mixed
from scaling_bayes.questions.points import QuestionError


@doubted
@mixed
def predict(
    posterior: xr.DataTree,
    at: Mapping[str, Any] | pd.DataFrame | xr.Dataset,
    *,
    new_run: bool = False,
    seed: int = 0,
) -> xr.Dataset:
    r"""Predict the response at any scale, for groups seen or not.

    .. math:: y^*_g = f(x^*; \theta_g)\, e^{\delta_g(x^*)}\, (e^{b_r + \epsilon})

    with the drift :math:`\delta` conditioned on its fitted values, so that intervals widen with distance, and the
    effect :math:`b_r` and noise :math:`\epsilon` of one new run if asked for. A new run has no measured error. Of
    counted responses the mean bends to that of guessing, and a new run is (k + 1/2) / (n + 1).

    Parameters
    ----------
    posterior : DataTree
        From `fit`, `baseline`, `stack` or `open_posterior`. That of a chain predicts the second response from the
        covariates of the first: the mean curve is that at the mean loss, a new run has a loss of its own.
    at : mapping, DataFrame or Dataset
        Covariates in the units of the fitted sweep and labels of groups. A grouping that is not named is answered for
        all of its groups, along a dim of its own; a label never fitted is a group drawn from the population.
    new_run : bool
        Predict one new run instead of the mean curve (under `Frontier`, the curve of the best runs). A run whose label
        was fitted keeps its effect; points of one label are one run, and points without a label are each their own.
    seed : int
        For what is drawn beyond the posterior's own draws: drift beyond the data, groups never seen, noise.

    Returns
    -------
    Dataset
        The response, dims (chain, draw, [groups], point or run), in the units of the sweep; coordinate
        ``extrapolation`` is the ratio of each point's scale to the largest fitted one. Attributes name the law and the
        gates that the sampler failed.

    Raises
    ------
    QuestionError
        If a covariate is missing or not positive, a group never seen has no population to come from, or `new_run` is
        neither True nor False.

    Warns
    -----
    QuestionWarning
        If a point seems to be in another unit, its C is not that of its N and D, its label changes nothing or looks
        misspelled, or the law is negative there in some draws.

    Examples
    --------
    >>> import scaling_bayes as sb
    >>> law = sb.Law("E + A*N**-alpha")
    >>> design = {"N": [1e7, 3e7, 1e8, 3e8, 1e9, 3e9]}
    >>> sweep = sb.simulate_sweep(law, design, truth={"E": 1.8, "A": 400.0, "alpha": 0.35}, seed=0)
    >>> curve = predict(sb.baseline(law, sweep, seed=0, bootstrap=20), {"N": [1e10, 1e11]})
    >>> curve["loss"].dims, curve["extrapolation"].values.round(1).tolist()
    (('chain', 'draw', 'point'), [3.3, 33.3])
    """
    if not isinstance(new_run, bool):
        raise QuestionError(f"new_run= is True or False, found {new_run!r}")
    rng = np.random.default_rng(seed)
    ahead = forecast(posterior, at, rng)
    log_response = ahead.log_mean + ahead.draw_noise(rng) if new_run else ahead.log_mean
    response = ufuncs.exp(log_response).assign_attrs(units=ahead.record.unit)
    answer = response.to_dataset(name=ahead.record.response).assign_coords(ahead.points.coords)
    return answer.assign_attrs(describe(posterior, ahead.record), new_run=int(new_run))
