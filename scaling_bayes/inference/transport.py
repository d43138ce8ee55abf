r"""Conditional-Laplace non-centring: latents in coordinates where their posterior is near normal.

Given spreads and noise (information ``w`` per run), the linearised model of what cells share ``x`` (population and
common drift), of effects ``a`` and of own drifts ``u`` is Gaussian. With standard normal priors its precision is

.. math::

    \Lambda = I + w \, \sum_c V_c^T G_c^T W_c G_c V_c, \qquad G_c = (J_c, S_c),

where :math:`V_c` takes the latents to the coordinates and the drift of cell ``c``. Own drifts are eliminated cell by
cell, then effects block by block, then ``x``, and standard normal ``z`` become :math:`(x, a, u) = m + L^{-T} z` with
:math:`L L^T = \Lambda`. Own drifts come last, when the law is known: they are moved to what the law itself leaves,
:math:`S^T W (\log y - \log f)`, and not to what its linearisation leaves; else a law that bends by more than the noise
would bend the density with it.

It is a change of variables, so the density is exact for any likelihood and law; only the geometry is approximate.
Spreads near zero give the non-centred geometry, informative cells the centred one, so that it holds at every number of
groups.
"""

from dataclasses import dataclass, field

import jax
import jax.numpy as jnp
from jax.scipy.linalg import solve_triangular

from scaling_bayes.inference.linearisation import Linearisation
from scaling_bayes.model.bound import BoundModel, Conditions, Latents
from scaling_bayes.model.design import Design


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class ConditionalLaplace:
    """The transport that goes with a linearisation of a program; see the module."""

    around: Linearisation
    program: BoundModel = field(metadata={"static": True})

    def __call__(self, latents: Latents, given: Conditions, design: Design) -> tuple[Latents, jax.Array]:
        """Move standard normal latents to where the conditional posterior is.

        Parameters
        ----------
        latents : Latents
        given : Conditions
        design : Design

        Returns
        -------
        latents : Latents
        change : scalar
            Log density of the moved values under their priors, plus the log determinant, minus that of the inputs; the
            program adds it, having counted the inputs as standard normal.
        """
        at, size, w, s = self.around, len(given.known), given.information, given.own_scale
        inner = jnp.linalg.cholesky(w * s[:, None] * at.bend[..., size:, size:] * s + jnp.eye(len(s)))
        reach = solve_triangular(inner, w * s[:, None] * at.bend[..., size:, :], lower=True)
        cells = w * at.bend - _square(reach)
        pull = w * at.pull - _across(reach, _solve(inner, w * s * at.pull[..., size:]))
        pull = pull - cells[..., :size] @ given.known

        moves = design.incidence * given.scale
        bend = jnp.einsum("bcpe,bcpq,bcqf->bef", moves, cells[..., :size, :size], moves)
        outer = jnp.linalg.cholesky(bend + jnp.eye(moves.shape[-1]))
        tied = solve_triangular(outer, jnp.einsum("bcpe,bcpx->bex", moves, cells[..., :size, :]), lower=True)
        aim = _solve(outer, jnp.einsum("bcpe,bcp->be", moves, pull[..., :size]))

        kept, units = self._shared(given, design)
        bend = (cells.sum(axis=(0, 1)) - _square(tied).sum(axis=0))[kept][:, kept] * units[:, None] * units
        top = jnp.linalg.cholesky((bend + bend.T) / 2 + jnp.eye(len(kept)))
        target = units * (pull.sum(axis=(0, 1)) - _across(tied, aim).sum(axis=0))[kept]
        standard = jnp.concatenate([latents.population, latents.common])
        shared = _solve(top, _solve(top, target) + standard, transposed=True)

        x = jnp.zeros(at.bend.shape[-1]).at[kept].set(units * shared)
        effects = _solve(outer, aim - tied @ x + latents.effects, transposed=True)
        own = latents.own
        if own.shape[-1]:
            left = self._left(given.known + x[:size], x[size:], effects, given, design)
            drift = _solve(inner, w * s * jnp.einsum("bcnk,bcn->bck", at.lever, left))
            own = _solve(inner, drift + own, transposed=True)
        population, common = jnp.split(shared, [len(latents.population)])
        moved = Latents(population, common, effects, own)
        change = _density(moved) - _density(latents) - sum(_log_diagonal(factor) for factor in (inner, outer, top))
        return moved, change

    def _shared(self, given: Conditions, design: Design) -> tuple[jax.Array, jax.Array]:
        """Which coordinates and knots are shared latents, and how far one unit of each moves them."""
        plain, size = self.program.plain, len(given.known)
        knots = size + jnp.arange(len(given.common_scale) if "common" in self.program.drift else 0)
        units = jnp.concatenate([jnp.asarray(design.prior_width), given.common_scale])
        kept = jnp.concatenate([jnp.asarray(plain, dtype=int), knots.astype(int)])
        return kept, units[kept]

    def _left(
        self, population: jax.Array, common: jax.Array, effects: jax.Array, given: Conditions, design: Design
    ) -> jax.Array:
        """What law and common drift leave of the log response."""
        theta = population + jnp.einsum("bcpe,be->bcp", design.incidence, given.scale * effects)
        return jnp.asarray(design.log_response - self.program.log_law(theta, design) - design.basis @ common)


def _square(half: jax.Array) -> jax.Array:
    return jnp.einsum("...kx,...ky->...xy", half, half)


def _across(half: jax.Array, vector: jax.Array) -> jax.Array:
    return jnp.einsum("...kx,...k->...x", half, vector)


def _solve(factor: jax.Array, vector: jax.Array, *, transposed: bool = False) -> jax.Array:
    """Solve with a lower triangular factor, or with its transpose."""
    return solve_triangular(factor, vector[..., None], lower=True, trans=int(transposed))[..., 0]


def _density(latents: Latents) -> jax.Array:
    return -0.5 * jnp.sum(jnp.concatenate([values.ravel() for values in vars(latents).values()]) ** 2)


def _log_diagonal(factor: jax.Array) -> jax.Array:
    return jnp.sum(jnp.log(jnp.diagonal(factor, axis1=-2, axis2=-1)))
