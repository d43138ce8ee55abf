"""One penalised least-squares fit per cell, drift included: where the law is, how it bends, what it leaves."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optimistix as optx

from scaling_bayes.inference.own_drifts import OwnDrifts, turn_own_drifts
from scaling_bayes.model.bound import BoundModel
from scaling_bayes.model.design import Array, Design

NOISE = 0.01
"""Residual scale that the first fit assumes, on the log response."""

TAIL = 4.0
"""Degrees of freedom of the Student-t weights of the later fits."""

SPREAD_FLOOR = 0.05
"""Least spread between cells that the second fit assumes, in prior widths."""

SMALLEST, STEEPEST = 1e-4, 0.5
"""Least residual that counts, and the steepest slope of the noise's log spread that is believed."""

WIDE = 3.0
"""Spread of the drift that the fit allows for, in prior medians."""

OWN = 0.3
"""Least share of the residual scale that is not taken for measured error."""

ENOUGH_CELLS = 3
FITS, ROUNDS = 2, 4
MAX_STEPS = 200


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Linearisation:
    r"""The squared error of every cell as a quadratic in its coordinates and its drift.

    With :math:`G = (J, S)`, the Jacobian of the law and the basis of the drift, weights ``W`` (robust, and larger where
    the noise is smaller), and columns :math:`Y = (Z, y)`: which rows have each run effect that is a latent, and last
    the log response minus the part of the linear law that does not depend on the coordinates.

    Attributes
    ----------
    theta : array, shape (block, cell, coordinate)
        What is expanded around, for instance a least-squares fit.
    scale, slope : scalar
        Robust residual scale of all runs at the noise's reference, and the slope of its log along the noise's axis.
    bend : array, shape (coordinate + knot, coordinate + knot, block, cell)
        :math:`G^T W G`.
    pull : array, shape (coordinate + knot, column, block, cell)
        :math:`G^T W Y`.
    effects : array, shape (label, column)
        :math:`Z^T W Y` of all cells.
    weight : array, shape (block, cell, row)
        The diagonal of ``W``.
    own : OwnDrifts
        What is said of each cell's own drift.
    """

    theta: jax.Array
    scale: jax.Array
    slope: jax.Array
    bend: jax.Array
    pull: jax.Array
    effects: jax.Array
    weight: jax.Array
    own: OwnDrifts


def linearise(program: BoundModel, design: Design) -> Linearisation:
    """Fit the law in each cell by Levenberg-Marquardt with Student-t weights, and expand around it.

    The drift is fitted with the law, held by its prior, so that the law is found where a drifting law will be. A first
    fit is held by the law's weak prior alone; a second by what the cells have in common, so that the expansion
    is around where a partially pooled posterior will be.

    Parameters
    ----------
    program : BoundModel
    design : Design

    Returns
    -------
    Linearisation
    """
    held_by = (np.asarray(design.prior_mean), np.sqrt(2.0) * np.asarray(design.prior_width))
    cells = design.weight.shape[:2]
    for _ in range(FITS):
        state = (
            np.broadcast_to(held_by[0], (*cells, len(held_by[0]))),
            np.zeros((*cells, len(design.knot_axis))),
            np.asarray(design.weight),
            np.full(cells, NOISE),
        )
        for _ in range(ROUNDS):
            state = _refit(program, design, *held_by, state)
        held_by = _what_cells_share(np.asarray(state[0]), held_by, design)
    return expand(program, design, np.asarray(state[0]), np.asarray(_reach(program, design) * state[1]))


def expand(program: BoundModel, design: Design, theta: np.ndarray, drift: np.ndarray) -> Linearisation:
    """Expand the squared error of every cell around given coordinates and drifts.

    Parameters
    ----------
    program : BoundModel
    design : Design
    theta : array, shape (block, cell, coordinate)
    drift : array, shape (block, cell, knot)
        Common and own, in log response.

    Returns
    -------
    Linearisation
    """
    expanded = _expand(program, design, theta, drift)
    lever = expanded["weight"][..., None] * design.basis
    own = turn_own_drifts(expanded["bend"], expanded["pull"], lever, np.asarray(design.knot_axis))
    return Linearisation(**expanded, own=own)


def _reach(program: BoundModel, design: Design) -> jax.Array:
    """How far one unit of each knot of a drift moves it in a fit; zero without drifts."""
    return WIDE * jnp.asarray(design.drift_median)[design.knot_axis] * bool(program.drift)


def _what_cells_share(
    theta: np.ndarray, held_by: tuple[np.ndarray, np.ndarray], design: Design
) -> tuple[np.ndarray, np.ndarray]:
    """Mean and spread of the cells' coordinates, where cells are enough to tell."""
    flat = theta.reshape(-1, theta.shape[-1])
    spread = np.sqrt(flat.var(axis=0) + (SPREAD_FLOOR * np.asarray(design.prior_width)) ** 2)
    return (flat.mean(axis=0), spread) if len(flat) >= ENOUGH_CELLS else held_by


