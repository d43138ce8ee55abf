"""The best split of a budget on every draw at once: closed where it can be, otherwise searched in parallel."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from scaling_bayes.laws.costs import Cost
from scaling_bayes.laws.minima import Array, Minimum, Rows, find_level, minimise
from scaling_bayes.laws.optima import find_power_pair, search_range
from scaling_bayes.questions.drift_paths import SAME, Drift
from scaling_bayes.questions.points import QuestionError, check_size
from scaling_bayes.questions.surface import SPLIT, Surface, log_distance

QUANTITIES = 8
"""Numbers that an answer holds of a split."""

RATIOS, WIDER = (1e-3, 1e6), 3.0
"""Tokens per parameter between which the best split of a law is looked for by default; where a drift moves it, the
fitted ones, wider by this factor at either end: beyond them the drift is the prior's."""

NEARBY = 0.5
"""Log distance at which a closed optimum is compared with its neighbours."""


@dataclass(frozen=True)
class Split:
    """The best split of budgets.

    Attributes
    ----------
    N, D : DataArray
        Dims (chain, draw, [groups], budget).
    low, high : DataArray
        Sizes between which the response stays near its best.
    at_edge : DataArray
        Whether the best lies at an end of the searched range or beyond it.
    closed : bool
        Whether the law's closed form was used.
    """

    N: xr.DataArray
    D: xr.DataArray
    low: xr.DataArray
    high: xr.DataArray
    at_edge: xr.DataArray
    closed: bool


@dataclass(frozen=True)
class Search:
    """Every draw of every group as a row of flat arrays, and every budget as a column.

    Attributes
    ----------
    surface : Surface
    budget : array, shape (budget,)
    cost : Cost
    ratios : tuple of float
        Tokens per parameter between which is searched.
    drifts : tuple of Drift
        What moves the optimum besides the law.
    """

    surface: Surface
    budget: Array
    cost: Cost
    ratios: tuple[float, float]
    drifts: tuple[Drift, ...] = ()

    @cached_property
    def sizes(self) -> dict[str, int]:
        """Dims of the rows."""
        arrays = [*self.surface.parameters().values(), *(d.paths for d in self.drifts)]
        known = {str(d): n for array in arrays for d, n in array.sizes.items() if d != "level"}
        order = ["chain", "draw", *self.surface.record.factors]
        return {d: known[d] for d in order if d in known}

    def flatten(self, array: xr.DataArray) -> Any:
        """One value for each row."""
        known = array.expand_dims([d for d in self.sizes if d not in array.dims]).transpose(*self.sizes)
        return np.broadcast_to(known.values, tuple(self.sizes.values())).reshape(-1)

    def label(self, values: NDArray[Any]) -> xr.DataArray:
        """Rows and columns as a labelled array again."""
        coords = {d: self.surface.draws.indexes[d] for d in self.sizes if d in self.surface.draws.indexes}
        shape = (*self.sizes.values(), len(self.budget))
        return xr.DataArray(values.reshape(shape), coords=coords, dims=(*self.sizes, "budget"))

    @cached_property
    def range(self) -> tuple[Array, Array]:
        """Lowest and highest log size of each budget."""
        return search_range(self.cost, self.budget, self.ratios)

    @cached_property
    def _parameters(self) -> dict[str, Array]:
        return {p: self.flatten(array) for p, array in self.surface.parameters().items()}

    @cached_property
    def _tables(self) -> list[tuple[Drift, Array, Rows]]:
        """Drifts as tables of paths, with the path of each row."""
        found = []
        for drift in self.drifts:
            *dims, _ = ordered = ("chain", "draw", *(d for d in self.sizes if d in drift.paths.dims[2:]), "level")
            paths = drift.paths.transpose(*ordered)
            rows = np.arange(paths[..., 0].size).reshape(paths.shape[:-1])
            found.append((drift, paths.values.reshape(rows.size, -1), self.flatten(xr.DataArray(rows, dims=dims))))
        return found

    def curve(self, x: Array, row: Rows, column: Rows) -> Array:
        """Log response at log sizes, negative where more is better; infinite where the budget buys no data."""
        surface, N = self.surface, np.exp(x)
        D = self.cost.afford(N, self.budget[column])
        some = D > 0
        D = np.where(some, D, 1.0)
        parameters = {p: values[row] for p, values in self._parameters.items()}
        covariates = surface.split(N, D)
        value = np.log(surface.evaluate(parameters, covariates))
        for drift, table, of_row in self._tables:
            value = value + drift.at_rows(table, of_row[row], log_distance(drift.axis, covariates))
        return np.asarray(np.where(some, surface.sign * surface.bend(value), np.inf))

    def best(self, *, roughly: bool = False) -> tuple[Minimum, bool]:
        """The optimum, and whether it was found in closed form; else it may be sought `roughly`, see `minimise`."""
        if (closed := self._closed_form()) is not None:
            return closed, True
        return minimise(self.curve, *self.range, int(np.prod([*self.sizes.values()])), roughly=roughly), False

    def _closed_form(self) -> Minimum | None:
        """The law's own optimum, if it has one that holds here."""
        surface, pair = self.surface, find_power_pair(self.surface.record.law)
        plain = set(surface.record.law.covariates) & set(SPLIT) == {"N", "D"} and not np.isfinite(surface.unique)
        if pair is None or self.cost.per_pair is None or not plain or self.drifts:
            return None
        of_rows = {name: values[:, None] for name, values in self._parameters.items()}
        with np.errstate(invalid="ignore", divide="ignore"):
            x = np.log(pair.best_size(self.budget, self.cost.per_pair, {**of_rows, **surface.held}))
        if not np.isfinite(x).all():
            return None
        own = np.indices(x.shape, sparse=True)
        value = self.curve(x, *own)
        if not all((value <= self.curve(x + step, *own)).all() for step in (-NEARBY, NEARBY)):
            return None
        low, high = self.range
        if ((x < low) | (x > high)).any():
            return None
        return Minimum(x, value, (x <= low) | (x >= high))

    def region(self, best: Minimum, eps: float) -> tuple[Array, Array]:
        """Log sizes on either side of the best up to which the response is within `eps` of it."""
        level = best.value + np.log1p(eps)
        low, high = self.range
        ends = (np.minimum(low, best.x), np.maximum(high, best.x))
        found = [find_level(self.curve, level, best.x, end) for end in ends]
        return found[0], found[1]


