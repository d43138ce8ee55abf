r"""The unconstrained coordinates in which a law is sampled.

Positive parameters enter by their logarithm, fractions by their logit. The levels of a sum, which trade against each
other, enter as the total at the reference and its shares:

.. math:: (E, A, B) = e^{l} \, \mathrm{softmax}(e_E, e_A, 0)

so a floor is positive and below the fitted response at the reference, whatever the noise.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import sympy as sp

from scaling_bayes.laws.law import Law
from scaling_bayes.laws.reader import symbol
from scaling_bayes.laws.roles import ROLES, is_positive_sum

PREFIX = {"positive": "log_", "unit": "logit_", "real": ""}


@dataclass(frozen=True)
class Coordinates:
    """Map between the sampled coordinates and a law's parameters at the reference.

    Attributes
    ----------
    law : Law
    shares : tuple of str
        Levels that enter as a total and shares; the last one has share logit zero. Empty if levels enter one by one.
    singles : tuple of str
        Parameters that enter one by one.
    fixed : tuple of (str, float)
        Parameters with a known value, in the paper's units.

    Examples
    --------
    >>> law = Law("E + A*N**-alpha")
    >>> coordinates = choose_coordinates(law, alone=(), fixed={}, alike=law.parameters)
    >>> coordinates.names
    ('log_total', 'share_E', 'log_alpha')
    >>> {p: round(float(v), 3) for p, v in coordinates.parameters(np.zeros(3), {}).items()}
    {'E': 0.5, 'A': 0.5, 'alpha': 1.0}
    """

    law: Law
    shares: tuple[str, ...]
    singles: tuple[str, ...]
    fixed: tuple[tuple[str, float], ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the coordinates, in the order of the vector."""
        shared = ("log_total", *(f"share_{p}" for p in self.shares[:-1])) if self.shares else ()
        return (*shared, *(self.name(p) for p in self.singles))

    def name(self, parameter: str) -> str:
        """Coordinate of a parameter that enters alone."""
        return PREFIX[ROLES[self.law.roles[parameter]].support] + parameter

    def owners(self) -> tuple[str, ...]:
        """For each coordinate a parameter whose pooling it follows."""
        return (*(self.shares[-1:] + self.shares[:-1]), *self.singles)

    def parameters(self, theta: Any, references: Mapping[str, Any], xp: Any = np) -> dict[str, Any]:
        """Parameters at the reference.

        Parameters
        ----------
        theta : array, shape (..., len(names))
        references : mapping
            covariate -> reference, to bring fixed values from the paper's units.
        xp : module
            ``numpy`` or ``jax.numpy``.

        Returns
        -------
        dict
            parameter -> array, shape (...).
        """
        values: dict[str, Any] = {}
        k = len(self.shares)
        if k:
            logits = xp.concatenate([theta[..., 1:k], xp.zeros_like(theta[..., :1])], axis=-1)
            odds = xp.exp(logits - logits.max(axis=-1, keepdims=True))
            levels = xp.exp(theta[..., :1]) * odds / odds.sum(axis=-1, keepdims=True)
            values.update({p: levels[..., i] for i, p in enumerate(self.shares)})
        inverse = {"positive": xp.exp, "unit": lambda x: 1 / (1 + xp.exp(-x)), "real": lambda x: x}
        for i, p in enumerate(self.singles):
            values[p] = inverse[ROLES[self.law.roles[p]].support](theta[..., k + i])
        values.update({p: xp.asarray(v) for p, v in self.fixed})
        at_reference = {p: values[p] / self.law.factor(p, {**references, **values}) for p, _ in self.fixed}
        return {**values, **at_reference}

    def prior(self, log_response: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Prior mean and width of each coordinate, and the scale of its spread between groups.

        Parameters
        ----------
        log_response : float
            Mean log response of the fitted runs, which stands for the response at the reference.

        Returns
        -------
        mean, width, spread : array, shape (len(names),)
        """
        rows = [(log_response, 0.5, 0.5)] if self.shares else []
        for p in self.shares[:-1]:
            floor = self.law.roles[p] == "floor"
            rows.append((1.0 if floor and len(self.shares) > 2 else 0.0, 1.5 if len(self.shares) == 2 else 1.0, 0.5))
        rows += [self._single_prior(p, log_response) for p in self.singles]
        mean, width, spread = np.array(rows, dtype=np.float64).reshape(-1, 3).T
        return mean, width, spread

    def _single_prior(self, parameter: str, log_response: float) -> tuple[float, float, float]:
        role = ROLES[self.law.roles[parameter]]
        width = 0.5 if role.name == "exponent" and len(self.law.covariates) > 1 else role.width
        return role.centre + log_response * role.in_response_units, width, role.spread


def choose_coordinates(law: Law, alone: Iterable[str], fixed: Mapping[str, float], alike: Iterable[str]) -> Coordinates:
    """Coordinates for `law`.

    Parameters
    ----------
    law : Law
    alone : iterable of str
        Parameters that must enter one by one, because the user gave them a prior.
    fixed : mapping
        Parameters with a known value.
    alike : iterable of str
        Levels that are pooled in the same way; shares are used only if these are all of them.

    Returns
    -------
    Coordinates

    Examples
    --------
    >>> choose_coordinates(Law("E + A*N**-alpha"), alone=["E"], fixed={"alpha": 0.3}, alike=["E", "A"]).names
    ('log_E', 'log_A')
    """
    levels = _levels_of_sum(law)
    usable = levels and set(levels) <= set(alike) and not set(levels) & {*alone, *fixed}
    shares = levels if usable else ()
    singles = tuple(p for p in law.parameters if p not in shares and p not in fixed)
    return Coordinates(law, shares, singles, tuple(fixed.items()))


def _levels_of_sum(law: Law) -> tuple[str, ...]:
    """One floor or level for each top-level term, floors first; empty if the terms are not so."""
    if not is_positive_sum(law.expression):
        return ()
    found = []
    terms = sp.Add.make_args(law.expression)
    for term in terms:
        own = [p for p in law.parameters if law.roles[p] in ("floor", "level") and symbol(p) in sp.Mul.make_args(term)]
        if len(own) != 1 or sum(symbol(own[0]) in other.free_symbols for other in terms) != 1:
            return ()
        found.append(own[0])
    return tuple(sorted(found, key=lambda p: (law.roles[p] != "floor", law.parameters.index(p))))
