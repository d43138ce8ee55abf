r"""Own drifts of the cells in coordinates that turn with the data.

What the data say of a cell's drift along its first axis is made diagonal once, by the eigenvectors of :math:`S^T W S`
there; their prior, standard normal times one spread, is the same in any direction. Whatever spreads and noise are, the
conditional precision of a cell's drift then has a diagonal first block; see `arrows`.
"""

from dataclasses import dataclass, field

import jax
import jax.numpy as jnp
import numpy as np

from scaling_bayes.inference.arrows import ArrowFactor, factor_arrow
from scaling_bayes.inference.stacks import apply
from scaling_bayes.model.design import Array


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class OwnDrifts:
    """What the squared error of every cell says of its own drift, in turned coordinates.

    Attributes
    ----------
    turn : array, shape (knot, knot, block, cell)
        From turned coordinates to knots; orthogonal.
    bend : array, shape (knot, knot, block, cell)
        :math:`S^T W S`, turned; its first block is diagonal.
    reach : array, shape (knot, coordinate + knot, block, cell)
        :math:`S^T W G`, its rows turned.
    pull : array, shape (knot, column, block, cell)
        :math:`S^T W Y`, turned.
    lever : array, shape (block, cell, row, knot)
        :math:`W S`, turned.
    first : int
        Number of knots of the first axis.
    """

    turn: jax.Array
    bend: jax.Array
    reach: jax.Array
    pull: jax.Array
    lever: jax.Array
    first: int = field(metadata={"static": True})

    def factor(self, information: jax.Array, scale: jax.Array) -> ArrowFactor:
        """Inverse factor of the conditional precision of every cell's drift, for spreads of shape (knot, 1, 1)."""
        precision = information * scale[:, None] * scale * self.bend + jnp.eye(len(scale))[..., None, None]
        return factor_arrow(precision, self.first)

    def to_knots(self, turned: jax.Array) -> jax.Array:
        """Drifts at the knots, shape (block, cell, knot), from turned coordinates (knot, block, cell)."""
        return jnp.moveaxis(apply(self.turn, turned), 0, -1)


def turn_own_drifts(bend: Array, pull: Array, lever: Array, knot_axis: np.ndarray) -> OwnDrifts:
    """Turn the drift's part of a linearisation.

    Parameters
    ----------
    bend : array, shape (coordinate + knot, coordinate + knot, block, cell)
    pull : array, shape (coordinate + knot, column, block, cell)
    lever : array, shape (block, cell, row, knot)
    knot_axis : array of int, shape (knot,)

    Returns
    -------
    OwnDrifts
    """
    size, first = len(bend) - len(knot_axis), int(np.sum(knot_axis == 0))
    reach = np.moveaxis(np.asarray(bend)[size:], (0, 1), (-2, -1))
    turn = np.broadcast_to(np.eye(len(knot_axis)), (*reach.shape[:2], len(knot_axis), len(knot_axis))).copy()
    turn[..., :first, :first] = np.linalg.eigh(reach[..., :first, size : size + first])[1]
    back = np.swapaxes(turn, -2, -1)
    turned = {"turn": turn, "reach": back @ reach, "bend": back @ reach[..., size:] @ turn}
    return OwnDrifts(
        **{name: jnp.moveaxis(matrix, (-2, -1), (0, 1)) for name, matrix in turned.items()},
        pull=jnp.einsum("bckj,jlbc->klbc", back, np.asarray(pull)[size:]),
        lever=jnp.asarray(lever) @ turn,
        first=first,
    )
