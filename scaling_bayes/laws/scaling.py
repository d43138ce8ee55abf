r"""How a law's parameters change when its covariates are divided by reference scales.

Dividing ``N`` by its geometric mean makes a level mean "nats contributed at the reference scale", which the sampler
likes and a reader understands; the paper's ``A`` (at ``N = 1``) follows from it by dimensional analysis of the formula:
with :math:`f(x; p) = f(x / x_{ref}; p_{ref})`, each parameter is :math:`p = p_{ref} \prod_k x_{k,ref}^{w_k}`,
where a weight :math:`w_k` may itself hold parameters (for ``A*N**-alpha`` it is ``alpha``).
"""

from collections.abc import Iterable
from math import prod

import sympy as sp

from scaling_bayes.laws.functions import maximum, minimum

MAX_TERMS = 64
"""A weight that would have more terms is left as a product."""


class _Conflict(Exception):
    """Two terms cannot be given the same dimension."""


def reference_scales(
    expression: sp.Expr, covariates: Iterable[sp.Symbol], parameters: Iterable[sp.Symbol]
) -> dict[sp.Symbol, sp.Expr]:
    r"""Factor by which each parameter at the reference is multiplied to give the paper's parameter.

    .. math:: p = p_{ref} \cdot s_p(x_{ref}, p), \qquad f(x; p) = f(x / x_{ref}; p_{ref})

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
    parameters = tuple(parameters)
    factors = dict.fromkeys(parameters, sp.Integer(1))
    for covariate in covariates:
        try:
            weights = _Analysis(covariate, parameters).weights(expression)
        except _Conflict:
            continue
        factors = {p: factor * covariate ** weights[p] for p, factor in factors.items()}
    return factors


class _Analysis:
    """One attempt to give every part of a formula its dimension: the power of the covariate's unit in it."""

    def __init__(self, covariate: sp.Symbol, parameters: Iterable[sp.Symbol]) -> None:
        self.parameters = frozenset(parameters)
        self.known: dict[sp.Expr, sp.Expr] = {covariate: sp.Integer(1)}

    def weights(self, expression: sp.Expr) -> dict[sp.Symbol, sp.Expr]:
        """Weight of every parameter such that the expression has none.

        Raises
        ------
        _Conflict
            If there are no such weights.
        """
        self.assign(expression, sp.Integer(0))
        return {p: self.known.get(p, sp.Integer(0)) for p in self.parameters}

    def infer(self, e: sp.Expr) -> sp.Expr | None:
        """Weight of `e` from its parts; None while it hangs on a parameter that has none yet."""
        if e not in self.known and (weight := self._from_parts(e)) is not None:
            self.known[e] = weight
        return self.known.get(e)

    def _from_parts(self, e: sp.Expr) -> sp.Expr | None:
        if e in self.parameters:
            return None
        if _is_sum(e):
            return self._from_terms([term for term in e.args if term != 0])
        if isinstance(e, sp.Mul):
            weights = [self.infer(factor) for factor in e.args]
            return None if None in weights else _distribute(sp.Add(*weights))
        if isinstance(e, sp.Pow):
            self.assign(e.exp, sp.Integer(0))
            weight = self.infer(e.base)
            return None if weight is None else _distribute(weight * e.exp)
        for argument in e.args:
            self.assign(argument, sp.Integer(0))
        return sp.Integer(0)

    def _from_terms(self, terms: list[sp.Expr]) -> sp.Expr | None:
        weight = next((w for term in terms if (w := self.infer(term)) is not None), None)
        if weight is not None:
            for term in terms:
                self.assign(term, weight)
        return weight

    def assign(self, e: sp.Expr, weight: sp.Expr) -> None:
        """Give `e` the weight that its surroundings demand."""
        found = self.infer(e)
        if found is not None:
            if found != weight and e != 0:
                raise _Conflict(e)
            return
        if not weight.free_symbols <= self.parameters:
            raise _Conflict(e)
        if e in self.parameters:
            self.known[e] = weight
        elif _is_sum(e):
            for term in e.args:
                self.assign(term, weight)
        elif isinstance(e, sp.Mul):
            self._assign_product(e, weight)
        else:
            self.assign(e.base, _distribute(weight / e.exp))

    def _assign_product(self, e: sp.Mul, weight: sp.Expr) -> None:
        weights = {factor: self.infer(factor) for factor in e.args}
        unknown = [factor for factor, w in weights.items() if w is None]
        unknown.sort(key=lambda factor: (factor not in self.parameters, str(factor)))
        rest = _distribute(sp.Add(weight, *(-w for w in weights.values() if w is not None)))
        for position, factor in enumerate(unknown):
            self.assign(factor, sp.Integer(0) if position else rest)


def _is_sum(e: sp.Expr) -> bool:
    """Whether all parts of `e` must have one dimension."""
    return isinstance(e, sp.Add | minimum | maximum)


def _distribute(weight: sp.Expr) -> sp.Expr:
    """Multiply out sums, so that equal weights look alike; a weight too long for that stays as it is."""
    terms = sp.Add.make_args(weight)
    count = sum(prod(len(sp.Add.make_args(factor)) for factor in sp.Mul.make_args(term)) for term in terms)
    return sp.Add(*(sp.expand_mul(term, deep=False) for term in terms)) if count <= MAX_TERMS else weight
