"""Special functions of formulas, each written once for NumPy, xarray and JAX."""

from collections.abc import Callable
from functools import cache
from importlib import import_module
from typing import Any

_SHIFT = 10
"""Arguments are raised above this before the asymptotic series, which is exact to rounding there."""

_SERIES = (1 / 12, -1 / 360, 1 / 1260, -1 / 1680, 1 / 1188)
"""Coefficients of 1/z, 1/z**3, ... in the logarithm of the gamma function."""

_HALF_LOG_TWO_PI = 0.9189385332046727

_STEPS = 12
"""Newton's steps to the inverse of a convex function, each of which about doubles the digits."""


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


@cache
def skewed_sigmoid(xp: Any) -> Callable[[Any, Any], Any]:
    r"""Solution u of an equation that has no closed form, a sigmoid in t whose two tails have exponents of their own.

    .. math:: \log u - |a| \log(1 - u) = t

    so that u is :math:`e^t` far below and :math:`1 - e^{-t / |a|}` far above.

    Parameters
    ----------
    xp : module
        ``numpy`` or ``jax.numpy``.

    Returns
    -------
    callable
        Of two arrays, t and a. Newton's steps in the logit of u, from the nearer of two asymptotes, which converge from
        one side because the equation is convex or concave there; JAX differentiates the solution, not the steps.

    Examples
    --------
    >>> import numpy as np
    >>> u = skewed_sigmoid(np)(0.3, 2.0)
    >>> round(float(np.log(u) - 2.0 * np.log(1 - u)), 12)
    0.3
    """

    def softplus(x: Any) -> Any:
        return xp.logaddexp(x, 0.0)

    def sigmoid(x: Any) -> Any:
        return xp.exp(-softplus(-x))

    def solve(t: Any, a: Any) -> Any:
        far = t / a
        v = xp.minimum(t, far) * (a > 1) + xp.maximum(t, far) * (a <= 1)
        for _ in range(_STEPS):
            v = v - (v + (a - 1) * softplus(v) - t) / (1 + (a - 1) * sigmoid(v))
        return v

    if xp.__name__ == "jax.numpy":
        jax = import_module("jax")
        steps = jax.custom_jvp(solve)

        def tangent(primals: Any, tangents: Any) -> Any:
            v = steps(*primals)
            slope = 1 + (primals[1] - 1) * sigmoid(v)
            return v, (tangents[0] - softplus(v) * tangents[1]) / slope

        steps.defjvp(tangent)
        solve = steps

    return lambda t, a: sigmoid(solve(t, xp.abs(a)))
