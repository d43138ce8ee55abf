"""What is compiled from a program: its potential energy with gradient, its sites at given positions, its prior."""

from collections.abc import Callable, Mapping
from functools import lru_cache, partial
from typing import Any

import jax
import numpy as np
from numpyro.distributions import Distribution, biject_to
from numpyro.handlers import seed, substitute, trace
from numpyro.infer.util import constrain_fn, potential_energy

from scaling_bayes.inference.transport import ConditionalLaplace
from scaling_bayes.model.bound import LATENTS, BoundModel
from scaling_bayes.model.design import Design

BLOCK = 250
"""Draws whose sites are computed at once."""

Positions = dict[str, jax.Array]
Potential = Callable[[Positions, Design, ConditionalLaplace], jax.Array]


@lru_cache(maxsize=32)
def compile_potential(program: BoundModel) -> Potential:
    """Potential energy at an unconstrained position; value and gradient are traced once, however often it is called.

    Parameters
    ----------
    program : BoundModel

    Returns
    -------
    callable
        (position, design, transport) -> scalar, differentiable in the position.
    """

    @jax.jit
    def evaluate(position: Positions, *data: Any) -> tuple[jax.Array, Positions]:
        return jax.value_and_grad(lambda at: potential_energy(program, data, {}, at))(position)

    @jax.custom_vjp
    def potential(position: Positions, design: Design, transport: ConditionalLaplace) -> jax.Array:
        return evaluate(position, design, transport)[0]

    def backward(slope: Positions, weight: jax.Array) -> tuple[Positions, None, None]:
        return jax.tree.map(lambda part: weight * part, slope), None, None

    potential.defvjp(evaluate, backward)
    return potential


def recover_sites(
    program: BoundModel, positions: dict[str, np.ndarray], design: Design, transport: ConditionalLaplace
) -> dict[str, np.ndarray]:
    """Every site of the program, constrained and deterministic, at unconstrained positions.

    Parameters
    ----------
    program : BoundModel
    positions : dict of array, shape (draw, ...)
    design : Design
    transport : ConditionalLaplace

    Returns
    -------
    dict of array, shape (draw, ...)
    """
    size = len(next(iter(positions.values())))
    blocks = []
    for first in range(0, size, BLOCK):
        at = np.minimum(np.arange(first, first + BLOCK), size - 1)
        block = _compile_recovery(program)({n: x[at] for n, x in positions.items()}, design, transport)
        blocks.append({n: np.asarray(x)[: size - first] for n, x in block.items()})
    return {n: np.concatenate([block[n] for block in blocks]) for n in blocks[0]}


def draw_prior(program: BoundModel, design: Design, key: jax.Array, draws: int) -> dict[str, np.ndarray]:
    """Every site of the program, drawn from the prior.

    Parameters
    ----------
    program : BoundModel
    design : Design
    key : jax.random key
    draws : int

    Returns
    -------
    dict of array, shape (draw, ...)
    """
    rng = np.random.default_rng(np.asarray(jax.random.key_data(key)))
    shapes = latent_shapes(program, design)
    normal = {name: rng.standard_normal((draws, *shape)) for name, shape in shapes.items() if name in LATENTS}
    for k, (effect, prior) in enumerate(_given_priors(program)):
        of_effect = normal["effects_base"][..., effect]
        i, drawn = program.moved[effect], prior.sample(jax.random.fold_in(key, k), of_effect.shape)
        of_effect[:] = (np.asarray(drawn) - design.prior_mean[i]) / design.effect_scale[effect]
    return jax.tree.map(np.asarray, _compile_prior(program)(jax.random.split(key, draws), design, normal))


def _given_priors(program: BoundModel) -> list[tuple[int, Distribution]]:
    """Effects that carry a value of its own for each label, and the prior that the user gave for it."""
    given = {program.coordinates.names.index(program.coordinates.name(p)): (p, prior) for p, prior in program.priors}
    own = [(e, i) for e, i in enumerate(program.moved) if i in given and not program.sampled[i]]
    return [(effect, program.on_coordinate(*given[i])) for effect, i in own]


def latent_sites(program: BoundModel, key: jax.Array | int, design: Design) -> Positions:
    """One draw of every latent site from the prior, on its unconstrained scale."""
    return {
        name: biject_to(site["fn"].support).inv(site["value"])
        for name, site in _trace_prior(program, key, design, {}).items()
        if site["type"] == "sample" and not site["is_observed"]
    }


def latent_shapes(program: BoundModel, design: Design) -> dict[str, tuple[int, ...]]:
    """Shape of every latent site on its unconstrained scale."""
    latent = jax.eval_shape(partial(latent_sites, program, 0), design)
    return {name: value.shape for name, value in latent.items()}


@lru_cache(maxsize=32)
def _compile_recovery(program: BoundModel) -> Callable[..., Positions]:
    def one(position: Positions, *data: Any) -> Positions:
        return constrain_fn(program, data, {}, position, return_deterministic=True)

    return jax.jit(jax.vmap(one, (0, None, None)))


@lru_cache(maxsize=32)
def _compile_prior(program: BoundModel) -> Callable[..., Positions]:
    def one(key: jax.Array, design: Design, known: Positions) -> Positions:
        sites = _trace_prior(program, key, design, known)
        drawn = {name: site for name, site in sites.items() if site["type"] in ("sample", "deterministic")}
        return {name: site["value"] for name, site in drawn.items() if not site.get("is_observed")}

    return jax.jit(jax.vmap(one, (0, None, 0)))


def _trace_prior(
    program: BoundModel, key: jax.Array | int, design: Design, known: Mapping[str, Any]
) -> dict[str, dict[str, Any]]:
    """Run the program forward once; some sites may be known already."""
    return dict(trace(substitute(seed(program, key), data=known)).get_trace(design))
