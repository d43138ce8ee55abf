r"""Stacks of matrices whose first block is diagonal, and the inverses of their factors.

.. math::

    P = \begin{pmatrix} D & E \\ E^T & C \end{pmatrix}, \qquad
    U = \begin{pmatrix} D^{-1/2} & 0 \\ -F E^T D^{-1} & F \end{pmatrix}, \qquad
    F \, (C - E^T D^{-1} E) \, F^T = I,

so that :math:`U P U^T = I`. Only the second block is factorised: a process along two axes, turned so that what the data
say of it along the first is diagonal, costs what one along the second would.
"""

from dataclasses import dataclass

import jax
import jax.numpy as jnp

from scaling_bayes.inference.stacks import apply, inverse_factor, log_determinant, multiply, transpose


@dataclass(frozen=True)
class ArrowFactor:
    """``U`` of each matrix of a stack; see the module.

    Attributes
    ----------
    diagonal : array, shape (first, ...)
        Of ``D``.
    edge : array, shape (first, second, ...)
        ``E``.
    corner : array, shape (second, second, ...)
        ``F``.
    """

    diagonal: jax.Array
    edge: jax.Array
    corner: jax.Array

    def multiply(self, matrix: jax.Array) -> jax.Array:
        """``U`` times each matrix of a stack, shape (first + second, j, ...)."""
        above, below = jnp.split(matrix, [len(self.diagonal)])
        divided = above / self.diagonal[:, None]
        below = multiply(self.corner, below - multiply(transpose(self.edge), divided))
        return jnp.concatenate([divided * jnp.sqrt(self.diagonal)[:, None], below])

    def apply(self, vector: jax.Array) -> jax.Array:
        """``U`` times each vector of a stack, shape (first + second, ...)."""
        return self.multiply(vector[:, None])[:, 0]

    def apply_transposed(self, vector: jax.Array) -> jax.Array:
        """``U^T`` times each vector of a stack."""
        above, below = jnp.split(vector, [len(self.diagonal)])
        below = apply(transpose(self.corner), below)
        return jnp.concatenate([above / jnp.sqrt(self.diagonal) - apply(self.edge, below) / self.diagonal, below])

    @property
    def log_determinant(self) -> jax.Array:
        """Of ``U``, summed over the stack."""
        return log_determinant(self.corner) - 0.5 * jnp.sum(jnp.log(self.diagonal))


def factor_arrow(matrix: jax.Array, first: int) -> ArrowFactor:
    """Inverse factor of each positive definite matrix of a stack.

    Parameters
    ----------
    matrix : array, shape (n, n, ...)
        What its first block holds off the diagonal is not read.
    first : int
        Size of the first block.

    Returns
    -------
    ArrowFactor

    Examples
    --------
    >>> matrix = jnp.array([[4.0, 2.0], [2.0, 2.0]])[:, :, None]
    >>> factor_arrow(matrix, 1).apply(jnp.array([[2.0], [3.0]])).tolist()
    [[1.0], [2.0]]
    """
    diagonal, edge = jnp.einsum("ii...->i...", matrix[:first, :first]), matrix[:first, first:]
    corner = matrix[first:, first:] - multiply(transpose(edge), edge / diagonal[:, None])
    return ArrowFactor(diagonal, edge, inverse_factor(corner))
