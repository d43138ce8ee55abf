"""Sweeps of a perceptron taught by another on a chosen part of its examples: how pruning beats a power law."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import xarray as xr
from scipy.optimize import brentq
from scipy.special import ndtr, ndtri

from scaling_bayes.sweeps.checks import SweepError
from scaling_bayes.sweeps.simulation import simulate_sweep
from scaling_bayes.symbols import one_of

PICKS = ("hard", "easy")
"""Which examples are kept: those nearest to the teacher's boundary, or those farthest from it."""

ANGLES, MARGINS, MOST = (-25.0, 12.0), (-30.0, 20.0), 1e3
"""Between which logarithms are looked for: of the angle's tangent, and of the margin, the lower in units of its sine;
and what stands for an infinite difference of logarithms."""

REACH = 10.0
"""Widths of a bend to either side that are integrated on their own; also the largest normal number."""

X, WEIGHTS = np.polynomial.legendre.leggauss(48)
"""Gauss-Legendre nodes and weights of a panel."""


def simulate_perceptron(
    design: Mapping[str, Any] | pd.DataFrame,
    *,
    keep: float | Mapping[Any, float] = 1.0,
    features: float | Mapping[Any, float] = 1000.0,
    pick: str = "hard",
    seed: int | np.random.Generator,
    noise: float = 0.01,
    nu: float | None = None,
) -> xr.Dataset:
    r"""Draw a sweep from a perceptron of largest margin that is taught a chosen part of the examples.

    Examples are normal vectors of n `features`, labelled by a teacher. Of D examples the share `keep` f is kept, those
    nearest to the teacher's boundary (or farthest from it), which is :math:`\alpha = f D / n` examples a feature. For
    many features the student's error is :math:`\epsilon = \arcsin(s) / \pi`, where s and the margin
    :math:`\kappa` solve, with :math:`R^2 = 1 - s^2` and :math:`\Phi(-\gamma) = (1 - f) / 2`,

    .. math:: R &= \frac{2 \alpha}{f \sqrt{2 \pi}} \bigl[g(\kappa) - e^{-\gamma^2 / 2} g(\kappa - R \gamma)\bigr],
        \qquad g(u) = u\, \Phi(u / s) + s\, \phi(u / s),

        s^2 &= \frac{2 \alpha}{f} \int_0^\gamma \phi(z)\, h(\kappa - R z)\, dz,
        \qquad h(u) = (u^2 + s^2)\, \Phi(u / s) + u s\, \phi(u / s).

    Of many hard examples none is missed: the error is that of all D, about n / 2D, for any share. Where the share falls
    as D grows, the error therefore falls faster than any power of the examples that are kept. Where examples are few,
    the easy ones teach more.

    Parameters
    ----------
    design : mapping or DataFrame
        D (examples before any is left out), and groups; crossed if a mapping, as in `simulate_sweep`.
    keep : float or mapping of label to float
        Share of the examples that is kept, above 0 and at most 1.
    features : float or mapping of label to float
        Number of features.
    pick : {"hard", "easy"}
        Which examples are kept.
    seed, noise, nu
        See `simulate_sweep`.

    Returns
    -------
    Dataset
        A sweep with ``error``, and ``truth``, ``seed`` and the rest of `simulate_sweep` in attrs.

    Raises
    ------
    SweepError
        If the design lacks D, a parameter is out of range, or the equations were not solved.

    References
    ----------
    Sorscher et al. (2022), Beyond Neural Scaling Laws, arXiv:2206.14486, with the teacher known; the integrals are
    brought to the forms above.

    Examples
    --------
    >>> design = {"D": [2e3, 2e5], "subset": ["all", "fifth"]}
    >>> keep = {"all": 1.0, "fifth": 0.2}
    >>> sweep = simulate_perceptron(design, keep=keep, seed=0, noise=0)
    >>> sweep["error"].values.reshape(2, 2).round(5).tolist()
    [[0.18848, 0.46792], [0.0025, 0.0025]]
    """
    law = PerceptronLaw(one_of(pick, PICKS, "pick"))
    truth: dict[str, Any] = {"keep": keep, "features": features}
    sweep = simulate_sweep(law, design, truth=truth, seed=seed, noise=noise, nu=nu, response="error")
    return sweep.assign_attrs(title=f"simulated: perceptron taught {pick} examples")


