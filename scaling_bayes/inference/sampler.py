"""NUTS on bound models: the chains of a fit are run, and continued where their draws do not pass.

On a CPU each chain runs by itself, as many at once as there are cores: trees of different depth do not wait for each
other. On an accelerator all chains of all fits advance together.
"""

import os
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from tqdm.auto import tqdm

from scaling_bayes.inference.chains import CHUNK, Data, Record, Start, compile_chains, shrink_step
from scaling_bayes.inference.guesses import guess_sites
from scaling_bayes.inference.linearisation import Linearisation
from scaling_bayes.inference.potential import recover_sites
from scaling_bayes.inference.transport import choose_transport
from scaling_bayes.model.bound import BoundModel
from scaling_bayes.model.design import Design

Kernel = Callable[..., Any]

THIN = 3
"""A continued chain keeps one draw in so many."""

SMALLER_STEP = 0.5
"""Times the step of a chain that is continued because some diverged."""


@dataclass(frozen=True)
class Target:
    """What is sampled: the arrays of a sweep, the linearisation of its program, and the key of its random numbers."""

    design: Design
    around: Linearisation
    key: jax.Array


@dataclass(frozen=True)
class Settings:
    """How long is sampled, whether all chains advance together, and whether a bar is shown.

    Where `schedule`, the warm-up of another fit whose compiled functions are used, is longer, chains begin late in it.
    """

    chains: int
    warmup: int
    draws: int
    together: bool = False
    progress: bool = False
    schedule: int = 0

    @property
    def late(self) -> int:
        """Iterations of the schedule that are left out."""
        return max(self.schedule - self.warmup, 0)

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


@dataclass(frozen=True)
class Stretch:
    """Iterations of a chain: some that are skipped, then draws, one in `thin`."""

    skip: int
    draws: int
    thin: int = 1

    @property
    def length(self) -> int:
        """All iterations."""
        return self.skip + self.draws * self.thin

    def keep(self, record: Record, axis: int) -> Record:
        """Kept draws; one stands for those thinned away in whether a trajectory diverged or went deep."""

        def cut(x: np.ndarray) -> np.ndarray:
            kept = x[(slice(None),) * axis + (slice(self.skip, self.length),)]
            return kept.reshape(*x.shape[:axis], self.draws, self.thin, *x.shape[axis + 1 :])

        last = jax.tree.map(lambda x: np.take(cut(x), -1, axis + 1), record)
        return last | {name: cut(record[name]).max(axis + 1) for name in ("diverging", "tree_depth")}


class Sampling:
    """The chains of one fit.

    Attributes
    ----------
    draws : Draws
        Of the last stretch.
    times : int
        How often the chains were continued.
    """

    def __init__(self, program: BoundModel, data: Data, settings: Settings, runs: Sequence["_Run"] = ()) -> None:
        self.program, self.data, self.settings, self.runs = program, data, settings, runs
        self.times = 0

    def read(self, record: Record) -> None:
        """Every site at the kept positions."""
        positions = record.pop("position")
        chains = [
            recover_sites(self.program, {name: x[c] for name, x in positions.items()}, *self.data)
            for c in range(len(record["lp"]))
        ]
        self.draws = Draws(jax.tree.map(lambda *parts: np.stack(parts), *chains), record)

    def collect(self, stretch: Stretch) -> None:
        """Read what chains that ran apart have left."""
        records = [run.collect(stretch) for run in self.runs]
        self.read(jax.tree.map(lambda *chains: np.stack(chains), *records))
        for run in self.runs:
            run.chunks = []

    def go_on(self) -> None:
        """Continue chains that ran apart from where they are: a new stretch of draws, one in `THIN`, replaces the old.

        If any diverged, the steps are made smaller.
        """
        self.times += 1
        factor = SMALLER_STEP if self.draws.stats["diverging"].any() else 1.0
        for run in self.runs:
            run.start_again(factor)
        stretch = Stretch(0, self.settings.draws, THIN)
        with _Bar(len(self.runs), stretch, self.settings.progress) as bar:
            _complete_all(self.runs, bar)
        self.collect(stretch)


def sample(program: BoundModel, targets: Sequence[Target], settings: Settings) -> list[Sampling]:
    """Warm up and sample every target.

    Parameters
    ----------
    program : BoundModel
    targets : sequence of Target
        With arrays of the same shapes.
    settings : Settings

    Returns
    -------
    list of Sampling
    """
    transports = [choose_transport(program, target.design, target.around) for target in targets]
    bent = any(transport.bent for transport in transports)
    data = [(target.design, replace(at, bent=bent)) for target, at in zip(targets, transports, strict=True)]
    starts = [_scatter(program, target, settings.chains) for target in targets]
    run = _run_together if settings.together else _run_apart
    compiled = compile_chains(program, settings.late + settings.warmup, bent=bent, together=settings.together)
    return run(program, data, starts, settings, *compiled)


