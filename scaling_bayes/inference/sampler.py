"""NUTS on bound models: compiled functions that take the data as arguments, one for all fits of a shape.

On a CPU each chain runs by itself, as many at once as there are cores: trees of different depth do not wait for each
other. On an accelerator all chains of all fits advance together.
"""

import os
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from numpyro.infer.hmc import hmc
from numpyro.infer.util import ParamInfo
from tqdm.auto import tqdm

from scaling_bayes.inference.guesses import guess_sites
from scaling_bayes.inference.linearisation import Linearisation
from scaling_bayes.inference.potential import Positions, compile_potential, recover_sites
from scaling_bayes.inference.transport import ConditionalLaplace, choose_transport
from scaling_bayes.model.bound import BoundModel
from scaling_bayes.model.design import Design

CHUNK = 50
"""Iterations between two steps of the progress bar."""

TARGET_ACCEPTANCE = 0.95
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


@dataclass(frozen=True)
class Target:
    """What is sampled: the arrays of a sweep, the linearisation of its program, and the key of its random numbers."""

    design: Design
    around: Linearisation
    key: jax.Array


@dataclass(frozen=True)
class Settings:
    """How long is sampled, whether all chains advance together, and whether a bar is shown."""

    chains: int
    warmup: int
    draws: int
    together: bool = False
    progress: bool = False

    @property
    def lengths(self) -> dict[str, int]:
        """What decides the draws."""
        return {"chains": self.chains, "draws": self.draws, "warmup": self.warmup}


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


def sample(program: BoundModel, targets: Sequence[Target], settings: Settings) -> list[Draws]:
    """Warm up and sample every target.

    Parameters
    ----------
    program : BoundModel
    targets : sequence of Target
        With arrays of the same shapes.
    settings : Settings

    Returns
    -------
    list of Draws
    """
    data = [(target.design, choose_transport(program, target.design, target.around)) for target in targets]
    starts = [_scatter(program, target, settings.chains) for target in targets]
    run = _run_together if settings.together else _run_apart
    records = run(program, data, starts, settings)
    return [_finish(program, record, *at) for record, at in zip(records, data, strict=True)]


def _run_apart(program: BoundModel, data: Sequence[Data], starts: Sequence[Start], settings: Settings) -> list[Record]:
    """Run every chain of every fit by itself, as many at once as there are cores."""
    begin, advance = _compile_chains(program, settings.warmup, together=False)
    runs = []
    for at, (keys, positions, variance) in zip(data, starts, strict=True):
        for c, key in enumerate(keys):
            state = begin(key, {name: x[c] for name, x in positions.items()}, variance, *at)
            runs.append(_Run(advance, state, at))
    with _Bar(len(runs), settings) as bar, ThreadPoolExecutor(count_cores()) as pool:
        runs[0].advance(bar)  # compiles once, for all threads
        list(pool.map(partial(_complete, bar=bar, device=jax.config.jax_default_device), runs))
    records = [run.collect(settings) for run in runs]
    own = [records[i : i + settings.chains] for i in range(0, len(records), settings.chains)]
    return [jax.tree.map(lambda *chains: np.stack(chains), *chains) for chains in own]


def _run_together(
    program: BoundModel, data: Sequence[Data], starts: Sequence[Start], settings: Settings
) -> list[Record]:
    """Run all chains of all fits in step."""
    begin, advance = _compile_chains(program, settings.warmup, together=True)
    bent = any(transport.bent for _, transport in data)
    data = [(design, replace(transport, bent=bent)) for design, transport in data]
    stacked, (keys, positions, variance) = (jax.tree.map(lambda *x: jnp.stack(x), *each) for each in (data, starts))
    run = _Run(advance, begin(keys, positions, variance, *stacked), stacked)
    with _Bar(len(data) * settings.chains, settings) as bar:
        _complete(run, bar, jax.config.jax_default_device)
    record = run.collect(settings)
    return [jax.tree.map(lambda x, i=i: x[i], record) for i in range(len(data))]


