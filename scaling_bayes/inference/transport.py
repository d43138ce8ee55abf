r"""Conditional-Laplace non-centring: effects and drifts of cells in coordinates where their posterior is near normal.

Given what cells share (population, spreads ``T``, noise with information ``w`` per run, drift spread ``s``), the
linearised model of effects ``a`` and own drifts ``u`` is Gaussian. With standard normal priors its precision is

.. math::

    \Lambda = \begin{pmatrix} I + w T^T H T & w T^T B s \\ \cdot & I + w s D s \end{pmatrix},
    \qquad H = J^T W J, \quad B = J^T W S, \quad D = S^T W S

Drifts are eliminated cell by cell, effects block by block, and standard normal ``z`` become
:math:`(a, u) = m + L^{-T} z` with :math:`L L^T = \Lambda`. Drifts come last, when the effects are known: they are moved
to what the law itself leaves, :math:`S^T W (\log y - \log f)`, and not to what its linearisation leaves; else a
law that bends by more than the noise would bend the density with it. It is a change of variables, so the density is
exact for any likelihood and law; only the geometry is approximate. Spreads near zero give the non-centred geometry,
informative cells the centred one, so that it holds at every number of groups.
"""

from dataclasses import dataclass, field

import jax
import jax.numpy as jnp
from jax.scipy.linalg import solve_triangular

from scaling_bayes.inference.linearisation import Linearisation
from scaling_bayes.inference.whitening import Whitening
from scaling_bayes.model.bound import BoundModel, Conditions
from scaling_bayes.model.design import Design


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class ConditionalLaplace:
    """The transport that goes with a linearisation of a program; see the module."""

    around: Linearisation
    shared: Whitening
    program: BoundModel = field(metadata={"static": True})

    def spread_shared(self, shared: jax.Array) -> tuple[jax.Array, jax.Array, jax.Array]:
        """Move standard normal values to where the population and the common drift are; see `Whitening`."""
        moved = self.shared.centre + self.shared.factor @ shared
        population, base = jnp.split(moved, [len(self.program.plain)])
        return population, base, _log_diagonal(self.shared.factor)

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
        at, w, s = self.around, given.information, given.own_scale
        pull = at.pull - at.bend @ given.population - at.cross @ given.common
        drift_pull = (
            at.drift_pull - jnp.einsum("bcpk,p->bck", at.cross, given.population) - at.drift_bend @ given.common
        )
        inner = jnp.linalg.cholesky(w * s[:, None] * at.drift_bend * s + jnp.eye(len(s)))
        reach = solve_triangular(inner, w * s[:, None] * jnp.swapaxes(at.cross, -1, -2), lower=True)
        shift = _solve(inner, w * s * drift_pull)
        bend = w * at.bend - jnp.einsum("bckp,bckq->bcpq", reach, reach)
        moves = design.incidence * given.scale
        precision = jnp.einsum("bcpe,bcpq,bcqf->bef", moves, bend, moves) + jnp.eye(moves.shape[-1])
        target = jnp.einsum("bcpe,bcp->be", moves, w * pull - jnp.einsum("bckp,bck->bcp", reach, shift))
        outer = jnp.linalg.cholesky(precision)
        moved = _solve(outer, _solve(outer, target) + effects, transposed=True)
        left = design.log_response - self._log_law(moved, given, design) - design.basis @ given.common
        moved_own = _solve(
            inner, _solve(inner, w * s * jnp.einsum("bcnk,bcn->bck", at.lever, left)) + own, transposed=True
        )
        change = _standard(moved) + _standard(moved_own) - _standard(effects) - _standard(own)
        return moved, moved_own, change - _log_diagonal(inner) - _log_diagonal(outer)

    def _log_law(self, effects: jax.Array, given: Conditions, design: Design) -> jax.Array:
        moves = jnp.einsum("bcpe,be->bcp", design.incidence, given.scale * effects)
        return self.program.log_law(given.population + moves, design)


def _solve(factor: jax.Array, vector: jax.Array, *, transposed: bool = False) -> jax.Array:
    """Solve with a lower triangular factor, or with its transpose."""
    return solve_triangular(factor, vector[..., None], lower=True, trans=int(transposed))[..., 0]


def _standard(values: jax.Array) -> jax.Array:
    return -0.5 * jnp.sum(values**2)


def _log_diagonal(factor: jax.Array) -> jax.Array:
    return jnp.sum(jnp.log(jnp.diagonal(factor, axis1=-2, axis2=-1)))
