"""Functions of a user's own in formulas: what is no closed formula becomes one more function of the language."""

import hashlib
import inspect
import textwrap
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from importlib import import_module
from typing import Any, Literal

import sympy as sp

from scaling_bayes.laws.functions import FUNCTIONS, REGISTERED, Function, Opaque, opaque
from scaling_bayes.laws.reader import FormulaError, read_formula
from scaling_bayes.symbols import COVARIATES

_DIGESTS: dict[str, str] = {}
"""Name of a registered function -> hash of its code."""


def register_function(function: Callable[..., Any], *, positive: bool) -> tuple[str, ...]:
    """Let formulas call a function by its name, until this process ends.

    Parameters
    ----------
    function : callable
        Its first argument is the array module, ``numpy`` or ``jax.numpy``; the names of the others are returned.
    positive : bool
        Whether it is above zero for positive arguments.

    Returns
    -------
    tuple of str

    Raises
    ------
    FormulaError
        If its name is no name of a formula or taken, its arguments are not named one by one, or JAX cannot follow it.

    Examples
    --------
    >>> def halved(xp, N): return N / 2
    >>> register_function(halved, positive=True)
    ('N',)
    """
    name, arguments = getattr(function, "__name__", ""), list(inspect.signature(function).parameters.values())
    named = [a.name for a in arguments if a.kind == a.POSITIONAL_OR_KEYWORD and a.default is a.empty]
    if len(named) != len(arguments) or len(named) < 2 or named[0] in COVARIATES:
        expected = "f(xp, N, alpha): the array module, then covariates and parameters, without defaults"
        raise FormulaError(f"a law's function is {expected}; found {name}{inspect.signature(function)}")
    REGISTERED.pop(name, None)
    if not name.isidentifier() or name in FUNCTIONS or not read_formula(name).is_Symbol:
        raise FormulaError(f"{name!r} cannot be called in a formula: define the function with def, under another name")
    _check_traced(function, named[1:])
    head = rf"\mathrm{{{name.replace('_', r'\_')}}}"
    sign: Literal["positive", "any"] = "positive" if positive else "any"
    REGISTERED[name] = Function(name, opaque(name), lambda xp: partial(function, xp), sign, len(named) - 1, head)
    _DIGESTS[name] = hash_code(function)
    return tuple(named[1:])


def _check_traced(function: Callable[..., Any], names: Sequence[str]) -> None:
    """Refuse a function that JAX cannot follow, of two values of each argument."""
    jax = import_module("jax")
    values = [jax.ShapeDtypeStruct((2,), "float32")] * len(names)
    try:
        jax.eval_shape(partial(function, import_module("jax.numpy")), *values)
    except (TypeError, ValueError) as error:
        told = str(error).partition("\n")[0]
        raise FormulaError(
            f"JAX cannot follow {function.__name__!r} ({told}); call the functions of its first argument, "
            "as in xp.exp, instead of those of numpy or math, and no float() or if of an argument"
        ) from error


def called_functions(expression: sp.Expr) -> dict[str, str]:
    """Registered functions that an expression calls, each with the hash of its code."""
    called = {part.func.__name__ for part in expression.atoms(Opaque)}
    return {name: _DIGESTS[name] for name in sorted(called & _DIGESTS.keys())}


def check_functions(formula: str, functions: Mapping[str, str]) -> None:
    """Refuse to go on where a function is not the one that a law was made with.

    Raises
    ------
    FormulaError
        If a function is unknown here, or its code is another.
    """
    for name, digest in functions.items():
        if name not in _DIGESTS:
            told = "define it and call Law.from_function(...) first: a file keeps its name, never its code"
            raise FormulaError(f"the law {formula!r} calls {name!r}, a function of its author's; {told}")
        if _DIGESTS[name] != digest:
            raise FormulaError(
                f"the law {formula!r} calls {name!r}, whose code here is another than when the law was made: "
                "make the law again, or define the function as it was"
            )


def hash_code(function: Callable[..., Any]) -> str:
    """Hash of a function's source text, or of its instructions where there is no text.

    Examples
    --------
    >>> len(hash_code(hash_code))
    16
    """
    try:
        text = textwrap.dedent(inspect.getsource(function)).strip()
    except (OSError, TypeError):
        code = getattr(function, "__code__", None)
        text = repr((code.co_code, code.co_consts, code.co_names) if code else function)
    return hashlib.sha256(text.encode()).hexdigest()[:16]
