"""What was measured, as the noise wants it: logs, errors on the log scale, counts."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import xarray as xr

from scaling_bayes.laws.counts import log_share, unbend
from scaling_bayes.laws.record import read_column
from scaling_bayes.model.beta_binomial import BetaBinomial
from scaling_bayes.model.noise import Noise


@dataclass(frozen=True)
class Responses:
    """Responses of the runs of a sweep.

    Attributes
    ----------
    log : array, shape (run,)
        Log response; for counts the log of the law that it points to, finite and for geometry only.
    error : array, shape (run,)
        Known standard error of `log`: measured, or of counting.
    counts : dict of array, shape (run,)
        ``count``, ``trials`` and ``chance``; empty where nothing was counted.
    """

    log: np.ndarray
    error: np.ndarray
    counts: Mapping[str, np.ndarray] = field(default_factory=dict)


def read_responses(noise: Noise, sweep: xr.Dataset) -> Responses:
    """Read the response of a sweep.

    Parameters
    ----------
    noise : Noise
        With `measured` settled.
    sweep : Dataset
        Dims run.

    Returns
    -------
    Responses
    """
    name = sweep.attrs["response"]
    values = sweep[name].values.astype(np.float64)
    if isinstance(noise, BetaBinomial):
        columns = {str(c): sweep[c].values for c in sweep.coords}
        return _count(values, *(np.broadcast_to(c, values.shape) for c in _columns(noise, columns)))
    error = sweep[f"{name}_se"].values / values if noise.measured is True else np.zeros(len(values))
    return Responses(np.log(values), error)


def _columns(noise: BetaBinomial, columns: Mapping[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    chance = 1.0 if noise.chance is None else noise.chance
    return np.asarray(read_column(noise.trials, columns), float), np.asarray(read_column(chance, columns), float)


def _count(values: np.ndarray, trials: np.ndarray, chance: np.ndarray) -> Responses:
    count = np.rint(values * trials)
    log_error = log_share(count, trials)
    log_law, slope = unbend(log_error, chance)
    share = np.exp(log_error)
    error = slope * np.sqrt((1 - share) / (trials * share))
    return Responses(log_law, error, {"count": count, "trials": trials, "chance": chance})
