r"""``discrepancy="auto"``: how far the law may drift, decided by leaving the largest scales out inside the fitted rows.

Rows in the top third of each cell's log range of scale are left out, the rest is fitted with a drift, with a tighter
one, and with next to none, and each is scored by the log density that it gives the rows left out,

.. math:: s_k = \frac{1}{n} \sum_i \log \frac{1}{S} \sum_s p(\log y_i \mid \theta_s, k).

Of the candidates whose score is within one standard error of the best one's (of the paired difference, rows clustered
by cell where there are several), or so near it that the difference does not matter, the one with the widest drift is
taken: where data cannot tell, intervals are wide.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import jax
import numpy as np
import xarray as xr
from scipy.special import logsumexp

from scaling_bayes.inference.linearisation import linearise
from scaling_bayes.inference.posterior import label_likelihood, make_record
from scaling_bayes.inference.sampler import Settings, Target, sample
from scaling_bayes.laws.axes import axis_values
from scaling_bayes.model import Discrepancy, Model
from scaling_bayes.model.binding import Binding

CANDIDATES: Mapping[str, float] = {"drift": 1.0, "tight drift": 1 / 3, "no drift": 1e-4}
"""Times the default prior median of the drift's spread; the widest first."""

LEFT_OUT = 1 / 3
"""Part of a cell's log range of scale that is left out."""

SAME = 0.1
"""Difference of mean log scores, in nats a run, that does not matter; a few hundred draws tell no smaller one."""

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
        ``log_score`` (candidate, run) of the runs left out; empty where nothing could be left out.
    """

    discrepancy: Discrepancy | None
    why: str
    evidence: xr.Dataset


def choose_discrepancy(model: Model, sweep: xr.Dataset, key: jax.Array, schedule: int = 0) -> Choice:
    """Decide the discrepancy of a model whose discrepancy is ``"auto"``.

    Parameters
    ----------
    model : Model
    sweep : Dataset
        Dims run.
    key : jax.random key
    schedule : int
        Length of the warm-up of the fit that follows, whose compiled functions are used.

    Returns
    -------
    Choice
    """
    binding = replace(model, discrepancy=Discrepancy()).bind(sweep)
    if not binding.axes:
        return Choice(None, "the runs have fewer than three scales, along which no drift could be told", xr.Dataset())
    left_out = find_largest(binding, sweep)
    kept = np.asarray(binding.design.weight) - left_out
    if left_out.sum() < FEWEST or kept.sum() < max(FEWEST, len(binding.law.parameters)):
        why = f"only {int(left_out.sum())} runs could be left out at the largest scales, too few to decide by"
        return Choice(_scaled(binding, 1.0), why, xr.Dataset())
    evidence = _gather(binding, sweep, left_out, key, schedule)
    name, why = weigh_evidence(evidence)
    chosen = None if name == "no drift" else _scaled(binding, CANDIDATES[name])
    return Choice(chosen, why, evidence)


def _scaled(binding: Binding, times: float) -> Discrepancy:
    """The default discrepancy with `times` its prior spread, said in full."""
    return Discrepancy(tuple(axis.name for axis in binding.axes), spread=binding.axes[0].median * times)


def find_largest(binding: Binding, sweep: xr.Dataset) -> np.ndarray:
    """One for rows in the top third of their cell's log range of scale; a cell that would keep one row keeps all."""
    name, runs = str(sweep.attrs.get("scale", binding.axes[0].name)), binding.cells.runs
    u = np.log(axis_values(name, {str(c): sweep[c].values for c in sweep.coords}))[runs]
    low = np.where(runs >= 0, u, np.inf).min(axis=-1, keepdims=True)
    high = np.where(runs >= 0, u, -np.inf).max(axis=-1, keepdims=True)
    top = (runs >= 0) & (u > high - LEFT_OUT * (high - low))
    enough = ((runs >= 0) & ~top).sum(axis=-1, keepdims=True) > 1
    return (top & enough).astype(float)


def _gather(binding: Binding, sweep: xr.Dataset, left_out: np.ndarray, key: jax.Array, schedule: int) -> xr.Dataset:
    """Scores of every candidate on the rows left out."""
    program, design = binding.program, binding.design
    kept = replace(design, weight=design.weight - left_out)
    designs = [replace(kept, drift_median=design.drift_median * times) for times in CANDIDATES.values()]
    targets = [Target(d, linearise(program, d), jax.random.fold_in(key, k)) for k, d in enumerate(designs)]
    record = make_record(binding, sweep)
    samplings = sample(program, targets, replace(SETTINGS, schedule=schedule))
    likelihoods = [label_likelihood(s.draws.values, binding, record, sweep) for s in samplings]
    density = np.stack([likelihood[record.response].values for likelihood in likelihoods])
    scores = logsumexp(density, axis=(1, 2)) - np.log(SETTINGS.chains * SETTINGS.draws)
    blocks, cells, rows = np.nonzero(left_out)
    at = binding.cells.runs[blocks, cells, rows]
    return xr.Dataset(
        {"log_score": (("candidate", "run"), scores[:, at])},
        coords={"candidate": list(CANDIDATES), "run": sweep["run"].values[at], "cell": ("run", blocks + cells)},
    )


def weigh_evidence(evidence: xr.Dataset) -> tuple[str, str]:
    """The widest candidate that is as good as the best, and a sentence that says so."""
    scores = dict(zip(CANDIDATES, evidence["log_score"].values, strict=True))
    best = max(scores.values(), key=np.mean)
    cell = evidence["cell"].values
    name = next(n for n, s in scores.items() if np.mean(best - s) <= max(_standard_error(best - s, cell), SAME))
    told = ", ".join(f"{candidate} {np.mean(score):.2f}" for candidate, score in scores.items())
    return name, (
        f"{name}: mean log score of the {len(best)} runs at the largest scales, left out: {told}; the widest within "
        f"one standard error, or {SAME:g}, of the best is taken"
    )


def _standard_error(difference: np.ndarray, cell: np.ndarray) -> float:
    """Standard error of a mean; of cells' sums where there are several cells."""
    labels, at = np.unique(cell, return_inverse=True)
    n = len(difference)
    parts = np.bincount(at, difference - difference.mean()) if len(labels) > 2 else difference - difference.mean()
    return float(np.sqrt(np.sum(parts**2) * len(parts) / max(len(parts) - 1, 1)) / n)
