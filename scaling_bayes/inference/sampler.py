"""NUTS on a bound model: all chains advance together in one compiled function that takes the data as arguments."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from numpyro.infer.hmc import hmc
from numpyro.infer.util import constrain_fn, potential_energy
from tqdm.auto import tqdm

from scaling_bayes.inference.guesses import Guess, guess_sites
from scaling_bayes.inference.linearisation import Linearisation
from scaling_bayes.inference.transport import ConditionalLaplace
from scaling_bayes.model.bound import BoundModel
from scaling_bayes.model.design import Design

CHUNK = 50
"""Iterations between two steps of the progress bar."""

TARGET_ACCEPTANCE = 0.95
MAX_TREE_DEPTH = (7, 10)
"""During warm-up, while the mass matrix is still a guess, and afterwards."""

FIRST_STEP = 0.2
Positions = dict[str, jax.Array]


@dataclass(frozen=True)
class Draws:
    """What a sampler leaves.

    Attributes
    ----------
    values : dict of array, shape (chain, draw, ...)
        Sites of the program, constrained and deterministic.
    stats : dict of array, shape (chain, draw)
        ``diverging``, ``n_steps``, ``tree_depth``, ``energy``, ``lp``, ``acceptance_rate``, ``step_size``.
    """

    values: dict[str, np.ndarray]
    stats: dict[str, np.ndarray]


def sample(
    program: BoundModel,
    design: Design,
    around: Linearisation,
    *,
    key: jax.Array,
    chains: int,
    warmup: int,
    draws: int,
    progress: bool,
) -> Draws:
    """Warm up and sample.

    Parameters
    ----------
    program, design
        The model and its arrays.
    around : Linearisation
        Gives starts and geometry.
    key : jax.random key
    chains, warmup, draws : int
    progress : bool
        Show a bar (in a notebook, a widget).

    Returns
    -------
    Draws
    """
    begin, advance = _compile_chains(program, warmup)
    transport = ConditionalLaplace(around, program)
    guess = guess_sites(program, design, around)
    starts = _scatter(guess, jax.random.fold_in(key, 1), chains)
    variance = jnp.concatenate([jnp.ravel(guess[name].scale ** 2) for name in sorted(guess)])
    state = begin(jax.random.split(key, chains), starts, variance, design, transport)
    chunks, diverged = [], 0
    with tqdm(total=warmup + draws, desc="NUTS", unit="it", disable=not progress, leave=False) as bar:
        for done in range(0, warmup + draws, CHUNK):
            state, chunk = advance(state, design, transport)
            chunks.append(jax.tree.map(np.asarray, chunk))
            diverged += int(chunks[-1]["diverging"][:, max(warmup - done, 0) :].sum())
            bar.update(min(CHUNK, warmup + draws - done))
            bar.set_postfix_str("warm-up" if done < warmup else f"{diverged} divergences")
    kept = jax.tree.map(lambda *parts: np.concatenate(parts, axis=1)[:, warmup : warmup + draws], *chunks)
    values = _compile_recovery(program)(kept.pop("position"), design, transport)
    return Draws(jax.tree.map(np.asarray, values), kept)


@lru_cache(maxsize=32)
def _compile_chains(program: BoundModel, warmup: int) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """Functions to begin chains and to advance them by `CHUNK` iterations, for data of any values."""

    def potential(design: Design, transport: ConditionalLaplace) -> Callable[[Positions], jax.Array]:
        return lambda position: potential_energy(program, (design, transport), {}, position)

    init, kernel = hmc(potential_fn_gen=potential, algo="NUTS")

    def begin(key: jax.Array, start: Positions, variance: jax.Array, *data: Any) -> Any:
        return init(
            start,
            warmup,
            step_size=FIRST_STEP,
            inverse_mass_matrix=variance,
            target_accept_prob=TARGET_ACCEPTANCE,
            max_tree_depth=MAX_TREE_DEPTH,
            model_args=data,
            model_kwargs={},
            rng_key=key,
        )

    def advance(state: Any, *data: Any) -> tuple[Any, dict[str, Any]]:
        def step(state: Any, _: None) -> tuple[Any, dict[str, Any]]:
            state = kernel(state, data, {})
            return state, _record(state)

        return jax.lax.scan(step, state, None, length=CHUNK)

    return jax.jit(jax.vmap(begin, (0, 0, None, None, None))), jax.jit(jax.vmap(advance, (0, None, None)))


@lru_cache(maxsize=32)
def _compile_recovery(program: BoundModel) -> Callable[..., Positions]:
    """Function from unconstrained positions, shape (chain, draw, ...), to every site of the program."""

    def recover(positions: Positions, *data: Any) -> Positions:
        def one(position: Positions) -> Positions:
            return constrain_fn(program, data, {}, position, return_deterministic=True)

        return jax.lax.map(jax.vmap(one), positions)

    return jax.jit(recover)


def _record(state: Any) -> dict[str, Any]:
    return {
        "position": state.z,
        "diverging": state.diverging,
        "n_steps": state.num_steps,
        "tree_depth": jnp.ceil(jnp.log2(state.num_steps + 1)).astype(int),
        "energy": state.energy,
        "lp": -state.potential_energy,
        "acceptance_rate": state.accept_prob,
        "step_size": state.adapt_state.step_size,
    }


def _scatter(guess: Mapping[str, Guess], key: jax.Array, chains: int) -> Positions:
    """Starts around a guess, one set a chain."""
    rng = np.random.default_rng(np.asarray(jax.random.key_data(key)))  # no compilation for every shape of site
    return {
        name: g.centre + g.scale * rng.standard_normal((chains, *g.centre.shape)) for name, g in sorted(guess.items())
    }
