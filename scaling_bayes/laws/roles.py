"""What a parameter of a law is for: its support and the weakly informative prior that follows from it.

A role is data. `Role.support` says on which scale the parameter is sampled (``positive``: its logarithm, ``unit``: its
logit, ``real``: itself), `Role.centre` and `Role.width` give a normal prior on that scale for covariates measured in
their references, and `Role.spread` the half-normal scale of the differences between groups.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from math import log

import sympy as sp

from scaling_bayes.laws.functions import CALLABLE


@dataclass(frozen=True)
class Role:
    """One row of the table of roles.

    Attributes
    ----------
    name : str
    meaning : str
        One line for tables and error messages.
    support : {"positive", "real", "unit"}
    centre, width : float
        Normal prior on the sampled scale. For the roles in units of the response (``floor``, ``level``, ``ceiling``)
        `centre` is relative to the logarithm of the response at the reference.
    spread : float
        Scale of the half-normal prior on a group's standard deviation, on the sampled scale.
    in_response_units : bool
    """

    name: str
    meaning: str
    support: str
    centre: float
    width: float
    spread: float
    in_response_units: bool = False


ROLES: dict[str, Role] = {
    role.name: role
    for role in (
        Role("floor", "what is left when every covariate is infinite", "positive", log(0.5), 0.7, 0.5, True),
        Role("level", "what a term contributes at the reference scale", "positive", log(0.3), 1.0, 0.5, True),
        Role("ceiling", "the response before any training", "positive", log(1.5), 0.7, 0.3, True),
        Role("exponent", "power of a covariate", "positive", log(0.3), 0.7, 0.3),
        Role("break", "scale of a covariate at which the law bends", "positive", 0.0, 2.0, 0.5),
        Role("shift", "added to a covariate", "positive", log(0.1), 2.0, 0.5),
        Role("sharpness", "how sudden a bend is", "positive", log(0.2), 0.7, 0.3),
        Role("rate", "speed of an exponential", "positive", 0.0, 1.0, 0.3),
        Role("fraction", "a share between 0 and 1", "unit", 0.0, 1.5, 0.5),
        Role("coefficient", "any real number", "real", 0.0, 1.0, 0.5),
    )
}

NAMES: dict[str, str] = {
    **dict.fromkeys(("alpha", "beta", "gamma", "delta", "eta", "kappa", "zeta"), "exponent"),
    "E": "floor",
    **dict.fromkeys(("A", "B", "K"), "level"),
}
"""Roles by name, for parameters whose place in the formula does not decide."""


class RoleError(ValueError):
    """A parameter whose role is unknown, or a role that does not exist."""


def infer_roles(
    expression: sp.Expr, covariates: Iterable[sp.Symbol], parameters: Iterable[sp.Symbol]
) -> dict[str, str]:
    """Role of every parameter, from its place in the formula, then from its name.

    In a sum of positive terms a bare parameter is a floor and a factor a level; a parameter in the power of a covariate
    is an exponent; one added to a covariate a shift; one that divides a covariate a break; one that multiplies it in an
    exponential a rate.

    Parameters
    ----------
    expression : sympy.Expr
        The law.
    covariates, parameters : iterable of sympy.Symbol

    Returns
    -------
    dict
        parameter -> role.

    Raises
    ------
    RoleError
        For a parameter that neither place nor name decides; the message lists the roles.

    Examples
    --------
    >>> from scaling_bayes.laws.reader import read_formula, symbol
    >>> infer_roles(read_formula("E + A*N**-alpha"), [symbol("N")], [symbol(s) for s in ("A", "E", "alpha")])
    {'A': 'level', 'E': 'floor', 'alpha': 'exponent'}
    """
    covariates = frozenset(covariates)
    return {p.name: _place(expression, p, covariates) or _by_name(p.name, expression) for p in parameters}


def check_role(parameter: str, role: str) -> str:
    """Return `role` if the table has it.

    Raises
    ------
    RoleError
        Otherwise; the message lists the roles.

    Examples
    --------
    >>> check_role("alpha", "exponent")
    'exponent'
    """
    if role not in ROLES:
        raise RoleError(f"{parameter!r} was given the role {role!r}; known roles are {_described()}")
    return role


def is_positive_sum(expression: sp.Expr) -> bool:
    """Whether positive symbols make it positive.

    Sums and products of powers, positive functions and positive numbers do.

    Examples
    --------
    >>> from scaling_bayes.laws.reader import read_formula
    >>> is_positive_sum(read_formula("E + A*N**-alpha")), is_positive_sum(read_formula("a - b*log(C)"))
    (True, False)
    """
    if expression.is_number:
        return bool(expression.is_positive)
    if isinstance(expression, sp.Add | sp.Mul):
        return all(is_positive_sum(part) for part in expression.args)
    if isinstance(expression, sp.Pow):
        return is_positive_sum(expression.base)
    if expression.is_Symbol:
        return True
    row = CALLABLE.get(expression.func.__name__)
    return row is not None and (
        row.sign == "positive" or (row.sign == "kept" and all(is_positive_sum(part) for part in expression.args))
    )


def _place(expression: sp.Expr, p: sp.Symbol, covariates: frozenset[sp.Symbol]) -> str | None:
    if any(p in power.exp.free_symbols and power.base.free_symbols & covariates for power in expression.atoms(sp.Pow)):
        return "exponent"
    if is_positive_sum(expression):
        terms = sp.Add.make_args(expression)
        if p in terms and len(terms) > 1:
            return "floor"
        if any(p in sp.Mul.make_args(term) for term in terms):
            return "level"
    for part in sp.preorder_traversal(expression):
        if isinstance(part, sp.Add) and p in part.args and part != expression and part.free_symbols & covariates:
            return "shift"
        if isinstance(part, sp.exp) and p in sp.Mul.make_args(part.exp) and covariates & _bare(part.exp):
            return "rate"
        if isinstance(part, sp.Mul) and {p, 1 / p} & set(part.args) and covariates & _bare(part):
            return "break"
    return None


def _bare(product: sp.Expr) -> set[sp.Symbol]:
    """Symbols that stand in `product` to the power 1 or -1."""
    powers = (factor.as_base_exp() for factor in sp.Mul.make_args(product))
    return {base for base, power in powers if base.is_Symbol and power in (1, -1)}


def _by_name(name: str, expression: sp.Expr) -> str:
    stem = name.split("_")[0]
    if stem in NAMES and (NAMES[stem] == "exponent" or is_positive_sum(expression)):
        return NAMES[stem]
    raise RoleError(
        f"what {name!r} is for cannot be told from its place in {expression} nor from its name; "
        f"say roles={{{name!r}: ...}} with one of {_described()}"
    )


def _described() -> str:
    return "; ".join(f"{role.name} ({role.meaning})" for role in ROLES.values())
