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
        Parameters (arrays) -> a frozen SciPy distribution centred at zero.
    """

    parameters: tuple[str, ...]
    distribution: Callable[..., Any]

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


RESIDUALS: dict[str, Residual] = {
    "normal": Residual(("sigma",), lambda sigma: stats.norm(scale=np.asarray(sigma))),
    "student_t": Residual(("sigma", "nu"), lambda sigma, nu: stats.t(np.asarray(nu), scale=np.asarray(sigma))),
}
"""Name in a posterior -> distribution."""