def best_split(
    surface: Surface,
    budget: Array,
    cost: Cost,
    *,
    ratios: tuple[float, float],
    eps: float,
    drifts: tuple[Drift, ...] = (),
) -> Split:
    """Find the best size for each budget, draw by draw.

    Parameters
    ----------
    surface : Surface
    budget : array, shape (budget,)
    cost : Cost
    ratios : tuple of float
        Tokens per parameter between which is searched.
    eps : float
        Of the region, as a share of the best response.
    drifts : tuple of Drift
        What moves the optimum besides the law.

    Returns
    -------
    Split
    """
    search = Search(surface, budget, cost, ratios, drifts)
    best, closed = search.best()
    low, high = search.region(best, eps)
    N = np.exp(best.x)
    D = search.label(cost.afford(N, budget))
    ends = (search.label(np.exp(low)), search.label(np.exp(high)))
    return Split(search.label(N), D, *ends, search.label(best.at_edge), closed)


def check_choice(surface: Surface, budgets: int) -> None:
    """Raise where a posterior does not say how a budget is split, or an answer would be too large.

    Raises
    ------
    QuestionError
    """
    if not can_choose(surface):
        law = surface.record.law
        raise QuestionError(
            f"the law {law.formula!r} in {', '.join(law.covariates)} does not say how a budget is best split; fit one "
            "in size and data, such as sb.law('chinchilla')"
        )
    check_size(QUANTITIES * surface.elements * budgets, "ask for fewer budgets at once")


@dataclass(frozen=True)
class Range:
    """Where the best split is looked for, and the drift there.

    Attributes
    ----------
    ratios : tuple of float
        Tokens per parameter between which is searched.
    drifts : tuple of Drift
        Along every axis.
    moving : tuple of Drift
        Those that differ between splits of one budget.
    """

    ratios: tuple[float, float]
    drifts: tuple[Drift, ...] = ()
    moving: tuple[Drift, ...] = ()


def lay_range(
    surface: Surface,
    budget: Array,
    cost: Cost,
    rng: np.random.Generator,
    *,
    ratios: tuple[float, float] | None,
    between: bool = False,
) -> Range:
    """Draw the drift over every split of budgets.

    Parameters
    ----------
    surface : Surface
    budget : array, shape (budget,)
    cost : Cost
    rng : numpy.random.Generator
    ratios : tuple of float, optional
        Tokens per parameter between which is searched; chosen by default.
    between : bool
        Whether budgets between those given may be asked for.

    Returns
    -------
    Range
    """
    chosen, moves = choose_ratios(surface, budget, cost)
    found = ratios or chosen
    covered = _lay_ends(surface, budget, cost, found)
    drifts = surface.draw_drifts(covered, rng, ends=("end", "budget") if between else ("end",))
    return Range(found, drifts, tuple(d for d, moving in zip(drifts, moves, strict=True) if moving))


def choose_ratios(surface: Surface, budget: Array, cost: Cost) -> tuple[tuple[float, float], list[bool]]:
    """Tokens per parameter between which the best split is looked for, and whether the drift of each axis moves it."""
    ends = _lay_ends(surface, budget, cost, RATIOS)
    places = [log_distance(axis, ends) for axis in surface.record.axes]
    moves = [bool((abs(each.diff("end")) > SAME).any()) for each in places]
    fitted = surface.fitted_ratios if any(moves) else None
    return (RATIOS if fitted is None else (fitted[0] / WIDER, fitted[1] * WIDER)), moves


def _lay_ends(surface: Surface, budget: Array, cost: Cost, ratios: tuple[float, float]) -> dict[str, Any]:
    """Covariates where budgets buy the lowest and the highest tokens per parameter."""
    N = xr.DataArray(np.exp(search_range(cost, budget, ratios)), dims=("end", "budget"))
    return surface.split(N, cost.afford(N, xr.DataArray(budget, dims="budget")))


def can_choose(surface: Surface) -> bool:
    """Whether the law holds more than one covariate that follows from size and data."""
    return len(set(surface.record.law.covariates) & set(SPLIT) - surface.held.keys()) > 1


def read_budgets(C: Any, unit: str) -> Array:
    """Budgets as an array.

    Raises
    ------
    QuestionError
        If one is not a positive finite number, or there is none.

    Examples
    --------
    >>> read_budgets(1e21, "FLOP").tolist()
    [1e+21]
    """
    budget = np.atleast_1d(np.asarray(C, dtype=np.float64))
    if budget.ndim != 1 or not budget.size or not (np.isfinite(budget) & (budget > 0)).all():
        raise QuestionError(f"C is one or more budgets in {unit}, above 0 and finite; found {C!r}")
    return budget
