"""`Law`: a formula that knows its covariates, its parameters and their roles."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from typing import Any

import numpy as np
import sympy as sp

from scaling_bayes.laws.functions import compile_expression
from scaling_bayes.laws.notation import typeset
from scaling_bayes.laws.reader import read_formula, symbol
from scaling_bayes.laws.registered import called_functions, check_functions, register_function
from scaling_bayes.laws.roles import RoleError, check_role, infer_roles
from scaling_bayes.laws.scaling import reference_scales
from scaling_bayes.symbols import COVARIATES


@dataclass(frozen=True)
class Source:
    """Where a law, or a set of reported numbers, comes from."""

    citation: str
    arxiv: str = ""
    year: int | None = None


@dataclass(frozen=True)
class Law:
    r"""A scaling law, written once as a formula.

    .. math:: L = f(x; p), \qquad \text{for instance}\quad L(N, D) = E + A N^{-\alpha} + B D^{-\beta}

    Parameters
    ----------
    formula : str
        Numbers, names, ``+ - * / **`` and the functions of `scaling_bayes.laws.FUNCTIONS`.
    roles : mapping, optional
        parameter -> role (see `scaling_bayes.laws.ROLES`), for those that place and name do not decide.
    covariates : iterable of str, optional
        Names in the formula that a sweep supplies. By default the names that `scaling_bayes.symbols.COVARIATES` lists
        and `roles` does not; a name that the fitted sweep has becomes a covariate too.
    name : str, optional
        Identifier in the catalogue.
    source : Source, optional
        Where it comes from; no part of its identity.
    reported : mapping, optional
        label -> {parameter: value} as published; a paper may report only some.
    pooling : mapping, optional
        parameter -> ``"shared"``, ``"partial"`` or ``"separate"``, as the catalogue recommends; no part of identity.
    functions : mapping, optional
        Set by the law itself: the user's own functions that the formula calls, each with the hash of its code.

    Raises
    ------
    FormulaError
        If the formula is not in the language (with the column).
    RoleError
        If a parameter's role is unknown, or a name is given that the formula does not have.

    Examples
    --------
    >>> law = Law("E + A*N**-alpha + B*D**-beta")
    >>> law.covariates, law.parameters
    (('N', 'D'), ('E', 'A', 'alpha', 'B', 'beta'))
    >>> law.roles["A"], law.scales["A"]
    ('level', N**alpha)
    """

    formula: str
    roles: Mapping[str, str] = field(default_factory=dict, hash=False)
    covariates: tuple[str, ...] = ()
    name: str = ""
    source: Source | None = field(default=None, compare=False)
    reported: Mapping[str, Mapping[str, float]] = field(default_factory=dict, hash=False, compare=False, repr=False)
    pooling: Mapping[str, str] = field(default_factory=dict, hash=False, compare=False, repr=False)
    functions: Mapping[str, str] = field(default_factory=dict, hash=False, repr=False)

    def __post_init__(self) -> None:
        check_functions(self.formula, self.functions)
        object.__setattr__(self, "functions", called_functions(self.expression))
        names = set(self.names)
        given = dict(self.roles or {})
        covariates = set(self.covariates or (names & COVARIATES.keys()) - given.keys())
        self._check_names(names, covariates, given)
        parameters = [symbol(n) for n in self.names if n not in covariates]
        undecided = [p for p in parameters if p.name not in given]
        inferred = infer_roles(self.expression, map(symbol, covariates), undecided)
        roles = {p.name: check_role(p.name, given.get(p.name) or inferred[p.name]) for p in parameters}
        object.__setattr__(self, "roles", roles)
        object.__setattr__(self, "covariates", tuple(n for n in self.names if n in covariates))

    def __getstate__(self) -> dict[str, Any]:
        return {f.name: getattr(self, f.name) for f in fields(self)}  # compiled functions cannot be pickled

    def _check_names(self, names: set[str], covariates: set[str], roles: Mapping[str, str]) -> None:
        if strangers := (covariates | roles.keys()) - names:
            known = f"{self.formula!r} has {', '.join(self.names)}"
            raise RoleError(f"{', '.join(sorted(strangers))} named in covariates= or roles=, but the formula {known}")
        if both := covariates & roles.keys():
            raise RoleError(f"{', '.join(sorted(both))} named both as covariate and as parameter: choose one")
        if not covariates:
            raise RoleError(
                f"the formula {self.formula!r} has no covariate: known ones are {', '.join(COVARIATES)}; "
                "name others with covariates=(...)"
            )

    @cached_property
    def expression(self) -> sp.Expr:
        """The formula as a SymPy expression."""
        return read_formula(self.formula)

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Covariates and parameters in the order of the formula."""
        free = {s.name for s in self.expression.free_symbols}
        return tuple(n for n in dict.fromkeys(re.findall(r"[A-Za-z_][A-Za-z0-9_]*", self.formula)) if n in free)

    @cached_property
    def parameters(self) -> tuple[str, ...]:
        """Names of the parameters, in the order of the formula."""
        return tuple(self.roles)

    @cached_property
    def terms(self) -> dict[str, frozenset[str]]:
        """Top-level terms of the formula as text, each with the names in it."""
        parts = sp.Add.make_args(self.expression)
        return {str(part): frozenset(s.name for s in part.free_symbols) for part in parts}

    @cached_property
    def signed(self) -> frozenset[str]:
        """Covariates that the formula only multiplies and adds, so that they may be zero or below."""
        return frozenset(name for name in self.covariates if self.expression.is_polynomial(symbol(name)))

    @property
    def latex(self) -> str:
        """The formula for a paper, without dollar signs."""
        return typeset(self.formula)

    @cached_property
    def scales(self) -> dict[str, sp.Expr]:
        """Factor from each parameter at the reference to the paper's parameter; see `reference_scales`."""
        found = reference_scales(self.expression, map(symbol, self.covariates), map(symbol, self.parameters))
        return {p.name: factor for p, factor in found.items()}

    @property
    def scaled(self) -> tuple[str, ...]:
        """Covariates that may be divided by a reference without changing the family of curves."""
        used = set().union(*(factor.free_symbols for factor in self.scales.values()))
        return tuple(c for c in self.covariates if symbol(c) in used)

    def compile(self, module: str = "numpy") -> Callable[..., Any]:
        """The law as a function of keyword arguments.

        Parameters
        ----------
        module : {"numpy", "jax.numpy"}
            Array module; the ``numpy`` function takes labelled DataArrays too.
        """
        check_functions(self.formula, self.functions)
        names = (*self.covariates, *self.parameters)
        function = compile_expression(self.expression, names, module)
        return lambda **values: function(*(values[n] for n in names))

    @cached_property
    def jax(self) -> Callable[..., Any]:
        """The law as a JAX function of keyword arguments."""
        return self.compile("jax.numpy")

    @cached_property
    def numpy(self) -> Callable[..., Any]:
        """The law as a NumPy function of keyword arguments; takes labelled DataArrays too."""
        return self.compile()

    def evaluate(self, values: Mapping[str, Any]) -> Any:
        """Value of the law at covariates and parameters in the paper's units.

        Parameters
        ----------
        values : mapping
            name -> number, array or DataArray, for every covariate and parameter; they broadcast. Other names are
            left alone.

        Returns
        -------
        number, array or DataArray
            In the units of the response.

        Raises
        ------
        KeyError
            If a covariate or a parameter has no value.

        Examples
        --------
        >>> Law("A*N**-alpha").evaluate({"N": [1e6, 1e8], "A": 40.0, "alpha": 0.25}).round(3).tolist()
        [1.265, 0.4]
        """
        if missing := {*self.covariates, *self.parameters} - values.keys():
            raise KeyError(f"the law {self.formula!r} needs values for {', '.join(sorted(missing))}")
        return self.numpy(**{n: _as_float(values[n]) for n in (*self.covariates, *self.parameters)})

    def rescale(self, values: Mapping[str, Any], references: Mapping[str, float]) -> dict[str, Any]:
        """Parameters in the paper's units from parameters at the reference.

        Parameters
        ----------
        values : mapping
            parameter -> value at the reference, numbers or arrays.
        references : mapping
            covariate -> reference, for each of `scaled`.

        Returns
        -------
        dict
            parameter -> value in the paper's units.

        Examples
        --------
        >>> Law("A*N**-alpha").rescale({"A": 0.4, "alpha": 0.25}, {"N": 1e8})
        {'A': 40.0, 'alpha': 0.25}
        """
        return {p: values[p] * self.factor(p, {**references, **values}) for p in self.parameters}

    def factor(self, parameter: str, values: Mapping[str, Any]) -> Any:
        """What turns `parameter` at the reference into the paper's.

        Parameters
        ----------
        parameter : str
        values : mapping
            References and parameters by name. Only ``+ * / **`` touch them (unless the formula calls a function in an
            exponent), so values that JAX traces pass too.

        Examples
        --------
        >>> Law("A*N**-alpha").factor("A", {"N": 1e8, "alpha": 0.25})
        100.0
        """
        names, function = self._factors[parameter]
        return function(*(values[n] for n in names))

    @cached_property
    def _factors(self) -> dict[str, tuple[list[str], Callable[..., Any]]]:
        names = {p: sorted(s.name for s in factor.free_symbols) for p, factor in self.scales.items()}
        return {p: (names[p], compile_expression(self.scales[p], names[p])) for p in self.parameters}

    def with_covariates(self, names: Iterable[str]) -> "Law":
        """The same formula with those of its parameters that `names` holds taken as covariates.

        Examples
        --------
        >>> Law("E + A*C**-alpha", roles={"A": "level"}).with_covariates(["C", "A", "seed"]).covariates
        ('A', 'C')
        """
        extra = set(names) & set(self.parameters)
        if not extra:
            return self
        roles = {p: r for p, r in self.roles.items() if p not in extra}
        return replace(self, roles=roles, covariates=(*self.covariates, *extra))

    def to_dict(self) -> dict[str, Any]:
        """What a saved posterior keeps of the law: text, dicts and lists only.

        Examples
        --------
        >>> Law("A*N**-alpha").to_dict()["roles"]
        {'A': 'level', 'alpha': 'exponent'}
        """
        saved = {f.name: getattr(self, f.name) for f in fields(self) if f.compare and f.name != "functions"}
        own = {"functions": dict(self.functions)} if self.functions else {}
        return {**saved, "roles": dict(self.roles), "covariates": list(self.covariates)} | own

    @classmethod
    def from_dict(cls, saved: Mapping[str, Any]) -> "Law":
        """Read back what `to_dict` wrote.

        Raises
        ------
        FormulaError, RoleError
            If somebody changed it to what is no law; nothing of it is executed.

        Examples
        --------
        >>> law = Law("A*N**-alpha")
        >>> Law.from_dict(law.to_dict()) == law
        True
        """
        told = {"roles": saved["roles"], "covariates": tuple(saved["covariates"]), "name": saved["name"]}
        return cls(saved["formula"], **told, functions=saved.get("functions", {}))

    @classmethod
    def from_function(cls, function: Callable[..., Any], *, positive: bool = True, **described: Any) -> "Law":
        r"""A law that is no closed formula: an equation solved by steps, a path, a table.

        .. math:: L = f(x; p)

        The function becomes one of the formula language, here and in any other `Law` of this process; its gradient is
        JAX's. A file keeps its name and the hash of its code, never the code: who opens a posterior of it defines it
        first. Fits are not kept in the cache, since what the function itself calls is not seen.

        Parameters
        ----------
        function : callable
            ``f(xp, ...)``: the array module, ``numpy`` or ``jax.numpy``, then covariates and parameters by name. Of
            arrays that broadcast, in the paper's units, and differentiable by JAX.
        positive : bool
            Whether it is above zero for all positive arguments; if not, residuals are not logarithmic.
        **described
            `roles`, `covariates`, `name`, `source`, `reported` and `pooling` of `Law`.

        Raises
        ------
        FormulaError
            If the function's name is taken by the language, its arguments are not named one by one, or JAX cannot
            follow it.
        RoleError
            If a parameter's role is unknown: a place in the formula decides none here.

        Examples
        --------
        >>> def saturating(xp, N, A, alpha): return A * xp.exp(-alpha * xp.log(N))
        >>> law = Law.from_function(saturating, roles={"A": "level"})
        >>> law.formula, law.covariates, law.roles
        ('saturating(N, A, alpha)', ('N',), {'A': 'level', 'alpha': 'exponent'})
        >>> law.evaluate({"N": 1e8, "A": 40.0, "alpha": 0.25}).round(3).item()
        0.4
        """
        arguments = register_function(function, positive=positive)
        return cls(f"{function.__name__}({', '.join(arguments)})", **described)


def _as_float(value: Any) -> Any:
    """Array of float64; a labelled array keeps its labels."""
    return value.astype(np.float64) if hasattr(value, "dims") else np.asarray(value, dtype=np.float64)
