"""One least-squares fit per cell: where the law is, which way it bends, and which runs it cannot explain."""

from dataclasses import dataclass
from functools import partial

import jax
import jax.numpy as jnp
import optimistix as optx

from scaling_bayes.model.bound import BoundModel, Design

NOISE = 0.01
"""Residual scale that the first fit assumes, on the log response."""

TAIL = 4.0
"""Degrees of freedom of the Student-t weights of the later fits."""

ROUNDS = 4
MAX_STEPS = 200


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Linearisation:
    r"""The squared error of every cell as a quadratic in its coordinates and in its drift.

    With Jacobian ``J``, robust weights ``W``, drift basis ``S`` and ``y`` the log response minus the part of the linear law
    that does not depend on the coordinates; the drift is rotated to ``Q`` with :math:`Q^T S^T W S Q = diag(D)`.

    Attributes
    ----------
    theta : array, shape (block, cell, coordinate)
        Least-squares fit.
    scale : array, shape (block, cell)
        Robust residual scale.
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
    """

    theta: jax.Array
    scale: jax.Array
    bend: jax.Array
    pull: jax.Array
    rotation: jax.Array
    drift_bend: jax.Array
    drift_pull: jax.Array
    cross: jax.Array


@partial(jax.jit, static_argnums=0)
def linearise(program: BoundModel, design: Design) -> Linearisation:
    """Fit the law in each cell by Levenberg-Marquardt with Student-t weights, held by its weak prior."""
    width = jnp.sqrt(design.prior_width**2 + design.prior_width**2)
    fit = jax.vmap(jax.vmap(partial(_fit_cell, program, design.references, design.prior_mean, width)))
    return fit(design.covariates, design.log_response, design.weight, design.basis)


def _fit_cell(
    program: BoundModel,
    references: dict[str, jax.Array],
    prior_mean: jax.Array,
    width: jax.Array,
    covariates: dict[str, jax.Array],
    log_response: jax.Array,
    present: jax.Array,
    basis: jax.Array,
) -> Linearisation:
    def law(theta: jax.Array) -> jax.Array:
        values = program.coordinates.parameters(theta, references, xp=jnp)
        return jnp.log(program.coordinates.law.jax(**values, **covariates)) * jnp.ones_like(present)

    def residuals(theta: jax.Array, arguments: tuple[jax.Array, jax.Array]) -> tuple[jax.Array, jax.Array]:
        weight, scale = arguments
        return jnp.sqrt(weight) * (law(theta) - log_response) / scale, (theta - prior_mean) / width

    solver = optx.LevenbergMarquardt(rtol=1e-8, atol=1e-8)
    def refit(_: int, state: tuple[jax.Array, ...]) -> tuple[jax.Array, ...]:
        theta, weight, scale = state
        solution = optx.least_squares(residuals, solver, theta, (weight, scale), max_steps=MAX_STEPS, throw=False)
        theta = jnp.where(jnp.all(jnp.isfinite(solution.value)), solution.value, theta)
        left = jnp.abs(law(theta) - log_response)
        scale = jnp.maximum(1.48 * jnp.nanmedian(jnp.where(present > 0, left, jnp.nan)), 1e-5)
        return theta, present * TAIL / (TAIL + (left / scale) ** 2), scale

    theta, weight, scale = jax.lax.fori_loop(0, ROUNDS, refit, (prior_mean, present, jnp.asarray(NOISE)))
    return _quadratic(theta, scale, jax.jacfwd(law)(theta), weight, log_response - law(theta), basis)


def _quadratic(
    theta: jax.Array, scale: jax.Array, jacobian: jax.Array, weight: jax.Array, left: jax.Array, basis: jax.Array
) -> Linearisation:
    weighted = jacobian * weight[:, None]
    response = left + jacobian @ theta
    if basis.shape[-1]:
        drift_bend, rotation = jnp.linalg.eigh(basis.T @ (basis * weight[:, None]))
    else:
        drift_bend, rotation = jnp.zeros(0), jnp.zeros((0, 0))
    rotated = basis @ rotation
    return Linearisation(
        theta=theta,
        scale=scale,
        bend=weighted.T @ jacobian,
        pull=weighted.T @ response,
        rotation=rotation,
        drift_bend=jnp.maximum(drift_bend, 0.0),
        drift_pull=rotated.T @ (weight * response),
        cross=weighted.T @ rotated,
    )
