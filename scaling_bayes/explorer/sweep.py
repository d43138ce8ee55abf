"""`SweepPanel`: what was run: groups and scales with counts, gaps and replicates, units and counting rules."""

from functools import cached_property
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import traitlets
import xarray as xr
from matplotlib.figure import Figure

from scaling_bayes.explorer.panel import STATE, Panel
from scaling_bayes.explorer.scene import Axis, Plot, Scene
from scaling_bayes.explorer.words import round_limits, say_value
from scaling_bayes.figures.style import format_value, group_offsets
from scaling_bayes.figures.sweep import plot_sweep
from scaling_bayes.questions.misfit import find_replicates
from scaling_bayes.questions.points import QuestionError
from scaling_bayes.sweeps import attr_list
from scaling_bayes.sweeps.labels import label_runs
from scaling_bayes.sweeps.split import find_levels
from scaling_bayes.symbols import suggest

COLUMNS = 12
"""Of the grid, where the sweep has more levels; each is then a range, evenly wide on a logarithmic scale."""

LETTER, PLOT = 6.9, 350.0
"""Width of a letter and of a narrow plot in pixels, about: names of rows stand on the left of the grid."""

LETTERS = 26
"""Of a group's name that are shown."""

APART, WIDEST = 0.02, 0.14
"""Decades between groups that share a design, and between the first and the last."""

FEW_ROWS = 8
FAINT = 0.15


