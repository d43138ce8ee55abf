r"""The best split of a budget between size and data in closed form, where a law has one; and where to look for it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import sympy as sp
from numpy.typing import NDArray
from scipy.optimize import elementwise

from scaling_bayes.laws.costs import Cost
from scaling_bayes.laws.functions import compile_expression
from scaling_bayes.laws.law import Law
from scaling_bayes.laws.reader import symbol

Array = NDArray[np.float64]


@dataclass(frozen=True)
class PowerPair:
    r"""Two power terms that stand for a law at its best split.

    .. math:: f = g\left( A N^{-\alpha} + B D^{-\beta} \right), \qquad g \text{ rising}

    Attributes
    ----------
    level_N, exponent_N, level_D, exponent_D : sympy.Expr
        A, alpha, B and beta in the law's symbols.

    Examples
    --------
    >>> pair = find_power_pair(Law("E + (A*N**-alpha + B/D)**beta"))
    >>> pair.level_D, pair.exponent_D
    (B, 1)
    """

    level_N: sp.Expr
    exponent_N: sp.Expr
    level_D: sp.Expr
    exponent_D: sp.Expr

    def best_size(self, budget: Any, per_pair: float, values: Mapping[str, Any]) -> Any:
        r"""Best N for a budget that is spent as k N D.

        .. math:: N^* = \left( \frac{\alpha A}{\beta B} \right)^{1 / (\alpha + \beta)}
            \left( \frac{c}{k} \right)^{\beta / (\alpha + \beta)}

        Parameters
        ----------
        budget : number, array or DataArray
        per_pair : float
            k.
        values : mapping
            Parameters and other covariates by name.

        Returns
        -------
        number, array or DataArray
            NaN where an exponent or a level is not positive.

        Examples
        --------
        >>> values = {"A": 482.01, "B": 2085.43, "alpha": 0.3478, "beta": 0.3658}
        >>> pair = find_power_pair(Law("E + A*N**-alpha + B*D**-beta"))
        >>> round(float(pair.best_size(1e21, 6.0, values)) / 1e9, 3)
        2.778
        """
        parts = (self.level_N, self.exponent_N, self.level_D, self.exponent_D)
        A, alpha, B, beta = (_evaluate(part, values) for part in parts)
        with np.errstate(invalid="ignore", divide="ignore"):
            log_G = (np.log(alpha * A) - np.log(beta * B)) / (alpha + beta)
            best = np.exp(log_G + beta / (alpha + beta) * np.log(budget / per_pair))
        return best * np.where((A > 0) & (B > 0) & (alpha > 0) & (beta > 0), 1.0, np.nan)


def find_power_pair(law: Law) -> PowerPair | None:
    """The two power terms of a law in N and D, or None where it has others.

    What does not hold N or D is left out, and so are factors and one power around the sum.

    Examples
    --------
    >>> find_power_pair(Law("A*N**-alpha*D**-beta")) is None
    True
    >>> find_power_pair(Law("E + A*N**-alpha + B*D**-beta")).exponent_N
    alpha
    """
    N, D = symbol("N"), symbol("D")
    inner = _peel(law.expression, {N, D})
    found = {}
    for term in sp.Add.make_args(inner):
        held = term.free_symbols & {N, D}
        if not held:
            continue
        (own, *both) = held
        exponent = sp.expand(-own * sp.diff(term, own) / term)
        exponent = sp.simplify(exponent) if exponent.free_symbols & {N, D} else exponent
        if both or own in found or exponent.free_symbols & {N, D}:
            return None
        found[own] = (term.subs(own, 1), exponent)
    return PowerPair(*found[N], *found[D]) if len(found) == 2 else None


def _peel(expression: sp.Expr, held: set[sp.Symbol]) -> sp.Expr:
    """What is left without terms, factors and the power around that hold none of the symbols."""
    parts = [part for part in sp.Add.make_args(expression) if part.free_symbols & held]
    if len(parts) != 1:
        return expression
    factors = [part for part in sp.Mul.make_args(parts[0]) if part.free_symbols & held]
    if len(factors) != 1:
        return parts[0]
    if factors[0].is_Pow and not factors[0].exp.free_symbols & held and factors[0].base.is_Add:
        return _peel(factors[0].base, held)
    return factors[0]


def _evaluate(expression: sp.Expr, values: Mapping[str, Any]) -> Any:
    names = sorted(s.name for s in expression.free_symbols)
    return compile_expression(expression, names)(*(values[n] for n in names))


def search_range(cost: Cost, budget: Array, ratio: tuple[float, float]) -> tuple[Array, Array]:
    """Log sizes between which a budget buys tokens per parameter within `ratio`.

    Parameters
    ----------
    cost : Cost
    budget : array, shape (budget,)
    ratio : tuple of float
        Lowest and highest tokens per parameter.

    Returns
    -------
    low, high : array, shape (budget,)

    Examples
    --------
    >>> from scaling_bayes.laws.costs import six_nd
    >>> low, high = search_range(six_nd, np.array([6e20]), (1e-2, 1e4))
    >>> np.exp([low[0], high[0]]).round().tolist()
    [100000000.0, 100000000000.0]
    """

    def excess(x: Array, log_ratio: Array, budget: Array) -> Array:
        return np.log(cost.spend(np.exp(x), np.exp(x + log_ratio))) - np.log(budget)

    logs = np.log(ratio)[:, None] + np.zeros_like(budget)
    found = elementwise.find_root(excess, (np.full_like(logs, -50.0), np.full_like(logs, 150.0)), args=(logs, budget))
    return found.x[1], found.x[0]
