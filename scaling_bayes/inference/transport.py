r"""Conditional-Laplace non-centring: latents in coordinates where their posterior is near normal.

Given spreads and noise (information ``w`` per run), the linearised model of what cells share ``x`` (population and
common drift), of effects ``a`` and of own drifts ``u`` is Gaussian. With standard normal priors its precision is

.. math::

    \Lambda = I + w \, \sum_c V_c^T G_c^T W_c G_c V_c, \qquad G_c = (J_c, S_c),

where :math:`V_c` takes the latents to the coordinates and the drift of cell ``c``. Own drifts are eliminated cell by
cell, then effects block by block, then ``x``, and standard normal ``z`` become :math:`(x, a, u) = m + L^{-T} z` with
:math:`L L^T = \Lambda`. Own drifts come last, when the law is known: they are moved to what the law itself leaves,
:math:`S^T W (\log y - \log f)`, and not to what its linearisation leaves; else a law that bends by more than the noise
would bend the density with it. Where shares of a total are uncertain the same is done for effects: they are placed
after ``x`` by one step of Gauss-Newton on the law, and exponents after the shares by another.

It is a change of variables, so the density is exact for any likelihood and law; only the geometry is approximate.
Spreads near zero give the non-centred geometry, informative cells the centred one, so that it holds at every number of
groups.
"""

from dataclasses import dataclass, field

import jax
import jax.numpy as jnp
import numpy as np

from scaling_bayes.inference.arrows import ArrowFactor
from scaling_bayes.inference.elimination import Elimination, eliminate, with_prior
from scaling_bayes.inference.linearisation import Linearisation
from scaling_bayes.inference.stacks import apply, inverse_factor, log_determinant, multiply, transpose
from scaling_bayes.model.bound import BoundModel, Conditions, Latents
from scaling_bayes.model.design import Design

UNCERTAIN = {"law alone": 0.25, "drift": 0.1}
"""Standard deviation of a share's logit, in the cell that knows it least, beyond which its tangent is not trusted."""

FARTHEST = 3.0
"""Longest step towards where effects are, in spreads."""


