"""Read a formula into SymPy through a whitelist over Python's own grammar.

A saved posterior carries its formula, and opening a file must not run code; so neither ``eval`` nor ``sympify`` sees
the text. Only numbers, names, ``+ - * / **`` and the functions of `FUNCTIONS` pass.
"""

import ast
import math
from collections.abc import Callable

import sympy as sp

MAX_CHARACTERS = 2_000
MAX_DEPTH = 40
MAX_MAGNITUDE = 1e30
MAX_EXPONENT = 64
EXPONENTIALS = frozenset({"exp", "expm1", "sigmoid", "softplus"})

RESERVED = frozenset({"jax", "jnp", "numpy", "np", "scipy", "sympy", "math"})


class FormulaError(ValueError):
    """A formula that the reader refuses; the message shows the column and what was expected there."""


def _sigmoid(x: sp.Expr) -> sp.Expr:
    return 1 / (1 + sp.exp(-x))


def _softplus(x: sp.Expr) -> sp.Expr:
    return sp.Max(x, 0) + sp.log(1 + sp.exp(-sp.Abs(x)))


FUNCTIONS: dict[str, tuple[Callable[..., sp.Expr], int | None]] = {
    "exp": (sp.exp, 1),
    "expm1": (lambda x: sp.exp(x) - 1, 1),
    "log": (sp.log, 1),
    "log1p": (lambda x: sp.log(1 + x), 1),
    "log2": (lambda x: sp.log(x) / sp.log(2), 1),
    "log10": (lambda x: sp.log(x) / sp.log(10), 1),
    "sqrt": (sp.sqrt, 1),
    "abs": (sp.Abs, 1),
    "tanh": (sp.tanh, 1),
    "min": (sp.Min, None),
    "max": (sp.Max, None),
    "sigmoid": (_sigmoid, 1),
    "softplus": (_softplus, 1),
}
"""Name in a formula -> (SymPy constructor, number of arguments; None for two or more)."""

_OPERATORS: dict[type[ast.operator], Callable[[sp.Expr, sp.Expr], sp.Expr]] = {
    ast.Add: lambda a, b: a + b,
    ast.Sub: lambda a, b: a - b,
    ast.Mult: lambda a, b: a * b,
    ast.Div: lambda a, b: a / b,
}


def symbol(name: str) -> sp.Symbol:
    """The one SymPy symbol that stands for `name` in every formula."""
    return sp.Symbol(name, real=True)


def read_formula(text: str) -> sp.Expr:
    """Read `text` into a SymPy expression without executing any of it.

    Parameters
    ----------
    text : str
        A formula such as ``"E + A*N**-alpha"``, of numbers, names, ``+ - * / **`` and the names in `FUNCTIONS`.

    Returns
    -------
    sympy.Expr

    Raises
    ------
    FormulaError
        For anything else, with the column at which it stands and what was expected.

    Examples
    --------
    >>> read_formula("E + A*N**-alpha")
    A/N**alpha + E
    >>> read_formula("N.__class__")
    Traceback (most recent call last):
    scaling_bayes.laws.reader.FormulaError: column 1: attribute access is not part of a formula...
    """
    if not isinstance(text, str) or not text.strip():
        raise FormulaError(f"a formula is a text such as 'E + A*N**-alpha', found {text!r}")
    if len(text) > MAX_CHARACTERS:
        raise FormulaError(f"a formula has at most {MAX_CHARACTERS} characters, found {len(text)}")
    source = " ".join(text.split())
    try:
        tree = ast.parse(source, mode="eval")
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        column = getattr(error, "offset", None) or 1
        raise FormulaError(_point(source, column - 1, "this does not parse as arithmetic")) from None
    return _read(tree.body, source, depth=0)


def _point(source: str, offset: int, problem: str) -> str:
    marker = " " * offset + "^"
    return f"column {offset + 1}: {problem}\n    {source}\n    {marker}"


