"""Folds that leave the largest scales of the fitted runs out."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite

import numpy as np
import xarray as xr

from scaling_bayes.inference.posterior import recover_sweep
from scaling_bayes.inference.refits import check_refittable, find_refusal
from scaling_bayes.laws.axes import axis_values
from scaling_bayes.laws.record import Record
from scaling_bayes.sweeps.split import find_top_octaves

SAME = "holds out the same runs as"
"""Note of a fold that another stands for."""


@dataclass(frozen=True)
class Fold:
    """One split of the fitted runs.

    Attributes
    ----------
    octaves : float
        How many octaves below the largest scale are held out.
    fit_part, held_out : Dataset
        Dims run.
    note : str
        Why this fold is not fitted; empty if it is.
    """

    octaves: float
    fit_part: xr.Dataset
    held_out: xr.Dataset
    note: str


def list_folds(
    posterior: xr.DataTree, *, octaves: Sequence[float], along: str | None = None, min_runs: int | None = None
) -> list[Fold]:
    """Nested folds of the runs of a posterior: all above :math:`x_{max} / 2^k` are held out.

    Parameters
    ----------
    posterior : DataTree
    octaves : sequence of float
        Values of k.
    along : str, optional
        Covariate, or formula in covariates; by default the scale of the posterior.
    min_runs : int, optional
        Fewest runs that are fitted; by default one more than the law has parameters.

    Returns
    -------
    list of Fold
        By rising octaves; those that cannot be fitted say why.

    Raises
    ------
    ValueError
        If `octaves` are not above 0, or a covariate of `along` is absent.

    Examples
    --------
    >>> import scaling_bayes as sb
    >>> law, truth = sb.Law("A*N**-alpha"), {"A": 40.0, "alpha": 0.25}
    >>> sweep = sb.simulate_sweep(law, {"N": [1e6, 2e6, 4e6, 8e6]}, truth=truth, seed=0)
    >>> folds = list_folds(sb.baseline(law, sweep, seed=0, bootstrap=20), octaves=(1, 2))
    >>> [(fold.held_out.sizes["run"], fold.note) for fold in folds]
    [(1, ''), (2, 'leaves 2 runs to fit, fewer than min_runs=3')]
    """
    check_refittable(posterior)
    if not octaves or not all(isfinite(k) and k > 0 for k in octaves):
        raise ValueError(f"octaves are one or several numbers above 0, found {octaves!r}")
    record, sweep = Record.from_json(posterior.attrs["record"]), recover_sweep(posterior)
    least = len(record.law.parameters) + 1 if min_runs is None else min_runs
    scale = axis_values(along or record.scale_axis(), {str(name): c.values for name, c in sweep.coords.items()})
    seen: dict[bytes, float] = {}
    folds = []
    for k in sorted(set(octaves)):
        held = find_top_octaves(scale, k)
        fit_part, held_out = (sweep.isel(run=np.flatnonzero(rows)) for rows in (~held, held))
        same = seen.setdefault(held.tobytes(), k)
        note = _refuse(posterior, fit_part, held_out, least) if same == k else f"{SAME} {same:g}"
        folds.append(Fold(k, fit_part, held_out, note))
    return folds


def _refuse(posterior: xr.DataTree, fit_part: xr.Dataset, held_out: xr.Dataset, least: int) -> str:
    """Why a fold cannot be fitted; empty if it can."""
    left = fit_part.sizes["run"]
    if not held_out.sizes["run"]:
        return "holds out no run"
    if left < max(least, 1):
        return f"leaves {left} runs to fit, fewer than min_runs={least}"
    return find_refusal(posterior, fit_part)
