r"""A formula as a paper prints it: its terms in the order in which they were written, its functions as mathematics.

SymPy sorts terms and factors, and prints what keeps digits (``expm1``, ``log1p``, ``softplus``) by its name. Here the
text itself is walked, so that ``E + A*N**-alpha`` is :math:`E + A N^{-\alpha}` and ``exp(k*log(x))`` is :math:`x^k`.
"""

import ast
from collections.abc import Sequence
from functools import reduce
from itertools import pairwise
from math import floor, log10
from typing import NamedTuple

from scaling_bayes.laws.functions import CALLABLE
from scaling_bayes.symbols import latex

SUM, PRODUCT, ATOM = range(3)
"""How tightly the parts of a piece hold together."""


RAISED = ("log", "log2", "log10", "tanh")
"""Functions of which a power is written beside the name."""


class Piece(NamedTuple):
    """LaTeX, and how tightly it holds together."""

    text: str
    binds: int


def typeset(formula: str) -> str:
    r"""LaTeX of a formula that `scaling_bayes.laws.read_formula` reads, without dollar signs.

    Parameters
    ----------
    formula : str

    Returns
    -------
    str

    Examples
    --------
    >>> print(typeset("E + A*N**-alpha + B*D**-beta"))
    E + A N^{-\alpha} + B D^{-\beta}
    >>> print(typeset("C**-c0*exp(-c1*f1*softplus(log(C/d1)/f1))"))
    C^{-c_{0}} \left(1 + \left(\frac{C}{d_{1}}\right)^{1 / f_{1}}\right)^{-c_{1} f_{1}}
    """
    return _write(ast.parse(" ".join(formula.split()), mode="eval").body).text


def _write(node: ast.expr) -> Piece:
    match node:
        case ast.BinOp(left, ast.Add(), right):
            return _add(_write(left).text, _write(right))
        case ast.BinOp(left, ast.Sub(), right):
            return _add(_write(left).text, _write(_negative(right)))
        case ast.UnaryOp(ast.UAdd(), operand):
            return _write(operand)
    negative, factors = _factors(node)
    return _multiply(factors, negative) if negative or len(factors) > 1 else _factor(factors[0])


def _add(left: str, right: Piece) -> Piece:
    return Piece(f"{left} - {right.text[1:]}" if right.text[0] == "-" else f"{left} + {right.text}", SUM)


def _factors(node: ast.expr) -> tuple[bool, list[ast.expr]]:
    """Whether a product is negative, and its factors."""
    match node:
        case ast.UnaryOp(ast.USub(), operand):
            negative, factors = _factors(operand)
            return not negative, factors
        case ast.BinOp(left, ast.Mult(), right):
            (first, before), (second, after) = _factors(left), _factors(right)
            return first != second, before + after
        case ast.BinOp(left, ast.Div() as over, right):
            negative, above = _factors(left)
            return negative, [ast.BinOp(reduce(_times, above), over, right)]
    return False, [node]


def _multiply(factors: Sequence[ast.expr], negative: bool) -> Piece:
    """A product; a minus before ``expm1`` turns it round, to one minus a power."""
    pieces = [_factor(factor) for factor in factors]
    turned = next((i for i, factor in enumerate(factors) if negative and _called(factor) == "expm1"), None)
    if turned is not None:
        pieces[turned] = Piece(f"1 - {_exponential(factors[turned].args[0]).text}", SUM)  # type: ignore[attr-defined]
        negative = False
    if len(pieces) == 1:
        return Piece("-" + _within(pieces[0], PRODUCT), SUM) if negative else pieces[0]
    text = _side_by_side([_within(piece, PRODUCT) for piece in pieces])
    return Piece("-" + text, SUM) if negative else Piece(text, PRODUCT)


def _side_by_side(factors: Sequence[str]) -> str:
    """Factors with a dot before a number, and a thin space beside a word."""
    text = factors[0]
    for before, factor in pairwise(factors):
        word = any(each.startswith(r"\mathrm") for each in (before, factor))
        text += (r" \cdot " if factor[0].isdigit() else r" \, " if word else " ") + factor
    return text


