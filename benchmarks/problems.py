r"""What the samplers are timed on: a simulated sweep, and the one density that all of them are given.

.. math::

    \log y_i \sim t_\nu\bigl(\log f(x_i; \theta_{g(i)}), \sigma\bigr), \qquad
    \theta_g = \mu + \tau z_g, \quad \mu = m + w z, \quad z \sim N(0, 1)

with Chinchilla's law :math:`f` in the coordinates of `scaling_bayes`: total level at the reference, shares of its
terms, log exponents.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
import xarray as xr

import scaling_bayes as sb
from scaling_bayes.model.binding import Binding

GROUPING, RUNS = "corpus", 40
TRUTH = {"E": (1.8, 0.15), "A": (400.0, 0.2), "B": (410.0, 0.2), "alpha": (0.34, 0.05), "beta": (0.28, 0.05)}
"""Parameter -> value in the middle, and spread of its logarithm between groups."""


@dataclass(frozen=True)
class Problem:
    """The density as arrays, for programs that know nothing of `scaling_bayes`.

    Attributes
    ----------
    log_n, log_d, log_response : array, shape (group, run)
        Logarithms; N and D are divided by their references.
    mean, width : array, shape (coordinate,)
        Of the priors of population values; coordinates are ``log_total, share_E, share_A, log_alpha, log_beta``.
    spread : array, shape (coordinate,)
        Scales of the half-normal priors of the spreads.
    binding : Binding
        The same model as NumPyro's program and its arrays.
    """

    log_n: np.ndarray
    log_d: np.ndarray
    log_response: np.ndarray
    mean: np.ndarray
    width: np.ndarray
    spread: np.ndarray
    binding: Binding

    @property
    def correlated(self) -> bool:
        """Whether a group's effects on several coordinates are correlated."""
        return bool(self.binding.program.correlated)


def simulate_groups(groups: int, seed: int = 0) -> xr.Dataset:
    """Simulate a sweep of 40 runs a group from Chinchilla's law, dims run.

    Examples
    --------
    >>> simulate_groups(3).sizes["run"]
    120
    """
    rng = np.random.default_rng(seed)
    labels = [f"g{number:03d}" for number in range(groups)]
    truth = {
        parameter: dict(zip(labels, middle * np.exp(spread * rng.standard_normal(groups)), strict=True))
        for parameter, (middle, spread) in TRUTH.items()
    }
    sizes = 10 ** rng.uniform(7, 9.3, groups * RUNS)
    design = {"N": sizes, "D": sizes * 10 ** rng.uniform(0.5, 2.5, len(sizes)), GROUPING: np.repeat(labels, RUNS)}
    return sb.simulate_sweep(sb.law("chinchilla"), pd.DataFrame(design), truth=truth, seed=seed, noise=0.01)


def pooled_model() -> sb.Model:
    """Every parameter pooled, no discrepancy, Student-t noise of one spread."""
    law = sb.law("chinchilla")
    pool = dict.fromkeys(law.parameters, sb.Partial(GROUPING))
    return sb.Model(law, pool=pool, noise=sb.StudentT(along=None), discrepancy=None)


def state_problem(sweep: xr.Dataset) -> Problem:
    """Write the density of `pooled_model` on a sweep of equally many runs a group as arrays.

    Examples
    --------
    >>> state_problem(simulate_groups(3)).log_n.shape
    (3, 40)
    """
    binding = pooled_model().bind(sweep)
    order = np.argsort(sweep[GROUPING].values, kind="stable")
    shape = (len(set(sweep[GROUPING].values)), -1)
    log_n, log_d = (np.log(sweep[c].values[order] / binding.references[c]).reshape(shape) for c in ("N", "D"))
    log_response = np.log(sweep["loss"].values)
    mean, width, spread = binding.program.coordinates.prior(float(log_response.mean()))
    return Problem(log_n, log_d, log_response[order].reshape(shape), mean, width, spread, binding)
