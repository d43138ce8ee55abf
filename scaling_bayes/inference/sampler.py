"""NUTS on bound models: the chains of a fit are run, and continued where their draws do not pass.

On a CPU each chain runs by itself, as many at once as there are cores: trees of different depth do not wait for each
other. On an accelerator all chains of all fits advance together. Where the law bends within its uncertainty, a short
run goes ahead, and the law is expanded anew around its mean.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from scaling_bayes.inference.chains import Data, Record, Start, compile_chains
from scaling_bayes.inference.guesses import guess_sites
from scaling_bayes.inference.linearisation import Linearisation, expand
from scaling_bayes.inference.potential import recover_sites
from scaling_bayes.inference.runs import Bar, Run, Stretch, complete, complete_all
from scaling_bayes.inference.transport import ConditionalLaplace, is_uncertain
from scaling_bayes.model.bound import BoundModel
from scaling_bayes.model.design import Design

Kernel = Callable[..., Any]

PILOT, PILOTS = {"chains": 2, "warmup": 150, "draws": 50}, 2
"""Lengths of the short runs ahead of one whose law is bent, and their number; each expands the law for the next."""

WORTH = 4
"""A run has pilots if it is so many times as long as one of them."""

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

    def shorten(self, lengths: Mapping[str, int]) -> "Settings":
        """For a shorter run that uses the same compiled functions; chains that advance together stay as many."""
        chains = self.chains if self.together else min(self.chains, lengths["chains"])
        warmup, draws = min(self.warmup, lengths["warmup"]), min(self.draws, lengths["draws"])
        return replace(self, chains=chains, warmup=warmup, draws=draws, schedule=max(self.schedule, self.warmup))

    @property
    def iterations(self) -> int:
        """Of all chains."""
        return self.chains * (self.warmup + self.draws)

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

    def mean(self) -> dict[str, np.ndarray]:
        """Of every site, over chains and draws."""
        return {name: value.mean(axis=(0, 1)) for name, value in self.values.items()}


class Sampling:
    """The chains of one fit.

    Attributes
    ----------
    draws : Draws
        Of the last stretch.
    times : int
        How often the chains were continued.
    thin : int
        One draw in so many was kept of the last stretch.
    """

    def __init__(self, program: BoundModel, data: Data, settings: Settings, runs: Sequence["Run"] = ()) -> None:
        self.program, self.data, self.settings, self.runs = program, data, settings, runs
        self.times, self.thin = 0, 1

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

    def go_on(self, thin: int) -> None:
        """Continue chains that ran apart from where they are: a new stretch of draws, one in `thin`, replaces the old.

        If any diverged, the steps are made smaller.
        """
        self.times, self.thin = self.times + 1, thin
        factor = SMALLER_STEP if self.draws.stats["diverging"].any() else 1.0
        for run in self.runs:
            run.start_again(factor)
        stretch = Stretch(0, self.settings.draws, thin)
        with Bar(len(self.runs), stretch, self.settings.progress) as bar:
            complete_all(self.runs, bar)
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
    bent = any(is_uncertain(program, target.design, target.around) for target in targets)
    if bent and settings.iterations >= WORTH * settings.shorten(PILOT).iterations:
        targets = _aim(program, targets, settings)
    return _sample(program, targets, settings, bent=bent)


def _aim(program: BoundModel, targets: Sequence[Target], settings: Settings) -> Sequence[Target]:
    """Targets whose law is expanded around the mean of short runs; the least-squares fits may be far from it."""
    short = settings.shorten(PILOT)
    for pilot in range(PILOTS):
        keyed = [replace(target, key=jax.random.fold_in(target.key, 4 + pilot)) for target in targets]
        means = [sampling.draws.mean() for sampling in _sample(program, keyed, short, bent=True)]
        drifts = [mean["drift_common"] + mean["drift_own"] for mean in means]
        targets = [
            replace(target, around=expand(program, target.design, mean["theta"], drift))
            for target, mean, drift in zip(targets, means, drifts, strict=True)
        ]
    return targets


def _sample(program: BoundModel, targets: Sequence[Target], settings: Settings, *, bent: bool) -> list[Sampling]:
    data = [(target.design, ConditionalLaplace(target.around, program, bent)) for target in targets]
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
        samplings.append(Sampling(program, at, settings, [Run(advance, state, at) for state in states]))
    runs = [run for sampling in samplings for run in sampling.runs]
    with Bar(len(runs), stretch, settings.progress) as bar:
        runs[0].advance(bar)  # compiles once, for all threads
        complete_all(runs, bar)
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
    run = Run(advance, begin(settings.late, keys, positions, variance, *stacked), stacked)
    with Bar(len(data) * settings.chains, stretch, settings.progress) as bar:
        complete(run, bar, jax.config.jax_default_device)
    record = run.collect(stretch)
    samplings = [Sampling(program, at, settings) for at in data]
    for i, sampling in enumerate(samplings):
        sampling.read(jax.tree.map(lambda x, i=i: x[i], record))
    return samplings


def _scatter(program: BoundModel, target: Target, chains: int) -> Start:
    """Key and starting position of every chain, around a guess, and a first inverse mass matrix."""
    guess = sorted(guess_sites(program, target.design, target.around).items())
    key = jax.random.key_data(jax.random.fold_in(target.key, 1))
    rng = np.random.default_rng(np.asarray(key))  # no compilation for every shape of site
    starts = {name: g.centre + g.scale * rng.standard_normal((chains, *g.centre.shape)) for name, g in guess}
    variance = np.concatenate([np.ravel(g.scale**2) for _, g in guess])
    return jax.random.split(target.key, chains), starts, variance
