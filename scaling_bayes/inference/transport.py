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
from scaling_bayes.inference.linearisation import Linearisation
from scaling_bayes.inference.stacks import apply, inverse_factor, log_determinant, multiply, transpose
from scaling_bayes.model.bound import BoundModel, Conditions, Latents
from scaling_bayes.model.design import Array, Design

UNCERTAIN = 0.2
"""Standard deviation of a share's logit beyond which its tangent is not trusted."""

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
    inner : ArrowFactor or None
        Inverse factor of the precision of own drifts.
    given : Conditions
    design : Design
    order : array of int, shape (effect,)
        Of elimination.
    """

    population: jax.Array
    common: jax.Array
    inner: ArrowFactor | None
    given: Conditions
    design: Design
    order: np.ndarray

    def arrange(self, effects: jax.Array) -> jax.Array:
        """Bring effects (effect, block) from the order of elimination to (block, effect)."""
        return effects[np.argsort(self.order)].T


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
        size, inner = len(given.known), self._inner(given)
        cells, bend, pull = self._without_own(inner, given)
        order, late = self._order()
        moves = multiply(_stacked(design.incidence), given.root[:, order, None, None])
        outer = inverse_factor(_precision(multiply(transpose(moves), multiply(cells[:, :size], moves)).sum(-1)))
        tied = multiply(outer, multiply(transpose(moves), cells).sum(-1))
        aim = apply(outer, apply(transpose(moves), pull[:size]).sum(-1))

        bend = bend - jnp.einsum("eib,ejb->ij", tied, tied)
        total = pull.sum((-2, -1)) - apply(transpose(tied), aim).sum(-1)
        shared, x, top = self._place_shared(bend, total, latents, given, design)
        law = Given(given.known + x[:size], x[size:], inner, given, design, order)

        middle = apply(transpose(outer), aim - jnp.tensordot(x, tied, axes=(0, 1)))
        effects, levels = self._place_effects(middle, outer, moves, latents.effects.T[order], late, law)
        own = latents.own if inner is None else self._place_own(inner, effects, latents.own, law)
        population, common = jnp.split(shared, [len(latents.population)])
        moved = Latents(population, common, effects, own)
        change = sum((log_determinant(factor) for factor in levels), log_determinant(top))
        return moved, _density(moved) - _density(latents) + change + (inner.log_determinant if inner else 0.0)

    def _place_shared(
        self, bend: jax.Array, pull: jax.Array, latents: Latents, given: Conditions, design: Design
    ) -> tuple[jax.Array, jax.Array, jax.Array]:
        """Shared latents, what they are on every coordinate and knot, and the factor of their covariance."""
        kept, units = self._shared(given, design)
        bend = bend[kept][:, kept]
        factor = inverse_factor(_precision(units[:, None] * (bend + bend.T) / 2 * units))
        standard = jnp.concatenate([latents.population, latents.common])
        shared = factor.T @ (factor @ (units * pull[kept]) + standard)
        return shared, jnp.zeros(len(pull)).at[kept].set(units * shared), factor

    def _place_effects(
        self, middle: jax.Array, outer: jax.Array, moves: jax.Array, z: jax.Array, late: int, law: "Given"
    ) -> tuple[jax.Array, list[jax.Array]]:
        """Effects, shape (block, effect), and factors whose determinants count; the first `late` know the shares."""
        if not late:
            return law.arrange(middle + apply(transpose(outer), z)), [outer]
        outer, middle = self._seek(middle, moves, 0, law)
        effects = middle + apply(transpose(outer), z)
        guess = effects.at[:late].add(-apply(transpose(outer[:late, :late]), z[:late]))
        first = len(moves) - len(self.program.coordinates.singles)
        factor, middle = self._seek(guess, moves[:, :late], first, law)
        effects = jnp.concatenate([middle + apply(transpose(factor), z[:late]), effects[late:]])
        return law.arrange(effects), [outer[late:, late:], factor]

    def _order(self) -> tuple[np.ndarray, int]:
        """Effects in the order of their elimination, and how many of them are sought once shares are known."""
        first = len(self.program.coordinates.shares)
        coordinates = np.array(self.program.moved, dtype=int)
        late = np.flatnonzero(coordinates >= first) if first and self.bent else np.array([], dtype=int)
        return np.concatenate([late, np.setdiff1d(np.arange(len(coordinates)), late)]), len(late)

    def _seek(self, guess: jax.Array, moves: jax.Array, first: int, law: "Given") -> tuple[jax.Array, jax.Array]:
        """Factor of the covariance of the effects of `moves`, and where they are: a step of Gauss-Newton from a guess.

        Parameters
        ----------
        guess : array, shape (effect, block)
            In the order of elimination.
        moves : array, shape (coordinate, moved effect, block, cell)
        first : int
            First coordinate that the effects move.
        law : Given
        """
        given, design, inner = law.given, law.design, law.inner
        w, moved = given.information, moves.shape[1]
        theta = self.program.place(law.population, law.arrange(guess), given, design)
        log_law, along = jax.linearize(lambda theta: self.program.log_law(theta, design), theta)
        jacobian = jnp.stack([along(jnp.broadcast_to(t, theta.shape)) for t in jnp.eye(len(moves))[first:]])
        left = design.log_response - log_law - design.basis @ law.common
        weighted = w * self.around.weight * jacobian
        bend, pull = jnp.einsum("ibcn,jbcn->ijbc", weighted, jacobian), jnp.einsum("ibcn,bcn->ibc", weighted, left)
        if inner is not None:
            s, lever = _over_cells(w * given.own_scale), self.around.own.lever
            reach = inner.multiply(s[:, None] * jnp.einsum("bcnk,ibcn->kibc", lever, jacobian))
            own = inner.apply(s * jnp.einsum("bcnk,bcn->kbc", lever, left))
            bend, pull = bend - multiply(transpose(reach), reach), pull - apply(transpose(reach), own)
        turned = transpose(moves[first:])
        factor = inverse_factor(_precision(multiply(turned, multiply(bend, moves[first:])).sum(-1)))
        step = apply(transpose(factor), apply(factor, apply(turned, pull).sum(-1) - guess[:moved]))
        return factor, guess[:moved] + FARTHEST * jnp.tanh(step / FARTHEST)

    def _inner(self, given: Conditions) -> ArrowFactor | None:
        """Inverse factor of the precision of each cell's own drift, given all else; none where there are none."""
        if "own" not in self.program.drift:
            return None
        return self.around.own.factor(given.information, _over_cells(given.own_scale))

    def _without_own(self, inner: ArrowFactor | None, given: Conditions) -> tuple[jax.Array, jax.Array, jax.Array]:
        """Precision and pull on coordinates and common drift, own drifts integrated out.

        Returns
        -------
        cells : array, shape (coordinate, coordinate + knot, block, cell)
            Precision of each cell, its rows of coordinates.
        bend : array, shape (coordinate + knot, coordinate + knot)
            Precision of all cells.
        pull : array, shape (coordinate + knot, block, cell)
        """
        at, size, w = self.around, len(given.known), given.information
        cells, bend, pull = w * at.bend[:size], w * at.bend.sum((-2, -1)), w * at.pull
        if inner is not None:
            s = _over_cells(w * given.own_scale)
            reach = inner.multiply(s[:, None] * at.own.reach)
            pull = pull - apply(transpose(reach), inner.apply(s * at.own.pull))
            cells = cells - multiply(transpose(reach[:, :size]), reach)
            bend = bend - jnp.einsum("kibc,kjbc->ij", reach, reach)
        return cells, bend, pull - jnp.tensordot(given.known, cells, axes=(0, 0))

    def _shared(self, given: Conditions, design: Design) -> tuple[jax.Array, jax.Array]:
        """Which coordinates and knots are shared latents, and how far one unit of each moves them."""
        plain, size = self.program.plain, len(given.known)
        knots = size + jnp.arange(len(given.common_scale) if "common" in self.program.drift else 0)
        units = jnp.concatenate([jnp.asarray(design.prior_width), given.common_scale])
        kept = jnp.concatenate([jnp.asarray(plain, dtype=int), knots.astype(int)])
        return kept, units[kept]

    def _place_own(self, inner: ArrowFactor, effects: jax.Array, standard: jax.Array, law: "Given") -> jax.Array:
        """Own drifts: through what law and common drift leave of the log response."""
        given, design = law.given, law.design
        theta = self.program.place(law.population, effects, given, design)
        left = design.log_response - self.program.log_law(theta, design) - design.basis @ law.common
        turned = jnp.einsum("bcnk,bcn->kbc", self.around.own.lever, left)
        pull = _over_cells(given.information * given.own_scale) * turned
        return self.around.own.to_knots(inner.apply_transposed(inner.apply(pull) + jnp.moveaxis(standard, -1, 0)))