def _factor(node: ast.expr) -> Piece:
    match node:
        case ast.Constant(int(value) | float(value)):
            return _number(value)
        case ast.Name(name):
            return Piece(latex(name), ATOM)
        case ast.BinOp(left, ast.Div(), right):
            return Piece(rf"\frac{{{_write(left).text}}}{{{_write(right).text}}}", PRODUCT)
        case ast.BinOp(base, ast.Pow(), exponent):
            return _power(base, exponent)
        case ast.Call(ast.Name(name), arguments):
            return _call(name, arguments)
    return _write(node)


def _number(value: float) -> Piece:
    exponent = floor(log10(abs(value))) if value else 0
    if abs(exponent) < 4:
        return Piece(f"{value:.15g}", ATOM)
    mantissa, power = f"{value / 10.0**exponent:.12g}", f"10^{{{exponent}}}"
    return Piece(power if mantissa == "1" else rf"{mantissa} \cdot {power}", PRODUCT)


def _power(base: ast.expr, exponent: ast.expr) -> Piece:
    """A power; a number to which a function is raised stands beside its head."""
    raised, name = _write(exponent).text, _called(base)
    if name in RAISED and isinstance(base, ast.Call) and isinstance(exponent, ast.Constant):
        return Piece(f"{CALLABLE[name].head}^{{{raised}}}{_arguments(base.args)}", PRODUCT)
    return Piece(f"{_within(_write(base), ATOM)}^{{{raised}}}", PRODUCT)


def _call(name: str, arguments: list[ast.expr]) -> Piece:
    match name:
        case "exp":
            return _exponential(arguments[0])
        case "expm1":
            return Piece(f"{_exponential(arguments[0]).text} - 1", SUM)
        case "log1p":
            return Piece(rf"\log\left({_one_plus(arguments[0])}\right)", PRODUCT)
        case "softplus":
            return Piece(rf"\log\left(1 + {_exponential(arguments[0]).text}\right)", PRODUCT)
        case "sqrt":
            return Piece(rf"\sqrt{{{_write(arguments[0]).text}}}", ATOM)
        case "abs":
            return Piece(rf"\left|{_write(arguments[0]).text}\right|", ATOM)
    return Piece(CALLABLE[name].head + _arguments(arguments), PRODUCT)


def _exponential(node: ast.expr) -> Piece:
    """`e` to an exponent; if that is a multiple of a logarithm or a softplus, the power that it stands for."""
    negative, factors = _factors(node)
    for i, factor in enumerate(factors):
        rest = [*factors[:i], *factors[i + 1 :]]
        if isinstance(factor, ast.BinOp) and isinstance(factor.op, ast.Div) and not rest:
            base, exponent = _base(factor.left), f"1 / {_within(_write(factor.right), ATOM)}"
            exponent = "-" + exponent if negative else exponent
        else:
            base, exponent = _base(factor), _multiply(rest, negative).text if rest else "-1" if negative else ""
        if base:
            return Piece(f"{_within(base, ATOM)}^{{{exponent}}}", PRODUCT) if exponent else base
    return Piece(f"e^{{{_write(node).text}}}", PRODUCT)


def _base(node: ast.expr) -> Piece | None:
    """What `node` is the logarithm of, if it is a call of one."""
    match node:
        case ast.Call(ast.Name("log"), [argument]):
            return _write(argument)
        case ast.Call(ast.Name("log1p"), [argument]):
            return Piece(_one_plus(argument), SUM)
        case ast.Call(ast.Name("softplus"), [argument]):
            return Piece(f"1 + {_exponential(argument).text}", SUM)
    return None


def _arguments(nodes: Sequence[ast.expr]) -> str:
    return rf"\left({', '.join(_write(node).text for node in nodes)}\right)"


def _one_plus(node: ast.expr) -> str:
    return _add("1", _write(node)).text


def _within(piece: Piece, binds: int) -> str:
    return piece.text if piece.binds >= binds else rf"\left({piece.text}\right)"


def _negative(node: ast.expr) -> ast.expr:
    return ast.UnaryOp(ast.USub(), node)


def _times(left: ast.expr, right: ast.expr) -> ast.expr:
    return ast.BinOp(left, ast.Mult(), right)


def _called(node: ast.expr) -> str:
    return node.func.id if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) else ""