class _Run:
    """Chains that advance in step, and what they leave."""

    def __init__(self, kernel: Callable[..., tuple[Any, Record]], state: Any, data: Data) -> None:
        self.kernel, self.state, self.data, self.chunks = kernel, state, data, list[Record]()

    def advance(self, bar: "_Bar") -> None:
        """Do `CHUNK` iterations."""
        self.state, chunk = self.kernel(self.state, *self.data)
        self.chunks.append(jax.tree.map(np.asarray, chunk))
        bar.count(self.chunks[-1]["diverging"], CHUNK * len(self.chunks))

    def collect(self, settings: Settings) -> Record:
        """Kept draws; iterations are the axis after those of chains."""
        axis, kept = self.chunks[0]["diverging"].ndim - 1, slice(settings.warmup, settings.warmup + settings.draws)

        def join(*parts: np.ndarray) -> np.ndarray:
            return np.concatenate(parts, axis=axis)[(slice(None),) * axis + (kept,)]

        return jax.tree.map(join, *self.chunks)


class _Bar:
    """Progress of all chains, counted from several threads."""

    def __init__(self, chains: int, settings: Settings) -> None:
        self.settings, self.lock, self.stopped, self.diverged = settings, threading.Lock(), False, 0
        self.length = settings.warmup + settings.draws
        self.bar = tqdm(total=chains * self.length, desc="NUTS", unit="it", disable=not settings.progress, leave=False)

    def __enter__(self) -> "_Bar":
        return self

    def __exit__(self, *_: object) -> None:
        self.stopped = True  # threads end at their next chunk if the user interrupts
        self.bar.close()

    def count(self, diverging: np.ndarray, done: int) -> None:
        """Add a chunk that ends at iteration `done`."""
        warm = self.settings.warmup - (done - CHUNK)
        with self.lock:
            self.diverged += int(diverging[..., max(warm, 0) :].sum())
            self.bar.update(diverging[..., 0].size * min(CHUNK, self.length - (done - CHUNK)))
            self.bar.set_postfix_str(f"{self.diverged} divergences" if warm < CHUNK else "warm-up", refresh=False)


def _complete(run: _Run, bar: _Bar, device: jax.Device | None) -> None:
    """Advance to the end; a thread of its own needs JAX's settings said again."""
    with jax.enable_x64(True), jax.default_device(device):
        while CHUNK * len(run.chunks) < bar.length and not bar.stopped:
            run.advance(bar)


@lru_cache(maxsize=32)
def _compile_chains(
    program: BoundModel, warmup: int, *, together: bool
) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """Functions to begin chains and to advance them by `CHUNK` iterations, for data of any values.

    For one chain, or for chains (second axis) of fits (first axis).
    """
    potential = compile_potential(program)
    init, kernel = hmc(potential_fn_gen=lambda *data: lambda position: potential(position, *data), algo="NUTS")

    def begin(key: jax.Array, start: Positions, variance: jax.Array, *data: Any) -> Any:
        still = {name: jnp.zeros_like(x) for name, x in start.items()}
        return init(
            ParamInfo(start, jnp.asarray(UNSEEN), still),
            warmup,
            step_size=FIRST_STEP,
            inverse_mass_matrix=variance,
            target_accept_prob=TARGET_ACCEPTANCE,
            max_tree_depth=MAX_TREE_DEPTH,
            model_args=data,
            model_kwargs={},
            rng_key=key,
        )

    def advance(state: Any, design: Design, transport: ConditionalLaplace) -> tuple[Any, Record]:
        def step(state: Any, _: None) -> tuple[Any, Record]:
            state = kernel(state, (design, transport), {})
            return state, _record(state)

        return jax.lax.scan(step, state, None, length=CHUNK)

    if not together:
        return jax.jit(begin), jax.jit(advance)
    begin_all = jax.vmap(jax.vmap(begin, (0, 0, None, None, None)))
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


def _scatter(program: BoundModel, target: Target, chains: int) -> Start:
    """Key and starting position of every chain, around a guess, and a first inverse mass matrix."""
    guess = sorted(guess_sites(program, target.design, target.around).items())
    key = jax.random.key_data(jax.random.fold_in(target.key, 1))
    rng = np.random.default_rng(np.asarray(key))  # no compilation for every shape of site
    starts = {name: g.centre + g.scale * rng.standard_normal((chains, *g.centre.shape)) for name, g in guess}
    variance = np.concatenate([np.ravel(g.scale**2) for _, g in guess])
    return jax.random.split(target.key, chains), starts, variance


def _finish(program: BoundModel, record: Record, design: Design, transport: ConditionalLaplace) -> Draws:
    """Every site at the kept positions."""
    positions = record.pop("position")
    chains = [
        recover_sites(program, {name: x[c] for name, x in positions.items()}, design, transport)
        for c in range(len(record["lp"]))
    ]
    return Draws(jax.tree.map(lambda *parts: np.stack(parts), *chains), record)


def count_cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
