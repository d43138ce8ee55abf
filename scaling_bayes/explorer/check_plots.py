"""Plots of the checks: statistics of the data among replicated ones, and coverage beyond the fitted scale."""

import numpy as np
import pandas as pd
import xarray as xr

from scaling_bayes.explorer.scene import Axis, Plot, Scene
from scaling_bayes.questions.verdicts import EXTREME

WIDE = 5.5
"""Standard deviations of replicated statistics that are shown; one further out stands at the edge."""

TICKS = (-4, -2, 0, 2, 4)
HALF = 0.13
"""Half the height of a bar, in rows."""


def draw_statistics(scene: Scene, checked: xr.Dataset) -> None:
    """Each statistic of the data in standard deviations of its replicates, from `check`."""
    names = [str(name) for name in checked["statistic"].values]
    marks = [(float(k), str(k).replace("-", "−")) for k in TICKS]
    x = Axis(-WIDE, WIDE, "standard deviations of replicated data", log=False, ticks=marks)
    y = Axis(-0.45, len(names) - 0.2, "", log=False, ticks=())
    plot = scene.plot(x, y, column=1, title="Predictive statistics")
    plot.rule(x=0.0, dash="solid", colour="muted")
    for k, name in enumerate(names):
        _draw_statistic(plot, checked.sel(statistic=name), name, len(names) - 1 - k)


def _draw_statistic(plot: Plot, found: xr.Dataset, name: str, row: int) -> None:
    replicated, observed = (found[f"statistic_{kind}"].values.ravel() for kind in ("replicated", "observed"))
    middle, spread = replicated.mean(), max(float(replicated.std()), 1e-12)
    ends = np.quantile((replicated - middle) / spread, [EXTREME, 0.25, 0.75, 1 - EXTREME])
    for low, high in (ends[[0, 3]], ends[[1, 2]]):
        plot.band([low, high], [row - HALF] * 2, [row + HALF] * 2, colour="muted", alpha=0.3)
    p = float(found["p_value"])
    extreme = min(p, 1 - p) < EXTREME
    place = np.clip((np.median(observed) - middle) / spread, -0.97 * WIDE, 0.97 * WIDE)
    plot.points([place], [row], colour="bad" if extreme else "good", marker="D", size=4.5)
    plot.text(-0.97 * WIDE, row + 0.42, f"{name}, p = {p:.3f}", colour="bad" if extreme else "ink")


def draw_coverage(scene: Scene, table: pd.DataFrame, level: float) -> None:
    """Share of held-out runs inside their interval, by how far beyond the fitted scale they lie."""
    ratio, share = (table[name].to_numpy(dtype=float) for name in ("ratio", "coverage"))
    x = Axis(min(0.5, ratio.min() / 1.5), ratio.max() * 1.5, "times the largest fitted scale")
    y = Axis(-0.04, 1.12, f"share inside their {100 * level:g} % interval", log=False)
    plot = scene.plot(x, y, row=1, column=1, title="Coverage of held-out runs")
    plot.rule(y=level, label="nominal")
    plot.line(ratio, share, colour="good", width=1.2)
    plot.points(ratio, share, colour="good", size=4.5)
    for at, part, runs in zip(ratio, share, table["runs"], strict=True):
        plot.text(at, part - 0.06 if part > 0.1 else part + 0.06, f"n = {runs}", align="center")
