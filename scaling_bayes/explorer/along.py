"""`AlongPanel`: the base of panels whose x axis is a covariate, with the others held by sliders."""

from typing import Any, ClassVar

import numpy as np
import traitlets

from scaling_bayes.explorer.panel import STATE, Panel
from scaling_bayes.explorer.scene import Scene
from scaling_bayes.questions.curve_draws import prepare_curves
from scaling_bayes.questions.curves import Curves
from scaling_bayes.questions.scoring import LEVELS

POINTS = 120
"""Of a curve on screen."""

QUANTILES = (0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95)
BANDS = ((0, 6, 0.9), (1, 5, 0.8), (2, 4, 0.5))
"""Places of the ends of each band among `QUANTILES`, and its probability."""

NEAR = 2.0
"""Factor in the other covariates at which a run is half as dark."""

FAINT = 0.12
UNSET = 0.0


class AlongPanel(Panel):
    """Base of panels along a covariate.

    Attributes
    ----------
    along : str
        Covariate of the x axis.
    at : dict
        What is held: covariate -> value; tokens per parameter, ``M``, along compute.
    level : float
        Of the interval that is read off and counted: 0.5, 0.8 or 0.9.
    budget : float
        Where numbers are read: training compute, if the sweep knows it, and else a value of `along`.
    reach : float
        Multiple of the largest fitted value at which the axis ends.
    """

    wider: ClassVar[float] = 1.0
    """Factor beyond either end of the axis up to which curves are made ready."""

    work: ClassVar[int] = 2_000_000
    """Draws times points times groups that are evaluated while a control moves; when it stops, all."""

    along = traitlets.Unicode().tag(**{STATE: True})
    at = traitlets.Dict().tag(**{STATE: True})
    level = traitlets.Float(0.9).tag(**{STATE: True})
    budget = traitlets.Float(UNSET).tag(**{STATE: True})
    reach = traitlets.Float(100.0).tag(**{STATE: True})

    def begin(self) -> None:
        """Along compute where it is known."""
        covariates = self.subject.covariates
        self._ready: tuple[Any, dict[str, Curves]] | None = None
        self._span = (np.inf, 0.0)
        self.at = {n: _middle(values) for n, values in covariates.fitted.items()}
        self.along = covariates.axes[0]

    @property
    def _scale(self) -> str:
        """What `budget` is a value of."""
        return "C" if self.subject.covariates.counts_compute else self.along

    def shown(self) -> list[str]:
        """Labels of the cells whose curves are wanted."""
        raise NotImplementedError

    @traitlets.validate("along", "level", "budget", "reach")
    def _check(self, proposal: Any) -> Any:
        name, value = proposal["trait"].name, proposal["value"]
        if name == "along":
            self.subject.covariates.held(value)
        if name == "level" and value not in LEVELS:
            raise traitlets.TraitError(f"level is one of {', '.join(map(str, LEVELS))}, found {value}")
        if name in ("budget", "reach") and not (0 < value < np.inf or (name == "budget" and value == UNSET)):
            raise traitlets.TraitError(f"{name} is above 0, found {value}")
        return value

    @traitlets.observe("along")
    def _turn(self, _: Any) -> None:
        """A new axis; a reading that is no compute moves to it."""
        fitted = self.subject.covariates.fitted
        self._span = (np.inf, 0.0)
        if self._scale != "C" or self.budget == UNSET:
            self.budget = float(fitted[self._scale].max() * np.sqrt(self.reach))
        self._widen({})

    @traitlets.observe("budget")
    def _widen(self, _: Any) -> None:
        """The axis reaches as far as numbers are read, and does not shrink while a control moves."""
        if self.along and self.budget != UNSET:
            place = self._place()
            low, high = self._span if self.moving else (place, place)
            self._span = (min(low, place), max(high, place))

    @property
    def main(self) -> str:  # type: ignore[override]
        """The first slider."""
        return f"at.{self.subject.covariates.held(self.along)[0]}" if self.subject.covariates.held(self.along) else ""

    def ends(self) -> tuple[float, float]:
        """Ends of the x axis."""
        fitted, known = self.subject.covariates.fitted[self.along], self.subject.runs[self.along]
        low, high = min(fitted.min(), known.min()) / 1.3, max(fitted.max() * self.reach, known.max() * 1.3)
        return float(min(low, self._span[0])), float(max(high, self._span[1]))

    def curves(self) -> Curves:
        """All draws, or fewer while a control moves; made ready once for each axis and choice of groups."""
        covariates, (low, high) = self.subject.covariates, self.ends()
        wide = {n: self._slider_ends(n) for n in covariates.held(self.along)}
        wide = {n: (min(a, self.at[n]), max(b, self.at[n])) for n, (a, b) in wide.items()}
        low, high, shown = low / self.wider, high * self.wider, self.shown()
        wanted = (self.along, tuple(shown), low, high, tuple(sorted(wide.items())))
        if self._ready is None or self._ready[0] != wanted:
            cells = [self.subject.cells[name] for name in shown]
            corners = [dict(zip(wide, corner, strict=True)) for corner in _corners(list(wide.values()))]
            ends = [covariates.follow(self.along, end, corner) for end in (low, high) for corner in corners]
            every = prepare_curves(self.subject.posterior, ends, cells=cells)
            few = every.thin(self.work // (POINTS * len(cells)))
            self._ready = wanted, {"all": every, "moving": few}
        ready = self._ready[1]
        self.thinned = self.moving and ready["moving"].draws < ready["all"].draws
        return ready["moving" if self.thinned else "all"]

    def band(self) -> tuple[int, int]:
        """Places among `QUANTILES` of the ends of the interval that is read off."""
        return next((low, high) for low, high, p in BANDS if p == self.level)

    def _slider_ends(self, name: str) -> tuple[float, float]:
        values = self.subject.covariates.fitted[name]
        wide = self.reach if values.min() > 0 and name != "M" else 1.0
        return float(values.min()), float(values.max() * wide)

    def _place(self) -> float:
        """Value of `along` at which compute is the budget; the budget itself where it is a value of `along`."""
        if self._scale == self.along:
            return self.budget
        covariates = self.subject.covariates
        fitted = covariates.fitted[self.along]
        low, high = float(fitted.min()), float(fitted.max())
        at = [float(covariates.follow(self.along, np.array([x]), self.at)["C"].item()) for x in (low, high)]
        if np.isclose(at[0], at[1]):
            return high
        return float(low * (self.budget / at[0]) ** (np.log(high / low) / np.log(at[1] / at[0])))

    def cursor(self) -> float:
        """Value of `along` at which numbers are read: at the budget, or at the end of the axis before it."""
        return float(np.clip(self._place(), *self.ends()))

    def act(self, name: str, value: Any) -> None:
        """The rule at which numbers are read was moved along the axis."""
        if name == "cursor":
            columns = self.subject.covariates.follow(self.along, np.array([value]), self.at)
            self.budget = float(np.ravel(columns[self._scale])[0])

    def closeness(self) -> np.ndarray:
        """From 1, where a run has the values that are held, down with its distance from them."""
        runs = self.subject.runs
        held = [n for n in self.subject.covariates.held(self.along) if n in runs and (runs[n] > 0).all()]
        square = np.zeros(len(runs["run"]))
        for name in held:
            square += (np.log(runs[name] / self.at[name]) / np.log(NEAR)) ** 2
        return np.maximum(0.5**square, FAINT)

    def axis_label(self) -> str:
        """What the x axis is, and its unit."""
        unit = self.subject.covariates.units.get(self.along, "")
        label = self.subject.label(self.along)
        return label.replace("tokens or samples", unit or "tokens") + (f" ({unit})" if unit == "FLOP" else "")

    def read_columns(self, columns: dict[str, Any], place: int) -> dict[str, float]:
        """What is held and the scale at one of the points, and its ratio to the largest fitted scale."""
        names = dict.fromkeys([self.along, *self.subject.covariates.held(self.along)])
        found = {n: np.ravel(columns[n])[place if np.size(columns[n]) > 1 else 0] for n in names}
        ratio = np.ravel(self.subject.covariates.extrapolation(columns))
        return found | {"extrapolation": ratio[place if len(ratio) > 1 else 0]}

    def add_level(self, scene: Scene) -> None:
        """Choice of the interval."""
        scene.add_choice("level", "interval", f"{self.level:g}", [f"{level:g}" for level in LEVELS])

    def add_sliders(self, scene: Scene) -> None:
        """Choice of the axis, and a slider for each covariate that is held."""
        covariates = self.subject.covariates
        if len(covariates.axes) > 1:
            scene.add_choice("along", "along", self.along, covariates.axes)
        for name in covariates.held(self.along):
            low, high = self._slider_ends(name)
            if low < high:
                unit, label = covariates.units.get(name, ""), self.subject.label(name)
                label = label.replace("tokens or samples", unit or "tokens")
                scene.add_range(f"at.{name}", label, self.at[name], low, high, unit=unit, log=low > 0)


def _middle(values: np.ndarray) -> float:
    """Geometric mean of positive values, else the median."""
    return float(np.exp(np.log(values).mean()) if (values > 0).all() else np.median(values))


def _corners(ends: list[tuple[float, float]]) -> list[tuple[float, ...]]:
    found: list[tuple[float, ...]] = [()]
    for pair in ends:
        found = [(*corner, end) for corner in found for end in pair]
    return found
