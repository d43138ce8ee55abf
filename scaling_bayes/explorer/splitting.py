"""`SplittingPanel`: the base of panels that split a budget between size and data, under a cost that is chosen."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import traitlets

from scaling_bayes.explorer.along import QUANTILES
from scaling_bayes.explorer.panel import FEW, STATE, Grouped, Panel
from scaling_bayes.explorer.subject import Subject
from scaling_bayes.laws.costs import Cost, inference, six_nd, transformer
from scaling_bayes.questions.allocation import EPS
from scaling_bayes.questions.curve_draws import prepare_curves
from scaling_bayes.questions.curves import Curves, sort_quantiles
from scaling_bayes.questions.isoflops import SIZES, Isoflops, lay_corners, split_budgets
from scaling_bayes.questions.mixture import lead
from scaling_bayes.questions.points import QuestionError
from scaling_bayes.questions.scoring import LEVELS
from scaling_bayes.questions.splits import check_choice, choose_ratios
from scaling_bayes.questions.surface import SPLIT, Surface, read_surface
from scaling_bayes.symbols import suggest

COSTS: Mapping[str, Callable[[str, float], Cost]] = {
    "6 N D": lambda counting, served: six_nd,
    "transformer": lambda counting, served: transformer(counting=counting),
    "6 N D + serving": lambda counting, served: six_nd + inference(served),
    "transformer + serving": lambda counting, served: transformer(counting=counting) + inference(served),
}
"""What a budget pays for -> the cost, from how N was counted and the tokens served."""

MOVING = 150_000
"""Draws times sizes times groups that are evaluated while a control moves; when it stops, all."""

STEADY = 3_000_000
"""The same for the curves of all budgets, when what they depend on stands still."""

LEAST = 50
"""Draws of either, however many groups there are."""

REACH = 1e3
"""Multiple of the largest fitted compute up to which a budget may be set."""

SERVED = (1e-3, 1e3)
"""Tokens that may be served, relative to the largest fitted data."""

COARSE = 33
"""Sizes at which the curves of all budgets are evaluated, and those of the budget while a control moves."""

SHOWN = {
    "N_opt": ("best network parameters N", "parameters"),
    "D_opt": ("best training tokens D", "tokens"),
    "tokens_per_parameter": ("best tokens per parameter", ""),
}
"""What may be drawn against the budget: its label and unit."""


@dataclass(frozen=True)
class Steady:
    """What stays while the budget moves.

    Attributes
    ----------
    grid : array, shape (budget,)
    N : array, shape (budget, size)
    median : array, shape (budget, size, group)
        Of the response.
    best : mapping
        Name in `SHOWN` -> `QUANTILES` of the best split, shape (level, budget, group).
    """

    grid: np.ndarray
    N: np.ndarray
    median: np.ndarray
    best: Mapping[str, np.ndarray]


class SplittingPanel(Grouped, Panel):
    """Base of panels that split a budget; of a law in size and data.

    Its further state is that of `Grouped`.

    Attributes
    ----------
    budget : float
        In FLOP: of training, or of all that `cost` counts.
    cost : str
        What a budget pays for: ``6 N D``, ``transformer``, or one of both ``+ serving``.
    served : float
        Tokens served after training, where serving counts.
    eps : float
        The region holds sizes whose response is at most 1 + eps times the lowest.
    level : float
        Of the interval that is read off: 0.5, 0.8 or 0.9.
    at : dict
        Further covariates -> value.
    """

    budget = traitlets.Float(1.0).tag(**{STATE: True})
    cost = traitlets.Unicode("6 N D").tag(**{STATE: True})
    served = traitlets.Float(1.0).tag(**{STATE: True})
    eps = traitlets.Float(EPS).tag(**{STATE: True})
    level = traitlets.Float(0.9).tag(**{STATE: True})
    at = traitlets.Dict().tag(**{STATE: True})

    @classmethod
    def why_not(cls, subject: Subject) -> str:
        """Why there is nothing to split; empty where there is."""
        if reason := super().why_not(subject):
            return reason
        covariates = subject.covariates
        if not covariates.counts_compute:
            return "compute does not follow from size and data in this sweep, so no budget can be split between them"
        try:
            held = {n: float(np.median(covariates.fitted[n])) for n in covariates.free if n not in SPLIT}
            check_choice(read_surface(lead(subject.posterior), held, np.random.default_rng(0)), 1)
        except QuestionError as error:
            return str(error)
        return ""

    def begin(self) -> None:
        """Ten times the largest fitted compute."""
        covariates = self.subject.covariates
        self._laid: tuple[Any, Surface] | None = None
        self._ready: tuple[Any, Curves, Curves] | None = None
        self._steady: tuple[Any, bool, Steady] | None = None
        self.groups = list(self.subject.cells)[:FEW]
        self.at = {n: float(np.median(covariates.fitted[n])) for n in covariates.free if n not in SPLIT}
        self.served = float(covariates.fitted["D"].max())
        self.budget = float(10 * covariates.fitted["C"].max())

    @traitlets.validate("budget", "served", "eps", "cost", "level")
    def _check(self, proposal: Any) -> Any:
        name, value = proposal["trait"].name, proposal["value"]
        if name == "cost" and value not in COSTS:
            raise QuestionError(f"cost={value!r} is none of the choices: {suggest(value, COSTS)}")
        if name == "level" and value not in LEVELS:
            raise traitlets.TraitError(f"level is one of {', '.join(map(str, LEVELS))}, found {value}")
        if name in ("budget", "served", "eps") and not (np.isfinite(value) and value > 0):
            raise traitlets.TraitError(f"{name} is a positive number, found {value!r}")
        return value

    def price(self, served: float | None = None) -> Cost:
        """The cost that is chosen."""
        counting = "non_embedding" if self.subject.fitted.attrs.get("counting") == "non_embedding" else "total"
        return COSTS[self.cost](counting, served or self.served)

    def surface(self) -> Surface:
        """What follows from a split under the chosen cost."""
        wanted = (self.cost, self.served, tuple(sorted(self.at.items())))
        if self._laid is None or self._laid[0] != wanted:
            posterior, rng = lead(self.subject.posterior), np.random.default_rng(0)
            self._laid = wanted, read_surface(posterior, self.at, rng, cost=self.price())
        return self._laid[1]

    def budgets(self) -> tuple[float, float]:
        """Ends of the budgets that may be set."""
        fitted = self.subject.covariates.fitted["C"]
        return min(float(fitted.min()), self.budget), max(float(fitted.max()) * REACH, self.budget)

    def tokens(self) -> tuple[float, float]:
        """Ends of the tokens that may be served."""
        most = float(self.subject.covariates.fitted["D"].max())
        return min(most * SERVED[0], self.served), max(most * SERVED[1], self.served)

    def ratios(self) -> tuple[float, float]:
        """Tokens per parameter between which is searched."""
        return choose_ratios(self.surface(), np.array(self.budgets()), self.price())[0]

    def _prepare(self) -> tuple[Curves, Curves]:
        """Curves of all draws, and of those for what moves; made once for each cost and choice of groups."""
        wanted = (self.cost, tuple(self.groups), self.budgets(), self.tokens(), tuple(sorted(self.at.items())))
        if self._ready is None or self._ready[0] != wanted:
            surface, ends = self.surface(), []
            for served in self.tokens():
                cost = self.price(served)
                for budget in self.budgets():
                    ends += lay_corners(surface, cost, budget, self.ratios())
            cells = [self.subject.cells[name] for name in self.groups]
            every = prepare_curves(self.subject.posterior, ends, cells=cells)
            self._ready = wanted, every, every.thin(max(MOVING // (COARSE * len(cells)), LEAST))
        return self._ready[1], self._ready[2]

    def read(self) -> tuple[Curves, Isoflops]:
        """The splits of the budget, of all draws or of fewer while a control moves."""
        every, few = self._prepare()
        self.thinned = self.moving and few.draws < every.draws
        curves, sizes = (few, COARSE) if self.thinned else (every, SIZES)
        return curves, self.split(curves, np.array([self.budget]), sizes)

    def steady(self) -> Steady:
        """Splits of budgets over the whole range; of fewer draws while what they depend on moves."""
        low, high = self.budgets()
        wanted = (self.cost, self.served, tuple(self.groups), low, high, tuple(sorted(self.at.items())))
        known = self._steady
        if known is None or known[0] != wanted or (known[1] and not self.moving):
            grid = half_decades(low, high)
            work = (MOVING if self.moving else STEADY) // (len(grid) * COARSE * len(self.groups))
            curves = self._prepare()[0].thin(max(work, LEAST))
            splits = self.split(curves, grid, COARSE)
            median = curves.quantiles(splits.log_mean, splits.columns, [0.5])
            best = {name: sort_quantiles(np.array(getattr(splits, name)), QUANTILES) for name in SHOWN}
            parts = Steady(grid, splits.N, median.reshape(len(grid), COARSE, -1), best)
            known = self._steady = wanted, self.moving, parts
        self.thinned = self.thinned or known[1]
        return known[2]

    def curves(self) -> Curves:
        """All draws."""
        return self._prepare()[0]

    def split(self, curves: Curves, budget: np.ndarray, sizes: int = SIZES) -> Isoflops:
        """The splits of budgets under the chosen cost."""
        cost, ratios = self.price(), self.ratios()
        return split_budgets(curves, self.surface(), budget, cost, ratios, eps=self.eps, sizes=sizes)


def half_decades(low: float, high: float) -> np.ndarray:
    """Powers of the root of ten between two budgets, and both.

    Examples
    --------
    >>> half_decades(5e18, 2e20).round(-17).tolist()
    [5e+18, 1e+19, 3.2e+19, 1e+20, 2e+20]
    """
    between = np.arange(np.ceil(2 * np.log10(low) + 0.2), np.floor(2 * np.log10(high) - 0.2) + 1)
    return np.unique([low, *10 ** (between / 2), high])
