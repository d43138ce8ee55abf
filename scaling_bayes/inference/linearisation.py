"""One penalised least-squares fit per cell, drift included: where the law is, how it bends, what it leaves."""

from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import optimistix as optx

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
ROUNDS = 4
MAX_STEPS = 200


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Linearisation:
    r"""The squared error of every cell as a quadratic in its coordinates and its drift.

    With :math:`G = (J, S)`, the Jacobian of the law and the basis of the drift, weights ``W`` (robust, and larger where
    the noise is smaller), and ``y`` the log response minus the part of the linear law that does not depend on the
    coordinates.

    Attributes
    ----------
    theta : array, shape (block, cell, coordinate)
        Least-squares fit.
    scale, slope : scalar
        Robust residual scale of all runs at the noise's reference, and the slope of its log along the noise's axis.
    bend : array, shape (block, cell, coordinate + knot, coordinate + knot)
        :math:`G^T W G`.
    pull : array, shape (block, cell, coordinate + knot)
        :math:`G^T W y`.
    lever : array, shape (block, cell, row, knot)
        :math:`W S`.
    """

    theta: jax.Array
    scale: jax.Array
    slope: jax.Array
    bend: jax.Array
    pull: jax.Array
    lever: jax.Array


@partial(jax.jit, static_argnums=0)
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

    def fit(held_by: tuple[jax.Array, jax.Array], _: None) -> tuple[tuple[jax.Array, jax.Array], Any]:
        over_cells = jax.vmap(jax.vmap(partial(_fit_cell, program, design, *held_by)))
        found = over_cells(design.covariates, design.log_response, design.weight, design.basis)
        flat = found[0].reshape(-1, found[0].shape[-1])
        spread = jnp.sqrt(flat.var(axis=0) + (SPREAD_FLOOR * design.prior_width) ** 2)
        return (flat.mean(axis=0), spread) if len(flat) >= ENOUGH_CELLS else held_by, found

    weak = (jnp.asarray(design.prior_mean), jnp.sqrt(2.0) * design.prior_width)
    theta, drift = jax.tree.map(lambda found: found[-1], jax.lax.scan(fit, weak, None, length=2)[1])
    law = partial(_log_law, program, design.references)
    left = design.log_response - jax.vmap(jax.vmap(law))(design.covariates, theta)
    jacobian = jax.vmap(jax.vmap(jax.jacfwd(law, argnums=1)))(design.covariates, theta)
    noise = left - jnp.einsum("bcnk,bck->bcn", design.basis, drift)
    slope = _noise_slope(noise, design) if program.noise.along else jnp.zeros(())
    weight, scale = _student_weights(noise / jnp.exp(slope * design.noise_distance), design.weight, program.noise.lean)
    scale, relative = _part_errors(scale, slope, design)
    return _expand(theta, scale, slope, jacobian, weight / relative**2, left, design.basis)


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


def _fit_cell(
    program: BoundModel,
    design: Design,
    prior_mean: jax.Array,
    width: jax.Array,
    covariates: dict[str, Array],
    log_response: Array,
    present: Array,
    basis: Array,
) -> tuple[jax.Array, jax.Array]:
    """Coordinates and drift of one cell."""
    law = partial(_log_law, program, design.references, covariates)
    reach = WIDE * jnp.asarray(design.drift_median)[design.knot_axis] * bool(program.drift)

    def left(at: tuple[jax.Array, jax.Array]) -> jax.Array:
        return jnp.asarray(log_response) - law(at[0]) - basis @ (reach * at[1])

    def residuals(at: tuple[jax.Array, jax.Array], arguments: Any) -> Any:
        weight, scale = arguments
        return jnp.sqrt(weight) * left(at) / scale, (at[0] - prior_mean) / width, at[1]

    solver: optx.AbstractLeastSquaresSolver = optx.LevenbergMarquardt(rtol=1e-8, atol=1e-8)

    def refit(_: int, state: tuple[Any, jax.Array, jax.Array]) -> tuple[Any, jax.Array, jax.Array]:
        at, weight, scale = state
        found = optx.least_squares(residuals, solver, at, (weight, scale), max_steps=MAX_STEPS, throw=False).value
        finite = jnp.all(jnp.isfinite(found[0])) & jnp.all(jnp.isfinite(found[1]))
        at = jax.tree.map(lambda new, old: jnp.where(finite, new, old), found, at)
        return at, *_student_weights(left(at), present, program.noise.lean)

    start = (prior_mean, jnp.zeros_like(reach))
    theta, drift = jax.lax.fori_loop(0, ROUNDS, refit, (start, present, jnp.asarray(NOISE)))[0]
    return theta, reach * drift


def _expand(
    theta: jax.Array,
    scale: jax.Array,
    slope: jax.Array,
    jacobian: jax.Array,
    weight: jax.Array,
    left: Array,
    basis: Array,
) -> Linearisation:
    response = left + jnp.einsum("bcnp,bcp->bcn", jacobian, theta)
    both = jnp.concatenate([jacobian, basis], axis=-1)
    weighted = both * weight[..., None]
    return Linearisation(
        theta=theta,
        scale=scale,
        slope=slope,
        bend=jnp.einsum("bcnp,bcnq->bcpq", weighted, both),
        pull=jnp.einsum("bcnp,bcn->bcp", weighted, response),
        lever=weight[..., None] * basis,
    )
