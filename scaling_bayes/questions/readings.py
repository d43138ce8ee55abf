"""`Reading`: what runs that could be trained would measure, as a posterior foretells it."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from scaling_bayes.laws.residuals import RESIDUALS
from scaling_bayes.questions.forecast import Forecast, forecast
from scaling_bayes.questions.joint import expect_first
from scaling_bayes.questions.learning import Array


@dataclass(frozen=True)
class Reading:
    """One response of the runs, as a posterior foretells it.

    Attributes
    ----------
    ahead : Forecast
    signal : array, shape (draw, run)
        Log mean of each run that could be trained.
    noise : array, shape (draw, run)
        Variance that its noise amounts to, of all replicates together.
    within : array, shape (draw, run)
        Spread of the effect of a run never seen; zero for fitted ones, and where rows are runs.
    """

    ahead: Forecast
    signal: Array
    noise: Array
    within: Array

    def means(self, run: int, replicates: int, rng: np.random.Generator) -> Array:
        """Log mean with an effect of each replicate, shape (draw, replicate)."""
        effect = self.within[:, run, None] * rng.standard_normal((len(self.signal), replicates))
        return np.asarray(self.signal[:, run, None] + effect)

    def measure(self, run: int, means: Array, rows: NDArray[np.intp], rng: np.random.Generator) -> Array:
        """What a run gives under some of the draws, shape (row, replicate)."""
        given = {name: value[rows] for name, value in self._noise_of(run).items()}
        return means[rows] + RESIDUALS[self.ahead.record.noise].draw(given, means[rows].shape, rng, means[rows])

    def log_density(self, run: int, means: Array, measured: Array) -> Array:
        """Log density of each measurement, all replicates together, under each draw, shape (draw, measurement)."""
        residual, values = RESIDUALS[self.ahead.record.noise], self._noise_of(run)
        density = np.zeros((len(means), len(measured)))
        for m in range(means.shape[1]):
            centre = means[:, m, None]
            density += residual.log_density(measured[None, :, m] - centre, values, centre)
        return density

    def _noise_of(self, run: int) -> dict[str, Array]:
        shape = self.ahead.log_mean.shape
        every = self.ahead.noise_values().items()
        return {name: np.broadcast_to(v, shape).reshape(self.signal.shape)[:, run, None] for name, v in every}


def read_runs(known: xr.DataTree, runs: pd.DataFrame, replicates: int, rng: np.random.Generator) -> list[Reading]:
    """What runs measure: the response, and of a chain before it what its first stage predicts.

    Parameters
    ----------
    known : DataTree
        From `draw_ahead`.
    runs : DataFrame
        Covariates and a label of every grouping.
    replicates : int
    rng : numpy.random.Generator

    Returns
    -------
    list of Reading
        The second stage of a chain is read where the first one expects a run to be.
    """
    if "first" not in known.children:
        return [_read_response(known, runs, replicates, rng)]
    first = known.children["first"]
    reached = runs.assign(**expect_first(first, runs, rng))
    second = known.drop_nodes("first")
    return [_read_response(first, runs, replicates, rng), _read_response(second, reached, replicates, rng)]


def _read_response(known: xr.DataTree, runs: pd.DataFrame, replicates: int, rng: np.random.Generator) -> Reading:
    ahead = forecast(known, runs, rng)
    fitted = ahead.fitted_runs()
    signal = np.where(fitted, ahead.run_mean.values, ahead.log_mean.values)
    noise = RESIDUALS[ahead.record.noise].information_variance(ahead.noise_values(), ahead.log_mean.values)
    spread = ahead.draws["within_spread"].values[..., None] if ahead.record.within else 0.0
    within = np.where(fitted, 0.0, spread)
    shape = (-1, len(runs))
    noise, within = (np.broadcast_to(v, signal.shape).reshape(shape) for v in (noise + np.square(within), within))
    return Reading(ahead, signal.reshape(shape), noise / replicates, within)
