"""Sweeps of a learner by heart on Zipf's law, with data whose tail was lost: how models collapse."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import xarray as xr
from scipy.special import zeta

from scaling_bayes.sweeps.checks import SweepError
from scaling_bayes.sweeps.power_sums import rank_weights, tail_share
from scaling_bayes.sweeps.simulation import simulate_sweep

SEEN = 1e-12
"""Expected occurrences below which a rank counts as never seen."""

CERTAIN = 1 - 1e-16
"""Largest chance whose complement has a logarithm."""


def simulate_zipf(
    design: Mapping[str, Any] | pd.DataFrame,
    *,
    beta: float | Mapping[Any, float],
    cutoff: float | Mapping[Any, float] | None = None,
    clean: float | Mapping[Any, float] | None = None,
    generations: float | Mapping[Any, float] | None = None,
    T0: float | Mapping[Any, float] | None = None,
    seed: int | np.random.Generator,
    noise: float = 0.01,
    nu: float | None = None,
) -> xr.Dataset:
    r"""Draw a sweep from a learner that knows exactly what it has seen.

    Questions have the frequencies :math:`p_i = i^{-\beta} / \zeta(\beta)`; the learner errs on those that are not among
    its D samples,

    .. math:: \epsilon(D) = \sum_i p_i (1 - p_i)^D \;\sim\;
        \frac{\Gamma(c)}{\beta\, \zeta(\beta)} \left(\frac{D}{\zeta(\beta)}\right)^{-c},
        \qquad c = \frac{\beta - 1}{\beta}.

    With `cutoff` k its samples come from the first k ranks only (top-k sampling from another model), but for a share
    `clean` :math:`\pi`: :math:`q_i = \pi p_i + (1 - \pi) p_i / P_k` up to rank k, :math:`\pi p_i` beyond. With
    :math:`\pi = 0` the error ends on the plateau :math:`\sum_{i > k} p_i \sim k^{1-\beta} / ((\beta - 1)\zeta(\beta))`.

    With `generations` n the answers come from a chain of n earlier learners, each of which saw `T0` samples answered by
    the one before: an answer is right if all have seen the question,

    .. math:: \epsilon = \sum_i p_i \Bigl[1 - \bigl(1 - (1 - q_i)^D\bigr) \bigl(1 - (1 - q_i)^{T_0}\bigr)^n\Bigr],

    at most n times the error of one learner on T0 samples above that on D.

    Parameters
    ----------
    design : mapping or DataFrame
        D (samples), and groups; crossed if a mapping, as in `simulate_sweep`.
    beta : float or mapping of label to float
        Exponent of Zipf's law, above 1.
    cutoff, clean : float or mapping of label to float
        Largest rank in the training data, and the share of samples for which it does not hold.
    generations, T0 : float or mapping of label to float
        Number of earlier learners, and samples that each of them saw.
    seed, noise, nu
        See `simulate_sweep`.

    Returns
    -------
    Dataset
        A sweep with ``error``, and ``truth``, ``seed`` and the rest of `simulate_sweep` in attrs.

    Raises
    ------
    SweepError
        If the design lacks D, a parameter is out of range, or one of a pair is given alone.

    References
    ----------
    Hutter (2021), Learning Curve Theory, arXiv:2102.04074. Dohmatob et al. (2024), A Tale of Tails: Model Collapse as a
    Change of Scaling Laws, arXiv:2402.07043, whose plateaus these are; the chain of answers is one way to have
    generations.

    Examples
    --------
    >>> design = {"D": [1e3, 1e6, 1e9], "corpus": ["human", "synthetic"]}
    >>> cutoff = {"human": 1e15, "synthetic": 1000}
    >>> sweep = simulate_zipf(design, beta=1.5, cutoff=cutoff, seed=0, noise=0)
    >>> sweep["error"].values.reshape(3, 2).round(4).tolist()
    [[0.0941, 0.0934], [0.0094, 0.0242], [0.0009, 0.0242]]
    """
    given = {"cutoff": cutoff, "clean": clean, "generations": generations, "T0": T0}
    for one, needed in (("clean", "cutoff"), ("generations", "T0"), ("T0", "generations")):
        if given[one] is not None and given[needed] is None:
            raise SweepError(f"{one}={given[one]} means nothing without {needed}: give both or neither.")
    truth: dict[str, Any] = {"beta": beta} | {name: value for name, value in given.items() if value is not None}
    law = ZipfLaw(tuple(truth))
    sweep = simulate_sweep(law, design, truth=truth, seed=seed, noise=noise, nu=nu, response="error")
    return sweep.assign_attrs(title="simulated: learner by heart on Zipf's law")


@dataclass(frozen=True)
class ZipfLaw:
    """The expected error of `simulate_zipf`, in the shape that `simulate_sweep` asks for."""

    parameters: tuple[str, ...] = ("beta",)
    covariates: ClassVar[tuple[str, ...]] = ("D",)

    def evaluate(self, values: Mapping[str, Any], /) -> np.ndarray:
        """Expected error of every run."""
        columns = dict(zip(values, np.broadcast_arrays(*map(np.ravel, values.values())), strict=True))
        runs = range(len(columns["D"]))
        return np.array([zipf_error(**{name: float(column[run]) for name, column in columns.items()}) for run in runs])


def zipf_error(
    D: float, beta: float, cutoff: float = np.inf, clean: float = 0.0, generations: float = 0.0, T0: float = 1.0
) -> float:
    """Expected error of a learner by heart; see `simulate_zipf`.

    Examples
    --------
    >>> zipf_error(0, 2.0), zipf_error(1e6, 2.0, cutoff=10)
    (1.0, 0.0579)
    """
    _check(D, beta, cutoff, clean, generations, T0)
    last = max(1.0, (max(D, T0) / (SEEN * zeta(beta))) ** (1 / beta))
    cut = min(cutoff, last)
    boost = (1 - clean) / (1 - tail_share(beta, cutoff)) if cutoff < np.inf else 1 - clean
    wrong = tail_share(beta, last)
    for after, upto, seen in ((0.0, cut, clean + boost), (cut, last, clean)):
        ranks, weights = rank_weights(upto, after)
        p = ranks**-beta / zeta(beta)
        log_missed = np.log1p(-np.minimum(seen * p, CERTAIN))
        log_right = _log_seen(D * log_missed) + generations * _log_seen(T0 * log_missed)
        wrong += float(weights @ (p * -np.expm1(log_right)))
    return wrong


def _log_seen(log_missed: np.ndarray) -> np.ndarray:
    """Log of the chance to have seen what is missed with the chance of `log_missed`."""
    return np.log1p(-np.minimum(np.exp(log_missed), CERTAIN))


def _check(D: float, beta: float, cutoff: float, clean: float, generations: float, T0: float) -> None:
    if beta <= 1:
        raise SweepError(f"beta={beta:g}: expected above 1, or the frequencies have no sum.")
    if D < 0 or T0 < 0 or generations < 0 or cutoff < 1:
        raise SweepError(
            f"D={D:g}, T0={T0:g}, generations={generations:g} and cutoff={cutoff:g}: expected a cutoff of at least 1, "
            "the others not below 0."
        )
    if not 0 <= clean <= 1:
        raise SweepError(f"clean={clean:g}: expected a share from 0 to 1.")
