r"""Sums over the ranks of a power law, :math:`\sum_i i^{-s} g(i)`: one by one first, by quadrature beyond."""

from functools import cache

import numpy as np
from scipy.special import zeta

EXACT = 4096
"""Ranks that are summed one by one."""

PANEL, NODES = 0.5, 8
"""Width of a panel in log rank, and Gauss-Legendre nodes in it."""


def rank_weights(last: float, after: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    r"""Ranks and weights with :math:`\sum_{after < i \le last} f(i) \approx \sum_j w_j f(x_j)`.

    Beyond `EXACT` the sum is the integral from half a rank below to half a rank above, whose relative error is of the
    order of :math:`f'' / (24 f)`, here below 1e-6.

    Parameters
    ----------
    last, after : float
        Largest rank, and the one before the smallest.

    Returns
    -------
    ranks, weights : ndarray

    Examples
    --------
    >>> ranks, weights = rank_weights(1e9)
    >>> len(ranks), round(float(weights.sum()))
    (4296, 1000000000)
    """
    head = np.arange(min(np.floor(after), EXACT) + 1, min(np.floor(last), EXACT) + 1)
    first = max(np.floor(after), EXACT)
    if np.floor(last) <= first:
        return head, np.ones_like(head)
    low, high = np.log(first + 0.5), np.log(np.floor(last) + 0.5)
    edges = np.linspace(low, high, int(np.ceil((high - low) / PANEL)) + 1)
    nodes, weights = _legendre()
    half = np.diff(edges)[:, None] / 2
    logs = (edges[:-1, None] + half * (1 + nodes)).ravel()
    ranks = np.exp(logs)
    return np.concatenate([head, ranks]), np.concatenate([np.ones_like(head), ranks * (half * weights).ravel()])


@cache
def _legendre() -> tuple[np.ndarray, np.ndarray]:
    nodes, weights = np.polynomial.legendre.leggauss(NODES)
    return nodes, weights


def tail_share(s: float, last: float) -> float:
    r"""What lies beyond a rank: :math:`\sum_{i > last} i^{-s} / \zeta(s)`.

    Parameters
    ----------
    s : float
        Exponent above 1.
    last : float
        Last rank that is left out of the sum.

    Returns
    -------
    float

    Examples
    --------
    >>> tail_share(2.0, 1)
    0.392...
    """
    return float(zeta(s, np.floor(last) + 1) / zeta(s))