def _log_law(
    program: BoundModel, references: dict[str, Array], covariates: dict[str, Array], theta: Array
) -> jax.Array:
    values = program.coordinates.parameters(theta, references, xp=jnp)
    rows = next(iter(covariates.values()))
    return jnp.log(program.coordinates.law.jax(**values, **covariates)) * jnp.ones_like(rows)


def _noise_slope(left: Array, design: Design) -> jax.Array:
    """Slope of the log size of residuals along the noise's axis, between all runs."""
    weight, u = design.weight / design.weight.sum(), design.noise_distance
    size = jnp.log(jnp.abs(left) + SMALLEST)
    u = u - jnp.sum(weight * u)
    slope = jnp.sum(weight * u * size) / jnp.maximum(jnp.sum(weight * u**2), 1e-12)
    return jnp.clip(slope, -STEEPEST, STEEPEST)


def _student_weights(left: Array, present: Array, lean: float) -> tuple[jax.Array, jax.Array]:
    """Weights of residuals under a Student-t whose scale is their median size; they average 1 over present rows.

    A row above the law counts `lean` times as much as one below it.
    """
    scale = jnp.maximum(1.48 * jnp.nanmedian(jnp.where(present > 0, jnp.abs(left), jnp.nan)), 1e-5)
    weight = jnp.asarray(present) * jnp.where(left > 0, lean, 1.0) / (1 + (left / scale) ** 2 / TAIL)
    return weight * present.sum() / weight.sum(), scale


def _part_errors(scale: jax.Array, slope: jax.Array, design: Design) -> tuple[jax.Array, jax.Array]:
    """Residual scale without measured errors, and each row's scale with them over that of a typical row."""
    typical = jnp.asarray(design.typical_error)
    own = jnp.sqrt(jnp.maximum(scale**2 - typical**2, (OWN * scale) ** 2))
    rows = (own * jnp.exp(slope * design.noise_distance)) ** 2 + design.measured_error**2
    return own, jnp.sqrt(rows / (own**2 + typical**2))


State = tuple[Array, Array, Array, Array]


@partial(jax.jit, static_argnums=0)
def _refit(program: BoundModel, design: Design, mean: Array, width: Array, state: State) -> State:
    """Move coordinates and drift of every cell to the minimum for its weights, then weigh anew."""
    one = partial(_refit_cell, program, design, mean, width)
    over_cells: Callable[..., State] = jax.vmap(jax.vmap(one))
    return over_cells(design.covariates, design.log_response, design.weight, design.basis, *state)


def _refit_cell(
    program: BoundModel,
    design: Design,
    mean: Array,
    width: Array,
    covariates: dict[str, Array],
    log_response: Array,
    present: Array,
    basis: Array,
    *state: Array,
) -> State:
    before, (weight, scale) = tuple(state[:2]), state[2:]
    law = partial(_log_law, program, design.references, covariates)
    reach = _reach(program, design)

    def left(at: tuple[Array, ...]) -> jax.Array:
        return jnp.asarray(log_response) - law(at[0]) - basis @ (reach * at[1])

    def residuals(at: Any, _: None) -> Any:
        return jnp.sqrt(weight) * left(at) / scale, (at[0] - mean) / width, at[1]

    solver: optx.AbstractLeastSquaresSolver = optx.LevenbergMarquardt(rtol=1e-8, atol=1e-8)
    found = optx.least_squares(residuals, solver, before, max_steps=MAX_STEPS, throw=False).value
    finite = jnp.all(jnp.isfinite(found[0])) & jnp.all(jnp.isfinite(found[1]))
    at = tuple(jnp.where(finite, new, old) for new, old in zip(found, before, strict=True))
    return at[0], at[1], *_student_weights(left(at), present, program.noise.lean)


@partial(jax.jit, static_argnums=0)
def _expand(program: BoundModel, design: Design, theta: Array, drift: Array) -> dict[str, jax.Array]:
    law = partial(_log_law, program, design.references)
    left = design.log_response - jax.vmap(jax.vmap(law))(design.covariates, theta)
    jacobian = jax.vmap(jax.vmap(jax.jacfwd(law, argnums=1)))(design.covariates, theta)
    noise = left - jnp.einsum("bcnk,bck->bcn", design.basis, drift)
    slope = _noise_slope(noise, design) if program.noise.along else jnp.zeros(())
    trend = jnp.exp(slope * design.noise_distance)
    weight, scale = _student_weights(noise / trend, design.weight, program.noise.lean)
    scale, relative = _part_errors(scale, slope, design)
    weight = weight / relative**2
    both = jnp.concatenate([jacobian, design.basis], axis=-1)
    response = left + jnp.einsum("bcnp,bcp->bcn", jacobian, theta)
    labels = jax.nn.one_hot(design.run_label, len(design.label_rows) if design.joint else 0)
    columns = jnp.concatenate([labels, response[..., None]], axis=-1)
    return {
        "theta": jnp.asarray(theta),
        "scale": scale,
        "slope": slope,
        "bend": jnp.einsum("bcnp,bcnq->pqbc", weight[..., None] * both, both),
        "pull": jnp.einsum("bcnp,bcnl->plbc", weight[..., None] * both, columns),
        "effects": jnp.einsum("bcnr,bcnl->rl", weight[..., None] * labels, columns),
        "weight": weight,
    }
