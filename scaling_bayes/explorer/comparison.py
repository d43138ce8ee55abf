"""`Comparison`: labels of a grouping against one of them along a covariate; who is better, and where that changes."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import traitlets
from matplotlib.figure import Figure

from scaling_bayes.explorer.along import BANDS, POINTS, QUANTILES
from scaling_bayes.explorer.comparing import ComparingPanel
from scaling_bayes.explorer.panel import FEW, SOME, STATE
from scaling_bayes.explorer.scene import Axis, Plot, Scene
from scaling_bayes.explorer.words import (
    even_limits,
    round_limits,
    say_chance,
    say_crossing,
    say_distance,
    say_interval,
    say_percent,
    say_value,
)
from scaling_bayes.figures.bands import draw_quantiles
from scaling_bayes.figures.comparison import plot_comparison
from scaling_bayes.figures.multiplier import plot_multiplier
from scaling_bayes.questions.comparison import compare
from scaling_bayes.questions.contrasts import Contrast, Crossings, contrast, multiply, multiply_along
from scaling_bayes.questions.curves import Curves
from scaling_bayes.questions.multiplier import multiplier
from scaling_bayes.questions.paths import log_nodes
from scaling_bayes.questions.points import QuestionError
from scaling_bayes.symbols import suggest

FIGURE_POINTS = 25
BINS = 40
"""Of the density of the crossing, along the axis."""

ROOM = 0.26
"""Share of the upper plot that the densities of crossings take, at its lower end."""

PEAK = 1 / 12
"""Share of the draws in one bin that is drawn at full height; the highest bin, where it has more."""

FAINTEST = 0.3
"""Opacity of an interval of crossings that hardly ever happen; else it is their probability."""

MOST_TIMES = 1e4
"""Largest multiplier that is shown."""

WORDS = {"C": "compute", "N": "parameters", "D": "data"}


@dataclass(frozen=True)
class Reading:
    """What is seen of a comparison.

    Attributes
    ----------
    x : array, shape (point,)
        Evenly spaced on the log axis, and last the place where numbers are read.
    columns : dict
    contrast : Contrast
    quantiles : array, shape (level, point, other)
        Of the relative difference.
    crossings : Crossings
        Along the axis.
    better, best : tuple of array, shape (point, other) and (point, label)
        Probabilities, of the mean curve and of one new run of each.
    draws : int
    """

    x: np.ndarray
    columns: dict[str, Any]
    contrast: Contrast
    quantiles: np.ndarray
    crossings: Crossings
    better: tuple[np.ndarray, ...]
    best: tuple[np.ndarray, ...]
    draws: int


BELOW = ("probability", "multiplier")
PLACES = 21
"""Scales at which multipliers are drawn."""


class Comparison(ComparingPanel):
    """Labels of a grouping, such as corpora, against one of them.

    Its further state is that of `ComparingPanel`.

    Attributes
    ----------
    below : str
        What the lower plot shows: the ``probability`` of being better, or the ``multiplier``, how many times the scale
        the baseline needs to do as well.
    """

    title: ClassVar[str] = "Comparison"
    topic: ClassVar[str] = "comparison"
    wider: ClassVar[float] = 100.0
    work: ClassVar[int] = 400_000

    below = traitlets.Unicode(BELOW[0]).tag(**{STATE: True})

    @traitlets.validate("below")
    def _known(self, proposal: Any) -> Any:
        if proposal["value"] not in BELOW:
            raise QuestionError(f"below={proposal['value']!r} is none of these: {suggest(proposal['value'], BELOW)}")
        return proposal["value"]

    def read(self) -> Reading:
        """Everything that is seen, from one evaluation of the curves."""
        curves, (low, high) = self.curves(), self.ends()
        x = np.append(np.geomspace(low, high, POINTS), self.cursor())
        columns = self.subject.covariates.follow(self.along, x, self.at)
        found = contrast(curves, columns, self.labels.index(self.baseline))
        better, best = (tuple(p(new_run=run) for run in (False, True)) for p in (found.p_better, found.p_best))
        crossings = found.crossings(np.log(x[:-1]))
        return Reading(x, columns, found, found.quantiles(QUANTILES), crossings, better, best, curves.draws)

    def multiples(self, reading: Reading, others: int | None = None) -> tuple[np.ndarray, np.ndarray]:
        """Ends and median, shape (3, other), of the multiplier of the first others, and P(not reached)."""
        base, columns, nodes = self._lay_base()
        targets = reading.contrast.log_mean[-1, reading.contrast.others[:others]]
        times = multiply(base, columns, nodes, float(np.log(reading.x[-1])), targets)
        return draw_quantiles(times.T, self._levels()), np.isinf(times).mean(axis=1)

    def _lay_base(self) -> tuple[Curves, dict[str, Any], np.ndarray]:
        """The baseline's curves, far beyond both ends of the axis."""
        low, high = self.ends()
        nodes = log_nodes(low / self.wider, high * self.wider)
        columns = self.subject.covariates.follow(self.along, np.exp(nodes), self.at)
        return self.curves().only(self.labels.index(self.baseline)), columns, nodes

    def _trace_multiples(self, reading: Reading) -> tuple[np.ndarray, np.ndarray]:
        """Scales, and `QUANTILES` of the multiplier there, shape (level, scale, other)."""
        chosen = np.linspace(0, POINTS - 1, PLACES).astype(int)
        targets = reading.contrast.log_mean[chosen][:, reading.contrast.others]
        times = multiply_along(*self._lay_base(), np.log(reading.x[chosen]), targets)
        return reading.x[chosen], draw_quantiles(np.moveaxis(times, -1, 0), QUANTILES)

    def answer(self) -> pd.DataFrame:
        """Every label against the baseline at the budget, and where they cross along the axis.

        Returns
        -------
        DataFrame
            One row a label. Columns ``relative``, the difference over the baseline's response, with its interval;
            ``p_better``, ``p_best`` and both of one new run of each; ``p_none``, ``p_one``, ``p_more`` crossings, and
            ``crossing`` given one, in the unit of `along`, with its interval; ``multiplier``, how many times the scale
            the baseline needs to do as well, with its interval, and ``p_unattained``; `along`, what is held and
            ``extrapolation``.
        """
        reading, (low, high) = self.read(), self.band()
        ends = {"_lower": 0, "": 1, "_upper": 2}
        relative = reading.quantiles[[low, 3, high], -1]
        crossing, (times, unattained) = reading.crossings.quantiles(self._levels()), self.multiples(reading)
        own = {f"relative{end}": relative[k] for end, k in ends.items()}
        own |= {"p_better": reading.better[0][-1], "p_better_new_run": reading.better[1][-1]}
        own |= {f"p_{name}": p for name, p in reading.crossings.chances().items()}
        own |= {f"crossing{end}": crossing[k] for end, k in ends.items()}
        own |= {f"multiplier{end}": times[k] for end, k in ends.items()} | {"p_unattained": unattained}
        table = self.tabulate(own, self.others, self.factor).reindex(self.labels)
        table = table.assign(p_best=reading.best[0][-1], p_best_new_run=reading.best[1][-1])
        return table.assign(**self.read_columns(reading.columns, -1))

    def _levels(self) -> list[float]:
        """Of the lower end, the median and the upper end."""
        return [(1 - self.level) / 2, 0.5, (1 + self.level) / 2]

    def describe(self, scene: Scene) -> None:
        """Differences with the densities of the crossings above, probabilities or multipliers below."""
        reading, (low, high) = self.read(), self.ends()
        scene.height = 620
        self._draw_differences(scene, reading, low, high)
        draw_below = self._draw_chances if self.below == BELOW[0] else self._draw_multiples
        draw_below(scene, reading, low, high)
        self.add_choices(scene)
        self.add_sliders(scene)
        self.add_level(scene)
        scene.add_choice("below", "below", self.below, BELOW)
        self.add_labels(scene)
        self._explain(scene)
        scene.summary = self._say(reading)

    def _frame(self, scene: Scene, low: float, high: float, y: Axis, row: int, title: str) -> Plot:
        unit = self.subject.covariates.units.get(self.along, "")
        plot = scene.plot(Axis(low, high, self.axis_label() if row else "", unit), y, row=row, title=title)
        fitted = self.subject.covariates.fitted[self.along]
        plot.span(x=(float(fitted.min()), float(fitted.max())))
        return plot

    def _draw_differences(self, scene: Scene, reading: Reading, low: float, high: float) -> None:
        x, percent, colours = reading.x[:-1], 100 * reading.quantiles[:, :-1], self.colours()
        few = len(self.others) <= SOME
        bottom, top = even_limits(percent[[0, 6]] if few else percent[3])
        base = bottom - ROOM * (top - bottom) / (1 - ROOM) if few else bottom
        response, better = self.subject.record.response, "below" if reading.contrast.sign > 0 else "above"
        title = f"{response} relative to {self.baseline}: {better} the line is better"
        plot = self._frame(scene, low, high, Axis(base, top, "difference (%)", log=False), 0, title)
        for k, label in enumerate(self.others):
            bands = BANDS if len(self.others) < FEW else BANDS[::2] if few else ()
            for start, end, _ in bands:
                plot.band(x, percent[start, :, k], percent[end, :, k], colour=colours[label], alpha=0.16)
            plot.line(x, percent[3, :, k], colour=colours[label], width=2.0 if few else 1.2)
        plot.line([low, high], [0, 0], colour=colours[self.baseline], width=1.6)
        for k, label in enumerate(self.others if few else ()):
            self._draw_crossing(plot, reading, k, base, bottom, colours[label])
        plot.rule(x=self.cursor(), drag="cursor", label="read at", colour="muted")

    def _draw_crossing(self, plot: Plot, reading: Reading, k: int, base: float, top: float, colour: str) -> None:
        """Density of the only crossing, over its interval and median."""
        centres, share = reading.crossings.density(k, BINS)
        if not share.any():
            return
        sure = max(float((reading.crossings.count[k] == 1).mean()), FAINTEST)
        row = (top - base) * min(0.16, 0.6 / len(self.others))  # intervals below each other, and densities above them
        floor = base + row * (len(self.others) + 0.4)
        height = (top - floor) * 0.9 / max(share.max(), PEAK)
        plot.band(centres, np.full(BINS, floor), floor + height * share, colour=colour, alpha=0.45)
        left, middle, right = reading.crossings.quantiles(self._levels())[:, k]
        y = base + row * (len(self.others) - k - 0.3)
        plot.line([left, right], [y, y], colour=colour, width=2.5, alpha=sure)
        plot.points([middle], [y], colour=colour, size=4.0, shown=[sure])

    def _draw_chances(self, scene: Scene, reading: Reading, low: float, high: float) -> None:
        x, colours = reading.x[:-1], self.colours()
        pair = len(self.others) == 1
        label = f"P({self.others[0]} better)" if pair else "P(best)"
        ticks = [(p, f"{p:g}") for p in (0.0, 0.25, 0.5, 0.75, 1.0)]
        plot = self._frame(scene, low, high, Axis(-0.02, 1.02, label, log=False, ticks=ticks), 1, "")
        plot.rule(y=0.5, colour="muted", dash="dotted")
        chances = reading.better if pair else reading.best
        for chance, dash, width in zip(chances, ("solid", "dashed"), (2.0, 1.2), strict=True):
            for k, name in enumerate(self.others if pair else self.labels):
                plot.line(x, chance[:-1, k], colour=colours[name], width=width, dash=dash)
        plot.rule(x=self.cursor(), colour="muted")

    def _draw_multiples(self, scene: Scene, reading: Reading, low: float, high: float) -> None:
        """A curve that leaves the plot above belongs to draws in which the baseline never does as well."""
        (x, q), colours, count = self._trace_multiples(reading), self.colours(), len(self.others)
        known = q[[1, 5]] if count <= SOME else q[3]
        known = np.clip(known[np.isfinite(known) & (known > 0)], 1 / MOST_TIMES, MOST_TIMES)
        y = Axis(*round_limits(np.append(known, [0.8, 1.25])), f"times the {self._scale_word()} {self.baseline} needs")
        plot = self._frame(scene, low, high, y, 1, "")
        plot.rule(y=1.0, colour="muted", dash="dotted")
        for k, label in enumerate(self.others):
            for start, end, _ in BANDS if count < FEW else BANDS[::2] if count <= SOME else ():
                plot.band(x, q[start, :, k], q[end, :, k], colour=colours[label], alpha=0.16)
            plot.line(x, q[3, :, k], colour=colours[label], width=2.0 if count <= SOME else 1.2)
        plot.rule(x=self.cursor(), colour="muted")

    def _scale_word(self) -> str:
        return WORDS.get(self.along, self.along)

    def _explain(self, scene: Scene) -> None:
        base = self.colours()[self.others[0]] if len(self.others) == 1 else "ink"
        scene.explain("mean curve", "line", colour=base)
        bands = BANDS if len(self.others) < FEW else BANDS[::2] if len(self.others) <= SOME else ()
        for alpha, (*_, p) in zip((0.42, 0.3, 0.16), reversed(bands), strict=False):
            scene.explain(f"{100 * p:g} %", "band", colour=base, alpha=alpha)
        if self.below == BELOW[0]:
            scene.explain("one new run of each", "line", colour=base, dash="dashed", width=1.2)
        if len(self.others) <= SOME:
            scene.explain(f"where they cross, median and {100 * self.level:g} %", "points", colour=base, size=4.5)
        scene.explain("fitted range", "band", colour="shade")

    def _say(self, reading: Reading) -> str:
        """Where numbers are read, what a few labels say there, and who is best of many."""
        columns, unit = self.read_columns(reading.columns, -1), self.subject.covariates.units.get(self.along, "")
        lines = [f"At {self.along} = {say_value(columns[self.along], unit)}, {say_distance(columns['extrapolation'])}:"]
        lines += self._say_labels(reading, self.others[:FEW])
        if len(self.others) > FEW:
            best = reading.best[0][-1]
            first = int(best.argmax())
            lines.append(f"Most often best of all: {self.labels[first]}, P {say_chance(best[first])}.")
        if self.thinned:
            lines.append(f"Moving: {reading.draws:,} of all draws; all of them when it stops.")
        return "\n".join(lines)

    def _say_labels(self, reading: Reading, labels: Sequence[str]) -> list[str]:
        """Difference, probability, multiplier and crossing of some labels."""
        (low, high), unit = self.band(), self.subject.covariates.units.get(self.along, "")
        (better, of_runs), (times, _) = reading.better, self.multiples(reading, len(labels))
        crossing, chances = reading.crossings.quantiles(self._levels()), reading.crossings.chances()
        lines = []
        for k, label in enumerate(labels):
            lower, middle, upper = (say_percent(value) for value in reading.quantiles[[low, 3, high], -1, k])
            lines.append(
                f"{label}: {middle} ({100 * self.level:g} %: {lower} to {upper}); P(better than {self.baseline}) "
                f"{say_chance(better[-1, k])}, of one new run each {say_chance(of_runs[-1, k])}. {self.baseline} needs "
                f"{say_interval(times[:, k], digits=2)} times the {self._scale_word()} to do as well. "
                f"{say_crossing({name: p[k] for name, p in chances.items()}, crossing[:, k], unit)}"
            )
        return lines

    def figure(self) -> Figure:
        """The same comparison from `compare`, relative differences and P(best), or from `multiplier`."""
        factors, cells = self.subject.record.factors, self.subject.cells
        low, high = self.ends()
        columns = self.subject.covariates.follow(self.along, np.geomspace(low, high, FIGURE_POINTS), self.at)
        known = self.subject.fitted.variables
        at = {n: column for n, column in columns.items() if n in known} | self.where
        crossed = self.factor not in factors
        names = {label: tuple(cells[label].values()) if crossed else label for label in self.labels}
        asked: dict[str, Any] = {"at": at, "among": list(names.values())}
        group, baseline = tuple(factors) if crossed else self.factor, names[self.baseline]
        fitted = self.subject.covariates.fitted[self.along]
        told = {"fitted": [float(fitted.min()), float(fitted.max())], "failed_gates": self.subject.failed_gates}
        if self.below == "multiplier":
            answer = multiplier(self.subject.posterior, group, baseline=baseline, along=self.along, **asked)
            return plot_multiplier(answer.assign_attrs(told), colours=self.colours())
        answer = compare(self.subject.posterior, group, baseline=baseline, along=None, **asked)
        return plot_comparison(answer.assign_attrs(along=self.along, **told), colours=self.colours())