class SweepPanel(Panel):
    """The runs of a sweep, fitted and held out.

    Attributes
    ----------
    along : str
        Covariate of the grid's columns.
    groups : list of str
        Those drawn.
    chosen : list of str
        Labels of the runs that were brushed; empty for all.
    """

    title: ClassVar[str] = "Sweep"
    topic: ClassVar[str] = "sweep"
    before_a_fit: ClassVar[bool] = True
    has_axis: ClassVar[bool] = False

    along = traitlets.Unicode().tag(**{STATE: True})
    groups = traitlets.List(traitlets.Unicode()).tag(**{STATE: True})
    chosen = traitlets.List(traitlets.Unicode()).tag(**{STATE: True})

    def begin(self) -> None:
        """Along compute where it is known; all groups."""
        self.along = "C" if "C" in self.covariates else self.covariates[0]
        self.groups = list(self.subject.cells)
        kind = np.where(self.runs["held_out"], "held out", "fitted" if self.subject.fits else "run")
        values = self.runs[self.response]
        told = zip(self.runs.index, self.runs["group"], values, kind, strict=True)
        self.names = {"runs": [f"{run}, {group}: {value:.4g}, {what}" for run, group, value, what in told]}

    @cached_property
    def covariates(self) -> list[str]:
        """Covariates of the sweep that are positive, and vary."""
        runs = self.subject.fitted
        known = [n for n in attr_list(runs, "covariates") if n in runs.coords and (runs[n].values > 0).all()]
        return [n for n in known if np.ptp(runs[n].values) > 0] or known

    @property
    def response(self) -> str:
        """Name of the response."""
        return str(self.subject.fitted.attrs["response"])

    @cached_property
    def runs(self) -> pd.DataFrame:
        """One row a run: its group, covariates, response, other labels, and whether it was held out."""
        parts = [(self.subject.fitted, False)]
        parts += [(self.subject.held_out, True)] if self.subject.held_out is not None else []
        return pd.concat([self._tabulate(part, held_out) for part, held_out in parts])

    def _tabulate(self, runs: xr.Dataset, held_out: bool) -> pd.DataFrame:
        factors = list(next(iter(self.subject.cells.values())))
        rows = label_runs(runs, factors) if factors else list(self.subject.cells) * runs.sizes["run"]
        names = [*attr_list(runs, "covariates"), *attr_list(runs, "groups"), self.response, "flag"]
        found = {n: runs[n].values for n in dict.fromkeys(names) if n in runs.variables and runs[n].dims == ("run",)}
        index = pd.Index(runs["run"].values.astype(str), name="run")
        return pd.DataFrame({"group": rows, **found, "held_out": held_out}, index=index)

    @traitlets.validate("along", "groups", "chosen")
    def _check(self, proposal: Any) -> Any:
        name, value = proposal["trait"].name, proposal["value"]
        if name == "groups":
            return self.subject.choose(value)
        known = list(self.runs.index) if name == "chosen" else self.covariates
        for each in value if name == "chosen" else [value]:
            if each not in known:
                raise QuestionError(f"{each!r} is none of this sweep's: {suggest(each, known)}")
        return value

    @traitlets.observe("brushed")
    def _brush(self, change: Any) -> None:
        places = change["new"].get("series", {}).get("runs", [])
        self.chosen = [str(self.runs.index[int(k)]) for k in sorted(set(places))]

    def answer(self) -> pd.DataFrame:
        """The brushed runs, or all of the groups.

        Returns
        -------
        DataFrame
            One row a run; columns ``group``, covariates, groupings, the response, ``flag`` where there are any, and
            ``held_out``.
        """
        return self.runs[self._shown()].rename_axis(columns=self.warning or None)

    def _shown(self) -> np.ndarray:
        shown = self.runs["group"].isin(self.groups).to_numpy()
        return shown & self.runs.index.isin(self.chosen) if self.chosen else shown

    def grid(self) -> pd.DataFrame:
        """Number of runs of each group at each level of `along`.

        Returns
        -------
        DataFrame
            One row a group, one column a level: its largest value, or the upper end of a range of values where the
            sweep has more than `COLUMNS` levels.
        """
        values = self.runs[self.along].to_numpy(dtype=float)
        level = find_levels(values)
        if level.max() >= COLUMNS:
            edges = np.geomspace(values.min(), values.max(), COLUMNS + 1)
            tops = edges[1:][np.clip(np.searchsorted(edges, values * (1 - 1e-9)) - 1, 0, COLUMNS - 1)]
            every = edges[1:]
        else:
            top = [values[level == k].max() for k in range(level.max() + 1)]
            tops, every = np.array(top)[level], np.sort(top)
        counts = pd.crosstab(self.runs["group"], tops)
        return counts.reindex(index=self.groups, columns=every, fill_value=0)

    # The picture.

    def describe(self, scene: Scene) -> None:
        """The grid, and the runs in the plane of their covariates."""
        counts = self.grid()
        self._draw_grid(scene, counts)
        self._draw_runs(scene)
        scene.add_choice("along", "columns", self.along, self.covariates)
        if self.chosen:
            scene.add_button("all", "Show all runs")
        if len(self.subject.cells) > 1:
            scene.add_several("groups", "groups", self.groups, list(self.subject.cells), dict(self.subject.colours))
        scene.explain("runs of a cell", "band", colour="good", alpha=0.5)
        scene.explain("run: brush to choose", "points", colour="ink")
        if self.subject.held_out is not None:
            scene.explain("held out", "points", colour="ink", open=True)
        if self._flagged().any():
            scene.explain("flagged", "points", colour="bad", open=True, size=5.0)
        scene.summary = "\n".join([self._say_runs(), self._say_grid(counts), self._say_units()])

    def act(self, name: str, value: Any) -> None:
        """The button that shows all runs again."""
        if name == "all":
            self.chosen = []

    def _draw_grid(self, scene: Scene, counts: pd.DataFrame) -> None:
        rows, columns = counts.shape
        unit = str(self.subject.fitted[self.along].attrs.get("units", ""))
        every = -(-columns // 5)
        ticks = [(k + 0.5, format_value(float(v), unit)) for k, v in enumerate(counts.columns) if k % every == 0]
        margin = LETTER * min(max(map(len, counts.index)), LETTERS) + 8
        gutter = columns * margin / (PLOT - margin)
        label = self._axis_label(self.along) + (", up to" if len(counts.columns) == COLUMNS else "")
        x = Axis(-gutter, columns, label, unit, log=False, ticks=ticks)
        plot = scene.plot(x, Axis(0, rows, "", log=False, ticks=()), title="Runs of each group")
        values = counts.to_numpy(dtype=float)[::-1]
        filled = np.where(values > 0, values, np.nan)
        plot.cells(np.arange(columns + 1), np.arange(rows + 1), filled, to=1.4 * np.nanmax(filled))
        for k, group in enumerate(counts.index):
            self._name_row(plot, group, rows - k - 0.5, columns)
        if rows * columns <= COLUMNS * 25:
            for j, i in np.argwhere(values > 0):
                plot.text(i + 0.48, j + 0.5, f"{values[j, i]:g}", align="center")

    def _name_row(self, plot: Plot, group: str, y: float, columns: int) -> None:
        name = group if len(group) <= LETTERS else f"{group[: LETTERS - 1]}…"
        plot.text(-0.015 * columns, y, name, align="right")

    def _draw_runs(self, scene: Scene) -> None:
        """D against N where the sweep has both, else the response along the grid's covariate."""
        x_name, y_name = ("N", "D") if {"N", "D"} <= {*self.covariates} else (self.along, self.response)
        table = self.runs[self.runs["group"].isin(self.groups)]
        places = np.flatnonzero(self.runs["group"].isin(self.groups))
        axes = (self._axis(name, table[name].to_numpy(dtype=float)) for name in (x_name, y_name))
        plot = scene.plot(*axes, column=1, brush=True, title=f"{y_name} against {x_name}")
        lit = np.where(self._shown()[places], 0.85, FAINT)
        aside = group_offsets(self.groups, APART, WIDEST)
        for group in self.groups:
            for held_out in (False, True):
                own = np.flatnonzero((table["group"] == group) & (table["held_out"] == held_out))
                if own.size:
                    look: dict[str, Any] = {"open": held_out, "size": 4.2 if held_out else 3.2}
                    look |= {"colour": self.subject.colours[group], "marker": self.subject.markers[group]}
                    x, y = (table[name].to_numpy(dtype=float)[own] for name in (x_name, y_name))
                    plot.points(x * 10 ** aside[group], y, shown=lit[own], index=places[own], series="runs", **look)
        flagged = table[self._flagged()[places]]
        if len(flagged):
            plot.points(flagged[x_name], flagged[y_name], colour="bad", open=True, size=6.0)

    def _flagged(self) -> np.ndarray:
        none = np.zeros(len(self.runs), dtype=bool)
        return (self.runs["flag"].fillna("").astype(str) != "").to_numpy() if "flag" in self.runs else none

    def _axis(self, name: str, values: np.ndarray) -> Axis:
        unit = str(self.subject.fitted[name].attrs.get("units", ""))
        return Axis(*round_limits(values, 0.07), self._axis_label(name), unit)

    def _axis_label(self, name: str) -> str:
        unit = str(self.subject.fitted[name].attrs.get("units", ""))
        label = self.subject.label(name).replace("tokens or samples", unit or "tokens")
        return label + (f" ({unit})" if unit not in {"", "1"} and unit not in label else "")

    # The words.

    def _say_runs(self) -> str:
        runs, held_out = self.runs, self.subject.held_out
        kind = "fitted" if self.subject.fits else "in the sweep"
        says = f"{(~runs['held_out']).sum()} runs {kind}"
        says += f", {held_out.sizes['run']} held out" if held_out is not None else ""
        replicate = find_replicates(self.subject.fitted)
        sizes = np.unique(replicate, return_counts=True)[1]
        several = sizes[sizes > 1]
        verb = "setting was" if len(several) == 1 else "settings were"
        says += f"; {len(several)} {verb} run with several seeds ({several.sum()} runs)"
        flagged = int(self._flagged().sum())
        says += f"; {flagged} flagged" if flagged else ""
        if not self.chosen:
            return f"{says}."
        table = self.answer()
        unit = str(self.subject.fitted[self.along].attrs.get("units", ""))
        low, high = (say_value(float(end), unit) for end in (table[self.along].min(), table[self.along].max()))
        return f"{says}. Brushed: {len(table)} runs, {self.along} from {low} to {high}; answer() lists them."

    def _say_grid(self, counts: pd.DataFrame) -> str:
        empty = [(g, v) for g in counts.index for v in counts.columns if counts.loc[g, v] == 0]
        if not empty:
            return f"Every one of {counts.size} cells has a run."
        unit = str(self.subject.fitted[self.along].attrs.get("units", ""))
        named = "; ".join(f"{group} at {format_value(float(v), unit)}" for group, v in empty[:FEW_ROWS])
        return f"{len(empty)} of {counts.size} cells are empty: {named}{'; ...' if len(empty) > FEW_ROWS else ''}."

    def _say_units(self) -> str:
        """Units and counting rules of the covariates and the response."""
        runs = self.subject.fitted
        units = {n: str(runs[n].attrs.get("units", "")) for n in [*attr_list(runs, "covariates"), self.response]}
        rules = {"N": runs.attrs.get("counting", ""), "C": runs.attrs.get("flop_rule", "")}
        parts = [", ".join(filter(None, [u if u != "1" else "", str(rules.get(n, ""))])) for n, u in units.items()]
        told = [f"{n} in {part}" for n, part in zip(units, parts, strict=True) if part]
        return f"Units and counting: {'; '.join(told) or 'none were stated'}."

    def figure(self) -> Figure:
        """The page of `plot_sweep`, of the brushed runs or all."""
        shown, response = set(self.answer().index), self.subject.fitted
        parts = [response, *([self.subject.held_out] if self.subject.held_out is not None else [])]
        cut = [p.isel(run=np.flatnonzero(np.isin(p["run"].values.astype(str), list(shown)))) for p in parts]
        cut = [part for part in cut if part.sizes["run"]]
        return plot_sweep(cut[0], held_out=cut[1] if len(cut) > 1 else None)
