"""Special functions of formulas, each written once for NumPy, xarray and JAX."""

from collections.abc import Callable
from typing import Any

_SHIFT = 10
"""Arguments are raised above this before the asymptotic series, which is exact to rounding there."""

_SERIES = (1 / 12, -1 / 360, 1 / 1260, -1 / 1680, 1 / 1188)
"""Coefficients of 1/z, 1/z**3, ... in the logarithm of the gamma function."""

_HALF_LOG_TWO_PI = 0.9189385332046727


def log_beta(xp: Any) -> Callable[[Any, Any], Any]:
    r"""Logarithm of the beta function, exact also where one argument is much larger than the other.

    .. math:: \log B(a, b) = \log\Gamma(a) + \log\Gamma(b) - \log\Gamma(a + b)

    Parameters
    ----------
    xp : module
        ``numpy`` or ``jax.numpy``.

    Returns
    -------
    callable
        Of two positive arrays. The difference of large logarithms of gamma functions is never taken.

    Examples
    --------
    >>> import numpy as np
    >>> round(float(np.exp(-log_beta(np)(2.0, 3.0))), 9)
    12.0
    """

    def series(z: Any) -> Any:
        return sum(c / z ** (2 * i + 1) for i, c in enumerate(_SERIES))

    def function(a: Any, b: Any) -> Any:
        total = a + b
        # B(a, b) = B(a + 1, b) (a + b) / a, for a and then for b.
        steps = sum(xp.log1p(b / (a + i)) for i in range(_SHIFT))
        a = a + _SHIFT
        steps = steps + sum(xp.log1p(a / (b + i)) for i in range(_SHIFT))
        b = b + _SHIFT
        total = total + 2 * _SHIFT
        powers = -(a - 0.5) * xp.log1p(b / a) - b * xp.log1p(a / b) - 0.5 * xp.log(b)
        return steps + powers + _HALF_LOG_TWO_PI + series(a) + series(b) - series(total)

    return function
