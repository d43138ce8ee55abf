"""Sweeps from linear regression on features with a power-law spectrum: every exponent is known."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import xarray as xr
from scipy.special import zeta

from scaling_bayes.sweeps.checks import SweepError
from scaling_bayes.sweeps.power_sums import rank_weights, tail_share
from scaling_bayes.sweeps.simulation import Truth, simulate_sweep
from scaling_bayes.symbols import one_of

TRAININGS = ("flow", "ridge")
"""One pass by gradient flow, or ridge regression to the end on a finite sample."""

GRID = 81
"""Ridges that are tried before the best is refined."""


def simulate_spectral(
    design: Mapping[str, Any] | pd.DataFrame,
    *,
    alpha: float | Mapping[Any, float],
    b: float | Mapping[Any, float] = 1.5,
    E: float | Mapping[Any, float] = 1.0,
    scale: float | Mapping[Any, float] = 1.0,
    training: str = "flow",
    seed: int | np.random.Generator,
    noise: float = 0.01,
    nu: float | None = None,
) -> xr.Dataset:
    r"""Draw a sweep from a linear network on the first N eigenfunctions of a power-law spectrum.

    The inputs have the eigenvalues :math:`\lambda_i = i^{-b}`, and eigenfunction i holds the share
    :math:`v_i = i^{-(1+\alpha)} / \zeta(1 + \alpha)` of the target's variance. With ``training="flow"``, one pass of
    gradient flow for time D (a fresh sample a unit of time),

    .. math:: L = E + k \Bigl[\sum_{i \le N} v_i e^{-2 \lambda_i D} + \sum_{i > N} v_i\Bigr].

    With ``training="ridge"``, ridge regression on D samples, the expected test loss in the limit of many dimensions is

    .. math:: L = E + k\, \min_{\kappa} \frac{\sum_{i \le N} v_i \left(\frac{\kappa}{\lambda_i + \kappa}\right)^2
        + \sum_{i > N} v_i}{1 - \frac{1}{D} \sum_{i \le N} \left(\frac{\lambda_i}{\lambda_i + \kappa}\right)^2},
        \qquad \sum_{i \le N} \frac{\lambda_i}{\lambda_i + \kappa} \le D,

    with the best ridge of each run: the constraint says that it is not negative.

    The exponents follow from these sums, see `spectral_exponents`: one at a time, the loss above E falls as
    :math:`N^{-\alpha}` and, by one pass, as :math:`D^{-\alpha / b}`, by ridge as :math:`D^{-\min(\alpha, 2b)}`. The sum
    is no sum of two powers in between, so that an additive law is slightly wrong, as it is in practice.

    Parameters
    ----------
    design : mapping or DataFrame
        N (features) and D (samples), and groups; crossed if a mapping, as in `simulate_sweep`. C is derived
        as :math:`6ND`.
    alpha, b, E, scale : float or mapping of label to float
        :math:`\alpha > 0` tail of the target, :math:`b > 1` decay of the spectrum, irreducible loss, and :math:`k`, the
        loss above E before training.
    training : {"flow", "ridge"}
        How the network is trained.
    seed, noise, nu
        See `simulate_sweep`.

    Returns
    -------
    Dataset
        A sweep with ``loss``, and ``truth``, ``seed`` and the rest of `simulate_sweep` in attrs.

    Raises
    ------
    SweepError
        If the design lacks N or D, or a parameter is out of range.

    References
    ----------
    Maloney, Roberts and Sully (2022), A Solvable Model of Neural Scaling Laws, arXiv:2210.16859. Bordelon, Atanasov and
    Pehlevan (2024), A Dynamical Model of Neural Scaling Laws, arXiv:2402.01092. For ridge regression: Simon et al.
    (2021), The Eigenlearning Framework, arXiv:2110.03922.

    Examples
    --------
    >>> design = {"N": [10, 100, 1000], "D": [1e9]}
    >>> sweep = simulate_spectral(design, alpha=0.5, E=0.0, seed=0, noise=0)
    >>> sweep["loss"].values.round(4).tolist()
    [0.2362, 0.0764, 0.0242]
    """
    truth: Truth = {"E": E, "scale": scale, "alpha": alpha, "b": b}
    law = SpectralLaw(one_of(training, TRAININGS, "training"))
    sweep = simulate_sweep(law, design, truth=truth, seed=seed, noise=noise, nu=nu)
    return sweep.assign_attrs(title=f"simulated: power-law spectrum, {training}", training=training)


def spectral_exponents(*, alpha: float, b: float, training: str = "flow") -> dict[str, float]:
    r"""Exponents of `simulate_spectral`.

    Multiply N by s. With ``"flow"`` the sums keep their shape if D is multiplied by :math:`s^b`, and the loss above E
    is multiplied by :math:`s^{-\alpha}`. So it falls with D as :math:`D^{-\alpha/b}`, the best network at
    :math:`C \propto ND` grows as :math:`C^{1/(1+b)}`, and its loss falls as :math:`C^{-\alpha/(1+b)}`. With ``"ridge"``
    D is multiplied by s, because as many eigenfunctions are learned as there are samples, whence :math:`C^{1/2}` and
    :math:`C^{-\alpha/2}`, as long as :math:`\alpha < 2b`; beyond, the bias of ridge regression limits the loss to
    :math:`D^{-2b}` and no power law joins the two.

    Parameters
    ----------
    alpha, b : float
        Tail of the target and decay of the spectrum.
    training : {"flow", "ridge"}
        How the network is trained.

    Returns
    -------
    dict
        ``alpha`` (in N), ``beta`` (in D), ``a`` (of the best N in C) and ``gamma`` (of the best loss in C).

    Raises
    ------
    SweepError
        If a value is out of range, or the compute-optimal exponents do not exist.

    Examples
    --------
    >>> spectral_exponents(alpha=0.5, b=1.5)
    {'alpha': 0.5, 'beta': 0.333, 'a': 0.4, 'gamma': 0.2}
    """
    one_of(training, TRAININGS, "training")
    _check_spectrum(alpha, b)
    if training == "ridge" and alpha >= 2 * b:
        raise SweepError(f"alpha={alpha:g} is no less than 2 b = {2 * b:g}: the best network follows no power law.")
    stretch = b if training == "flow" else 1.0
    return {"alpha": alpha, "beta": alpha / stretch, "a": 1 / (1 + stretch), "gamma": alpha / (1 + stretch)}


@dataclass(frozen=True)
class SpectralLaw:
    """The expected loss of `simulate_spectral`, in the shape that `simulate_sweep` asks for."""

    training: str = "flow"
    covariates: ClassVar[tuple[str, ...]] = ("N", "D")
    parameters: ClassVar[tuple[str, ...]] = ("E", "scale", "alpha", "b")

    def evaluate(self, values: Mapping[str, Any], /) -> np.ndarray:
        """Expected loss of every run."""
        excess = {"flow": flow_excess, "ridge": ridge_excess}[self.training]
        columns = np.broadcast_arrays(*(values[name] for name in ("N", "D", "alpha", "b")))
        found = [excess(*map(float, run)) for run in zip(*map(np.ravel, columns), strict=True)]
        return values["E"] + values["scale"] * np.array(found)


def flow_excess(N: float, D: float, alpha: float, b: float) -> float:
    r"""Share of the target's variance that N features have not learned after time D of gradient flow.

    Examples
    --------
    >>> flow_excess(1, 0.0, 1.0, 1.5)
    1.0
    """
    ranks, share = _shares(N, D, alpha, b)
    return float(share @ np.exp(-2 * D * ranks**-b)) + tail_share(1 + alpha, N)


def ridge_excess(N: float, D: float, alpha: float, b: float) -> float:
    r"""Expected test loss of ridge regression on N features and D samples with the best ridge; 1 before training.

    Examples
    --------
    >>> ridge_excess(1, 1e9, 1.0, 1.5), tail_share(2.0, 1)
    (0.392..., 0.392...)
    """
    from scipy.optimize import minimize_scalar  # slow to load, and for ridge regression only

    ranks, share = _shares(N, D, alpha, b)
    weights, spectrum = rank_weights(N)[1], ranks**-b
    tail = tail_share(1 + alpha, N)

    def loss(log_kappa: float) -> float:
        learned = spectrum / (spectrum + np.exp(log_kappa))
        return (float(share @ (1 - learned) ** 2) + tail) / (1 - float(weights @ learned**2) / D)

    low = _least_ridge(weights, spectrum, D)
    grid = np.linspace(low, max(low, 0.0) + 7.0, GRID)
    best = int(np.argmin([loss(each) for each in grid]))
    bounds = (grid[max(best - 1, 0)], grid[min(best + 1, GRID - 1)])
    found = minimize_scalar(loss, bounds=bounds, method="bounded", options={"xatol": 1e-9})
    return float(min(found.fun, loss(grid[best])))


def _least_ridge(weights: np.ndarray, spectrum: np.ndarray, D: float) -> float:
    """Smallest log kappa for which no more is learned than there are samples; far below the spectrum if none binds."""
    from scipy.optimize import brentq

    floor = float(np.log(spectrum[-1])) - 12.0

    def excess(log_kappa: float) -> float:
        return float(weights @ (spectrum / (spectrum + np.exp(log_kappa)))) - D

    if excess(floor) <= 0:
        return floor
    return float(brentq(excess, floor, float(np.log(weights.sum() / D)) + 1.0, xtol=1e-12)) + 1e-9


def _shares(N: float, D: float, alpha: float, b: float) -> tuple[np.ndarray, np.ndarray]:
    """Ranks up to N, and the share of the target's variance that each stands for."""
    _check_spectrum(alpha, b)
    if N < 1 or D < 0:
        raise SweepError(f"N={N:g} and D={D:g}: expected at least one feature and no negative number of samples.")
    ranks, weights = rank_weights(N)
    return ranks, weights * ranks ** -(1 + alpha) / zeta(1 + alpha)


def _check_spectrum(alpha: float, b: float) -> None:
    if alpha <= 0 or b <= 1:
        raise SweepError(f"alpha={alpha:g} and b={b:g}: expected alpha above 0 and b above 1, or the sums diverge.")
