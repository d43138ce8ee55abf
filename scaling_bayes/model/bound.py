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


@dataclass(frozen=True)
class Conditions:
    """What effects and drifts of cells are conditioned on in one evaluation of the program.

    Attributes
    ----------
    population : array, shape (coordinate,)
    scale : array, shape (effect,)
        Spread of each effect.
    common, own_scale : array, shape (knot,)
        Common drift, and spread of the own one.
    information : scalar
        What a run at the reference scale says about its log mean.
    """

    population: jax.Array
    scale: jax.Array
    common: jax.Array
    own_scale: jax.Array
    information: jax.Array


class Transport(Protocol):
    """Changes of variables: of what cells share, and of effects and drifts of cells given that."""

    def spread_shared(self, shared: jax.Array) -> tuple[jax.Array, jax.Array, jax.Array]:
        """Return population values and the base of the common drift, and the log determinant."""

    def __call__(
        self, effects: jax.Array, own: jax.Array, given: Conditions, design: Design
    ) -> tuple[jax.Array, jax.Array, jax.Array]:
        """Return effects, own drifts and the log density to add."""


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
    priors : tuple of (str, Prior)
        Priors given by the user, by parameter.
    """

    coordinates: Coordinates
    noise: Noise
    drift: tuple[str, ...]
    sampled: tuple[bool, ...]
    priors: tuple[tuple[str, Prior], ...] = ()

    def __call__(self, design: Design, transport: Transport | None = None) -> None:
        """Declare the model to NumPyro; with `transport`, in coordinates that are easy to sample."""
        plain, base = self._shared(design, transport)
        population = self._population(plain, design)
        scale = self._effect_scales(design)
        noise = self.noise.sample()
        common, own_scale = self._drift_scales(base, design)
        given = Conditions(population, scale, common, own_scale, self.noise.weight(noise))
        effects, own = self._latents(design, given, transport)
        theta = population + jnp.einsum("bcpe,be->bcp", design.incidence, scale * effects)
        self._weigh_unsampled(theta, design)
        drift = design.basis @ common + jnp.einsum("bcnk,bck->bcn", design.basis, own_scale * own)
        mean = numpyro.deterministic("log_mean", self.log_law(theta, design) + drift)
        numpyro.deterministic("theta", theta)
        numpyro.deterministic("effects", scale * effects)
        numpyro.deterministic("drift_own", own_scale * own)
        with numpyro.handlers.mask(mask=design.weight > 0):
            around = self.noise.distribution(mean, noise, design.noise_distance)
            numpyro.sample("log_response", around, obs=design.log_response)

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

    def _shared(self, design: Design, transport: Transport | None) -> tuple[jax.Array, jax.Array]:
        """Population values of the plain coordinates, and standard normal weights of the common drift's knots."""
        prior = dist.Normal(design.prior_mean[self.plain], design.prior_width[self.plain])
        standard = dist.Normal(jnp.zeros(design.basis.shape[-1] if "common" in self.drift else 0), 1.0)
        if transport is None:
            return _sample("population", prior), _sample("drift_common_base", standard)
        flat = dist.Normal(jnp.zeros(len(self.plain) + standard.batch_shape[0]), 1.0)
        shared = _sample("shared_base", flat)
        population, base, change = transport.spread_shared(shared)
        density = prior.log_prob(population).sum() + standard.log_prob(base).sum() - flat.log_prob(shared).sum()
        numpyro.factor("shared", density + change)
        return population, base

    def _population(self, plain: jax.Array, design: Design) -> jax.Array:
        population = jnp.asarray(design.prior_mean).at[self.plain].set(plain)
        chosen = {self.coordinates.name(p): (p, prior) for p, prior in self.priors}
        for i, n in enumerate(self.coordinates.names):
            if self.sampled[i] and n in chosen:
                population = population.at[i].set(numpyro.sample(f"population_{n}", self._on_coordinate(*chosen[n])))
        return numpyro.deterministic("population_all", population)

    def _on_coordinate(self, parameter: str, prior: Prior) -> dist.Distribution:
        return prior.on_coordinate(ROLES[self.coordinates.law.roles[parameter]].support)

    def _effect_scales(self, design: Design) -> jax.Array:
        """Spread of each effect: sampled, or known where nothing is pooled."""
        spread = _sample("spread", dist.HalfNormal(design.spread_scale))
        at = jnp.asarray(design.effect_spread)
        return jnp.where(at >= 0, jnp.append(spread, 1.0)[at], design.effect_scale)

    def _weigh_unsampled(self, theta: jax.Array, design: Design) -> None:
        """Where a prior given by the user rides on effects, exchange the normal prior for it."""
        for p, prior in self.priors:
            i = self.coordinates.names.index(self.coordinates.name(p))
            if not self.sampled[i]:
                normal = dist.Normal(design.prior_mean[i], design.prior_width[i])
                change = self._on_coordinate(p, prior).log_prob(theta[..., i]) - normal.log_prob(theta[..., i])
                numpyro.factor(f"prior_{p}", change.sum())

    def _drift_scales(self, base: jax.Array, design: Design) -> tuple[jax.Array, jax.Array]:
        """Common drift at the knots, and spread of the own one there."""
        knots, at = design.basis.shape[-1], jnp.asarray(design.knot_axis)
        prior = dist.LogNormal(jnp.log(design.drift_median), 1.0)
        scales = {part: _sample(f"drift_spread_{part}", prior)[at] for part in self.drift}
        common = jnp.zeros(knots)
        if "common" in scales:
            common = scales["common"] * base
        return numpyro.deterministic("drift_common", common), scales.get("own", jnp.zeros(knots))

    def _latents(self, design: Design, given: Conditions, transport: Transport | None) -> tuple[jax.Array, jax.Array]:
        blocks, cells, _, dim = design.incidence.shape
        knots = design.basis.shape[-1] if "own" in self.drift else 0
        effects = _sample("effects_base", dist.Normal(jnp.zeros((blocks, dim)), 1.0))
        own = _sample("own_base", dist.Normal(jnp.zeros((blocks, cells, knots)), 1.0))
        if not knots:
            own = jnp.zeros((blocks, cells, design.basis.shape[-1]))
        if transport is not None:
            effects, own, change = transport(effects, own, given, design)
            numpyro.factor("transport", change)
        return effects, own


def _sample(name: str, distribution: dist.Distribution) -> jax.Array:
    """Sample an array of independent values; one without elements is no site."""
    shape = distribution.batch_shape
    return numpyro.sample(name, distribution.to_event(len(shape))) if 0 not in shape else jnp.zeros(shape)
