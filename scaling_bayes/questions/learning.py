r"""What a measurement teaches about a target, on average over what it may turn out to be.

From joint draws of the target :math:`t` and of the log mean :math:`s_k` of a run k, whose noise has the variance
:math:`v_k`, one measurement :math:`y` shifts the expectation of a jointly normal target by

.. math:: E[t \mid y] - E[t] = b_k z, \qquad b_k = \frac{\mathrm{cov}(t, s_k)}{\sqrt{\mathrm{var}(s_k) + v_k}},
    \qquad z \sim N(0, 1)

and its variance by :math:`-b_k^2`. Of a decision, whose targets are the losses :math:`t_a` of its options, it lowers
the expected regret by :math:`\min_a E[t_a] - E_z[\min_a (E[t_a] + b_{ka} z)]`, the knowledge gradient (Frazier et al.
2009, INFORMS Journal on Computing 21:599). Of a run that is measured in several responses, as loss and error, b holds
the shifts by one after the other.

`reweigh` needs no normality: with weights :math:`w_i \propto p(y \mid \theta_i)` of the draws it averages over
measurements y drawn from the posterior (importance sampling).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax
from scipy.stats import norm, qmc

from scaling_bayes.questions.products import multiply

Array = NDArray[np.float64]

BLOCKS = 20
"""Blocks of consecutive draws that the jackknife leaves out in turn."""

NODES, MOST_DIMS = 1024, 16
"""Normal numbers, half of them mirrored, over which shifts of a decision are averaged, and how many have the same."""

NOTHING = 1e-9
"""Share of what there is to gain, below which a gain is rounding."""


@dataclass(frozen=True)
class Aim:
    """What is to be known: a quantity, or which of several options has the least loss.

    Attributes
    ----------
    decide : bool
        Whether the targets are losses of options.
    """

    decide: bool = False

    def open(self, target: Array) -> float:
        """What there is to gain: the variance of a quantity, or the expected regret of the best option now.

        Parameters
        ----------
        target : array, shape (draw, option)

        Examples
        --------
        >>> Aim().open(np.array([[1.0], [3.0]])), Aim(decide=True).open(np.array([[1.0, 2.0], [2.0, 0.0]]))
        (2.0, 0.5)
        """
        if self.decide:
            return float(target.mean(axis=0).min() - target.min(axis=1).mean())
        return float(target.var(axis=0, ddof=1)[0])

    def gain(self, mean: Array, shifts: Array) -> Array:
        """Expected gain from measurements that shift the target's expectation.

        Parameters
        ----------
        mean : array, shape (option,)
        shifts : array, shape (..., option, measurement)
            b of each one, given those before it.

        Returns
        -------
        array, shape (...)

        Examples
        --------
        >>> Aim().gain(np.array([5.0]), np.array([[3.0, 4.0]])).item()
        25.0
        >>> Aim(decide=True).gain(np.zeros(2), np.array([[0.5], [-0.5]])).round(2).item()  # 0.5 sqrt(2 / pi)
        0.4
        """
        if not self.decide:
            return np.square(shifts).sum(axis=(-2, -1))
        after = mean[:, None] + shifts @ _nodes(shifts.shape[-1])
        return mean.min() - after.min(axis=-2).mean(axis=-1)


@cache
def _nodes(dims: int) -> Array:
    """Evenly spread normal numbers, shape (dims, NODES), whose mean is zero; more dims leave the first as they were."""
    points = qmc.Sobol(max(dims, MOST_DIMS), rng=np.random.default_rng(0)).random(NODES // 2)
    half = norm.ppf(points[:, :dims]).T
    return np.concatenate([half, -half], axis=1)


def joint_covariance(target: Array, signal: Array) -> Array:
    """Covariance of the targets and, after them, the signals of every run, of shape (option + run x response) twice.

    Parameters
    ----------
    target : array, shape (draw, option)
    signal : array, shape (draw, run, response)
        What is measured of a run.
    """
    both = np.concatenate([target, signal.reshape(len(signal), -1)], axis=1)
    centred = both - both.mean(axis=0)
    return multiply(centred.T, centred) / (len(both) - 1)


def shifts_of(covariance: Array, noise: Array) -> Array:
    """Shifts b of each target by measuring each run.

    Parameters
    ----------
    covariance : array
        From `joint_covariance`.
    noise : array, shape (run, response)
        Variance of the noise.

    Returns
    -------
    array, shape (run, option, response)

    Examples
    --------
    >>> shifts_of(np.array([[1.0, 0.6], [0.6, 1.0]]), np.array([[0.44]])).round(3).tolist()
    [[[0.5]]]
    """
    at = len(covariance) - noise.size + np.arange(noise.size).reshape(noise.shape)
    own = covariance[at[:, :, None], at[:, None, :]] + noise[:, :, None] * np.eye(noise.shape[1])
    shifts = np.linalg.solve(np.linalg.cholesky(own), covariance[at, : len(covariance) - noise.size])
    return np.asarray(shifts.swapaxes(1, 2))


def measure(covariance: Array, noise: Array, run: int) -> Array:
    """Covariance that is left when a run has been measured.

    Examples
    --------
    >>> measure(np.array([[1.0, 0.6], [0.6, 1.0]]), np.array([[0.44]]), 0).round(3).tolist()
    [[0.75, 0.183], [0.183, 0.306]]
    """
    size = noise.shape[1]
    at = len(covariance) - noise.size + run * size + np.arange(size)
    own = covariance[np.ix_(at, at)] + np.diag(noise[run])
    return np.asarray(covariance - covariance[:, at] @ np.linalg.solve(own, covariance[at]))


def screen(aim: Aim, target: Array, signal: Array, noise: Array) -> tuple[Array, Array]:
    """Expected gain of each run in closed form, and its Monte-Carlo error.

    Parameters
    ----------
    aim : Aim
    target : array, shape (draw, option)
    signal : array, shape (draw, run, response)
    noise : array, shape (draw, run, response)
        Variance of the noise.

    Returns
    -------
    tuple of array, shape (run,)
        Gain without the bias that few draws give it, from zero to all there is; and its standard error.
    """

    def gain(rows: NDArray[np.bool_]) -> Array:
        shifts = shifts_of(joint_covariance(target[rows], signal[rows]), noise[rows].mean(axis=0))
        return aim.gain(target[rows].mean(axis=0), shifts)

    found, error = jackknife(gain, len(target))
    most = aim.open(target)
    return np.where(found > NOTHING * most, np.minimum(found, most), 0.0), error


def jackknife(statistic: Callable[[NDArray[np.bool_]], Array], draws: int) -> tuple[Array, Array]:
    """Estimate without its first bias, and standard error, from blocks of consecutive draws left out in turn.

    Parameters
    ----------
    statistic : callable
        Mask of draws -> array.
    draws : int

    Examples
    --------
    >>> numbers = np.random.default_rng(0).normal(size=2000)
    >>> [round(float(value), 2) for value in jackknife(lambda rows: numbers[rows].var(), 2000)]
    [1.0, 0.04]
    """
    block = np.arange(draws) * BLOCKS // draws
    left = np.stack([statistic(block != k) for k in range(BLOCKS)])
    mean = left.mean(axis=0)
    estimate = BLOCKS * statistic(np.ones(draws, dtype=bool)) - (BLOCKS - 1) * mean
    return estimate, np.sqrt((BLOCKS - 1) / BLOCKS * np.square(left - mean).sum(axis=0))


def reweigh(
    aim: Aim,
    target: Array,
    log_density: Array,
    origin: NDArray[np.intp],
    halves: Sequence[NDArray[np.intp]] | None = None,
) -> tuple[float, float, float]:
    """Expected gain from one measurement, by weighting the draws with what it might turn out to be.

    Parameters
    ----------
    aim : Aim
    target : array, shape (draw, option)
    log_density : array, shape (draw, outcome)
        Of each outcome under each draw.
    origin : array of int, shape (outcome,)
        Draw that each outcome was made from, which has no weight for it.
    halves : two arrays of int, optional
        Draws by which a decision is taken and by which it is paid for, and in turn; every other one by default.

    Returns
    -------
    tuple of float
        The gain, not below zero; its standard error over the outcomes; and the effective number of draws behind an
        outcome, a median.
    """
    log_density = log_density.copy()
    log_density[origin, np.arange(len(origin))] = -np.inf
    weights = softmax(log_density, axis=0)
    concentration = np.square(weights).sum(axis=0)
    if aim.decide:
        every = np.arange(len(target))
        gains = _regrets_saved(target, log_density, (every[::2], every[1::2]) if halves is None else halves)
    else:
        gains = _variance_explained(target, weights, concentration)
    error = gains.std(ddof=1) / np.sqrt(len(gains))
    return min(max(float(gains.mean()), 0.0), aim.open(target)), float(error), float(np.median(1 / concentration))


def _variance_explained(target: Array, weights: Array, concentration: Array) -> Array:
    """Gain at each outcome: the variance that is left, or the shift of the expectation, whichever is less scattered.

    The two have one mean (the law of total variance); the first is exact for large gains, the second for small ones.
    """
    centred = (target - target.mean(axis=0))[:, 0]
    mean, square = multiply(weights.T, np.stack([centred, np.square(centred)], axis=1)).T
    free = np.maximum(1 - concentration, 1 / len(target))
    left = (square - np.square(mean)) / free
    between, within = np.square(mean - mean.mean()) - left * concentration, np.var(centred, ddof=1) - left
    return min(between, within, key=np.std)


def _regrets_saved(target: Array, log_density: Array, halves: Sequence[NDArray[np.intp]]) -> Array:
    """Gain at each outcome: options are picked by one half of the draws and paid for by the other, and in turn."""
    first, other = (multiply(softmax(log_density[half], axis=0).T, target[half]) for half in halves)
    now, saved = target.mean(axis=0).argmin(), []
    for picked, paid in ((first, other), (other, first)):
        then = picked.argmin(axis=1)
        saved.append(paid[:, now] - np.take_along_axis(paid, then[:, None], axis=1)[:, 0])
    return np.mean(saved, axis=0)
