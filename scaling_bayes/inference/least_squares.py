r"""Robust least squares of one group: many starts, then resamples of its rows, each in one compiled function.

.. math:: \min_\theta \sum_i w_i\, \rho\bigl(\log f(x_i; \theta) - \log y_i\bigr)
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optimistix as optx

from scaling_bayes.laws.coordinates import Coordinates

DELTA = 1e-3
"""Where Huber's loss turns from square to linear, as Hoffmann et al. 2022."""

LOSSES: dict[str, Callable[[jax.Array], jax.Array]] = {
    "huber": lambda left: jnp.where(left < DELTA, left**2 / 2, DELTA * (left - DELTA / 2)),
    "least_squares": lambda left: left**2 / 2,
}
"""Method -> loss on the size of a residual."""

STARTS = 64
START_WIDTH = 1.5
"""Spread of the starts, in prior widths."""

MAX_STEPS = 300
BATCH = 500
"""Resamples that advance together."""

TOLERANCE = {"estimate": 1e-8, "resample": 1e-5}
"""Relative tolerance of the minimiser; that of a resample errs by less than a thousandth of the bootstrap's spread."""


@dataclass(frozen=True)
class Rows:
    """Runs of one group.

    Attributes
    ----------
    covariates : dict of array, shape (row,)
        Divided by their references.
    log_response : array, shape (row,)
    count : int
        Runs; the rows after them are padding.
    """

    covariates: dict[str, np.ndarray]
    log_response: np.ndarray
    count: int


@dataclass(frozen=True)
class Minimum:
    """What a fit found.

    Attributes
    ----------
    theta : array, shape (coordinate,)
    objective : float
        Sum over rows.
    resamples : array, shape (resample, coordinate)
    """

    theta: np.ndarray
    objective: float
    resamples: np.ndarray


def minimise(coordinates: Coordinates, rows: Rows, *, method: str, bootstrap: int, rng: np.random.Generator) -> Minimum:
    """Fit the rows of one group from many starts, and from there every resample of them.

    Parameters
    ----------
    coordinates : Coordinates
    rows : Rows
    method : str
        Key of `LOSSES`.
    bootstrap : int
        Resamples of the rows, with replacement.
    rng : numpy.random.Generator

    Returns
    -------
    Minimum

    Raises
    ------
    RuntimeError
        If the law has no value at any start.
    """
    search, refine = (_compile(coordinates, method, tolerance) for tolerance in TOLERANCE.values())
    data = (rows.covariates, rows.log_response)
    centre, width, _ = coordinates.prior(float(rows.log_response[: rows.count].mean()))
    starts = centre + START_WIDTH * width * rng.standard_normal((STARTS, len(centre)))
    all_once = np.broadcast_to(_padded(np.ones(rows.count), rows), (STARTS, len(rows.log_response)))
    theta, objective = (np.asarray(found) for found in search(starts, all_once, *data))
    if not np.isfinite(objective).any():
        raise RuntimeError(f"{coordinates.law.formula!r} has no finite value at any of {STARTS} starts on these rows")
    best = int(np.nanargmin(objective))
    counts = rng.multinomial(rows.count, np.full(rows.count, 1 / rows.count), size=bootstrap)
    weights = np.array_split(_padded(counts, rows), max(1, bootstrap // BATCH))
    resamples = [refine(np.broadcast_to(theta[best], (len(w), len(centre))), w, *data)[0] for w in weights]
    return Minimum(theta[best], float(objective[best]), np.concatenate(resamples))


def _padded(weights: np.ndarray, rows: Rows) -> np.ndarray:
    """Weights of the present rows with zeros for padding, shape (..., row)."""
    missing = len(rows.log_response) - rows.count
    return np.pad(weights.astype(np.float64), [(0, 0)] * (weights.ndim - 1) + [(0, missing)])


@lru_cache(maxsize=32)
def _compile(coordinates: Coordinates, method: str, tolerance: float) -> Callable[..., tuple[jax.Array, jax.Array]]:
    """Minimise from many starts with row weights, all in one compiled function."""
    solver: optx.AbstractMinimiser = optx.BFGS(rtol=tolerance, atol=tolerance / 100)

    def objective(theta: jax.Array, arguments: Any) -> jax.Array:
        weight, covariates, log_response = arguments
        values = coordinates.parameters(theta, {}, xp=jnp)
        left = jnp.log(coordinates.law.jax(**values, **covariates)) - log_response
        return jnp.sum(weight * LOSSES[method](jnp.abs(left)))

    def scaled(theta: jax.Array, arguments: Any) -> jax.Array:
        return objective(theta, arguments) / DELTA

    def one(start: jax.Array, *arguments: Any) -> tuple[jax.Array, jax.Array]:
        found = optx.minimise(scaled, solver, start, arguments, max_steps=MAX_STEPS, throw=False).value
        return found, objective(found, arguments)

    return jax.jit(jax.vmap(one, (0, 0, None, None)))