def choose_transport(program: BoundModel, design: Design, around: Linearisation) -> ConditionalLaplace:
    """The transport of a program; bent where a drift, or a cell's few runs, leave the shares of a total uncertain."""
    k, size = len(program.coordinates.shares), len(program.coordinates.names)
    bend = np.moveaxis(np.asarray(around.bend)[:size, :size], (0, 1), (-2, -1)) / np.asarray(around.scale) ** 2
    covariance = np.linalg.inv(bend + np.diag(np.asarray(design.prior_width) ** -2.0))
    uncertain = np.sqrt(np.diagonal(covariance, axis1=-2, axis2=-1)[..., 1:k]).max(initial=0.0)
    return ConditionalLaplace(around, program, bool(program.drift) or uncertain > UNCERTAIN)


def _stacked(array: Array) -> jax.Array:
    """Bring the axes of blocks and cells last."""
    return jnp.moveaxis(jnp.asarray(array), (0, 1), (-2, -1))


def _over_cells(array: jax.Array) -> jax.Array:
    return array[..., None, None]


def _precision(bend: jax.Array) -> jax.Array:
    """Add the prior's precision, one, to each matrix of a stack."""
    return bend + jnp.eye(len(bend)).reshape(*bend.shape[:2], *[1] * (bend.ndim - 2))


def _density(latents: Latents) -> jax.Array:
    return -0.5 * jnp.sum(jnp.concatenate([values.ravel() for values in vars(latents).values()]) ** 2)
