r"""What is left of the squared error once own drifts, cell by cell, and effects, block by block, are integrated out.

With the precision of all latents in blocks of what is eliminated, ``e``, and what stays, ``x``,

.. math:: P = \begin{pmatrix} P_{ee} & P_{ex} \\ P_{xe} & P_{xx} \end{pmatrix}, \qquad
    P_{xx} - P_{xe} P_{ee}^{-1} P_{ex}, \qquad b_x - P_{xe} P_{ee}^{-1} b_e

are precision and pull of what stays; a pull is the precision times a mean.
"""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np

from scaling_bayes.inference.arrows import ArrowFactor
from scaling_bayes.inference.linearisation import Linearisation
from scaling_bayes.inference.stacks import apply, inverse_factor, multiply, transpose
from scaling_bayes.model.bound import Conditions
from scaling_bayes.model.design import Design


@dataclass(frozen=True)
class Carried:
    """Pulls of several columns, each on what was eliminated, given all that comes later, and on what is left.

    Attributes
    ----------
    own : array, shape (knot, column, block, cell)
        On own drifts, times their factor; empty where there are none.
    effects : array, shape (effect, column, block)
        On effects, times their factor.
    shared : array, shape (coordinate + knot, column)
        On what stays.
    """

    own: jax.Array
    effects: jax.Array
    shared: jax.Array


@dataclass(frozen=True)
class Elimination:
    """Factors of what was eliminated, and what is left.

    Attributes
    ----------
    own : ArrowFactor or None
        Inverse factor of the precision of each cell's own drift, given all else; none where there are none.
    strength : array, shape (knot, 1, 1)
        Times what the squared error says of an own drift.
    reach : array, shape (knot, coordinate + knot, block, cell)
        `own` times the precision between an own drift and what stays.
    order : array of int, shape (effect,)
        Of the effects, below.
    moves : array, shape (coordinate, effect, block, cell)
        What a standard normal effect moves.
    effects : array, shape (effect, effect, block)
        Inverse factor of their precision.
    tied : array, shape (effect, coordinate + knot, block)
        `effects` times the precision between effects and what stays.
    bend : array, shape (coordinate + knot, coordinate + knot)
        Precision of what stays, without its prior.
    """

    own: ArrowFactor | None
    strength: jax.Array
    reach: jax.Array | None
    order: np.ndarray
    moves: jax.Array
    effects: jax.Array
    tied: jax.Array
    bend: jax.Array

    def carry(self, pull: jax.Array, own_pull: jax.Array) -> Carried:
        """From pulls on every cell to those on effects and on what stays.

        Parameters
        ----------
        pull : array, shape (coordinate + knot, column, block, cell)
        own_pull : array, shape (knot, column, block, cell)
            On own drifts, before `strength`.

        Returns
        -------
        Carried
        """
        own = own_pull[:0]
        if self.own is not None and self.reach is not None:
            own = self.own.multiply(self.strength[:, None] * own_pull)
            pull = pull - multiply(transpose(self.reach), own)
        aim = multiply(self.effects, multiply(transpose(self.moves), pull[: len(self.moves)]).sum(-1))
        return Carried(own, aim, pull.sum((-2, -1)) - multiply(transpose(self.tied), aim).sum(-1))

    def centre(self, aim: jax.Array, x: jax.Array) -> jax.Array:
        """Mean of the effects, shape (effect, block), given what stays."""
        return apply(transpose(self.effects), aim - jnp.tensordot(x, self.tied, axes=(0, 1)))

    def arrange(self, effects: jax.Array) -> jax.Array:
        """Bring effects (effect, block) from the order of elimination to (block, effect)."""
        return effects[np.argsort(self.order)].T


def eliminate(
    around: Linearisation, given: Conditions, design: Design, order: np.ndarray, *, drifts: bool
) -> Elimination:
    """Integrate own drifts, where there are any, and effects out of a linearisation.

    Parameters
    ----------
    around : Linearisation
    given : Conditions
    design : Design
    order : array of int, shape (effect,)
        Of elimination.
    drifts : bool
        Whether cells have drifts of their own.

    Returns
    -------
    Elimination
    """
    size, w = len(given.known), given.information
    cells, bend = w * around.bend[:size], w * around.bend.sum((-2, -1))
    strength, own, reach = over_cells(w * given.own_scale), None, None
    if drifts:
        own = around.own.factor(w, over_cells(given.own_scale))
        reach = own.multiply(strength[:, None] * around.own.reach)
        cells = cells - multiply(transpose(reach[:, :size]), reach)
        bend = bend - jnp.einsum("kibc,kjbc->ij", reach, reach)
    incidence = jnp.moveaxis(jnp.asarray(design.incidence), (0, 1), (-2, -1))
    moves = multiply(incidence, given.root[:, order, None, None])
    effects = inverse_factor(with_prior(multiply(transpose(moves), multiply(cells[:, :size], moves)).sum(-1)))
    tied = multiply(effects, multiply(transpose(moves), cells).sum(-1))
    bend = bend - jnp.einsum("eib,ejb->ij", tied, tied)
    return Elimination(own, strength, reach, order, moves, effects, tied, (bend + bend.T) / 2)


def with_prior(bend: jax.Array) -> jax.Array:
    """Add the precision of a standard normal, one, to each matrix of a stack."""
    return bend + jnp.eye(len(bend)).reshape(*bend.shape[:2], *[1] * (bend.ndim - 2))


def over_cells(array: jax.Array) -> jax.Array:
    """Add axes of blocks and cells."""
    return array[..., None, None]
