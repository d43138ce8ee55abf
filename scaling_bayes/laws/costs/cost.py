"""`Cost`: what a network costs, linear in the data."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

FORWARD, TRAINING = 2.0, 6.0
"""FLOP for each parameter and token: of a forward pass, and of training (forward and backward)."""


class CostError(ValueError):
    """Costs that cannot be added, or numbers that are no cost; the message says what to give."""


@dataclass(frozen=True)
class Cost:
    r"""A cost of a network, :math:`c(N, D) = r(N) D + s(N)`; costs in one unit add up.

    Attributes
    ----------
    name : str
        What answers say of it.
    unit : str
        Of the cost, and so of a budget.
    rate : callable
        N -> cost of one more training token.
    standing : callable
        N -> cost that no training token causes.
    per_pair : float or None
        k where the cost is k N D, which gives some laws a closed optimum; None otherwise.

    Examples
    --------
    >>> from scaling_bayes.laws.costs import inference
    >>> served = six_nd + inference(1e12)
    >>> served.spend(1e9, 2e10), served.afford(1e9, 2.12e21)
    (2.12e+21, 20000000000.0)
    >>> served.name
    '6 N D + 2 N (1e+12 tokens served)'
    """

    name: str
    unit: str
    rate: Callable[[Any], Any]
    standing: Callable[[Any], Any] = lambda N: 0.0 * N
    per_pair: float | None = None

    def spend(self, N: Any, D: Any) -> Any:
        """Cost of N parameters on D tokens, in `unit`."""
        return self.rate(N) * D + self.standing(N)

    def afford(self, N: Any, budget: Any) -> Any:
        """Tokens that a budget in `unit` leaves for N parameters; zero or below where N alone exceeds it."""
        return (budget - self.standing(N)) / self.rate(N)

    def times(self, factor: float, unit: str, name: str = "") -> "Cost":
        """The same cost in another unit, which is 1 / `factor` of this one.

        Raises
        ------
        CostError
            If `factor` is not positive.

        Examples
        --------
        >>> six_nd.times(1 / 8.64e19, "PFLOP-day").spend(1e9, 1.44e10)
        1.0
        """
        require_positive(factor=factor)
        pair = None if self.per_pair is None else factor * self.per_pair
        return Cost(
            name or f"{self.name} in {unit}",
            unit,
            lambda N: factor * self.rate(N),
            lambda N: factor * self.standing(N),
            pair,
        )

    def __add__(self, other: "Cost") -> "Cost":
        """Sum of two costs in one unit.

        Raises
        ------
        CostError
            If the units differ.
        """
        if not isinstance(other, Cost):
            return NotImplemented
        if self.unit != other.unit:
            raise CostError(
                f"{self.name} is in {self.unit} and {other.name} in {other.unit}: bring them to one unit with "
                "times(factor, unit)"
            )
        return Cost(
            f"{self.name} + {other.name}",
            self.unit,
            lambda N: self.rate(N) + other.rate(N),
            lambda N: self.standing(N) + other.standing(N),
        )


six_nd = Cost("6 N D", "FLOP", lambda N: TRAINING * N, per_pair=TRAINING)
"""Training FLOP, C = 6 N D (Kaplan et al. 2020, arXiv:2001.08361)."""


def as_cost(cost: object) -> Cost:
    """The cost, if it is one.

    Raises
    ------
    CostError
    """
    if not isinstance(cost, Cost):
        raise CostError(f"cost is one of scaling_bayes.costs, for instance costs.six_nd; found {cost!r}")
    return cost


def of_flop(cost: Cost) -> Cost:
    """The cost, if it is in FLOP."""
    if cost.unit != "FLOP":
        raise CostError(f"{cost.name} is in {cost.unit}; give a cost in FLOP")
    return cost


def require_least_zero(**numbers: float) -> None:
    """Refuse numbers below zero."""
    for name, number in numbers.items():
        if not (np.isfinite(number) and number >= 0):
            raise CostError(f"{name} is 0 or above and finite, found {number!r}")


def require_positive(**numbers: float) -> None:
    """Refuse numbers that are not above zero."""
    for name, number in numbers.items():
        if not (np.isfinite(number) and number > 0):
            raise CostError(f"{name} is above 0 and finite, found {number!r}")