@dataclass(frozen=True)
class PerceptronLaw:
    """The error of `simulate_perceptron`, in the shape that `simulate_sweep` asks for."""

    pick: str = "hard"
    covariates: ClassVar[tuple[str, ...]] = ("D",)
    parameters: ClassVar[tuple[str, ...]] = ("keep", "features")

    def evaluate(self, values: Mapping[str, Any], /) -> np.ndarray:
        """Error of every run."""
        D, keep, features = np.broadcast_arrays(*(np.ravel(values[name]) for name in ("D", "keep", "features")))
        if not ((features > 0) & (D > 0)).all():
            raise SweepError(f"D={D.min():g} and features={features.min():g}: expected both above zero.")
        if not ((keep > 0) & (keep <= 1)).all():
            strange = keep[~((keep > 0) & (keep <= 1))][0]
            raise SweepError(f"keep={strange:g}: expected a share above 0 and at most 1.")
        runs = zip(keep * D / features, keep, strict=True)
        return np.array([perceptron_error(float(kept), float(share), self.pick) for kept, share in runs])


def perceptron_error(kept: float, keep: float, pick: str = "hard") -> float:
    """Error of a perceptron on so many kept examples a feature; see `simulate_perceptron`.

    Examples
    --------
    >>> round(perceptron_error(100.0, 1.0) * 100, 3)
    0.5
    """

    def excess(log_tangent: float) -> float:
        return _log_kept(log_tangent, keep, pick) - np.log(kept)

    try:
        return float(np.arctan(np.exp(brentq(excess, *ANGLES, xtol=1e-12))) / np.pi)
    except ValueError:
        told = f"a perceptron with {kept:g} kept examples a feature and keep={keep:g}"
        raise SweepError(f"the equations of {told} have no solution that can be computed: ask for less.") from None


def _log_kept(log_tangent: float, keep: float, pick: str) -> float:
    """Logarithm of the kept examples a feature that lead to an angle, by its tangent.

    Both equations are linear in the examples, so that their ratio gives the margin, and either of them the rest.
    """
    s = np.exp(-np.logaddexp(0, -2 * log_tangent) / 2)
    R = np.exp(-np.logaddexp(0, 2 * log_tangent) / 2)

    def imbalance(log_margin: float) -> float:
        overlap, rest = _moments(np.exp(log_margin), R, s, keep, pick)
        return min(float(np.log(overlap * s**2) - np.log(R * rest)), MOST) if overlap > 0 and rest > 0 else MOST

    margin = np.exp(brentq(imbalance, np.log(s) + MARGINS[0], MARGINS[1], xtol=1e-12))
    return float(np.log(R / _moments(margin, R, s, keep, pick)[0]))


def _moments(margin: float, R: float, s: float, keep: float, pick: str) -> tuple[float, float]:
    """Right sides of the two equations, an example a feature."""
    edge = -ndtri((1 - keep if pick == "hard" else keep) / 2)
    low, high = (0.0, edge) if pick == "hard" else (edge, np.inf)
    ends = [(sign, z) for sign, z in ((1, low), (-1, high)) if np.isfinite(z)]
    overlap = sum(sign * _normal(z) * _first(margin - R * z, s) for sign, z in ends)
    z, weights = _panels(low, min(high, REACH), margin / R, s / R)
    rest = weights @ (_normal(z) * _second(margin - R * z, s))
    return float(2 / keep * overlap), float(2 / keep * rest)


def _first(u: Any, s: float) -> Any:
    return u * ndtr(u / s) + s * _normal(u / s)


def _second(u: Any, s: float) -> Any:
    return (u**2 + s**2) * ndtr(u / s) + u * s * _normal(u / s)


def _normal(x: Any) -> Any:
    return np.exp(-(x**2) / 2) / np.sqrt(2 * np.pi)


def _panels(low: float, high: float, bend: float, width: float) -> tuple[np.ndarray, np.ndarray]:
    """Nodes and weights from `low` to `high`, finer where the integrand bends."""
    edges = np.unique(np.clip([low, bend - REACH * width, bend, bend + REACH * width, high], low, high))
    half = np.diff(edges)[:, None] / 2
    return (edges[:-1, None] + half * (X + 1)).ravel(), (half * WEIGHTS).ravel()
