"""Many small matrices at once, the stack's axes last, so that one instruction works on several of them.

A sweep of a hundred groups asks for a hundred factorisations of 5 x 5 matrices at every gradient. LAPACK takes them one
by one; written out over a stack they are some ten times faster on a CPU, and one kernel on a GPU.
"""

import jax
import jax.numpy as jnp
from jax.scipy.linalg import solve_triangular

SMALL = 8
"""Largest matrix that is worked on element by element; larger ones go to LAPACK and BLAS."""


def multiply(a: jax.Array, b: jax.Array) -> jax.Array:
    """Product of each matrix of one stack with that of another.

    Parameters
    ----------
    a : array, shape (i, k, ...)
    b : array, shape (k, j, ...)

    Returns
    -------
    array, shape (i, j, ...)

    Examples
    --------
    >>> multiply(jnp.ones((2, 3, 4)), jnp.ones((3, 1, 4))).shape
    (2, 1, 4)
    """
    if max(b.shape[:2]) <= SMALL and b.ndim > 2:
        return jnp.sum(a[:, :, None] * b[None], axis=1)
    return jnp.einsum("ik...,kj...->ij...", a, b)


def transpose(a: jax.Array) -> jax.Array:
    """Transpose each matrix of a stack."""
    return jnp.swapaxes(a, 0, 1)


def apply(a: jax.Array, vector: jax.Array) -> jax.Array:
    """Product of each matrix of a stack, shape (i, k, ...), with its vector, shape (k, ...)."""
    return multiply(a, vector[:, None])[:, 0]


def log_determinant(factor: jax.Array) -> jax.Array:
    """Log determinant of each triangular matrix of a stack, summed over the stack."""
    return jnp.sum(jnp.log(jnp.diagonal(factor)))


@jax.custom_jvp
def inverse_factor(a: jax.Array) -> jax.Array:
    r"""Inverse of the Cholesky factor of each positive definite matrix of a stack.

    .. math:: U = L^{-1}, \quad L L^T = A, \qquad dU = -\Phi(U \, dA \, U^T) \, U

    where :math:`\Phi` takes the lower triangle and halves the diagonal.

    Parameters
    ----------
    a : array, shape (n, n, ...)

    Returns
    -------
    array, shape (n, n, ...)
        Lower triangular.

    Examples
    --------
    >>> inverse_factor(jnp.array([[[4.0, 1.0]]])).tolist()
    [[[0.5, 1.0]]]
    """
    if not len(a):
        return a
    if len(a) <= SMALL and a.ndim > 2:
        return _inverse(_factor(a))
    stacked = jnp.moveaxis(a, (0, 1), (-2, -1))
    identity = jnp.broadcast_to(jnp.eye(len(a)), stacked.shape)
    return jnp.moveaxis(solve_triangular(jnp.linalg.cholesky(stacked), identity, lower=True), (-2, -1), (0, 1))


@inverse_factor.defjvp
def _inverse_factor_jvp(at: tuple[jax.Array], step: tuple[jax.Array]) -> tuple[jax.Array, jax.Array]:
    u = inverse_factor(*at)
    n = len(u)
    lower = (jnp.tril(jnp.ones((n, n))) - 0.5 * jnp.eye(n)).reshape(n, n, *[1] * (u.ndim - 2))
    return u, -multiply(lower * multiply(multiply(u, step[0]), transpose(u)), u)


def _factor(a: jax.Array) -> list[jax.Array]:
    """Columns of the Cholesky factor, each from its diagonal element down."""
    columns: list[jax.Array] = []
    for j in range(len(a)):
        left = a[j:, j]
        for k, column in enumerate(columns):
            left = left - column[j - k :] * column[j - k]
        columns.append(left / jnp.sqrt(left[:1]))
    return columns


def _inverse(columns: list[jax.Array]) -> jax.Array:
    """Inverse of a lower triangular matrix by forward substitution."""
    n, stack = len(columns), columns[0].shape[1:]
    left = jnp.broadcast_to(jnp.eye(n).reshape(n, n, *[1] * len(stack)), (n, n, *stack))
    rows = []
    for column in columns:
        rows.append(left[0] / column[0])
        left = left[1:] - column[1:, None] * rows[-1]
    return jnp.stack(rows)
