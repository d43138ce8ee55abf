"""Read a formula into SymPy through a whitelist over Python's own grammar.

A saved posterior carries its formula, and opening a file must not run code; so neither ``eval`` nor ``sympify`` sees
the text. Only numbers, names, ``+ - * / **`` and the functions of `FUNCTIONS` pass. Nor must it hang: length, depth,
exponents and every number on the way are bounded before SymPy computes with them.
"""

import ast
import operator
import re
from collections.abc import Callable
from keyword import iskeyword

import numpy as np
import sympy as sp

from scaling_bayes.laws.functions import CALLABLE, FUNCTIONS

MAX_CHARACTERS = 2_000
MAX_DEPTH = 40
MAX_MAGNITUDE = 1e30
MAX_EXPONENT = 64
MAX_INTEGER = 2**31 - 1
"""Larger integers are kept as floating-point numbers, because JAX's own integers end here."""

RESERVED = frozenset({"jax", "jnp", "numpy", "np", "scipy", "sympy", "math"})
LANGUAGE = "numbers, names, + - * / ** and the functions " + ", ".join(FUNCTIONS)

_OPERATORS: dict[type[ast.operator], Callable[[sp.Expr, sp.Expr], sp.Expr]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Pow: operator.pow,
}


class FormulaError(ValueError):
    """A formula that the reader refuses; the message shows the column and what was expected there."""


def symbol(name: str) -> sp.Symbol:
    """Return the one SymPy symbol that stands for `name` in every formula.

    Examples
    --------
    >>> symbol("N") in read_formula("E + A*N**-alpha").free_symbols
    True
    """
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
    reader = _Reader(" ".join(text.split()))
    expression = reader.read(reader.parse())
    large = {n: sp.Float(int(n)) for n in expression.atoms(sp.Integer) if abs(n) > MAX_INTEGER}
    return expression.xreplace(large)


class _Reader:
    """Walks one formula; knows its text, so that an error can point at it."""

    def __init__(self, source: str) -> None:
        self.source = source

    def refuse(self, offset: int, problem: str) -> FormulaError:
        return FormulaError(f"column {offset + 1}: {problem}\n    {self.source}\n    {' ' * offset}^")

    def parse(self) -> ast.expr:
        # Outside ASCII Python folds look-alikes into one name; a comment would hide text from the reader.
        if stray := re.search(r"[^ -~]|[#\\]", self.source):
            raise self.refuse(stray.start(), f"the character {stray.group()!r} is not part of a formula")
        try:
            return ast.parse(self.source, mode="eval").body
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            offset = (getattr(error, "offset", None) or len(self.source) + 1) - 1
            words = [word for word in re.findall(r"[a-z]+", self.source) if iskeyword(word)]
            hint = f"; {words[0]!r} is a word of Python, choose another name, such as {words[0]}_" if words else ""
            raise self.refuse(offset, f"this does not parse as arithmetic{hint}") from None

    def read(self, node: ast.expr, depth: int = 0) -> sp.Expr:
        if depth > MAX_DEPTH:
            raise self.refuse(node.col_offset, f"nested deeper than {MAX_DEPTH} levels")
        return self.check(node, self.build(node, depth + 1))

    def build(self, node: ast.expr, depth: int) -> sp.Expr:
        match node:
            case ast.Constant(value=int(value)) if not isinstance(value, bool):
                return sp.Integer(value)
            case ast.Constant(value=float(value)):
                return sp.Float(value)
            case ast.Constant(value=value):
                raise self.refuse(node.col_offset, f"expected a number, found {value!r}")
            case ast.Name(id=name):
                return self.name(node, name)
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                return -self.read(operand, depth)
            case ast.UnaryOp(op=ast.UAdd(), operand=operand):
                return self.read(operand, depth)
            case ast.BinOp(left=left, op=op, right=right) if type(op) in _OPERATORS:
                return self.operate(node, type(op), self.read(left, depth), self.read(right, depth))
            case ast.Call(func=ast.Name(id=name), args=args, keywords=[]) if name in CALLABLE:
                return self.call(node, name, [self.read(arg, depth) for arg in args])
            case ast.Call():
                raise self.refuse(node.col_offset, f"only these functions are known: {', '.join(CALLABLE)}")
            case ast.Attribute():
                raise self.refuse(node.col_offset, f"attribute access is not part of a formula; expected {LANGUAGE}")
        power = "; a power is written **" if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitXor) else ""
        raise self.refuse(node.col_offset, f"expected {LANGUAGE}{power}")

    def name(self, node: ast.expr, name: str) -> sp.Symbol:
        if not name[0].isalpha() or "__" in name:
            problem = f"a name is a letter followed by letters, digits and single underscores, found {name!r}"
            raise self.refuse(node.col_offset, problem)
        if name in CALLABLE or name in RESERVED:
            problem = f"{name!r} is a function or reserved; call it with an argument or choose another name"
            raise self.refuse(node.col_offset, problem)
        return symbol(name)

    def operate(self, node: ast.expr, op: type[ast.operator], left: sp.Expr, right: sp.Expr) -> sp.Expr:
        if op is ast.Pow and right.is_number and abs(right) > MAX_EXPONENT:
            raise self.refuse(node.col_offset, f"a number in an exponent is at most {MAX_EXPONENT} in magnitude")
        return _OPERATORS[op](left, right)

    def call(self, node: ast.expr, name: str, args: list[sp.Expr]) -> sp.Expr:
        row = CALLABLE[name]
        if len(args) != row.count and (row.count is not None or len(args) < 2):
            expected = f"{row.count} argument{'s' * (row.count > 1)}" if row.count else "two or more arguments"
            raise self.refuse(node.col_offset, f"{name} takes {expected}, found {len(args)}")
        if not all(arg.is_number for arg in args):
            return row.symbolic(*args)
        with np.errstate(all="ignore"):
            return sp.Float(float(row.numeric(np)(*(np.float64(arg) for arg in args))))

    def check(self, node: ast.expr, value: sp.Expr) -> sp.Expr:
        """Refuse numbers that grow, in `value` or in what SymPy made of its parts; numbers are rational or floats."""
        for part in sp.preorder_traversal(value):
            if part.is_number and not _is_moderate(part):
                problem = f"this is no finite real number: zero, or between {1 / MAX_MAGNITUDE:g} and {MAX_MAGNITUDE:g}"
                raise self.refuse(node.col_offset, problem)
            if part.is_Pow and part.exp.is_number and abs(part.exp) > MAX_EXPONENT:
                raise self.refuse(node.col_offset, f"this is a power above {MAX_EXPONENT}")
        return sp.Float(float(value)) if value.is_number and not value.is_Rational else value


def _is_moderate(number: sp.Expr) -> bool:
    if number.is_Rational:
        return max(abs(number.p), number.q) <= MAX_MAGNITUDE
    try:
        size = abs(float(number))
    except (TypeError, ValueError, OverflowError):
        return False
    return number == 0 or 1 / MAX_MAGNITUDE <= size <= MAX_MAGNITUDE
