r"""Latents placed along the law itself, where its tangent at a first fit is not trusted.

The population's levels and shares come first, by the tangent. Given them, its exponents, the common drift and the
effects are guessed by the tangent, and the law is expanded anew around the guess: steps of Gauss-Newton on all of them,

.. math::

    \Lambda' = I + \sum_c V_c^T G_c'^T (w^{-1} W_c^{-1} + S_c \Sigma S_c^T)^{-1} G_c' V_c, \qquad G_c' = (J_c', S_c)

with :math:`\Sigma` the variance of own drifts, which are integrated out. The last step places exponents and common
drift, then those effects that move shares; effects on exponents are sought by another step once these are known. What a
slope says of an exponent depends on the shares by more than a tangent tells.
"""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np

from scaling_bayes.inference.elimination import Elimination, with_prior
from scaling_bayes.inference.linearisation import Linearisation
from scaling_bayes.inference.stacks import apply, inverse_factor, multiply, transpose
from scaling_bayes.model.bound import BoundModel, Conditions
from scaling_bayes.model.design import Design

FARTHEST = 4.0
"""Longest step towards where a latent is, in standard deviations of its prior; one half as long is hardly shortened."""

TRUSTED = 1.0
"""Longest way of a share's logit in a step: a tangent sends it far where it hardly matters, and a unit farther it may
be all that matters."""

STEPS = 2
"""Of Gauss-Newton before what cells share is placed, and with its placing."""


@dataclass(frozen=True)
class Guess:
    """Where latents are placed, or thought to be.

    Attributes
    ----------
    shared : array, shape (coordinate + knot,)
        What cells share, in units: the population, less what is known of it, and the common drift.
    effects : array, shape (effect, block)
        In the order of elimination.
    """

    shared: jax.Array
    effects: jax.Array


@dataclass(frozen=True)
class Step:
    """A step of Gauss-Newton.

    Attributes
    ----------
    middle : array, shape (late,)
        Where the late ones of what cells share are, in units.
    top : array, shape (late, late)
        Factor of their covariance.
    effects : array, shape (effect, block)
        Where effects are, at `middle`.
    outer : array, shape (effect, effect, block)
        Factor of their covariance.
    tied : array, shape (effect, late, block)
        `outer` times the precision between effects and the late ones.
    """

    middle: jax.Array
    top: jax.Array
    effects: jax.Array
    outer: jax.Array
    tied: jax.Array


