"""`Extrapolation`: the fan of a prediction along a covariate, the runs, and a line beyond which they are counted."""

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import traitlets
from matplotlib.figure import Figure

from scaling_bayes.explorer.panel import STATE, Panel
from scaling_bayes.explorer.scene import Axis, Plot, Scene
from scaling_bayes.explorer.words import round_limits, say_count, say_distance, say_value
from scaling_bayes.figures.prediction import plot_prediction
from scaling_bayes.questions.curve_draws import prepare_curves
from scaling_bayes.questions.curves import Curves, to_answer
from scaling_bayes.questions.scoring import LEVELS, score

POINTS, FIGURE_POINTS = 120, 61
"""Of a curve, on screen and in the figure."""

MOVING = 2_000_000
"""Draws times points times groups that are evaluated while a control moves; when it stops, all."""

QUANTILES = (0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95)
BANDS = ((0, 6, 0.9), (1, 5, 0.8), (2, 4, 0.5))
"""Places of the ends of each band among `QUANTILES`, and its probability."""

FEW, SOME = 3, 6
"""Groups up to which all bands and draws are drawn, and up to which two bands are."""

LINES = 8
"""Single draws that are drawn."""

NEAR = 2.0
"""Factor in the other covariates at which a run is half as dark."""

FAINT = 0.12
UNSET = 0.0


