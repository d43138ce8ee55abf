"""`Allocation`: how a budget is best split between size and data, under several costs, and how little it matters."""

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import traitlets
from matplotlib.figure import Figure

from scaling_bayes.explorer.along import BANDS, QUANTILES
from scaling_bayes.explorer.panel import FEW, SOME, STATE
from scaling_bayes.explorer.scene import Axis, Plot, Scene
from scaling_bayes.explorer.splitting import COSTS, SHOWN, SplittingPanel, Steady, half_decades
from scaling_bayes.explorer.words import round_limits, say_distance, say_interval, say_value
from scaling_bayes.figures.allocation import plot_isoflops
from scaling_bayes.questions.curves import Curves, sort_quantiles
from scaling_bayes.questions.isoflops import Isoflops, to_answers
from scaling_bayes.questions.points import QuestionError
from scaling_bayes.questions.scoring import LEVELS
from scaling_bayes.symbols import suggest

NEAR = 0.2
"""Log distance from a budget within which a run is drawn beside its curve."""

AROUND = 10.0
"""Factor in size by which the axis reaches beyond the best splits."""

RISE = 0.12
"""Log response by which the axis reaches above the best of the lowest budget drawn."""

DRAWN = 4
"""Other budgets whose curves are drawn."""


class Allocation(SplittingPanel):
    """Splits of a budget, the best one, and how it moves with the budget.

    Its further state is that of `SplittingPanel`.

    Attributes
    ----------
    shown : str
        What is drawn against the budget: ``N_opt``, ``D_opt`` or ``tokens_per_parameter``.
    """

    title: ClassVar[str] = "Allocation"
    topic: ClassVar[str] = "allocation"
    main: ClassVar[str] = "budget"

    shown = traitlets.Unicode("tokens_per_parameter").tag(**{STATE: True})

    def begin(self) -> None:
        """The mouse tells runs."""
        super().begin()
        self.names = {"runs": self.subject.told}

    @traitlets.validate("shown")
    def _known(self, proposal: Any) -> Any:
        if proposal["value"] not in SHOWN:
            raise QuestionError(f"shown={proposal['value']!r} is none of these: {suggest(proposal['value'], SHOWN)}")
        return proposal["value"]

    def answer(self) -> pd.DataFrame:
        """The best split of the budget, and the region around it.

        Returns
        -------
        DataFrame
            One row a group. Columns ``N_opt``, ``D_opt``, ``tokens_per_parameter`` and the response, medians, each with
            the ends of its interval, ``_lower`` and ``_upper``; ``N_low`` and ``N_high``, medians of the ends of the
            region; ``p_at_edge``, that the best lies at an end of what is searched; ``budget``, and ``extrapolation``,
            the ratio of the scale to the largest fitted one.
        """
        return self._tabulate(self.read()[1])

    def _tabulate(self, found: Isoflops) -> pd.DataFrame:
        levels = [(1 - self.level) / 2, 0.5, (1 + self.level) / 2]
        drawn = {name: getattr(found, name)[0] for name in SHOWN}
        drawn[self.subject.record.response] = found.response[0]
        own: dict[str, Any] = {}
        for name, values in drawn.items():
            lower, middle, upper = sort_quantiles(np.array(values), levels)
            own |= {name: middle, f"{name}_lower": lower, f"{name}_upper": upper}
        own |= {name: np.median(getattr(found, name)[0], axis=-1) for name in ("N_low", "N_high")}
        own |= {"p_at_edge": found.at_edge[0].mean(axis=-1), "budget": self.budget}
        ratio = self.surface().extrapolation(self.surface().split(found.N_opt[0], found.D_opt[0]))
        return self.tabulate(own | {"extrapolation": np.median(ratio, axis=-1)}, self.groups)

    def describe(self, scene: Scene) -> None:
        """Curves along the splits on the left, the best split against the budget on the right."""
        curves, found = self.read()
        steady, table = self.steady(), self._tabulate(found)
        scene.height = 430
        self._draw_splits(scene, curves, found, steady, table)
        self._draw_best(scene, steady)
        self._add_controls(scene)
        self._explain(scene)
        scene.summary = self._say(table, curves)

    def _draw_splits(self, scene: Scene, curves: Curves, found: Isoflops, steady: Steady, table: pd.DataFrame) -> None:
        """Curves of the budget with bands, region and optimum, and of some other budgets."""
        q = curves.quantiles(found.log_mean, found.columns, QUANTILES)
        record, chosen = self.subject.record, _spread(steady.grid)
        sizes = np.append(steady.best["N_opt"][3][chosen].ravel(), table["N_opt"])
        label = f"{record.response} ({record.unit})" if record.unit not in {"", "1"} else record.response
        x = Axis(
            *round_limits(np.array([sizes.min() / AROUND, sizes.max() * AROUND]), 0.0),
            "network parameters N",
            "parameters",
        )
        plot = scene.plot(x, Axis(*self._limits(q, steady.median[chosen]), label))
        for b in chosen:
            for k, group in enumerate(self.groups[:FEW]):
                colour = self.subject.colours[group]
                plot.line(steady.N[b], steady.median[b, :, k], colour=colour, width=1.0, alpha=0.55)
        for k, group in enumerate(self.groups):
            self._draw_curve(plot, found.N[0], q[..., k], table.iloc[k], self.subject.colours[group])
        self._draw_runs(plot)

    def _limits(self, q: np.ndarray, others: np.ndarray) -> tuple[float, float]:
        """Ends of the response: the best of every budget, and some room above the worst of these."""
        sign = self.surface().sign
        ends = np.append(
            (others.min(axis=1) if sign > 0 else others.max(axis=1)).ravel(),
            q[[0, 6]].min(axis=1) if sign > 0 else q[[0, 6]].max(axis=1),
        )
        low, high = float(np.nanmin(ends)), float(np.nanmax(ends))
        room = np.exp(RISE)
        return round_limits(np.array([low, high * room] if sign > 0 else [low / room, high]))

    def _draw_curve(self, plot: Plot, N: np.ndarray, q: np.ndarray, row: pd.Series, colour: str) -> None:
        """One curve with its bands; the region thick, the optimum a dot with its interval."""
        for start, end, _ in BANDS[::2] if len(self.groups) <= SOME else ():
            plot.band(N, q[start], q[end], colour=colour, alpha=0.15)
        plot.line(N, q[3], colour=colour, width=1.4)

        def at(size: Any) -> Any:
            return np.interp(np.log(size), np.log(N), q[3])

        region = np.geomspace(row["N_low"], row["N_high"], 30)
        plot.line(region, at(region), colour=colour, width=6.0)
        level = at(row["N_opt"])
        plot.line([row["N_opt_lower"], row["N_opt_upper"]], [level, level], colour="ink", width=1.2)
        plot.points([row["N_opt"]], [level], colour="ink", size=4.0)

    def _draw_runs(self, plot: Plot) -> None:
        """Runs whose training compute is near the budget."""
        runs = self.subject.runs
        near = abs(np.log(runs["C"] / self.budget)) < NEAR
        for group in self.groups if self.cost == "6 N D" else ():
            if len(own := np.flatnonzero((runs["cell"] == group) & near)):
                look: dict[str, Any] = {
                    "colour": self.subject.colours[group],
                    "marker": self.subject.markers[group],
                    "open": True,
                }
                plot.points(runs["N"][own], runs["observed"][own], index=own, series="runs", **look)

    def _draw_best(self, scene: Scene, steady: Steady) -> None:
        """Bands of the best split against the budget."""
        q = steady.best[self.shown]
        (text, unit), fitted = SHOWN[self.shown], self.subject.covariates.fitted
        low, high = self.budgets()
        label = f"{'training compute C' if self.cost == '6 N D' else 'budget'} (FLOP)"
        few = len(self.groups) <= SOME
        plot = scene.plot(
            Axis(low, high, label, "FLOP"), Axis(*round_limits(q[[0, 6]] if few else q[3]), text, unit), column=1
        )
        if "serving" not in self.cost:
            plot.span(x=(float(fitted["C"].min()), float(fitted["C"].max())))
        for k, group in enumerate(self.groups):
            colour = self.subject.colours[group]
            for start, end, _ in BANDS[::2] if few else ():
                plot.band(steady.grid, q[start, :, k], q[end, :, k], colour=colour, alpha=0.15)
            plot.line(steady.grid, q[3, :, k], colour=colour, width=2.0)
        plot.rule(x=self.budget, drag="budget", label="budget", colour="ink")

    def _add_controls(self, scene: Scene) -> None:
        scene.add_range("budget", "budget", self.budget, *self.budgets(), unit="FLOP")
        scene.add_choice("cost", "pays for", self.cost, list(COSTS))
        if "serving" in self.cost:
            scene.add_range("served", "tokens served", self.served, *self.tokens(), unit="tokens")
        scene.add_range("eps", "region: excess up to", self.eps, 5e-4, 5e-2)
        for name, value in self.at.items():
            ends = self.subject.covariates.fitted[name]
            if ends.min() < ends.max():
                scene.add_range(
                    f"at.{name}", self.subject.label(name), value, ends.min(), ends.max(), log=ends.min() > 0
                )
        scene.add_choice("shown", "on the right", self.shown, list(SHOWN))
        scene.add_choice("level", "interval", f"{self.level:g}", [f"{level:g}" for level in LEVELS])
        self.add_groups(scene)

    def _explain(self, scene: Scene) -> None:
        base = self.subject.colours[self.groups[0]] if len(self.groups) == 1 else "ink"
        scene.explain("median", "line", colour=base)
        for alpha, p in ((0.3, 50), (0.16, 90)) if len(self.groups) <= SOME else ():
            scene.explain(f"{p} %", "band", colour=base, alpha=alpha)
        scene.explain("other budgets", "line", colour=base, width=1.0, alpha=0.55)
        scene.explain(f"within {100 * self.eps:.2g} % of the lowest", "line", colour=base, width=6.0)
        scene.explain(f"best size, {100 * self.level:g} %", "points", colour="ink", size=4.0)
        if self.cost == "6 N D":
            scene.explain("run near the budget", "points", colour=base, open=True)
        if "serving" not in self.cost:
            scene.explain("fitted range", "band", colour="shade")

    def _say(self, table: pd.DataFrame, curves: Curves) -> str:
        """The best split of a few groups, the region, and how far it lies beyond the runs."""
        scale = float(table["extrapolation"].median())
        cost = self.price().name
        where = f"{say_value(self.budget, 'FLOP')} for {cost}, {say_distance(scale)}"
        lines = [f"{where}; median and {100 * self.level:g} % interval:"]
        for group, row in table.head(FEW).iterrows():
            lines.append(f"{f'{group}: ' if len(table) > 1 else ''}{self._say_split(row)}")
        if len(table) > FEW:
            lines.append(f"And {len(table) - FEW} more groups: panel.answer().")
        if self.thinned:
            lines.append(f"Moving: {curves.draws:,} of all draws; all of them when it stops.")
        return "\n".join(lines)

    def _say_split(self, row: pd.Series) -> str:
        def told(name: str, unit: str = "") -> str:
            return say_interval(np.array([row[f"{name}_lower"], row[name], row[f"{name}_upper"]], dtype=float), unit)

        response = self.subject.record.response
        region = [say_value(row[n], "parameters").removesuffix(" parameters") for n in ("N_low", "N_high")]
        edge = f" P(best beyond what is searched) = {row['p_at_edge']:.2f}." if row["p_at_edge"] > 0.01 else ""
        return (
            f"N {told('N_opt', 'parameters')}, D {told('D_opt', 'tokens')}, {told('tokens_per_parameter')} tokens per "
            f"parameter, {response} {told(response)}; N from {region[0]} to {region[1]} costs at most "
            f"{100 * self.eps:.2g} %.{edge}"
        )

    def figure(self) -> Figure:
        """Curves of some budgets with their optima, of the same draws; a panel for each group."""
        grid = half_decades(*self.budgets())
        C = np.unique(np.append(grid[_spread(grid)], self.budget))
        curves, subject = self.curves(), self.subject
        attrs = subject.attrs(cost=self.price().name, eps=self.eps)
        found = self.split(curves, C)
        traced, best = to_answers(found, curves, self.surface(), C, self.groups, attrs)
        runs = subject.fitted.assign_coords(group=("run", subject.runs["cell"][~subject.runs["held_out"]].astype(str)))
        return plot_isoflops(traced, best, sweep=runs if self.cost == "6 N D" else None)


def _spread(grid: np.ndarray) -> Sequence[int]:
    """Places of a few budgets among many, whole decades where there are some.

    Examples
    --------
    >>> _spread(np.array([5e18, 1e19, 3.16e19, 1e20, 3.16e20, 1e21]))
    [1, 3, 5]
    """
    decades = [k for k, c in enumerate(grid) if abs(np.log10(c) - round(np.log10(c))) < 1e-6]
    every = -(-len(decades) // DRAWN) if decades else 1
    return decades[::every] or list(range(0, len(grid), -(-len(grid) // DRAWN)))
