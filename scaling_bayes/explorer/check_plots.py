"""Plots of the checks: statistics of the data among replicated ones, and coverage beyond the fitted scale."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import xarray as xr

from scaling_bayes.explorer.scene import Axis, Scene
from scaling_bayes.questions.verdicts import EXTREME

WIDE = 5.5
"""Standard deviations of replicated statistics that are shown; one further out stands at the edge."""

TICKS = (-4, -2, 0, 2, 4)
HALF = 0.13
"""Half the height of a bar, in rows."""


@dataclass(frozen=True)
class Statistic:
    """One predictive statistic, in standard deviations of its replicates from their mean.

    Attributes
    ----------
    name : str
    observed : float
        Median of that of the data.
    ends : array, shape (4,)
        Of the outer and of the inner range of the replicates, ascending.
    p : float
        Probability that a replicate is larger.
    """

    name: str
    observed: float
    ends: np.ndarray
    p: float

    @property
    def colour(self) -> str:
        """Vermilion where it is extreme."""
        return "bad" if min(self.p, 1 - self.p) < EXTREME else "good"


def read_statistics(checked: xr.Dataset) -> list[Statistic]:
    """Every statistic of `check`."""
    found = []
    for k, name in enumerate(checked["statistic"].values):
        replicated, observed = (checked[f"statistic_{n}"].values[..., k].ravel() for n in ("replicated", "observed"))
        middle, spread = replicated.mean(), max(float(replicated.std()), 1e-12)
        ends = np.quantile((replicated - middle) / spread, [EXTREME, 0.25, 0.75, 1 - EXTREME])
        place = float((np.median(observed) - middle) / spread)
        found.append(Statistic(str(name), place, ends, float(checked["p_value"].values[k])))
    return found


def draw_statistics(scene: Scene, statistics: Sequence[Statistic]) -> None:
    """A row for each statistic: the replicates as bars, the data as a point."""
    marks = [(float(k), str(k).replace("-", "−")) for k in TICKS]
    x = Axis(-WIDE, WIDE, "standard deviations of replicated data", log=False, ticks=marks)
    y = Axis(-0.45, len(statistics) - 0.2, "", log=False, ticks=())
    plot = scene.plot(x, y, column=1, title="Predictive statistics")
    plot.rule(x=0.0, dash="solid", colour="muted")
    for row, found in enumerate(reversed(statistics)):
        for low, high in (found.ends[[0, 3]], found.ends[[1, 2]]):
            plot.band([low, high], [row - HALF] * 2, [row + HALF] * 2, colour="muted", alpha=0.3)
        place = np.clip(found.observed, -0.97 * WIDE, 0.97 * WIDE)
        plot.points([place], [row], colour=found.colour, marker="D", size=4.5)
        ink = "bad" if found.colour == "bad" else "ink"
        plot.text(-0.97 * WIDE, row + 0.42, f"{found.name}, p = {found.p:.2f}", colour=ink)


def draw_coverage(scene: Scene, table: pd.DataFrame, level: float) -> None:
    """Share of held-out runs inside their interval, by how far beyond the fitted scale they lie."""
    ratio, share = (table[name].to_numpy(dtype=float) for name in ("ratio", "coverage"))
    x = Axis(min(0.5, ratio.min() / 1.5), ratio.max() * 1.5, "times the largest fitted scale")
    y = Axis(-0.04, 1.12, f"share inside their {100 * level:g} % interval", log=False)
    plot = scene.plot(x, y, row=1, column=1, title="Coverage of held-out runs")
    plot.rule(y=level)
    plot.text(x.low * 1.05, level - 0.06, "nominal", colour="muted")
    plot.line(ratio, share, colour="good", width=1.2)
    plot.points(ratio, share, colour="good", size=4.5)
    for at, part, runs in zip(ratio, share, table["runs"], strict=True):
        plot.text(at, part - 0.06 if part > 0.1 else part + 0.06, f"n = {runs}", align="center")
