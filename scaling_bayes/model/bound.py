"""`BoundModel`: a model whose law, groups and shapes are settled by a sweep; the NumPyro program itself."""

from dataclasses import dataclass
from typing import Protocol

import jax
import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist

from scaling_bayes.laws import ROLES
from scaling_bayes.laws.coordinates import Coordinates
from scaling_bayes.model.design import Array, Design
from scaling_bayes.model.noise import Noise
from scaling_bayes.model.priors import Prior
from scaling_bayes.model.run_effects import place_run_effects

LKJ = 2.0
"""Concentration of the prior on correlations between a group's effects."""

HALF_NORMAL_MEDIAN = 0.6745
"""Of a half-normal distribution of scale one."""


@dataclass(frozen=True)
class Conditions:
    """What latents are conditioned on in one evaluation of the program.

    Attributes
    ----------
    known : array, shape (coordinate,)
        Population values: prior means of those that are latent, and what is known of the others.
    root : array, shape (effect, effect)
        Effects of a block are ``root @ z`` with standard normal ``z``: spreads, times the factor of their correlation.
    common_scale, own_scale : array, shape (knot,)
        Spread of the common and of the own drift.
    run_spread : scalar
        Spread of run effects; zero without any.
    information : scalar
        What a row at the reference scale says about its log mean; where run effects are latents, given its run's.
    """

    known: jax.Array
    root: jax.Array
    common_scale: jax.Array
    own_scale: jax.Array
    run_spread: jax.Array
    information: jax.Array


@dataclass(frozen=True)
class Latents:
    """What has a standard normal prior, given the conditions.

    Attributes
    ----------
    population : array, shape (plain,)
        Of the coordinates with the prior of their role, in prior widths from the prior mean.
    common : array, shape (knot,)
        Common drift; empty where the model has none.
    effects : array, shape (block, effect)
    own : array, shape (block, cell, knot)
        Own drifts; empty where the model has none.
    runs : array, shape (label,)
        Run effects; empty where the model has none.
    """

    population: jax.Array
    common: jax.Array
    effects: jax.Array
    own: jax.Array
    runs: jax.Array


LATENTS = ("population_base", "drift_common_base", "effects_base", "own_base", "within_base")
"""Sites of the latents, in the order of their fields."""


class Transport(Protocol):
    """A change of variables of the latents, given their conditions."""

    def __call__(self, latents: Latents, given: Conditions, design: Design) -> tuple[Latents, jax.Array]:
        """Return latents and the log density to add."""


