r"""Conditional-Laplace non-centring: latents in coordinates where their posterior is near normal.

Given spreads and noise (information ``w`` per run), the linearised model of what cells share ``x`` (population and
common drift), of effects ``a`` and of own drifts ``u`` is Gaussian. With standard normal priors its precision is

.. math::

    \Lambda = I + w \, \sum_c V_c^T G_c^T W_c G_c V_c, \qquad G_c = (J_c, S_c),

where :math:`V_c` takes the latents to the coordinates and the drift of cell ``c``. Own drifts are eliminated cell by
cell, then effects block by block, then ``x``, and standard normal ``z`` become :math:`(x, a, u) = m + L^{-T} z` with
:math:`L L^T = \Lambda`. Own drifts come last, when the law is known: they are moved to what the law itself leaves,
:math:`S^T W (\log y - \log f)`, and not to what its linearisation leaves; else a law that bends by more than the noise
would bend the density with it. Where shares of a total are uncertain the same is done for most else: see `bending`.

Where the noise has effects of runs, these are placed before all else, since rows of several cells may share one, by the
precision that is left of theirs once all else is integrated out; what follows sees the response without them.

It is a change of variables, so the density is exact for any likelihood and law; only the geometry is approximate.
Spreads near zero give the non-centred geometry, informative cells the centred one, so that it holds at every number of
groups.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import jax
import jax.numpy as jnp
import numpy as np

from scaling_bayes.inference.bending import Curve, Guess
from scaling_bayes.inference.elimination import Elimination, eliminate, with_prior
from scaling_bayes.inference.linearisation import Linearisation
from scaling_bayes.inference.stacks import apply, inverse_factor, log_determinant, transpose
from scaling_bayes.model.bound import BoundModel, Conditions, Latents
from scaling_bayes.model.design import Design

UNCERTAIN = {"law alone": 0.25, "drift": 0.1}
"""Standard deviation of a share's logit, in the cell that knows it least, beyond which its tangent is not trusted."""


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class ConditionalLaplace:
    """The transport that goes with a linearisation of a program; see the module.

    Where it is `bent`, all but the population's levels and shares is placed along the law itself.
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
        order, later = self._order()
        seen = eliminate(self.around, given, design, order, drifts="own" in self.program.drift)
        pulls = seen.carry(*self._pull(given))
        units, standard = self._standardise(latents, given, design)
        kept, late = self._shared(len(latents.common))
        top = inverse_factor(with_prior(units[kept, None] * seen.bend[kept][:, kept] * units[kept]))
        drawn = top @ (units[:, None] * pulls.shared)[kept]
        runs, first = latents.runs, jnp.zeros((0, 0))
        if design.joint:
            runs, first = self._place_runs(runs, given, (pulls.own, pulls.effects, drawn))
            less = given.run_spread * runs[design.run_label]
            design = replace(design, log_response=design.log_response - less)
        column = jnp.append(-given.run_spread * runs[: len(first)], 1.0)
        aim = jnp.einsum("elb,l->eb", pulls.effects, column)
        shared = jnp.zeros(len(units)).at[kept].set(top.T @ (drawn @ column + standard[kept]))

        tangent = Guess(shared, latents.effects.T[order])
        curve = Curve(kept[:late], units, given, design, seen, self.around, self.program)
        if later:
            placed, factors = curve.place(tangent, standard, top, aim, later)
        else:
            effects = seen.centre(aim, units * shared) + apply(transpose(seen.effects), tangent.effects)
            placed, factors = Guess(shared, effects), [top, seen.effects]
        change, own = sum((log_determinant(factor) for factor in (first, *factors)), jnp.zeros(())), latents.own
        if seen.own is not None:
            own = self._place_own(seen, own, curve.leave(placed))
            change = change + seen.own.log_determinant
        common = placed.shared[len(given.known) :][: len(latents.common)]
        moved = Latents(placed.shared[self.program.plain], common, seen.arrange(placed.effects), own, runs)
        return moved, _density(moved) - _density(latents) + change

    def _pull(self, given: Conditions) -> tuple[jax.Array, jax.Array]:
        """Pulls on coordinates and common drift of every cell, and on its own drift, less what is known."""
        at, size = self.around, len(given.known)
        known = given.known[:, None, None]
        pull = at.pull.at[:, -1].add(-jnp.sum(at.bend[:, :size] * known, axis=1))
        return given.information * pull, at.own.pull.at[:, -1].add(-jnp.sum(at.own.reach[:, :size] * known, axis=1))

    def _place_runs(
        self, standard: jax.Array, given: Conditions, pulls: Sequence[jax.Array]
    ) -> tuple[jax.Array, jax.Array]:
        """Run effects, all else integrated out, and the factor of their covariance."""
        size, spread = len(standard), given.run_spread
        known = jnp.einsum("ilbc,i->l", self.around.pull[: len(given.known), :size], given.known)
        bend = given.information * self.around.effects.at[:, -1].add(-known)
        bend = bend - sum(jnp.einsum("ir...,il...->rl", pull[:, :size], pull) for pull in pulls)
        factor = inverse_factor(with_prior(spread**2 * bend[:, :size]))
        return factor.T @ (factor @ (spread * bend[:, -1]) + standard), factor

    def _order(self) -> tuple[np.ndarray, int]:
        """Effects in the order of their elimination, and how many of them are sought once shares are known."""
        first = len(self.program.coordinates.shares)
        coordinates = np.array(self.program.moved, dtype=int)
        late = np.flatnonzero(coordinates >= first) if first and self.bent else np.array([], dtype=int)
        return np.concatenate([late, np.setdiff1d(np.arange(len(coordinates)), late)]), len(late)

    def _standardise(self, latents: Latents, given: Conditions, design: Design) -> tuple[jax.Array, jax.Array]:
        """How far one unit moves each coordinate and knot, and standard normal coordinates; zero where not latent."""
        units = jnp.concatenate([jnp.asarray(design.prior_width), given.common_scale])
        standard = jnp.zeros(len(units)).at[self.program.plain].set(latents.population)
        return units, standard.at[len(given.known) + np.arange(len(latents.common))].set(latents.common)

    def _shared(self, knots: int) -> tuple[np.ndarray, int]:
        """Which coordinates and knots are shared latents, those first that are placed along the law; how many are."""
        plain, first = self.program.plain, len(self.program.coordinates.shares)
        late = np.concatenate([plain[plain >= first], len(self.program.sampled) + np.arange(knots)])
        return np.concatenate([late, plain[plain < first]]).astype(int), len(late)

    def _place_own(self, seen: Elimination, standard: jax.Array, left: jax.Array) -> jax.Array:
        """Own drifts: through what law and common drift leave of the log response."""
        pull, inner = seen.strength * jnp.einsum("bcnk,bcn->kbc", self.around.own.lever, left), seen.own
        assert inner is not None
        return self.around.own.to_knots(inner.apply_transposed(inner.apply(pull) + jnp.moveaxis(standard, -1, 0)))


def is_uncertain(program: BoundModel, design: Design, around: Linearisation) -> bool:
    """Whether a drift, or a cell's few runs, leave the shares of a total so uncertain that no tangent is trusted."""
    drift = np.asarray(design.drift_median)[np.asarray(design.knot_axis)] * bool(program.drift)
    units = np.concatenate([design.prior_width, drift])
    bend = np.moveaxis(np.asarray(around.bend), (0, 1), (-2, -1)) / np.asarray(around.scale) ** 2
    covariance = np.linalg.inv(units[:, None] * bend * units + np.eye(len(units)))
    deviation = units * np.sqrt(np.diagonal(covariance, axis1=-2, axis2=-1))
    limit = UNCERTAIN["drift" if program.drift else "law alone"]
    return bool(deviation[..., 1 : len(program.coordinates.shares)].max(initial=0.0) > limit)


def _density(latents: Latents) -> jax.Array:
    return -0.5 * jnp.sum(jnp.concatenate([values.ravel() for values in vars(latents).values()]) ** 2)
