"""`Extrapolation`: the fan of a prediction along a covariate, the runs, and a line beyond which they are counted."""

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import traitlets
from matplotlib.figure import Figure

from scaling_bayes.explorer.along import BANDS, FAINT, POINTS, QUANTILES, UNSET, AlongPanel
from scaling_bayes.explorer.panel import FEW, SOME, STATE, Grouped
from scaling_bayes.explorer.scene import Axis, Plot, Scene
from scaling_bayes.explorer.words import round_limits, say_count, say_distance, say_value
from scaling_bayes.figures.prediction import plot_prediction
from scaling_bayes.questions.curves import Curves, to_answer
from scaling_bayes.questions.scoring import score

FIGURE_POINTS = 61

LINES = 8
"""Single draws that are drawn."""


class Extrapolation(Grouped, AlongPanel):
    """Fan of 50, 80 and 90 % bands of the response along a covariate.

    Its further state is that of `AlongPanel` and `Grouped`. Up to three groups have three bands and single draws, up to
    six two bands.

    Attributes
    ----------
    held_out_at : float
        Value of `along` beyond which runs are counted. It changes no fit.
    new_run : bool
        Bands of one new run, noise included, instead of the mean curve.
    """

    title: ClassVar[str] = "Extrapolation"
    topic: ClassVar[str] = "extrapolation"

    held_out_at = traitlets.Float(UNSET).tag(**{STATE: True})
    new_run = traitlets.Bool(True).tag(**{STATE: True})

    def begin(self) -> None:
        """The first groups; the mouse tells runs."""
        self.groups = list(self.subject.cells)[:FEW]
        super().begin()
        self.names = {"runs": self.subject.told}

    def shown(self) -> list[str]:
        """The groups."""
        return self.groups

    @traitlets.observe("along")
    def _move_line(self, _: Any) -> None:
        """The line stands where the fitted runs end."""
        self.held_out_at = float(self.subject.covariates.fitted[self.along].max())

    def read(self, x: np.ndarray, curves: Curves) -> tuple[dict[str, Any], np.ndarray]:
        """Columns at values of the x axis, and `QUANTILES` of shape (level, point, group) there."""
        columns = self.subject.covariates.follow(self.along, x, self.at)
        return columns, curves.trace(columns, QUANTILES, new_run=self.new_run)

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
        low, high = self.band()
        found = {"median": q[3, place], "lower": q[low, place], "upper": q[high, place]}
        beyond = [self._beyond([group]) for group in self.groups]
        found |= self.read_columns(columns, place) | {"runs_beyond": [len(b) for b in beyond]}
        return self.tabulate(found | {"inside": [int(b.sum()) for b in beyond]}, self.groups)

    def _beyond(self, groups: Sequence[str], *, held_out: bool = True) -> np.ndarray:
        """Of each run of the groups beyond the line, whether it lies inside its interval."""
        runs = self.subject.runs
        far = runs[self.along] > self.held_out_at * (1 + 1e-9)
        return runs[f"inside {self.level:g}"][np.isin(runs["cell"], groups) & (runs["held_out"] == held_out) & far]

    def describe(self, scene: Scene) -> None:
        """Bands, draws, runs, the line and the reading."""
        curves, (low, high) = self.curves(), self.ends()
        x = np.sort(np.append(np.geomspace(low, high, POINTS), self.cursor()))
        columns, q = self.read(x, curves)
        lines = self._single_draws(curves, columns) if len(self.groups) <= FEW else None
        runs, closeness = self.subject.runs, self.closeness()
        shown = runs["observed"][np.isin(runs["cell"], self.groups) & (closeness > FAINT)]
        record, unit = self.subject.record, self.subject.covariates.units.get(self.along, "")
        y_low, y_high = round_limits(np.append(q[[1, 5]].ravel(), shown))
        label = f"{record.response} ({record.unit})" if record.unit not in {"", "1"} else record.response
        y_axis = Axis(y_low, y_high, label)
        plot = scene.plot(Axis(low, high, self.axis_label(), unit), y_axis)
        fitted = self.subject.covariates.fitted[self.along]
        plot.span(x=(float(fitted.min()), float(fitted.max())))
        for k, group in enumerate(self.groups):
            self._draw_fan(plot, x, q[..., k], self.subject.colours[group])
            for line in lines[:, :, k] if lines is not None else ():
                plot.line(x, line, colour=self.subject.colours[group], width=0.7, alpha=0.45)
        self._draw_runs(plot, closeness)
        plot.rule(x=self.held_out_at, drag="held_out_at", label="counted beyond", colour="ink")
        plot.rule(x=self.cursor(), drag="cursor", label="read at", colour="muted")
        self.add_sliders(scene)
        self._add_controls(scene)
        self._explain(scene)
        scene.summary = self._say(self._tabulate(columns, q, int(np.searchsorted(x, self.cursor()))), curves)

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
        self.add_level(scene)
        scene.add_tick("new_run", "with the noise of one run", self.new_run)
        self.add_groups(scene)

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
        near = ((self.closeness() > FAINT) & np.isin(every["cell"], self.groups))[rows]
        runs = runs.assign_coords(group=("run", every["cell"][rows].astype(str)))
        if self.along not in runs.variables:
            runs = runs.assign_coords({self.along: ("run", every[self.along][rows])})
        return runs.isel(run=np.flatnonzero(near))
