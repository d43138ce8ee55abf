"""Markov chains as compiled functions that take the data as arguments, one for all fits of a shape."""

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from numpyro.infer.hmc import hmc
from numpyro.infer.hmc_util import build_adaptation_schedule
from numpyro.infer.util import ParamInfo

from scaling_bayes.inference.potential import Positions, compile_potential
from scaling_bayes.inference.transport import ConditionalLaplace
from scaling_bayes.model.bound import BoundModel
from scaling_bayes.model.design import Design

CHUNK = 50
"""Iterations between two steps of the progress bar."""

TARGET_ACCEPTANCE = {False: 0.8, True: 0.95}
"""By whether the transport is bent: there chains with longer steps diverge."""

MAX_TREE_DEPTH = (7, 10)
"""During warm-up, while the mass matrix is still a guess, and afterwards."""

FIRST_STEP = 0.2
UNSEEN = 1e10
"""Energy that stands for that of a start: the first iteration, one of warm-up, leaves it without having looked, and the
gradient is compiled once less."""

Record = dict[str, Any]
Data = tuple[Design, ConditionalLaplace]
Start = tuple[jax.Array, dict[str, np.ndarray], np.ndarray]
"""Keys of the chains, positions by site, and the first inverse mass matrix."""


@lru_cache(maxsize=32)
def compile_chains(
    program: BoundModel, schedule: int, *, bent: bool, together: bool
) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """Functions to begin chains and to advance them by `CHUNK` iterations, for data of any values.

    For one chain, or for chains (second axis) of fits (first axis); `bent` is that of their transport. The length of a
    warm-up is compiled, its `schedule`; a chain may begin some iterations late in it.
    """
    potential = compile_potential(program)
    init, kernel = hmc(potential_fn_gen=lambda *data: lambda position: potential(position, *data), algo="NUTS")

    ends = np.array([window.end for window in build_adaptation_schedule(schedule)])

    def begin(late: int, key: jax.Array, start: Positions, variance: jax.Array, *data: Any) -> Any:
        still = {name: jnp.zeros_like(x) for name, x in start.items()}
        state = init(
            ParamInfo(start, jnp.asarray(UNSEEN), still),
            schedule,
            step_size=FIRST_STEP,
            inverse_mass_matrix=variance,
            target_accept_prob=TARGET_ACCEPTANCE[bent],
            max_tree_depth=MAX_TREE_DEPTH,
            model_args=data,
            model_kwargs={},
            rng_key=key,
        )
        adapted = state.adapt_state._replace(window_idx=jnp.sum(ends < late))
        return state._replace(i=state.i + late, adapt_state=adapted)

    def advance(state: Any, design: Design, transport: ConditionalLaplace) -> tuple[Any, Record]:
        def step(state: Any, _: None) -> tuple[Any, Record]:
            state = kernel(state, (design, transport), {})
            return state, _record(state)

        return jax.lax.scan(step, state, None, length=CHUNK)

    if not together:
        return jax.jit(begin), jax.jit(advance)
    begin_all = jax.vmap(jax.vmap(begin, (None, 0, 0, None, None, None)), (None, 0, 0, 0, 0, 0))
    return jax.jit(begin_all), jax.jit(jax.vmap(jax.vmap(advance, (0, None, None))))


def _record(state: Any) -> Record:
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


def shrink_step(state: Any, factor: float) -> Any:
    """The same chain with a smaller step, for good: warm-up is over."""
    adapted = state.adapt_state
    return state._replace(adapt_state=adapted._replace(step_size=adapted.step_size * factor))