@dataclass(frozen=True)
class BoundModel:
    r"""The NumPyro program.

    .. math::

        \theta_g = \mu + T_g a_g, \quad a_g \sim N(0, 1), \qquad
        \log y = \log f(x; \theta_g) + \delta_g(u) + \epsilon

    Attributes
    ----------
    coordinates : Coordinates
    noise : Noise
    drift : tuple of str
        Parts of the discrepancy that are present.
    sampled : tuple of bool
        For each coordinate whether its population value is sampled on its own; a coordinate that is not has the prior
        mean there, and its effects carry the prior.
    moved : tuple of int
        For each effect the coordinate that it moves.
    priors : tuple of (str, Prior)
        Priors given by the user, by parameter.
    correlated : tuple of (str, tuple)
        Groupings whose effects on several coordinates are correlated, and the effects of each label of a block.
    """

    coordinates: Coordinates
    noise: Noise
    drift: tuple[str, ...]
    sampled: tuple[bool, ...]
    moved: tuple[int, ...]
    priors: tuple[tuple[str, Prior], ...] = ()
    correlated: tuple[tuple[str, tuple[tuple[int, ...], ...]], ...] = ()

    def __call__(self, design: Design, transport: Transport | None = None) -> None:
        """Declare the model to NumPyro; with `transport`, in coordinates that are easy to sample."""
        known = self._known_population(design)
        root = self._effect_root(design)
        noise = self.noise.sample()
        weight = self.noise.weight(noise, design.typical_error, alone=not design.joint)
        given = Conditions(known, root, *self._drift_scales(design), noise.get("within_spread", jnp.zeros(())), weight)
        latents = self._latents(design, given, transport)
        population = known.at[self.plain].add(design.prior_width[self.plain] * latents.population)
        common, effects = _times(given.common_scale, latents.common), latents.effects
        own = _times(given.own_scale, latents.own)
        theta = self.place(population, effects, given, design)
        self._weigh_unsampled(theta, design)
        drift = jnp.einsum("bcnk,bck->bcn", design.basis, common + own)
        mean = numpyro.deterministic("log_mean", self.log_law(theta, design) + drift)
        numpyro.deterministic("theta", theta)
        numpyro.deterministic("effects", effects @ root.T)
        numpyro.deterministic("population_all", population)
        numpyro.deterministic("drift_common", common)
        numpyro.deterministic("drift_own", own)
        late = transport is not None and not design.joint
        shared = place_run_effects(self.noise, noise, latents.runs, mean, design, seek=late)
        with numpyro.handlers.mask(mask=design.weight > 0):
            spread = self.noise.spread(noise, design.noise_distance, design.measured_error)
            around = self.noise.distribution(mean + shared, noise, spread, design.counts)
            numpyro.sample("log_response", around, obs=design.counts.get("count", design.log_response))

    def place(self, population: jax.Array, effects: jax.Array, given: Conditions, design: Design) -> jax.Array:
        """Coordinates of every cell, shape (block, cell, coordinate), for standard normal effects (block, effect)."""
        moves = effects @ given.root.T
        return population + jnp.sum(design.incidence * moves[:, None, None, :], axis=-1)

    def log_law(self, theta: Array, design: Design) -> jax.Array:
        """Log of the law at every row, shape (block, cell, row), for coordinates (block, cell, coordinate)."""
        values = self.coordinates.parameters(theta, design.references, xp=jnp)
        rows = {p: v[..., None] for p, v in values.items()}
        return jnp.log(self.coordinates.law.jax(**rows, **design.covariates))

    @property
    def plain(self) -> np.ndarray:
        """Coordinates whose population value is sampled and has the prior of its role."""
        chosen = {self.coordinates.name(p) for p, _ in self.priors}
        names = self.coordinates.names
        return np.array([i for i, n in enumerate(names) if self.sampled[i] and n not in chosen], dtype=int)

    def _known_population(self, design: Design) -> jax.Array:
        """Prior means of the population; in their place, values whose prior the user gave, sampled from it."""
        population = jnp.asarray(design.prior_mean)
        chosen = {self.coordinates.name(p): (p, prior) for p, prior in self.priors}
        for i, n in enumerate(self.coordinates.names):
            if self.sampled[i] and n in chosen:
                population = population.at[i].set(numpyro.sample(f"population_{n}", self.on_coordinate(*chosen[n])))
        return population

    def on_coordinate(self, parameter: str, prior: Prior) -> dist.Distribution:
        """A prior of a parameter as a distribution of its coordinate."""
        return prior.on_coordinate(ROLES[self.coordinates.law.roles[parameter]].support)

    def _effect_root(self, design: Design) -> jax.Array:
        """Spread of each effect, sampled, or known where nothing is pooled; correlated where groups are many."""
        spread = _sample("spread", dist.HalfNormal(design.spread_scale))
        at = jnp.asarray(design.effect_spread)
        scale = jnp.where(at >= 0, jnp.append(spread, 1.0)[at], design.effect_scale)
        root = jnp.diag(scale)
        for grouping, members in self.correlated:
            of = np.array(members)
            factor = numpyro.sample(f"correlation_{grouping}", dist.LKJCholesky(of.shape[1], LKJ))
            root = root.at[of[:, :, None], of[:, None, :]].set(scale[of][:, :, None] * factor)
        return root

    def _weigh_unsampled(self, theta: jax.Array, design: Design) -> None:
        """Where a prior given by the user rides on effects, exchange the normal prior for it."""
        for p, prior in self.priors:
            i = self.coordinates.names.index(self.coordinates.name(p))
            if not self.sampled[i]:
                normal = dist.Normal(design.prior_mean[i], design.prior_width[i])
                change = self.on_coordinate(p, prior).log_prob(theta[..., i]) - normal.log_prob(theta[..., i])
                moved = design.incidence[:, :, i]  # cells that share an effect share its value, which counts once
                once = (moved / jnp.maximum(moved.sum(axis=1, keepdims=True), 1)).sum(axis=-1)
                numpyro.factor(f"prior_{p}", (once * change).sum())

    def _drift_scales(self, design: Design) -> tuple[jax.Array, jax.Array]:
        """Spread of the common and of the own drift at the knots; zero where the model has none."""
        at, prior = jnp.asarray(design.knot_axis), dist.HalfNormal(design.drift_median / HALF_NORMAL_MEDIAN)
        scales = {part: _sample(f"drift_spread_{part}", prior)[at] for part in self.drift}
        none = jnp.zeros(design.basis.shape[-1])
        return scales.get("common", none), scales.get("own", none)

    def _latents(self, design: Design, given: Conditions, transport: Transport | None) -> Latents:
        blocks, cells, _, dim = design.incidence.shape
        common, own = (design.basis.shape[-1] if part in self.drift else 0 for part in ("common", "own"))
        shapes = ((len(self.plain),), (common,), (blocks, dim), (blocks, cells, own), design.label_rows.shape)
        named = zip(LATENTS, shapes, strict=True)
        latents = Latents(*(_sample(name, dist.Normal(jnp.zeros(shape), 1.0)) for name, shape in named))
        if transport is not None:
            latents, change = transport(latents, given, design)
            numpyro.factor("transport", change)
        return latents


def _times(scale: jax.Array, latent: jax.Array) -> jax.Array:
    """A drift from its weights; zero where the model has none."""
    return scale * latent if latent.shape[-1] else jnp.zeros((*latent.shape[:-1], len(scale)))


def _sample(name: str, distribution: dist.Distribution) -> jax.Array:
    """Sample an array of independent values; one without elements is no site."""
    shape = distribution.batch_shape
    return numpyro.sample(name, distribution.to_event(len(shape))) if 0 not in shape else jnp.zeros(shape)