def _read(node: ast.expr, source: str, depth: int) -> sp.Expr:
    def refuse(problem: str) -> FormulaError:
        return FormulaError(_point(source, node.col_offset, problem))

    if depth > MAX_DEPTH:
        raise refuse(f"nested deeper than {MAX_DEPTH} levels")
    match node:
        case ast.Constant(value=bool() | complex() | str() | bytes() | None):
            raise refuse(f"expected a number, found {node.value!r}")
        case ast.Constant(value=int() | float()):
            return _number(node.value, refuse)
        case ast.Name(id=name):
            return _name(name, refuse)
        case ast.UnaryOp(op=ast.USub() | ast.UAdd(), operand=operand):
            value = _read(operand, source, depth + 1)
            return -value if isinstance(node.op, ast.USub) else value
        case ast.BinOp(op=ast.Pow(), left=left, right=right):
            return _power(_read(left, source, depth + 1), _read(right, source, depth + 1), refuse)
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _OPERATORS:
            value = _OPERATORS[type(op)](_read(left, source, depth + 1), _read(right, source, depth + 1))
            return _finite(value, refuse)
        case ast.Call(func=ast.Name(id=name), args=args, keywords=[]) if name in FUNCTIONS:
            return _call(name, [_read(arg, source, depth + 1) for arg in args], refuse)
        case ast.Call():
            raise refuse(f"only these functions are known: {', '.join(FUNCTIONS)}")
        case ast.Attribute():
            raise refuse("attribute access is not part of a formula; expected numbers, names, + - * / ** and functions")
    raise refuse("expected numbers, names, + - * / ** or one of: " + ", ".join(FUNCTIONS))


def _number(value: float, refuse: Callable[[str], FormulaError]) -> sp.Expr:
    if not abs(value) <= MAX_MAGNITUDE:
        raise refuse(f"expected a number of magnitude at most {MAX_MAGNITUDE:g}")
    return sp.Integer(value) if isinstance(value, int) else sp.Float(value)


def _name(name: str, refuse: Callable[[str], FormulaError]) -> sp.Symbol:
    if not (name.isascii() and name[0].isalpha()) or "__" in name:
        raise refuse(f"a name is an ASCII letter followed by letters, digits and single underscores, found {name!r}")
    if name in FUNCTIONS or name in RESERVED:
        raise refuse(f"{name!r} is a function or reserved; call it with an argument or choose another name")
    return symbol(name)


def _power(base: sp.Expr, exponent: sp.Expr, refuse: Callable[[str], FormulaError]) -> sp.Expr:
    if exponent.is_number and not abs(float(exponent)) <= MAX_EXPONENT:
        raise refuse(f"a number in an exponent is at most {MAX_EXPONENT} in magnitude")
    if base.is_number and exponent.is_number and base != 0:
        if abs(float(exponent) * math.log10(abs(float(base)))) > math.log10(MAX_MAGNITUDE):
            raise refuse(f"this number is larger than {MAX_MAGNITUDE:g}")
    return _finite(base**exponent, refuse)


def _call(name: str, args: list[sp.Expr], refuse: Callable[[str], FormulaError]) -> sp.Expr:
    function, count = FUNCTIONS[name]
    if len(args) != count and (count is not None or len(args) < 2):
        expected = f"{count} argument" if count else "two or more arguments"
        raise refuse(f"{name} takes {expected}, found {len(args)}")
    if name in EXPONENTIALS and args[0].is_number and not abs(float(args[0])) <= MAX_EXPONENT:
        raise refuse(f"a number inside {name} is at most {MAX_EXPONENT} in magnitude")
    return _finite(function(*args), refuse)


def _finite(value: sp.Expr, refuse: Callable[[str], FormulaError]) -> sp.Expr:
    if value.has(sp.oo, -sp.oo, sp.zoo, sp.nan) or (value.is_number and value.is_real is False):
        raise refuse("this has no finite real value")
    if value.is_number and not abs(float(value)) <= MAX_MAGNITUDE:
        raise refuse(f"this number is larger than {MAX_MAGNITUDE:g}")
    return value
