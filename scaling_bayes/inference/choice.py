r"""``discrepancy="auto"``: how far the law may drift, decided by leaving the largest scales out inside the fitted rows.

Rows in the top third of each cell's log range of scale are left out, the rest is fitted with a drift, with a tighter
one, and with next to none, and each is scored by the log density that it gives the rows left out,

.. math:: s_k = \frac{1}{n} \sum_i \log \frac{1}{S} \sum_s p(\log y_i \mid \theta_s, k).

Of the candidates whose score is within one standard error of the best one's (of the paired difference, rows clustered
by cell where there are several), the one with the widest drift is taken: where data cannot tell, intervals are wide.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import jax
import numpy as np
import xarray as xr
from scipy.special import logsumexp

from scaling_bayes.inference.linearisation import linearise
from scaling_bayes.inference.sampler import Draws, Settings, Target, sample
from scaling_bayes.laws.axes import axis_values
from scaling_bayes.laws.residuals import RESIDUALS
from scaling_bayes.model import Discrepancy, Model
from scaling_bayes.model.binding import Binding
from scaling_bayes.model.design import Design

CANDIDATES: Mapping[str, float] = {"drift": 1.0, "tight drift": 1 / 3, "no drift": 1e-4}
"""Times the default prior median of the drift's spread; the widest first."""

LEFT_OUT = 1 / 3
"""Part of a cell's log range of scale that is left out."""

FEWEST = 4
"""Rows that must be left out, and distinct rows that must stay, before evidence is asked."""

SETTINGS = Settings(chains=2, warmup=150, draws=200)


@dataclass(frozen=True)
class Choice:
    """What was decided.

    Attributes
    ----------
    discrepancy : Discrepancy or None
    why : str
        One sentence.
    evidence : Dataset
        ``log_score`` and ``log_error`` (candidate, run) of the runs left out; empty where nothing could be left out.
    """

    discrepancy: Discrepancy | None
    why: str
    evidence: xr.Dataset


def choose_discrepancy(model: Model, sweep: xr.Dataset, key: jax.Array) -> Choice:
    """Decide the discrepancy of a model whose discrepancy is ``"auto"``.

    Parameters
    ----------
    model : Model
    sweep : Dataset
        Dims run.
    key : jax.random key

    Returns
    -------
    Choice
    """
    binding = replace(model, discrepancy=Discrepancy()).bind(sweep)
    if not binding.axes:
        return Choice(None, "the runs have fewer than three scales, along which no drift could be told", xr.Dataset())
    left_out = _largest(binding, sweep)
    kept = np.asarray(binding.design.weight) - left_out
    if left_out.sum() < FEWEST or kept.sum() < max(FEWEST, len(binding.law.parameters)):
        why = f"only {int(left_out.sum())} runs could be left out at the largest scales, too few to decide by"
        return Choice(_scaled(binding, 1.0), why, xr.Dataset())
    evidence = _gather(binding, sweep, left_out, key)
    name, why = _weigh(evidence)
    chosen = None if name == "no drift" else _scaled(binding, CANDIDATES[name])
    return Choice(chosen, why, evidence)


def _scaled(binding: Binding, times: float) -> Discrepancy:
    """The default discrepancy with `times` its prior spread, said in full."""
    return Discrepancy(tuple(axis.name for axis in binding.axes), spread=binding.axes[0].median * times)


def _largest(binding: Binding, sweep: xr.Dataset) -> np.ndarray:
    """One for rows in the top third of their cell's log range of scale; a cell that would keep one row keeps all."""
    axis, runs = binding.axes[0], binding.cells.runs
    u = axis.distance(axis_values(axis.name, {str(c): sweep[c].values for c in sweep.coords}))[runs]
    low = np.where(runs >= 0, u, np.inf).min(axis=-1, keepdims=True)
    high = np.where(runs >= 0, u, -np.inf).max(axis=-1, keepdims=True)
    top = (runs >= 0) & (u > high - LEFT_OUT * (high - low))
    enough = ((runs >= 0) & ~top).sum(axis=-1, keepdims=True) > 1
    return (top & enough).astype(float)


def _gather(binding: Binding, sweep: xr.Dataset, left_out: np.ndarray, key: jax.Array) -> xr.Dataset:
    """Scores of every candidate on the rows left out."""
    program, design = binding.program, binding.design
    kept = replace(design, weight=design.weight - left_out)
    designs = [replace(kept, drift_median=design.drift_median * times) for times in CANDIDATES.values()]
    targets = [Target(d, linearise(program, d), jax.random.fold_in(key, k)) for k, d in enumerate(designs)]
    drawn = sample(program, targets, SETTINGS)
    rows = left_out > 0
    scores, errors = zip(*(_score(d, binding, design, rows) for d in drawn), strict=True)
    runs = sweep["run"].values[binding.cells.runs[rows]]
    cell = np.broadcast_to(np.arange(left_out[..., 0].size).reshape(*left_out.shape[:2], 1), left_out.shape)[rows]
    return xr.Dataset(
        {"log_score": (("candidate", "run"), np.stack(scores)), "log_error": (("candidate", "run"), np.stack(errors))},
        coords={"candidate": list(CANDIDATES), "run": runs, "cell": ("run", cell)},
    )


def _score(drawn: Draws, binding: Binding, design: Design, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Log score, and median error of the log response, of each row."""
    mean = drawn.values["log_mean"][..., rows].reshape(-1, int(rows.sum()))
    residual = RESIDUALS[binding.program.noise.kind]
    values: dict[str, Any] = {name: drawn.values[name].reshape(-1, 1) for name in residual.parameters}
    if binding.noise_axis is not None:
        slope = drawn.values["noise_slope"].reshape(-1, 1)
        values["sigma"] = values["sigma"] * np.exp(slope * np.asarray(design.noise_distance)[rows])
    measured = np.asarray(design.log_response)[rows]
    density = logsumexp(residual.log_density(measured - mean, values), axis=0) - np.log(len(mean))
    return density, np.median(mean, axis=0) - measured


def _weigh(evidence: xr.Dataset) -> tuple[str, str]:
    """The widest candidate within one standard error of the best, and a sentence that says so."""
    scores = dict(zip(CANDIDATES, evidence["log_score"].values, strict=True))
    best = max(scores.values(), key=np.mean)
    name = next(n for n, s in scores.items() if np.mean(best - s) <= _standard_error(best - s, evidence["cell"].values))
    told = ", ".join(f"{candidate} {np.mean(score):.2f}" for candidate, score in scores.items())
    return name, (
        f"{name}: mean log score of the {len(best)} runs at the largest scales, left out: {told}; the widest within "
        "one standard error of the best is taken"
    )


def _standard_error(difference: np.ndarray, cell: np.ndarray) -> float:
    """Standard error of a mean; of cells' sums where there are several cells."""
    labels, at = np.unique(cell, return_inverse=True)
    n = len(difference)
    parts = np.bincount(at, difference - difference.mean()) if len(labels) > 2 else difference - difference.mean()
    return float(np.sqrt(np.sum(parts**2) * len(parts) / max(len(parts) - 1, 1)) / n)
