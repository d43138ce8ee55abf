"""How a law's parameters change when its covariates are divided by reference scales.

Dividing ``N`` by its geometric mean makes a level mean "nats contributed at the reference scale", which the sampler
likes and a reader understands; the paper's ``A`` (at ``N = 1``) follows from it by dimensional analysis of the formula:
with :math:`f(x; p) = f(x / x_{ref}; p_{ref})`, each parameter is :math:`p = p_{ref} \\prod_k x_{k,ref}^{w_k}`,
where a weight :math:`w_k` may itself hold parameters (for ``A*N**-alpha`` it is ``alpha``).
"""

from collections.abc import Iterable, Mapping
from itertools import combinations

import sympy as sp

Weights = Mapping[sp.Symbol, sp.Expr]


class _Conflict(Exception):
    """Two terms cannot be given the same dimension."""


class _Unknown(Exception):
    """The dimension hangs on a parameter that has none yet."""


def reference_scales(
    expression: sp.Expr, covariates: Iterable[sp.Symbol], parameters: Iterable[sp.Symbol]
) -> dict[sp.Symbol, sp.Expr]:
    """Factor by which each parameter at the reference is multiplied to give the paper's parameter.

    .. math:: p = p_{ref} \\cdot s_p(x_{ref}, p), \\qquad f(x; p) = f(x / x_{ref}; p_{ref})

    Parameters
    ----------
    expression : sympy.Expr
        The law.
    covariates, parameters : iterable of sympy.Symbol
        Its symbols. A covariate that cannot be rescaled (it stands inside a logarithm, say) keeps the reference 1 and
        appears in no factor.

    Returns
    -------
    dict
        parameter -> factor, an expression in the covariates (read: their references) and in other parameters.

    Examples
    --------
    >>> from scaling_bayes.laws.reader import read_formula, symbol
    >>> reference_scales(read_formula("E + A*N**-alpha"), [symbol("N")], [symbol(s) for s in ("E", "A", "alpha")])
    {E: 1, A: N**alpha, alpha: 1}
    """
    covariates, parameters = tuple(covariates), tuple(parameters)
    for size in range(len(covariates), -1, -1):
        for scaled in combinations(covariates, size):
            try:
                return _Analysis(scaled, parameters).factors(expression)
            except _Conflict:
                continue
    raise AssertionError("a law without scaled covariates has no dimensions to conflict")  # pragma: no cover


class _Analysis:
    """One attempt to give every part of a formula a dimension."""

    def __init__(self, scaled: Iterable[sp.Symbol], parameters: Iterable[sp.Symbol]) -> None:
        self.scaled = set(scaled)
        self.parameters = tuple(parameters)
        self.known: dict[sp.Symbol, Weights] = {}

    def factors(self, expression: sp.Expr) -> dict[sp.Symbol, sp.Expr]:
        self.assign(expression, {})
        weights = {p: self.known.get(p, {}) for p in self.parameters}
        return {p: sp.Mul(*(x**w for x, w in ws.items())) for p, ws in weights.items()}

    def infer(self, e: sp.Expr) -> Weights:
        """Dimension of `e` from below."""
        if e in self.scaled:
            return {e: sp.Integer(1)}
        if e in self.parameters:
            if e not in self.known:
                raise _Unknown
            return self.known[e]
        if isinstance(e, sp.Add | sp.Min | sp.Max):
            return self._alike(e.args)
        if isinstance(e, sp.Mul):
            return _product([self.infer(a) for a in e.args])
        if isinstance(e, sp.Pow):
            self.assign(e.exp, {})
            return _power(self.infer(e.base), e.exp)
        for argument in e.args:
            self.assign(argument, {})
        return {}

    def assign(self, e: sp.Expr, weights: Weights) -> None:
        """Give `e` the dimension `weights` from above."""
        if e in self.parameters and e not in self.known:
            self.known[e] = weights
        elif isinstance(e, sp.Add | sp.Min | sp.Max):
            for argument in e.args:
                self.assign(argument, weights)
        elif isinstance(e, sp.Mul):
            self._assign_product(e, weights)
        elif isinstance(e, sp.Pow) and e.base.free_symbols:
            self.assign(e.exp, {})
            self.assign(e.base, _power(weights, 1 / e.exp))
        elif not _equal(self.infer(e), weights) and e != 0:
            raise _Conflict(e)

    def _assign_product(self, e: sp.Mul, weights: Weights) -> None:
        unknown, rest = [], weights
        for factor in e.args:
            try:
                rest = _product([rest, _power(self.infer(factor), sp.Integer(-1))])
            except _Unknown:
                unknown.append(factor)
        if not unknown and not _equal(rest, {}):
            raise _Conflict(e)
        unknown.sort(key=lambda factor: (factor not in self.parameters, str(factor)))
        for position, factor in enumerate(unknown):
            self.assign(factor, {} if position else rest)

    def _alike(self, arguments: Iterable[sp.Expr]) -> Weights:
        arguments = list(arguments)
        for argument in arguments:
            try:
                weights = self.infer(argument)
            except _Unknown:
                continue
            for other in arguments:
                self.assign(other, weights)
            return weights
        raise _Unknown


def _product(many: Iterable[Weights]) -> Weights:
    total: dict[sp.Symbol, sp.Expr] = {}
    for weights in many:
        for x, w in weights.items():
            total[x] = sp.expand(total.get(x, sp.Integer(0)) + w)
    return {x: w for x, w in total.items() if w != 0}


def _power(weights: Weights, exponent: sp.Expr) -> Weights:
    return {x: sp.expand(w * exponent) for x, w in weights.items()}


def _equal(a: Weights, b: Weights) -> bool:
    return not _product([a, _power(b, sp.Integer(-1))])
