"""One least-squares fit per cell: where the law is, which way it bends, and which runs it cannot explain."""

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

ENOUGH_CELLS = 3
ROUNDS = 4
MAX_STEPS = 200


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Linearisation:
    r"""The squared error of every cell as a quadratic in its coordinates and in its drift.

    With Jacobian ``J``, weights ``W`` (robust, and larger where the noise is smaller), drift basis ``S`` and ``y`` the
    log response minus the part of the linear law that does not depend on the coordinates; the drift is rotated to ``Q``
    with :math:`Q^T S^T W S Q = diag(D)`.

    Attributes
    ----------
    theta : array, shape (block, cell, coordinate)
        Least-squares fit.
    scale, slope : scalar
        Robust residual scale of all runs at the noise's reference, and the slope of its log along the noise's axis.
    bend : array, shape (block, cell, coordinate, coordinate)
        :math:`J^T W J`.
    pull : array, shape (block, cell, coordinate)
        :math:`J^T W y`.
    rotation : array, shape (block, cell, knot, knot)
        ``Q``.
    drift_bend : array, shape (block, cell, knot)
        ``D``.
    drift_pull : array, shape (block, cell, knot)
        :math:`Q^T S^T W y`.
    cross : array, shape (block, cell, coordinate, knot)
        :math:`J^T W S Q`.
    lever : array, shape (block, cell, row, knot)
        :math:`W S Q`.
    """

    theta: jax.Array
    scale: jax.Array
    slope: jax.Array
    bend: jax.Array
    pull: jax.Array
    rotation: jax.Array
    drift_bend: jax.Array
    drift_pull: jax.Array
    cross: jax.Array
    lever: jax.Array


@partial(jax.jit, static_argnums=0)
def linearise(program: BoundModel, design: Design) -> Linearisation:
    """Fit the law in each cell by Levenberg-Marquardt with Student-t weights, and expand around it.

    A first fit is held by the law's weak prior alone; a second by what the cells have in common, so that the expansion
    is around where a partially pooled posterior will be.

    Parameters
    ----------
    program : BoundModel
    design : Design

    Returns
    -------
    Linearisation
    """

    def fit(held_by: tuple[jax.Array, jax.Array], _: None) -> tuple[tuple[jax.Array, jax.Array], jax.Array]:
        over_cells = jax.vmap(jax.vmap(partial(_fit_cell, program, design.references, *held_by)))
        theta = over_cells(design.covariates, design.log_response, design.weight)
        flat = theta.reshape(-1, theta.shape[-1])
        spread = jnp.sqrt(flat.var(axis=0) + (SPREAD_FLOOR * design.prior_width) ** 2)
        return (flat.mean(axis=0), spread) if len(flat) >= ENOUGH_CELLS else held_by, theta

    weak = (jnp.asarray(design.prior_mean), jnp.sqrt(2.0) * design.prior_width)
    theta = jax.lax.scan(fit, weak, None, length=2)[1][-1]
    law = partial(_log_law, program, design.references)
    left = design.log_response - jax.vmap(jax.vmap(law))(design.covariates, theta)
    jacobian = jax.vmap(jax.vmap(jax.jacfwd(law, argnums=1)))(design.covariates, theta)
    slope = _noise_slope(left, design) if program.noise.along else jnp.zeros(())
    relative = jnp.exp(slope * design.noise_distance)
    weight, scale = _student_weights(left / relative, design.weight)
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


def _student_weights(left: Array, present: Array) -> tuple[jax.Array, jax.Array]:
    """Weights of residuals under a Student-t whose scale is their median size; they average 1 over present rows."""
    scale = jnp.maximum(1.48 * jnp.nanmedian(jnp.where(present > 0, jnp.abs(left), jnp.nan)), 1e-5)
    weight = jnp.asarray(present) / (1 + (left / scale) ** 2 / TAIL)
    return weight * present.sum() / weight.sum(), scale


def _fit_cell(
    program: BoundModel,
    references: dict[str, Array],
    prior_mean: jax.Array,
    width: jax.Array,
    covariates: dict[str, Array],
    log_response: Array,
    present: Array,
) -> jax.Array:
    law = partial(_log_law, program, references, covariates)

    def residuals(theta: jax.Array, arguments: Any) -> Any:
        weight, scale = arguments
        return jnp.sqrt(weight) * (law(theta) - log_response) / scale, (theta - prior_mean) / width

    solver: optx.AbstractLeastSquaresSolver = optx.LevenbergMarquardt(rtol=1e-8, atol=1e-8)

    def refit(_: int, state: tuple[jax.Array, ...]) -> tuple[jax.Array, ...]:
        theta, weight, scale = state
        found = optx.least_squares(residuals, solver, theta, (weight, scale), max_steps=MAX_STEPS, throw=False).value
        theta = jnp.where(jnp.all(jnp.isfinite(found)), found, theta)
        return theta, *_student_weights(law(theta) - log_response, present)

    return jax.lax.fori_loop(0, ROUNDS, refit, (prior_mean, present, jnp.asarray(NOISE)))[0]


def _expand(
    theta: jax.Array,
    scale: jax.Array,
    slope: jax.Array,
    jacobian: jax.Array,
    weight: jax.Array,
    left: Array,
    basis: Array,
) -> Linearisation:
    weighted = jacobian * weight[..., None]
    response = left + jnp.einsum("bcnp,bcp->bcn", jacobian, theta)
    drift_bend, rotation = jnp.linalg.eigh(jnp.einsum("bcnk,bcn,bcnl->bckl", basis, weight, basis))
    lever = weight[..., None] * (basis @ rotation)
    return Linearisation(
        theta=theta,
        scale=scale,
        slope=slope,
        bend=jnp.einsum("bcnp,bcnq->bcpq", weighted, jacobian),
        pull=jnp.einsum("bcnp,bcn->bcp", weighted, response),
        rotation=rotation,
        drift_bend=jnp.maximum(drift_bend, 0.0),
        drift_pull=jnp.einsum("bcnk,bcn->bck", lever, response),
        cross=jnp.einsum("bcnp,bcnk->bcpk", jacobian, lever),
        lever=lever,
    )
