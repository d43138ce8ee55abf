"""`Checking`: residuals, predictive statistics, coverage, and what one run does to a prediction."""

from functools import cached_property
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import traitlets
import xarray as xr
from matplotlib.figure import Figure

from scaling_bayes.explorer.check_plots import Statistic, draw_coverage, draw_statistics, read_statistics
from scaling_bayes.explorer.influence import REACH, RunInfluence
from scaling_bayes.explorer.panel import STATE, Panel
from scaling_bayes.explorer.scene import Axis, Scene
from scaling_bayes.explorer.words import round_limits, say_value
from scaling_bayes.figures.checking import plot_check
from scaling_bayes.laws.axes import axis_values
from scaling_bayes.questions.checking import check
from scaling_bayes.questions.influence import RELIABLE
from scaling_bayes.questions.points import QuestionError
from scaling_bayes.questions.scoring import LEVELS, score, score_table
from scaling_bayes.questions.verdicts import EXTREME

UNSET = 0.0
FAR = 4.0
"""Standardised residuals that are shown at least."""

BINS = 28
HEIGHT = 660

RATIO = "D/N"


class Checking(Panel):
    """Whether the posterior may be believed, run by run.

    Attributes
    ----------
    x : str
        Of the residuals: the scale, or ``D/N``.
    groups : list of str
        Those drawn.
    run : str
        Label of the run that was picked; empty where none was. Its influence is found by importance weights.
    budget : float
        Where the prediction is made that a run may move: training compute, if the sweep knows it, and else the first
        covariate.
    level : float
        Of the intervals whose coverage is counted.
    """

    title: ClassVar[str] = "Checks"
    topic: ClassVar[str] = "checking"
    main: ClassVar[str] = "budget"

    x = traitlets.Unicode().tag(**{STATE: True})
    groups = traitlets.List(traitlets.Unicode()).tag(**{STATE: True})
    run = traitlets.Unicode("").tag(**{STATE: True})
    budget = traitlets.Float(UNSET).tag(**{STATE: True})
    level = traitlets.Float(0.9).tag(**{STATE: True})

    def begin(self) -> None:
        """Along the scale, all groups."""
        self.x = self.scales[0]
        self.groups = list(self.subject.cells)
        self.budget = self.influences.ends()[1] / np.sqrt(REACH)
        self.names = {"runs": [f"{run}, {cell}" for run, cell in zip(self.labels, self.cells, strict=True)]}

    @cached_property
    def influences(self) -> RunInfluence:
        """Predictions with and without a run."""
        return RunInfluence(self.subject)

    @cached_property
    def statistics(self) -> list[Statistic]:
        """The predictive statistics of `check`."""
        return read_statistics(self.checked)

    @cached_property
    def checked(self) -> xr.Dataset:
        """What `check` says."""
        return check(self.subject.posterior)

    @cached_property
    def scored(self) -> xr.Dataset | None:
        """What `score` says of the held-out runs."""
        held_out = self.subject.held_out
        return None if held_out is None else score(self.subject.posterior, held_out)

    @cached_property
    def scales(self) -> list[str]:
        """What the residuals may be drawn against."""
        scale = self.subject.record.scale_axis()
        both = {"N", "D"} <= {*self.subject.fitted.coords}
        return list(dict.fromkeys([scale, RATIO] if both else [scale]))

    @cached_property
    def labels(self) -> np.ndarray:
        """Labels of the fitted runs."""
        return np.asarray(self.subject.fitted["run"].values.astype(str))

    @cached_property
    def cells(self) -> np.ndarray:
        """The group of each fitted run."""
        runs = self.subject.runs
        return np.asarray(runs["cell"][~runs["held_out"]])

    @traitlets.observe("budget")
    def _widen(self, change: Any) -> None:
        self.influences.widen(change["new"])

    @traitlets.validate("x", "groups", "level", "run")
    def _check(self, proposal: Any) -> Any:
        name, value = proposal["trait"].name, proposal["value"]
        if name == "groups":
            return self.subject.choose(value)
        listed: dict[str, list[Any]] = {"x": self.scales, "level": list(LEVELS), "run": ["", *self.labels]}
        known = listed[name]
        if value not in known:
            raise QuestionError(f"{name}={value!r} is none of {', '.join(map(str, known[:9]))}")
        return value

    @traitlets.observe("picked")
    def _pick(self, change: Any) -> None:
        picked = change["new"]
        self.run = str(self.labels[int(picked["index"])]) if picked.get("series") == "runs" else ""

    def influence(self, run: str) -> dict[str, float]:
        """What leaving out a run moves in the prediction of its group at the budget.

        Returns
        -------
        dict
            ``moved`` (of the log response), ``moved_sd``, ``moved_error`` and ``pareto_k``; see `influence`.

        Raises
        ------
        QuestionError
            If the posterior has no likelihood of its runs.
        """
        return self.influences.measure(run, self._cell(run), self.budget)

    def _cell(self, run: str) -> str:
        return str(self.cells[self.labels.tolist().index(run)])

    def answer(self) -> pd.DataFrame:
        """The fitted runs of the chosen groups, and the picked one.

        Returns
        -------
        DataFrame
            One row a run; columns ``group``, `x`, ``observed``, ``residual`` and ``pit`` of `check`, and for the picked
            run ``moved``, ``moved_sd``, ``moved_error`` and ``pareto_k`` of its influence.
        """
        runs, response = self.subject.fitted, self.subject.record.response
        found = {"group": self.cells, self.x: self._positions(), "observed": runs[response].values}
        found |= {name: self.checked[name].values for name in ("residual", "pit")}
        table = pd.DataFrame(found, index=pd.Index(self.labels, name="run"))
        if self.run and self.influences.possible:
            for name, value in self.influence(self.run).items():
                table.loc[self.run, name] = value
        return table[np.isin(self.cells, self.groups) | (self.labels == self.run)].rename_axis(
            columns=self.warning or None
        )

    def _positions(self) -> np.ndarray:
        columns = {str(n): c.values for n, c in self.subject.fitted.coords.items()}
        return np.asarray(axis_values(self.x, columns))

    # The picture.

    def describe(self, scene: Scene) -> None:
        """Residuals, statistics, the prediction that a run may move, and coverage."""
        scene.height = HEIGHT
        self._draw_residuals(scene)
        draw_statistics(scene, self.statistics)
        self._draw_prediction(scene)
        if self._beyond().any():
            draw_coverage(scene, self.coverage(), self.level)
        scene.add_choice("x", "residuals along", self.x, self.scales)
        if self.scored is not None:
            scene.add_choice("level", "interval", f"{self.level:g}", [f"{level:g}" for level in LEVELS])
        unit, label = (
            self.subject.covariates.units.get(self.influences.along, ""),
            self.subject.label(self.influences.along),
        )
        scene.add_range("budget", f"prediction at {label}", self.budget, *self.influences.ends(), unit=unit)
        if len(self.subject.cells) > 1:
            scene.add_several("groups", "groups", self.groups, list(self.subject.cells), dict(self.subject.colours))
        scene.explain("fitted run: click for its influence", "points", colour="ink")
        scene.explain(f"replicated: 50 and {100 * (1 - 2 * EXTREME):g} %", "band", colour="muted", alpha=0.5)
        scene.explain("observed", "points", colour="good", marker="D", size=4.0)
        scene.explain(
            f"beyond {100 * (1 - 2 * EXTREME):g} % of replicated", "points", colour="bad", marker="D", size=4.0
        )
        if self.influences.possible:
            scene.explain("prediction", "line", colour="ink")
            scene.explain("without the run", "line", colour="good", dash="dashed")
        scene.summary = self._say()

    def _draw_residuals(self, scene: Scene) -> None:
        x, y = self._positions(), np.asarray(self.checked["residual"].values)
        shown = np.isin(self.cells, self.groups)
        far = float(max(FAR, 1.08 * np.abs(y[shown]).max()))
        unit = self.subject.covariates.units.get(self.x, "")
        label = "tokens per parameter D/N" if self.x == RATIO else self.subject.label(self.x)
        label += f" ({unit})" if unit == "FLOP" else ""
        axes = Axis(*round_limits(x), label, unit), Axis(-far, far, "standardised residual", log=False)
        plot = scene.plot(*axes, title="Residuals of fitted runs")
        plot.span(y=(-2.0, 2.0))
        plot.rule(y=0.0, dash="solid")
        for group in self.groups:
            own = np.flatnonzero(self.cells == group)
            look: dict[str, Any] = {"colour": self.subject.colours[group], "marker": self.subject.markers[group]}
            plot.points(x[own], y[own], index=own, series="runs", size=2.8, shown=np.full(len(own), 0.8), **look)
        if self.run:
            at = self.labels.tolist().index(self.run)
            plot.points(x[[at]], y[[at]], size=8.0, open=True)

    def _draw_prediction(self, scene: Scene) -> None:
        """Density of the prediction of one group, as it is and without the picked run."""
        cell = self._cell(self.run) if self.run else self.groups[0]
        record, log_response = self.subject.record, self.influences.predict(cell, self.budget)
        drawn = np.exp(log_response)
        low, high = np.quantile(drawn, [0.001, 0.999]).tolist()
        edges = np.linspace(low, high, BINS + 1)
        weights = {"ink": np.full(drawn.size, 1 / drawn.size)}
        if self.run and self.influences.possible and self.influence(self.run)["pareto_k"] <= RELIABLE:
            weights["good"] = self.influences.weigh(self.run)["weight"].values.ravel()
        heights = {k: np.histogram(drawn, edges, weights=w, density=True)[0] for k, w in weights.items()}
        unit = f" ({record.unit})" if record.unit not in {"", "1"} else ""
        x = Axis(low, high, f"predicted {record.response}{unit}", log=False)
        y = Axis(0.0, 1.15 * max(h.max() for h in heights.values()), "density", log=False, ticks=[])
        scale = self.subject.covariates.units.get(self.influences.along, "")
        title = f"{cell} at {self.influences.along} = {say_value(self.budget, scale)}"
        plot = scene.plot(x, y, row=1, title=title)
        middle = (edges[:-1] + edges[1:]) / 2
        plot.band(middle, np.zeros(BINS), heights["ink"], colour="muted", alpha=0.25)
        for colour, height in heights.items():
            plot.line(middle, height, colour=colour, width=1.6, dash="solid" if colour == "ink" else "dashed")

    def _beyond(self) -> np.ndarray:
        """Whether each held-out run belongs to a chosen group."""
        runs = self.subject.runs
        return np.isin(runs["cell"][runs["held_out"]], self.groups)

    def coverage(self) -> pd.DataFrame:
        """Scores of the held-out runs of the chosen groups by extrapolation ratio, and the middle ratio of each bin.

        See `score_table`.
        """
        wanted = (self.level, *self.groups)
        if self._covered[0] != wanted:
            self._covered = wanted, self._score_bins()
        return self._covered[1]

    _covered: tuple[tuple[Any, ...], pd.DataFrame] = ((), pd.DataFrame())

    def _score_bins(self) -> pd.DataFrame:
        chosen = self.scored.isel(run=np.flatnonzero(self._beyond())) if self.scored is not None else xr.Dataset()
        table = score_table(chosen, by="extrapolation", level=self.level)
        ratio = chosen["extrapolation"].values
        inside = [ratio[(ratio > cut.left) & (ratio <= cut.right)] for cut in table.index]
        return table.assign(ratio=[float(np.exp(np.log(own).mean())) for own in inside])

    def _say(self) -> str:
        lines = [str(verdict) for verdict in self.checked["verdict"].values]
        lines.append(self._say_run() if self.run else "Click a run to see which it is and how it moves a prediction.")
        return "\n".join(lines)

    def _say_run(self) -> str:
        """Who the picked run is, and what leaving it out would move."""
        at = self.labels.tolist().index(self.run)
        unit = self.subject.covariates.units.get(self.influences.along, "")
        residual, observed = (float(a.values[at]) for a in (self.checked["residual"], self._observed()))
        who = f"Run {self.run} ({self.cells[at]}): {observed:.4g}, residual {residual:+.2f}. "
        where = f"at {self.influences.along} = {say_value(self.budget, unit)}"
        try:
            found = self.influence(self.run)
        except QuestionError as error:
            middle = np.median(np.exp(self.influences.predict(self._cell(self.run), self.budget)))
            return who + f"The prediction of its group {where} is {middle:.4g}. Influence: {error}."
        if found["pareto_k"] > RELIABLE:
            return who + (
                f"Pareto k = {found['pareto_k']:.2f}, above {RELIABLE}: weights cannot tell what it moves "
                f"{where}; fit again with sb.refit_without(posterior, [{self.run!r}])."
            )
        told = f"{100 * np.expm1(found['moved']):+.2g} % ({found['moved_sd']:+.2g} standard deviations)"
        if abs(found["moved"]) < 2 * found["moved_error"]:
            told = f"less than {200 * found['moved_error']:.1g} %, which the draws cannot tell"
        return who + (
            f"Without it the prediction of its group {where} is moved by {told}; "
            f"Pareto k = {found['pareto_k']:.2f}; weights, no fit."
        )

    def _observed(self) -> xr.DataArray:
        return self.subject.fitted[self.subject.record.response]

    def figure(self) -> Figure:
        """The page of `plot_check`."""
        return plot_check(self.checked)