def _run_apart(
    program: BoundModel, data: Sequence[Data], starts: Sequence[Start], settings: Settings, *compiled: Kernel
) -> list[Sampling]:
    """Run every chain of every fit by itself, as many at once as there are cores."""
    begin, advance = compiled
    samplings, stretch = [], Stretch(settings.warmup, settings.draws)
    for at, (keys, positions, variance) in zip(data, starts, strict=True):
        states = [
            begin(settings.late, key, {name: x[c] for name, x in positions.items()}, variance, *at)
            for c, key in enumerate(keys)
        ]
        samplings.append(Sampling(program, at, settings, [_Run(advance, state, at) for state in states]))
    runs = [run for sampling in samplings for run in sampling.runs]
    with _Bar(len(runs), stretch, settings.progress) as bar:
        runs[0].advance(bar)  # compiles once, for all threads
        _complete_all(runs, bar)
    for sampling in samplings:
        sampling.collect(stretch)
    return samplings


def _run_together(
    program: BoundModel, data: Sequence[Data], starts: Sequence[Start], settings: Settings, *compiled: Kernel
) -> list[Sampling]:
    """Run all chains of all fits in step."""
    begin, advance = compiled
    stretch = Stretch(settings.warmup, settings.draws)
    stacked, (keys, positions, variance) = (jax.tree.map(lambda *x: jnp.stack(x), *each) for each in (data, starts))
    run = _Run(advance, begin(settings.late, keys, positions, variance, *stacked), stacked)
    with _Bar(len(data) * settings.chains, stretch, settings.progress) as bar:
        _complete(run, bar, jax.config.jax_default_device)
    record = run.collect(stretch)
    samplings = [Sampling(program, at, settings) for at in data]
    for i, sampling in enumerate(samplings):
        sampling.read(jax.tree.map(lambda x, i=i: x[i], record))
    return samplings


class _Run:
    """Chains that advance in step, and what they leave."""

    def __init__(self, kernel: Callable[..., tuple[Any, Record]], state: Any, data: Data) -> None:
        self.kernel, self.state, self.data, self.chunks = kernel, state, data, list[Record]()

    def advance(self, bar: "_Bar") -> None:
        """Do `CHUNK` iterations."""
        self.state, chunk = self.kernel(self.state, *self.data)
        self.chunks.append(jax.tree.map(np.asarray, chunk))
        bar.count(self.chunks[-1]["diverging"], CHUNK * len(self.chunks))

    def start_again(self, factor: float) -> None:
        """Go on from here with steps that are so many times as large."""
        self.state = shrink_step(self.state, factor)

    def collect(self, stretch: Stretch) -> Record:
        """Kept draws; iterations are the axis after those of chains."""
        axis = self.chunks[0]["diverging"].ndim - 1
        return stretch.keep(jax.tree.map(lambda *parts: np.concatenate(parts, axis=axis), *self.chunks), axis)


class _Bar:
    """Progress of all chains, counted from several threads."""

    def __init__(self, chains: int, stretch: Stretch, shown: bool) -> None:
        self.stretch, self.lock, self.stopped, self.diverged = stretch, threading.Lock(), False, 0
        total = chains * stretch.length
        self.bar = tqdm(total=total, desc="NUTS", unit="it", disable=not shown, leave=False)

    def __enter__(self) -> "_Bar":
        return self

    def __exit__(self, *_: object) -> None:
        self.stopped = True  # threads end at their next chunk if the user interrupts
        self.bar.close()

    def count(self, diverging: np.ndarray, done: int) -> None:
        """Add a chunk that ends at iteration `done`."""
        before, skipped = done - CHUNK, self.stretch.skip
        with self.lock:
            self.diverged += int(diverging[..., max(skipped - before, 0) :].sum())
            self.bar.update(diverging[..., 0].size * min(CHUNK, self.stretch.length - before))
            self.bar.set_postfix_str(f"{self.diverged} divergences" if done > skipped else "warm-up", refresh=False)


def _complete_all(runs: Sequence[_Run], bar: _Bar) -> None:
    """Advance every run to the end, as many at once as there are cores."""
    with ThreadPoolExecutor(count_cores()) as pool:
        try:
            list(pool.map(partial(_complete, bar=bar, device=jax.config.jax_default_device), runs))
        except BaseException:
            bar.stopped = True
            raise


def _complete(run: _Run, bar: _Bar, device: jax.Device | None) -> None:
    """Advance to the end; a thread of its own needs JAX's settings said again."""
    with jax.enable_x64(True), jax.default_device(device):
        while CHUNK * len(run.chunks) < bar.stretch.length and not bar.stopped:
            run.advance(bar)


def _scatter(program: BoundModel, target: Target, chains: int) -> Start:
    """Key and starting position of every chain, around a guess, and a first inverse mass matrix."""
    guess = sorted(guess_sites(program, target.design, target.around).items())
    key = jax.random.key_data(jax.random.fold_in(target.key, 1))
    rng = np.random.default_rng(np.asarray(key))  # no compilation for every shape of site
    starts = {name: g.centre + g.scale * rng.standard_normal((chains, *g.centre.shape)) for name, g in guess}
    variance = np.concatenate([np.ravel(g.scale**2) for _, g in guess])
    return jax.random.split(target.key, chains), starts, variance


def count_cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