@dataclass(frozen=True)
class Given:
    """What effects and own drifts are placed by, once what groups share is known.

    Attributes
    ----------
    population : array, shape (coordinate,)
    common : array, shape (knot,)
        Common drift.
    given : Conditions
    design : Design
    seen : Elimination
    """

    population: jax.Array
    common: jax.Array
    given: Conditions
    design: Design
    seen: Elimination


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class ConditionalLaplace:
    """The transport that goes with a linearisation of a program; see the module.

    Where it is `bent`, effects are sought along the law itself, given what groups share, and exponents given the shares
    of a total too: what a slope says of an exponent depends on them by more than a tangent tells.
    """

    around: Linearisation
    program: BoundModel = field(metadata={"static": True})
    bent: bool = field(default=False, metadata={"static": True})

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
        size, (order, late) = len(given.known), self._order()
        seen = eliminate(self.around, given, design, order, drifts="own" in self.program.drift)
        aim, total = seen.carry(*self._pull(given))
        kept, units = self._shared(given, design)
        top = inverse_factor(with_prior(units[:, None] * seen.bend[kept][:, kept] * units))
        standard = jnp.concatenate([latents.population, latents.common])
        shared = top.T @ (top @ (units * total[kept]) + standard)

        x = jnp.zeros(len(total)).at[kept].set(units * shared)
        law = Given(given.known + x[:size], x[size:], given, design, seen)
        effects, levels = self._place_effects(seen.centre(aim, x), latents.effects.T[order], late, law)
        own = latents.own if seen.own is None else self._place_own(seen.own, effects, latents.own, law)
        population, common = jnp.split(shared, [len(latents.population)])
        moved = Latents(population, common, effects, own)
        change = sum((log_determinant(factor) for factor in levels), log_determinant(top))
        return moved, _density(moved) - _density(latents) + change + (seen.own.log_determinant if seen.own else 0.0)

    def _pull(self, given: Conditions) -> tuple[jax.Array, jax.Array]:
        """Pull on coordinates and common drift of every cell, and on its own drift, less what is known."""
        at, size = self.around, len(given.known)
        known = given.known[:, None, None]
        pull = given.information * (at.pull - jnp.sum(at.bend[:, :size] * known, axis=1))
        return pull, at.own.pull - jnp.sum(at.own.reach[:, :size] * known, axis=1)

    def _place_effects(
        self, middle: jax.Array, z: jax.Array, late: int, law: Given
    ) -> tuple[jax.Array, list[jax.Array]]:
        """Effects, shape (block, effect), and factors whose determinants count; the first `late` know the shares."""
        seen, outer = law.seen, law.seen.effects
        if not late:
            return seen.arrange(middle + apply(transpose(outer), z)), [outer]
        outer, middle = self._seek(middle, 0, law)
        effects = middle + apply(transpose(outer), z)
        guess = effects.at[:late].add(-apply(transpose(outer[:late, :late]), z[:late]))
        factor, middle = self._seek(guess, late, law)
        effects = jnp.concatenate([middle + apply(transpose(factor), z[:late]), effects[late:]])
        return seen.arrange(effects), [outer[late:, late:], factor]

    def _order(self) -> tuple[np.ndarray, int]:
        """Effects in the order of their elimination, and how many of them are sought once shares are known."""
        first = len(self.program.coordinates.shares)
        coordinates = np.array(self.program.moved, dtype=int)
        late = np.flatnonzero(coordinates >= first) if first and self.bent else np.array([], dtype=int)
        return np.concatenate([late, np.setdiff1d(np.arange(len(coordinates)), late)]), len(late)

    def _seek(self, guess: jax.Array, late: int, law: Given) -> tuple[jax.Array, jax.Array]:
        """Factor of the covariance of effects, and where they are: a step of Gauss-Newton from a guess.

        Parameters
        ----------
        guess : array, shape (effect, block)
            In the order of elimination.
        late : int
            How many are sought, given the others; 0 for all.
        law : Given
        """
        given, design, seen = law.given, law.design, law.seen
        first = len(seen.moves) - len(self.program.coordinates.singles) if late else 0
        moves = seen.moves[first:, : late or None]
        w, moved = given.information, moves.shape[1]
        theta = self.program.place(law.population, seen.arrange(guess), given, design)
        log_law, along = jax.linearize(lambda theta: self.program.log_law(theta, design), theta)
        jacobian = jnp.stack([along(jnp.broadcast_to(t, theta.shape)) for t in jnp.eye(len(seen.moves))[first:]])
        left = design.log_response - log_law - design.basis @ law.common
        weighted = w * self.around.weight * jacobian
        bend, pull = jnp.einsum("ibcn,jbcn->ijbc", weighted, jacobian), jnp.einsum("ibcn,bcn->ibc", weighted, left)
        if seen.own is not None:
            lever = self.around.own.lever
            reach = seen.own.multiply(seen.strength[:, None] * jnp.einsum("bcnk,ibcn->kibc", lever, jacobian))
            own = seen.own.apply(seen.strength * jnp.einsum("bcnk,bcn->kbc", lever, left))
            bend, pull = bend - multiply(transpose(reach), reach), pull - apply(transpose(reach), own)
        turned = transpose(moves)
        factor = inverse_factor(with_prior(multiply(turned, multiply(bend, moves)).sum(-1)))
        step = apply(transpose(factor), apply(factor, apply(turned, pull).sum(-1) - guess[:moved]))
        return factor, guess[:moved] + FARTHEST * jnp.tanh(step / FARTHEST)

    def _shared(self, given: Conditions, design: Design) -> tuple[np.ndarray, jax.Array]:
        """Which coordinates and knots are shared latents, and how far one unit of each moves them."""
        size = len(given.known)
        knots = size + np.arange(len(given.common_scale) if "common" in self.program.drift else 0)
        units = jnp.concatenate([jnp.asarray(design.prior_width), given.common_scale])
        kept = np.concatenate([self.program.plain, knots]).astype(int)
        return kept, units[kept]

    def _place_own(self, inner: ArrowFactor, effects: jax.Array, standard: jax.Array, law: Given) -> jax.Array:
        """Own drifts: through what law and common drift leave of the log response."""
        design = law.design
        theta = self.program.place(law.population, effects, law.given, design)
        left = design.log_response - self.program.log_law(theta, design) - design.basis @ law.common
        pull = law.seen.strength * jnp.einsum("bcnk,bcn->kbc", self.around.own.lever, left)
        return self.around.own.to_knots(inner.apply_transposed(inner.apply(pull) + jnp.moveaxis(standard, -1, 0)))


def choose_transport(program: BoundModel, design: Design, around: Linearisation) -> ConditionalLaplace:
    """The transport of a program; bent where a drift, or a cell's few runs, leave the shares of a total uncertain."""
    drift = np.asarray(design.drift_median)[np.asarray(design.knot_axis)] * bool(program.drift)
    units = np.concatenate([design.prior_width, drift])
    bend = np.moveaxis(np.asarray(around.bend), (0, 1), (-2, -1)) / np.asarray(around.scale) ** 2
    covariance = np.linalg.inv(units[:, None] * bend * units + np.eye(len(units)))
    deviation = units * np.sqrt(np.diagonal(covariance, axis1=-2, axis2=-1))
    limit = UNCERTAIN["drift" if program.drift else "law alone"]
    return ConditionalLaplace(
        around, program, bool(deviation[..., 1 : len(program.coordinates.shares)].max(initial=0.0) > limit)
    )


def _density(latents: Latents) -> jax.Array:
    return -0.5 * jnp.sum(jnp.concatenate([values.ravel() for values in vars(latents).values()]) ** 2)
