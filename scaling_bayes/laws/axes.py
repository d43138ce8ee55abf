"""Axes along which a law may drift: a covariate, or a formula in covariates such as ``D/N``."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import sympy as sp

from scaling_bayes.laws.reader import read_formula


@dataclass(frozen=True)
class Axis:
    """One axis of a discrepancy, as it was fitted.

    Attributes
    ----------
    name : str
        Covariate or formula.
    reference : float
        Where the drift is zero.
    knots : tuple of float
        Log distances from the reference at which the drift is represented.
    median : float
        Prior median of its spread.
    """

    name: str
    reference: float
    knots: tuple[float, ...]
    median: float

    def distance(self, values: Any) -> np.ndarray:
        """Log distance of `values` of the axis from the reference."""
        return np.log(np.asarray(values, dtype=np.float64)) - np.log(self.reference)


def axis_values(name: str, table: Mapping[str, Any]) -> np.ndarray:
    """Values of the axis `name` from columns that hold its covariates.

    Raises
    ------
    ValueError
        If a covariate of the axis is absent.
    """
    expression = read_formula(name)
    needed = sorted(expression.free_symbols, key=str)
    if absent := [s.name for s in needed if s.name not in table]:
        raise ValueError(f"the discrepancy runs along {name!r}, but {absent} is not among the covariates given")
    columns = [np.asarray(table[s.name], dtype=np.float64) for s in needed]
    return np.asarray(sp.lambdify(needed, expression, modules="numpy")(*columns), dtype=np.float64)
