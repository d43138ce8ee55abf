"""Distributions of what a law leaves unexplained, by name, for answers made from saved draws."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import stats


@dataclass(frozen=True)
class Residual:
    """A noise distribution around the log response.

    Attributes
    ----------
    parameters : tuple of str
        Names of its parameters in a posterior; the first is the scale ``sigma``.
    distribution : callable
        Parameters (arrays) -> a frozen SciPy distribution of the residual.
    excess : str
        The parameter that is the mean of a residual of one sign, if it has one.
    """

    parameters: tuple[str, ...]
    distribution: Callable[..., Any]
    excess: str = ""

    def draw(self, values: Mapping[str, Any], shape: tuple[int, ...], rng: np.random.Generator) -> Any:
        """Draws of a residual of the log response.

        Parameters
        ----------
        values : mapping
            parameter -> number or array that broadcasts against `shape`.
        shape : tuple of int
            Often (chain, draw, run).
        rng : numpy.random.Generator

        Returns
        -------
        array, shape `shape`

        Examples
        --------
        >>> draws = RESIDUALS["normal"].draw({"sigma": [[0.01], [1.0]]}, (2, 500), np.random.default_rng(0))
        >>> draws.std(axis=1).round(1).tolist()
        [0.0, 1.0]
        """
        return self.distribution(**values).rvs(size=shape, random_state=rng)

    def log_density(self, residual: Any, values: Mapping[str, Any]) -> Any:
        """Log density of a residual of the log response.

        Parameters
        ----------
        residual : array
            Observed minus expected log response.
        values : mapping
            parameter -> number or array; broadcasts against `residual`.

        Returns
        -------
        array

        Examples
        --------
        >>> RESIDUALS["student_t"].log_density(0.0, {"sigma": 1.0, "nu": 1.0}).round(4).item()
        -1.1447
        """
        return self.distribution(**values).logpdf(residual)

    def standardise(self, residual: Any, values: Mapping[str, Any], more: Any = 0.0) -> Any:
        r"""Residuals in scales, :math:`(r - \lambda) / \sqrt{\sigma^2 + \lambda^2 + \tau^2}`.

        Parameters
        ----------
        residual : array
            Of the log response.
        values : mapping
            parameter -> number or array; broadcasts against `residual`. The excess is zero where there is none.
        more : array
            Spread of what adds to the residual.

        Returns
        -------
        array

        Examples
        --------
        >>> RESIDUALS["frontier"].standardise(9.0, {"sigma": 3.0, "inefficiency": 4.0}).item()
        1.0
        """
        excess = values[self.excess] if self.excess else 0.0
        return (residual - excess) / np.sqrt(np.square(values["sigma"]) + np.square(excess) + np.square(more))


def _modify_normal(sigma: Any, inefficiency: Any) -> Any:
    """Normal plus exponential, as in SciPy's `exponnorm`."""
    return stats.exponnorm(np.asarray(inefficiency) / sigma, scale=np.asarray(sigma))


RESIDUALS: dict[str, Residual] = {
    "normal": Residual(("sigma",), lambda sigma: stats.norm(scale=np.asarray(sigma))),
    "student_t": Residual(("sigma", "nu"), lambda sigma, nu: stats.t(np.asarray(nu), scale=np.asarray(sigma))),
    "laplace": Residual(("sigma",), lambda sigma: stats.laplace(scale=np.asarray(sigma))),
    "frontier": Residual(("sigma", "inefficiency"), _modify_normal, excess="inefficiency"),
}
"""Name in a posterior -> distribution."""
