"""Axes along which a law may drift or its noise change: a covariate, or a formula in covariates such as ``D/N``."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from scaling_bayes.laws.functions import compile_expression
from scaling_bayes.laws.reader import read_formula


@dataclass(frozen=True)
class Axis:
    """One axis of a discrepancy, or of the noise's spread, as it was fitted.

    Attributes
    ----------
    name : str
        Covariate or formula.
    reference : float
        Where the drift is zero, or the spread is ``sigma``.
    knots : tuple of float
        Log distances from the reference at which the drift is represented.
    median : float
        Prior median of its spread.
    """

    name: str
    reference: float
    knots: tuple[float, ...] = ()
    median: float = 0.0

    def distance(self, values: Any) -> np.ndarray:
        """Log distance of `values` of the axis from the reference, in e-folds.

        Examples
        --------
        >>> Axis("C", reference=1e18, knots=(), median=0.01).distance([1e18, 1e19]).round(3).tolist()
        [0.0, 2.303]
        """
        return np.log(np.asarray(values, dtype=np.float64)) - np.log(self.reference)


def axis_covariates(name: str) -> list[str]:
    """Covariates of the axis `name`, sorted.

    Examples
    --------
    >>> axis_covariates("D/N")
    ['D', 'N']
    """
    return list(compile_axis(name)[0])


def axis_values(name: str, table: Mapping[str, Any]) -> np.ndarray:
    """Values of the axis `name` from columns that hold its covariates.

    Parameters
    ----------
    name : str
        A covariate, or a formula in covariates.
    table : mapping
        covariate -> column.

    Returns
    -------
    array
        In the units of the covariates.

    Raises
    ------
    FormulaError
        If `name` is not in the language of formulas.
    ValueError
        If a covariate of the axis is absent.

    Examples
    --------
    >>> axis_values("D/N", {"N": [1e8, 1e9], "D": [2e9, 8e10]}).tolist()
    [20.0, 80.0]
    """
    needed, function = compile_axis(name)
    if absent := [n for n in needed if n not in table]:
        given = ", ".join(map(str, table)) or "none"
        raise ValueError(f"an axis runs along {name!r}: add a column {absent[0]!r} (columns given: {given})")
    columns = [np.asarray(table[n], dtype=np.float64) for n in needed]
    return np.asarray(function(*columns), dtype=np.float64)


@cache
def compile_axis(name: str) -> tuple[list[str], Callable[..., Any]]:
    """Covariates of an axis, sorted, and the function of their columns, which may be labelled.

    Examples
    --------
    >>> needed, function = compile_axis("D/N")
    >>> needed, function(6.0, 3.0)
    (['D', 'N'], 2.0)
    """
    expression = read_formula(name)
    needed = sorted(s.name for s in expression.free_symbols)
    return needed, compile_expression(expression, needed)