@dataclass(frozen=True)
class Curve:
    """The law around a first fit, for latents that are placed along it.

    Attributes
    ----------
    late : array of int, shape (late,)
        Of coordinates and knots, what cells share and is placed along the law.
    units : array, shape (coordinate + knot,)
        How far one unit moves each.
    given : Conditions
    design : Design
    seen : Elimination
    around : Linearisation
    program : BoundModel
    """

    late: np.ndarray
    units: jax.Array
    given: Conditions
    design: Design
    seen: Elimination
    around: Linearisation
    program: BoundModel

    def leave(self, at: Guess) -> jax.Array:
        """What law and common drift leave of the log response, shape (block, cell, row)."""
        law = self.program.log_law(self._theta(at), self.design)
        return jnp.asarray(self.design.log_response) - law - self._drift(at)

    def place(
        self, tangent: Guess, standard: jax.Array, top: jax.Array, aim: jax.Array, later: int
    ) -> tuple[Guess, list[jax.Array]]:
        """Place what is late of what cells share, and the effects.

        Parameters
        ----------
        tangent : Guess
            Where the tangent has what cells share; standard normal coordinates of the effects.
        standard : array, shape (coordinate + knot,)
            Standard normal coordinates of what cells share.
        top : array, shape (kept, kept)
            Factor of its covariance by the tangent, what is late first.
        aim : array, shape (effect, block)
            Pull on effects by the tangent; see `Elimination.carry`.
        later : int
            Number of effects, the first ones, that are sought once the others are known.

        Returns
        -------
        placed : Guess
        factors : list of array
            Whose determinants count.
        """
        late, z, n = self.late, tangent.effects, len(self.late)
        shared = tangent.shared.at[late].add(-top[:n, :n].T @ standard[late])
        guess = Guess(shared, self.seen.centre(aim, self.units * shared))
        for _ in range(STEPS - 1):
            step = self._seek(guess)
            guess = Guess(guess.shared.at[late].set(step.middle), step.effects)
        step = self._seek(guess)
        moved = step.top.T @ standard[late]
        effects = step.effects + apply(transpose(step.outer), z - jnp.tensordot(moved, step.tied, axes=(0, 1)))
        shared = shared.at[late].set(step.middle + moved)
        middle = effects.at[:later].add(-apply(transpose(step.outer[:later, :later]), z[:later]))
        middle, inner = self._seek_later(Guess(shared, middle), later)
        effects = jnp.concatenate([middle + apply(transpose(inner), z[:later]), effects[later:]])
        return Guess(shared, effects), [top[n:, n:], step.top, step.outer[later:, later:], inner]

    def _seek(self, guess: Guess) -> Step:
        """A step of Gauss-Newton from a guess, for all that is late."""
        moves, size, late = self.seen.moves, len(self.seen.moves), self.late
        bend, pull = self._expand(guess)
        turned, units = transpose(moves), self.units[late][:, None, None]
        outer = inverse_factor(with_prior(multiply(turned, multiply(bend[:size, :size], moves)).sum(-1)))
        aim = apply(outer, apply(turned, pull[:size]).sum(-1) - guess.effects)
        tied = multiply(outer, multiply(turned, units * bend[:size, late]).sum(-1))
        shared = (units[:, None] * bend[late][:, late] * units).sum((-2, -1)) - jnp.einsum("ekb,elb->kl", tied, tied)
        top = inverse_factor(with_prior((shared + shared.T) / 2))
        before = guess.shared[late]
        toward = (units * pull[late]).sum((-2, -1)) - before - jnp.einsum("ekb,eb->k", tied, aim)
        step = limit_step(top.T @ (top @ toward))
        aim = aim - jnp.tensordot(step, tied, axes=(0, 1))
        effects = guess.effects + limit_step(apply(transpose(outer), aim), self._shares_moved())
        return Step(before + step, top, effects, outer, tied)

    def _seek_later(self, guess: Guess, later: int) -> tuple[jax.Array, jax.Array]:
        """Where the first effects are, given the others, and the factor of their covariance."""
        first = len(self.seen.moves) - len(self.program.coordinates.singles)
        moves = self.seen.moves[first:, :later]
        bend, pull = self._expand(guess, first)
        turned, size = transpose(moves), len(moves)
        factor = inverse_factor(with_prior(multiply(turned, multiply(bend[:size, :size], moves)).sum(-1)))
        step = apply(transpose(factor), apply(factor, apply(turned, pull[:size]).sum(-1) - guess.effects[:later]))
        return guess.effects[:later] + limit_step(step), factor

    def _shares_moved(self) -> jax.Array:
        """How far each effect moves the logit of a share, the most in any cell, shape (effect, block)."""
        return jnp.abs(self.seen.moves[1 : len(self.program.coordinates.shares)]).max((0, -1), initial=0.0)

    def _theta(self, at: Guess) -> jax.Array:
        population = self.given.known + (self.units * at.shared)[: len(self.given.known)]
        return self.program.place(population, self.seen.arrange(at.effects), self.given, self.design)

    def _drift(self, at: Guess) -> jax.Array:
        return jnp.asarray(self.design.basis @ (self.units * at.shared)[len(self.given.known) :])

    def _expand(self, at: Guess, first: int = 0) -> tuple[jax.Array, jax.Array]:
        """Squared error of every cell around a guess, own drifts integrated out, as a quadratic.

        Returns
        -------
        bend : array, shape (coordinate + knot, coordinate + knot, block, cell)
            In coordinates from `first` on, and in the common drift.
        pull : array, shape (coordinate + knot, block, cell)
        """
        design, size, theta = self.design, len(self.seen.moves), self._theta(at)
        log_law, along = jax.linearize(lambda theta: self.program.log_law(theta, design), theta)
        jacobian = jnp.stack([along(jnp.broadcast_to(t, theta.shape)) for t in jnp.eye(size)[first:]])
        left = design.log_response - log_law - self._drift(at)
        both = jnp.concatenate([jacobian, jnp.moveaxis(jnp.asarray(design.basis), -1, 0)])
        weighted = self.given.information * self.around.weight * both
        bend, pull = jnp.einsum("ibcn,jbcn->ijbc", weighted, both), jnp.einsum("ibcn,bcn->ibc", weighted, left)
        if self.seen.own is None:
            return bend, pull
        lever, strength = self.around.own.lever, self.seen.strength
        reach = self.seen.own.multiply(strength[:, None] * jnp.einsum("bcnk,ibcn->kibc", lever, both))
        own = self.seen.own.apply(strength * jnp.einsum("bcnk,bcn->kbc", lever, left))
        return bend - multiply(transpose(reach), reach), pull - apply(transpose(reach), own)


def limit_step(step: jax.Array, shares_moved: jax.Array | float = 0.0) -> jax.Array:
    """A step that is no longer than `FARTHEST`, and moves no share's logit farther than `TRUSTED`."""
    return step / (1 + (step / FARTHEST) ** 4 + (step * shares_moved / TRUSTED) ** 4) ** 0.25
