r"""The functions that a formula may call, each written once for NumPy, xarray and JAX.

SymPy carries most of them as they stand (`Opaque`) instead of rewriting them: that keeps :math:`\log(1 + x)` exact for
small ``x``, a softplus finite for large ones, and the time to read a hostile formula short.
"""

from collections import ChainMap
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import reduce
from importlib import import_module
from typing import Any, Literal

import sympy as sp

from scaling_bayes.laws.special import log_beta, skewed_sigmoid


class Opaque(sp.Function):
    """A function that SymPy carries, but never rewrites."""


@dataclass(frozen=True)
class Function:
    """One row of the table of functions.

    Attributes
    ----------
    name : str
        As it stands in a formula.
    symbolic : callable
        SymPy expressions -> SymPy expression.
    numeric : callable
        Array module (``numpy`` or ``jax.numpy``) -> function of arrays.
    sign : {"positive", "kept", "any"}
        Whether it is positive everywhere, where its arguments are, or neither.
    count : int or None
        Number of arguments; None for two or more.
    head : str
        LaTeX before the arguments; empty for those that `scaling_bayes.laws.notation` writes otherwise.
    """

    name: str
    symbolic: Callable[..., sp.Expr]
    numeric: Callable[[Any], Callable[..., Any]]
    sign: Literal["positive", "kept", "any"] = "any"
    count: int | None = 1
    head: str = ""


def opaque(name: str) -> type[Opaque]:
    """A function that SymPy carries under a name."""
    return type(name, (Opaque,), {})


minimum, maximum = opaque("min"), opaque("max")

FUNCTIONS: dict[str, Function] = {
    row.name: row
    for row in (
        Function("exp", sp.exp, lambda xp: xp.exp, "positive"),
        Function("expm1", opaque("expm1"), lambda xp: xp.expm1, "kept"),
        Function("log", sp.log, lambda xp: xp.log, head=r"\log"),
        Function("log1p", opaque("log1p"), lambda xp: xp.log1p, "kept"),
        Function("log2", opaque("log2"), lambda xp: xp.log2, head=r"\log_{2}"),
        Function("log10", opaque("log10"), lambda xp: xp.log10, head=r"\log_{10}"),
        # By operator alone, so that a factor such as sqrt(N) serves values of any array module.
        Function("sqrt", sp.sqrt, lambda xp: lambda x: x**0.5, "kept"),
        Function("abs", opaque("abs"), lambda xp: xp.abs, "kept"),
        Function("tanh", opaque("tanh"), lambda xp: xp.tanh, "kept", head=r"\tanh"),
        Function("min", minimum, lambda xp: lambda *xs: reduce(xp.minimum, xs), "kept", None, r"\min"),
        Function("max", maximum, lambda xp: lambda *xs: reduce(xp.maximum, xs), "kept", None, r"\max"),
        Function(
            "sigmoid",
            opaque("sigmoid"),
            lambda xp: lambda x: xp.exp(-xp.logaddexp(-x, 0.0)),
            "positive",
            head=r"\sigma",
        ),
        Function("softplus", opaque("softplus"), lambda xp: lambda x: xp.logaddexp(x, 0.0), "positive"),
        Function(
            "skewed_sigmoid", opaque("skewed_sigmoid"), skewed_sigmoid, "positive", 2, r"\sigma_{\mathrm{skewed}}"
        ),
        Function("log_beta", opaque("log_beta"), log_beta, "any", 2, r"\log B"),
    )
}
"""Name in a formula -> what it means to SymPy and to an array module."""

REGISTERED: dict[str, Function] = {}
"""Functions of the user's own; see `scaling_bayes.laws.Law.from_function`."""

CALLABLE = ChainMap(REGISTERED, FUNCTIONS)
"""All that a formula may call."""


def compile_expression(expression: sp.Expr, names: Iterable[str], module: str = "numpy") -> Callable[..., Any]:
    """Compile an expression to a function of arrays.

    Parameters
    ----------
    expression : sympy.Expr
        As `scaling_bayes.laws.read_formula` returns it.
    names : iterable of str
        The symbols in it, in the order of the function's arguments.
    module : {"numpy", "jax.numpy"}
        Array module; imported here. The ``numpy`` function takes labelled DataArrays too.

    Returns
    -------
    callable

    Examples
    --------
    >>> from scaling_bayes.laws.reader import read_formula
    >>> compile_expression(read_formula("max(a, 2*b)"), ["a", "b"])(3.0, 2.0).item()
    4.0
    """
    xp = import_module(module)
    namespace = {row.name: row.numeric(xp) for row in CALLABLE.values()}
    if module == "jax.numpy":
        expression = expression.replace(_is_general_power, lambda power: _power(power.base, power.exp))
        namespace[_power.__name__] = lambda base, exponent: xp.exp(exponent * xp.log(base))
    order = {s.name: s for s in expression.free_symbols}
    arguments = [order.get(name, sp.Dummy(name)) for name in names]
    return sp.lambdify(arguments, expression, modules=[namespace], dummify=True)


_power = sp.Function("_power")
"""A power through the logarithm, which XLA computes several times faster than `pow` on a CPU."""


def _is_general_power(expression: sp.Expr) -> bool:
    return isinstance(expression, sp.Pow) and bool(expression.exp.free_symbols)
