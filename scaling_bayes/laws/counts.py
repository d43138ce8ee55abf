r"""Answers counted among questions: the law of an error, bounded by that of guessing.

.. math:: p = c\,(1 - e^{-f / c}), \qquad k \sim \text{BetaBinomial}\bigl(n, \tfrac{1}{\sigma^2},
    \tfrac{1 - p}{\sigma^2 p}\bigr)

with the law :math:`f`, the error of guessing :math:`c` and :math:`n` questions: far below chance the law is the error,
and no scale is worse than guessing. The relative spread of the error between runs is close to :math:`\sigma`. So that
no logarithm is infinite, the log response stands for :math:`\log\frac{k + 1/2}{n + 1}`.
"""

from typing import Any

import numpy as np

MOST = 30.0
"""Errors of guessing after which the law no longer moves the error."""

NEAR = 0.98
"""Largest share of the error of guessing that is traced back to a law."""


def bend_to_chance(log_law: Any, chance: Any, xp: Any = np) -> Any:
    """Log of the error from the log of the law.

    Examples
    --------
    >>> bend_to_chance(np.log([0.001, 0.5, 100.0]), 0.5).round(3).tolist()
    [-6.909, -1.152, -0.693]
    """
    share = xp.minimum(xp.exp(xp.minimum(log_law - xp.log(chance), np.log(MOST))), MOST)
    near = xp.log1p(-xp.exp(-xp.maximum(share, 0.5)))
    return xp.log(chance) + xp.where(share < 0.7, xp.log(-xp.expm1(-share)), near)


def unbend(log_error: np.ndarray, chance: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Log of the law from the log of an error, and what a small change of the latter does to it.

    An error close to guessing is taken for one of `NEAR` times that.

    Examples
    --------
    >>> log_law, slope = unbend(np.log([0.001, 0.9]), np.array([0.5, 0.5]))
    >>> log_law.round(3).tolist(), slope.round(1).tolist()
    ([-6.907, 0.671], [1.0, 12.5])
    """
    share = np.minimum(np.exp(log_error) / chance, NEAR)
    law = -np.log1p(-share)
    return np.log(chance * law), share / law / (1 - share)


def log_share(count: Any, trials: Any) -> Any:
    r"""The log response, :math:`\log\frac{k + 1/2}{n + 1}`.

    Examples
    --------
    >>> log_share(0, 99.0).round(3).item()
    -5.298
    """
    return np.log((np.asarray(count) + 0.5) / (np.asarray(trials) + 1.0))


def count_of(log_response: Any, trials: Any) -> Any:
    """What `log_share` was made from.

    Examples
    --------
    >>> count_of(log_share(7, 99), 99).item()
    7.0
    """
    return np.rint(np.exp(log_response) * (np.asarray(trials) + 1.0) - 0.5)


def beta_parameters(log_mean: Any, sigma: Any, xp: Any = np) -> tuple[Any, Any]:
    """Parameters of the beta distribution of the error of one run.

    Examples
    --------
    >>> first, second = beta_parameters(np.log(0.2), 0.1)
    >>> first.round(6).item(), second.round(6).item()
    (100.0, 400.0)
    """
    first = 1 / xp.square(sigma)
    return first, first * -xp.expm1(log_mean) * xp.exp(-log_mean)
