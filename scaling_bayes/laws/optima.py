r"""The best split of a budget between size and data: in closed form where a law has one, by search otherwise."""

from collections.abc import Callable, Mapping
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
Rows = NDArray[np.intp]
Curve = Callable[[Array, Rows], Array]
"""Values at positions, each on the curve whose number stands beside it (the two broadcast): what a search minimises."""

GRID = 36
"""Positions at which a curve is looked at before its minimum is bracketed."""

NEVER = 1e9
"""Stands for infinity where a search compares values."""

BLOCK = 1 << 19
"""Values that a search holds at once, about."""


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


@dataclass(frozen=True)
class Minimum:
    """Where curves are lowest.

    Attributes
    ----------
    x, value : array, shape (element,)
    at_edge : array of bool, shape (element,)
        Whether the lowest value lies at an end of the range.
    """

    x: Array
    value: Array
    at_edge: NDArray[np.bool_]


def minimise(curve: Curve, low: Array, high: Array, *, roughly: bool = False) -> Minimum:
    """The lowest point of each of many curves: on a grid, then by Chandrupatla's method inside its bracket.

    Parameters
    ----------
    curve : callable
        Positions and the numbers of their curves, which broadcast -> values; inf where nothing can be.
    low, high : array, shape (element,)
        Range of each.
    roughly : bool
        Take the lowest point of the parabola through the bracket instead.

    Returns
    -------
    Minimum

    Examples
    --------
    >>> found = minimise(lambda x, k: (x - k) ** 2, np.full(3, 0.5), np.full(3, 9.0))
    >>> found.x.round(5).tolist(), found.at_edge.tolist()
    ([0.5, 1.0, 2.0], [True, False, False])
    """
    blocks = np.array_split(np.arange(low.size), max(1, -(-low.size * GRID // BLOCK)))
    finish = _vertex if roughly else _descend
    found = [_minimise_block(curve, low[rows], high[rows], rows, finish) for rows in blocks]
    x, value, at_edge = (np.concatenate([each[i] for each in found]) for i in range(3))
    return Minimum(x, value, at_edge.astype(bool))


Places = tuple[Array, Array, Array]
Finish = Callable[[Curve, Places, Places, Rows], tuple[Array, Array]]
"""Positions and values of the best place of a grid and its neighbours -> the lowest point between these."""


def _minimise_block(
    curve: Curve, low: Array, high: Array, rows: Rows, finish: Finish, again: int = 2
) -> tuple[Array, Array, NDArray[np.bool_]]:
    """Minima of some curves; where the first or last place is best, the step beside it is looked at `again`."""
    grid = low[:, None] + (high - low)[:, None] * np.linspace(0, 1, GRID)
    values = _by_number(curve)(grid, rows[:, None])
    best = np.argmin(values, axis=1)
    own = np.arange(len(rows))
    x, value = grid[own, best], values[own, best]
    at_edge = (best == 0) | (best == GRID - 1)
    if (k := own[~at_edge]).size:
        places, levels = (tuple(each[k, best[k] + step] for step in (-1, 0, 1)) for each in (grid, values))
        x[k], value[k] = finish(curve, places, levels, rows[k])
    if again and (k := own[at_edge]).size:
        first = np.minimum(best[k], GRID - 2)
        ends = grid[k, first], grid[k, first + 1]
        x[k], value[k], at_edge[k] = _minimise_block(curve, *ends, rows[k], finish, again - 1)
    return x, value, at_edge


def _descend(curve: Curve, places: Places, levels: Places, rows: Rows) -> tuple[Array, Array]:
    found = elementwise.find_minimum(_by_number(curve), places, args=(rows,))
    return found.x, found.f_x


def _vertex(curve: Curve, places: Places, levels: Places, rows: Rows) -> tuple[Array, Array]:
    before, after = levels[0] - levels[1], levels[2] - levels[1]
    both = before + after
    shift = np.divide(before - after, 2 * both, out=np.zeros_like(both), where=both > 0)
    return places[1] + shift * (places[2] - places[1]), levels[1] - shift * (before - after) / 4


def _by_number(curve: Curve) -> Curve:
    """The curve for SciPy, which hands the numbers of curves over as floats and takes no infinite values."""

    def finite(x: Array, rows: Rows) -> Array:
        return np.nan_to_num(curve(x, rows.astype(np.intp)), nan=NEVER, posinf=NEVER)

    return finite


def find_level(curve: Curve, level: Array, inner: Array, outer: Array) -> Array:
    """Where each curve rises through a level between `inner`, at or below it, and `outer`; `outer` where it does not.

    Parameters
    ----------
    curve : callable
        See `minimise`.
    level, inner, outer : array, shape (element,)

    Returns
    -------
    array, shape (element,)

    Examples
    --------
    >>> find_level(lambda x, k: x**2, np.array([4.0, 400.0]), np.zeros(2), np.full(2, 10.0)).round(6).tolist()
    [2.0, 10.0]
    """
    everything = np.arange(level.size)
    found = outer.copy()
    crossed = everything[curve(outer, everything) > level]

    def excess(x: Array, rows: Rows, level: Array) -> Array:
        return _by_number(curve)(x, rows) - level

    if crossed.size:
        ends, tolerances = (inner[crossed], outer[crossed]), {"xatol": 1e-9, "xrtol": 1e-12}
        solved = elementwise.find_root(excess, ends, args=(crossed, level[crossed]), tolerances=tolerances)
        found[crossed] = np.where(solved.success, solved.x, inner[crossed])
    return found
