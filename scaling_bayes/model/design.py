"""`Design`: a sweep as the padded arrays that the program receives."""

from dataclasses import dataclass

import jax
import numpy as np

Array = jax.Array | np.ndarray

MOST_LABELS = 64
"""Most run effects that are sought together; their precision is factorised at every gradient."""


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Design:
    """Arrays of a sweep, padded to ``(block, cell, row)``.

    A *cell* is one combination of groups, a *row* a run in it, a *block* a set of cells whose group effects are sampled
    together: one cell where there is one grouping, all cells where groupings cross.

    Attributes
    ----------
    covariates : dict of array, shape (block, cell, row)
        Divided by their references.
    references : dict of scalar
    log_response, weight : array, shape (block, cell, row)
        ``weight`` is 1 for a run and 0 for padding.
    noise_distance : array, shape (block, cell, row)
        Log distance from the scale at which the spread of the noise is told; 0 where it is one.
    measured_error : array, shape (block, cell, row)
        Measured standard error of the log response; 0 where none adds to the noise.
    typical_error : scalar
        Its median.
    run_label : array of int, shape (block, cell, row)
        Number of the run that a row belongs to, where rows share run effects.
    label_rows : array, shape (label,)
        Rows of each such run; empty where there are none.
    counts : dict of array, shape (block, cell, row)
        For counted responses ``count``, ``trials`` and ``chance``; empty for others.
    prior_mean, prior_width : array, shape (coordinate,)
    spread_scale : array, shape (spread,)
        Scale of the half-normal prior on each spread that is sampled.
    incidence : array, shape (block, cell, coordinate, effect)
        0 or 1: which effects move which coordinate of a cell.
    effect_spread : array of int, shape (effect,)
        Index into the sampled spreads, or -1 where the effect has a known spread.
    effect_scale : array, shape (effect,)
        The known spread.
    basis : array, shape (block, cell, row, knot)
    knot_axis : array of int, shape (knot,)
    drift_median : array, shape (axis,)
    """

    covariates: dict[str, Array]
    references: dict[str, Array]
    log_response: Array
    weight: Array
    noise_distance: Array
    measured_error: Array
    typical_error: Array
    run_label: Array
    label_rows: Array
    counts: dict[str, Array]
    prior_mean: Array
    prior_width: Array
    spread_scale: Array
    incidence: Array
    effect_spread: Array
    effect_scale: Array
    basis: Array
    knot_axis: Array
    drift_median: Array

    @property
    def joint(self) -> bool:
        """Whether there are run effects, and few enough to be sought before all else."""
        return 0 < len(self.label_rows) <= MOST_LABELS
