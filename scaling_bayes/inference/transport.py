r"""Conditional-Laplace non-centring: effects and drifts of cells in coordinates where their posterior is near normal.

Given what cells share (population, spreads ``T``, noise with information ``w`` per run, drift spread ``s``), the
linearised model of effects ``a`` and own drifts ``u`` is Gaussian. With standard normal priors its precision is

.. math::

    \Lambda = \begin{pmatrix} I + w T^T H T & w s\, T^T B \\ \cdot & I + w s^2 D \end{pmatrix},
    \qquad H = J^T W J, \quad B = J^T W S Q, \quad D = Q^T S^T W S Q \text{ diagonal}

Drifts are eliminated cell by cell, effects block by block, and standard normal ``z`` become
:math:`(a, u) = m + L^{-T} z` with :math:`L L^T = \Lambda`. Drifts come last, when the effects are known: they are moved
to what the law itself leaves, :math:`Q^T S^T W (\log y - \log f)`, and not to what its linearisation leaves; else a
law that bends by more than the noise would bend the density with it. It is a change of variables, so the density is
exact for any likelihood and law; only the geometry is approximate. Spreads near zero give the non-centred geometry,
informative cells the centred one, so that it holds at every number of groups.
"""

from dataclasses import dataclass, field

import jax
import jax.numpy as jnp
from jax.scipy.linalg import solve_triangular

from scaling_bayes.inference.linearisation import Linearisation
from scaling_bayes.model.bound import BoundModel, Conditions
from scaling_bayes.model.design import Design


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class ConditionalLaplace:
    """The transport that goes with a linearisation of a program; see the module."""

    around: Linearisation
    program: BoundModel = field(metadata={"static": True})

    def __call__(
        self, effects: jax.Array, own: jax.Array, given: Conditions, design: Design
    ) -> tuple[jax.Array, jax.Array, jax.Array]:
        """Move standard normal `effects` and `own` to where the conditional posterior is.

        Parameters
        ----------
        effects : array, shape (block, effect)
        own : array, shape (block, cell, knot)
        given : Conditions
        design : Design

        Returns
        -------
        effects, own : array
        change : scalar
            Log density of the moved values under their priors, plus the log determinant, minus that of the inputs; the
            program adds it, having counted the inputs as standard normal.
        """
        at, w = self.around, given.information
        s = _typical(given.own_scale)
        common = jnp.einsum("bckl,k->bcl", at.rotation, given.common)
        pull = at.pull - at.bend @ given.population - jnp.einsum("bcpk,bck->bcp", at.cross, common)
        drift_pull = at.drift_pull - jnp.einsum("bcpk,p->bck", at.cross, given.population) - at.drift_bend * common
        inner = jnp.sqrt(1 + w * s**2 * at.drift_bend)
        reach = w * s * at.cross / inner[..., None, :]
        shift = w * s * drift_pull / inner
        bend = w * at.bend - jnp.einsum("bcpk,bcqk->bcpq", reach, reach)
        moves = design.incidence * given.scale
        precision = jnp.einsum("bcpe,bcpq,bcqf->bef", moves, bend, moves) + jnp.eye(moves.shape[-1])
        target = jnp.einsum("bcpe,bcp->be", moves, w * pull - jnp.einsum("bcpk,bck->bcp", reach, shift))
        outer = jnp.linalg.cholesky(precision)
        half = solve_triangular(outer, target[..., None], lower=True)[..., 0] + effects
        moved = solve_triangular(jnp.swapaxes(outer, -1, -2), half[..., None], lower=False)[..., 0]
        left = design.log_response - self._log_law(moved, given, design) - design.basis @ given.common
        rotated = (w * s * jnp.einsum("bcnk,bcn->bck", at.lever, left) / inner + own) / inner
        moved_own = jnp.einsum("bckl,bcl->bck", at.rotation, rotated)
        change = _standard(moved) + _standard(rotated) - _standard(effects) - _standard(own)
        return moved, moved_own, change - jnp.sum(jnp.log(inner)) - _log_diagonal(outer)

    def _log_law(self, effects: jax.Array, given: Conditions, design: Design) -> jax.Array:
        moves = jnp.einsum("bcpe,be->bcp", design.incidence, given.scale * effects)
        return self.program.log_law(given.population + moves, design)


def _typical(scales: jax.Array) -> jax.Array:
    """One drift spread for the geometry where axes have several; zero without drift."""
    return jnp.exp(jnp.mean(jnp.log(scales))) if scales.shape[-1] else jnp.zeros(())


def _standard(values: jax.Array) -> jax.Array:
    return -0.5 * jnp.sum(values**2)


def _log_diagonal(factor: jax.Array) -> jax.Array:
    return jnp.sum(jnp.log(jnp.diagonal(factor, axis1=-2, axis2=-1)))