class Extrapolation(Panel):
    """Fan of 50, 80 and 90 % bands of the response along a covariate.

    Attributes
    ----------
    along : str
        Covariate of the x axis.
    at : dict
        What is held: covariate -> value; tokens per parameter, ``M``, along compute.
    groups : list of str
        Those drawn.
    level : float
        Of the interval that is read off and counted: 0.5, 0.8 or 0.9.
    budget : float
        Where numbers are read: training compute, if the sweep knows it, and else a value of `along`.
    held_out_at : float
        Value of `along` beyond which runs are counted. It changes no fit.
    reach : float
        Multiple of the largest fitted value at which the axis ends.
    new_run : bool
        Bands of one new run, noise included, instead of the mean curve.
    """

    title: ClassVar[str] = "Extrapolation"
    topic: ClassVar[str] = "extrapolation"

    along = traitlets.Unicode().tag(**{STATE: True})
    at = traitlets.Dict().tag(**{STATE: True})
    groups = traitlets.List(traitlets.Unicode()).tag(**{STATE: True})
    level = traitlets.Float(0.9).tag(**{STATE: True})
    budget = traitlets.Float(UNSET).tag(**{STATE: True})
    held_out_at = traitlets.Float(UNSET).tag(**{STATE: True})
    reach = traitlets.Float(100.0).tag(**{STATE: True})
    new_run = traitlets.Bool(True).tag(**{STATE: True})

    def begin(self) -> None:
        """Along compute where it is known; the first groups; the line at the end of what was fitted."""
        covariates = self.subject.covariates
        self._ready: tuple[Any, dict[str, Curves]] | None = None
        self._span = (np.inf, 0.0)
        self.groups = list(self.subject.cells)[:FEW]
        self.at = {n: _middle(values) for n, values in covariates.fitted.items()}
        self.along = covariates.axes[0]
        self.names = {"runs": self._tell_runs()}

    @property
    def _scale(self) -> str:
        """What `budget` is a value of."""
        return "C" if self.subject.covariates.counts_compute else self.along

    @traitlets.validate("along", "groups", "level")
    def _check(self, proposal: Any) -> Any:
        name, value = proposal["trait"].name, proposal["value"]
        if name == "along":
            self.subject.covariates.held(value)
        if name == "groups":
            return self.subject.choose(value)
        if name == "level" and value not in LEVELS:
            raise traitlets.TraitError(f"level is one of {', '.join(map(str, LEVELS))}, found {value}")
        return value

    @traitlets.observe("along")
    def _move_line(self, _: Any) -> None:
        """The line stands where the fitted runs end, and so does a reading that is no compute."""
        fitted = self.subject.covariates.fitted
        self._span = (np.inf, 0.0)
        self.held_out_at = float(fitted[self.along].max())
        if self._scale != "C" or self.budget == UNSET:
            self.budget = float(fitted[self._scale].max() * np.sqrt(self.reach))
        self._widen({})

    @traitlets.observe("budget")
    def _widen(self, _: Any) -> None:
        """The axis reaches as far as numbers are read, and does not shrink again."""
        if self.along and self.budget != UNSET:
            place = self._place()
            self._span = (min(self._span[0], place), max(self._span[1], place))

    @property
    def main(self) -> str:  # type: ignore[override]
        """The first slider."""
        return f"at.{self.subject.covariates.held(self.along)[0]}" if self.subject.covariates.held(self.along) else ""

    # Mathematics is asked for here, and done in questions.

    def ends(self) -> tuple[float, float]:
        """Ends of the x axis."""
        fitted, known = self.subject.covariates.fitted[self.along], self.subject.runs[self.along]
        low, high = min(fitted.min(), known.min()) / 1.3, max(fitted.max() * self.reach, known.max() * 1.3)
        return float(min(low, self._span[0])), float(max(high, self._span[1]))

    def curves(self) -> Curves:
        """All draws, or fewer while a control moves; made ready once for each choice of axis and groups."""
        covariates, (low, high) = self.subject.covariates, self.ends()
        wide = {n: self._slider_ends(n) for n in covariates.held(self.along)}
        wide = {n: (min(a, self.at[n]), max(b, self.at[n])) for n, (a, b) in wide.items()}
        wanted = (self.along, tuple(self.groups), low, high, tuple(sorted(wide.items())))
        if self._ready is None or self._ready[0] != wanted:
            cells = [self.subject.cells[name] for name in self.groups]
            corners = [dict(zip(wide, corner, strict=True)) for corner in _corners(list(wide.values()))]
            ends = [covariates.follow(self.along, end, corner) for end in (low, high) for corner in corners]
            every = prepare_curves(self.subject.posterior, ends, cells=cells)
            few = every.thin(MOVING // (POINTS * len(cells)))
            self._ready = wanted, {"all": every, "moving": few}
        ready = self._ready[1]
        self.thinned = self.moving and ready["moving"].draws < ready["all"].draws
        return ready["moving" if self.thinned else "all"]

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

    def read(self, x: np.ndarray, curves: Curves) -> tuple[dict[str, Any], np.ndarray]:
        """Columns at values of the x axis, and `QUANTILES` of shape (level, point, group) there."""
        columns = self.subject.covariates.follow(self.along, x, self.at)
        log_response = curves.log_response(columns, new_run=self.new_run)
        return columns, curves.quantiles(log_response, columns, QUANTILES)

    def answer(self) -> pd.DataFrame:
        """Median and interval of each group at the budget, and the extrapolation there.

        Returns
        -------
        DataFrame
            One row a group; columns ``median``, ``lower``, ``upper``, `along`, what is held, ``extrapolation``, the
            ratio to the largest fitted scale, and of the held-out runs beyond the line ``runs_beyond`` and
            ``inside``.
        """
        x = np.array([self.cursor()])
        columns, q = self.read(x, self.curves())
        return self._tabulate(columns, q, 0)

    def _tabulate(self, columns: dict[str, Any], q: np.ndarray, place: int) -> pd.DataFrame:
        """The table of `answer`, from quantiles of shape (level, point, group) at one of the points."""
        low, high = next((low, high) for low, high, p in BANDS if p == self.level)
        found = {"median": q[3, place], "lower": q[low, place], "upper": q[high, place]}
        ratio = np.ravel(self.subject.covariates.extrapolation(columns))
        names = dict.fromkeys([self.along, *self.subject.covariates.held(self.along)])
        found |= {n: np.ravel(columns[n])[place if np.size(columns[n]) > 1 else 0] for n in names}
        beyond = [self._beyond([group]) for group in self.groups]
        found |= {"extrapolation": ratio[place], "runs_beyond": [len(b) for b in beyond]}
        found |= {"inside": [int(b.sum()) for b in beyond]}
        failed = self.subject.failed_gates
        table = pd.DataFrame(found, index=pd.Index(self.groups, name="group"))
        return table.rename_axis(columns=f"SAMPLER GATES FAILED: {failed}" if failed else None)

    def _beyond(self, groups: Sequence[str], *, held_out: bool = True) -> np.ndarray:
        """Of each run of the groups beyond the line, whether it lies inside its interval."""
        runs = self.subject.runs
        far = runs[self.along] > self.held_out_at * (1 + 1e-9)
        return runs[f"inside {self.level:g}"][np.isin(runs["cell"], groups) & (runs["held_out"] == held_out) & far]

    def _closeness(self) -> np.ndarray:
        """From 1, where a run has the values that are held, down with its distance from them."""
        runs = self.subject.runs
        held = [n for n in self.subject.covariates.held(self.along) if n in runs and (runs[n] > 0).all()]
        square = np.zeros(len(runs["run"]))
        for name in held:
            square += (np.log(runs[name] / self.at[name]) / np.log(NEAR)) ** 2
        return np.maximum(0.5**square, FAINT)

    # The picture.

    def describe(self, scene: Scene) -> None:
        """Bands, draws, runs, the line and the reading."""
        curves, (low, high) = self.curves(), self.ends()
        x = np.sort(np.append(np.geomspace(low, high, POINTS), self.cursor()))
        columns, q = self.read(x, curves)
        lines = self._single_draws(curves, columns) if len(self.groups) <= FEW else None
        runs, closeness = self.subject.runs, self._closeness()
        shown = runs["observed"][np.isin(runs["cell"], self.groups) & (closeness > FAINT)]
        record, unit = self.subject.record, self.subject.covariates.units.get(self.along, "")
        y_low, y_high = round_limits(np.append(q[[1, 5]].ravel(), shown))
        label = f"{record.response} ({record.unit})" if record.unit not in {"", "1"} else record.response
        y_axis = Axis(y_low, y_high, label)
        plot = scene.plot(Axis(low, high, self._axis_label(), unit), y_axis)
        fitted = self.subject.covariates.fitted[self.along]
        plot.span(x=(float(fitted.min()), float(fitted.max())))
        for k, group in enumerate(self.groups):
            self._draw_fan(plot, x, q[..., k], self.subject.colours[group])
            for line in lines[:, :, k] if lines is not None else ():
                plot.line(x, line, colour=self.subject.colours[group], width=0.7, alpha=0.45)
        self._draw_runs(plot, closeness)
        plot.rule(x=self.held_out_at, drag="held_out_at", label="counted beyond", colour="ink")
        plot.rule(x=self.cursor(), drag="cursor", label="read at", colour="muted")
        self._add_controls(scene)
        self._explain(scene)
        scene.summary = self._say(self._tabulate(columns, q, int(np.searchsorted(x, self.cursor()))), curves)

    def _axis_label(self) -> str:
        unit = self.subject.covariates.units.get(self.along, "")
        label = self.subject.label(self.along)
        return label.replace("tokens or samples", unit or "tokens") + (f" ({unit})" if unit == "FLOP" else "")

    def _single_draws(self, curves: Curves, columns: dict[str, Any]) -> np.ndarray:
        """A few draws of the mean curve, shape (draw, point, group)."""
        few = curves.thin(LINES)
        return few.respond(np.moveaxis(few.log_response(columns), -1, 0), columns)

    def _draw_fan(self, plot: Plot, x: np.ndarray, q: np.ndarray, colour: str) -> None:
        count = len(self.groups)
        bands = BANDS if count <= FEW else (BANDS[0], BANDS[2]) if count <= SOME else ()
        for low, high, _ in bands:
            plot.band(x, q[low], q[high], colour=colour, alpha=0.16 if count <= FEW else 0.12)
        for end in (0, 6) if not bands else ():
            plot.line(x, q[end], colour=colour, width=0.7, alpha=0.7)
        plot.line(x, q[3], colour=colour, width=2.0)

    def _draw_runs(self, plot: Plot, closeness: np.ndarray) -> None:
        """Fitted runs outlined; held-out ones filled where they lie inside their own interval, crossed where not."""
        runs = self.subject.runs
        inside, held_out = runs[f"inside {self.level:g}"], runs["held_out"]
        looks = (
            (~held_out, {"open": True, "size": 2.6}),
            (held_out & inside, {"size": 4.0}),
            (held_out & ~inside, {"size": 4.0, "marker": "x", "colour": "bad"}),
        )
        for group in self.groups:
            base = {"colour": self.subject.colours[group], "marker": self.subject.markers[group], "series": "runs"}
            for rows, look in looks:
                if len(own := np.flatnonzero((runs["cell"] == group) & rows)):
                    x, y, shown = runs[self.along][own], runs["observed"][own], closeness[own]
                    plot.points(x, y, shown=shown, index=own, **base | look)

    def _add_controls(self, scene: Scene) -> None:
        covariates = self.subject.covariates
        if len(covariates.axes) > 1:
            scene.add_choice("along", "along", self.along, covariates.axes)
        for name in covariates.held(self.along):
            low, high = self._slider_ends(name)
            if low < high:
                unit, label = covariates.units.get(name, ""), self.subject.label(name)
                label = label.replace("tokens or samples", unit or "tokens")
                scene.add_range(f"at.{name}", label, self.at[name], low, high, unit=unit, log=low > 0)
        scene.add_choice("level", "interval", f"{self.level:g}", [f"{level:g}" for level in LEVELS])
        scene.add_tick("new_run", "with the noise of one run", self.new_run)
        if len(self.subject.cells) > 1:
            scene.add_several("groups", "groups", self.groups, list(self.subject.cells), dict(self.subject.colours))

    def _explain(self, scene: Scene) -> None:
        base = self.subject.colours[self.groups[0]] if len(self.groups) == 1 else "ink"
        scene.explain("median", "line", colour=base)
        if len(self.groups) <= SOME:
            for alpha, (*_, p) in zip((0.42, 0.3, 0.16), reversed(BANDS), strict=True):
                scene.explain(f"{100 * p:g} %", "band", colour=base, alpha=alpha)
        scene.explain("fitted range", "band", colour="shade")
        scene.explain("fitted run", "points", colour=base, open=True, size=2.6)
        if self.subject.held_out is not None:
            scene.explain(f"held out, inside its {100 * self.level:g} % interval", "points", colour=base, size=4.0)
            scene.explain("held out, outside", "points", colour="bad", marker="x", size=4.0)

    def _say(self, table: pd.DataFrame, curves: Curves) -> str:
        """Numbers at the budget, its distance, and the count beyond the line."""
        name, unit = self.along, self.subject.covariates.units.get(self.along, "")
        first = table.iloc[0]
        where = f"At {name} = {say_value(first[name], unit)}, {say_distance(first['extrapolation'])}: "
        told = [
            f"{f'{group} ' if len(table) > 1 or len(self.subject.cells) > 1 else ''}{row['median']:.4g} "
            f"({100 * self.level:g} %: {row['lower']:.4g} to {row['upper']:.4g})"
            for group, row in table.head(SOME).iterrows()
        ]
        more = f", and {len(table) - SOME} more groups" if len(table) > SOME else ""
        lines = [where + "; ".join(told) + more + "."]
        count = say_count(self._beyond(self.groups), self._beyond(self.groups, held_out=False), self.level)
        lines.append(f"Beyond {say_value(self.held_out_at, unit)}: {count} The line changes no fit.")
        if self.thinned:
            lines.append(f"Moving: {curves.draws:,} of all draws; all of them when it stops.")
        return "\n".join(lines)

    def _tell_runs(self) -> list[str]:
        """What is said of each run when the mouse is on it."""
        runs = self.subject.scored
        kind = np.where(runs["held_out"], "held out", "fitted")
        return [
            f"{run}: {value:.4g}, {told}" for run, value, told in zip(runs["run"], runs["observed"], kind, strict=True)
        ]

    def figure(self) -> Figure:
        """The bands of the same draws, with the runs near what is held."""
        low, high = self.ends()
        covariates = self.subject.covariates
        columns = covariates.follow(self.along, np.geomspace(low, high, FIGURE_POINTS), self.at)
        fitted = covariates.fitted[self.along]
        attrs = self.subject.attrs(along=self.along, fitted=[float(fitted.min()), float(fitted.max())])
        self.moving = False
        curve = to_answer(self.curves(), columns, self.groups, attrs, units=covariates.units, new_run=self.new_run)
        parts = {"fit_part": self._near(self.subject.fitted, False)}
        if self.subject.held_out is not None:
            parts["scored"] = self._near(score(self.subject.posterior, self.subject.held_out), True)
        return plot_prediction(curve, **parts, level=self.level)

    def _near(self, runs: Any, held_out: bool) -> Any:
        """Runs of the chosen groups near what is held, with their group as a coordinate."""
        every = self.subject.runs
        rows = every["held_out"] == held_out
        near = ((self._closeness() > FAINT) & np.isin(every["cell"], self.groups))[rows]
        runs = runs.assign_coords(group=("run", every["cell"][rows].astype(str)))
        if self.along not in runs.variables:
            runs = runs.assign_coords({self.along: ("run", every[self.along][rows])})
        return runs.isel(run=np.flatnonzero(near))


def _middle(values: np.ndarray) -> float:
    """Geometric mean of positive values, else the median."""
    return float(np.exp(np.log(values).mean()) if (values > 0).all() else np.median(values))


def _corners(ends: list[tuple[float, float]]) -> list[tuple[float, ...]]:
    found: list[tuple[float, ...]] = [()]
    for pair in ends:
        found = [(*corner, end) for corner in found for end in pair]
    return found
