"""Models of sweeps in, labelled posteriors with measured gates out; what `fit` and `fit_many` share."""

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import jax
import numpy as np
import xarray as xr

from scaling_bayes.inference.choice import Choice, choose_discrepancy
from scaling_bayes.inference.gates import measure_gates
from scaling_bayes.inference.linearisation import linearise
from scaling_bayes.inference.posterior import assemble_posterior
from scaling_bayes.inference.potential import draw_prior
from scaling_bayes.inference.provenance import state_provenance
from scaling_bayes.inference.sampler import MAX_TREE_DEPTH, Draws, Settings, Target, sample
from scaling_bayes.model import Model
from scaling_bayes.model.binding import Binding
from scaling_bayes.sweeps import check_sweep

PRIOR_DRAWS = 1000
DEVICES = {"auto": "cpu", "cpu": "cpu", "gpu": "gpu"}
LEAST = {"chains": 1, "draws": 4, "warmup": 1}
"""Fewest that can be asked for; split R-hat needs two draws in each half of a chain."""

ONE_AT_A_TIME = threading.Lock()
"""NumPyro's handlers belong to the process: two threads that trace a program at once disturb each other."""


@dataclass(frozen=True)
class Task:
    """A sweep, and its model settled on it."""

    sweep: xr.Dataset
    binding: Binding
    choice: Choice | None
    target: Target


def fit_sweeps(
    model: Model, sweeps: Sequence[xr.Dataset], settings: Settings, *, seed: int, device: str
) -> list[xr.DataTree]:
    """Fit a model to each sweep, the sweep at ``i`` with ``seed + i``, and measure the gates without judging them."""
    if not isinstance(model, Model):
        raise TypeError(f"model is a Model, for instance sb.Model(sb.law('chinchilla')); found {model!r}")
    for sweep in sweeps:
        check_sweep(sweep)
    _check_sizes(settings)
    started = time.perf_counter()
    with ONE_AT_A_TIME, jax.enable_x64(True), jax.default_device(_find_device(device)):
        tasks = [settle(model, sweep, jax.random.key(seed + i)) for i, sweep in enumerate(sweeps)]
        drawn = _sample_by_shape(tasks, replace(settings, together=DEVICES[device] != "cpu"))
        trees = [_label(task, draws) for task, draws in zip(tasks, drawn, strict=True)]
    seconds = (time.perf_counter() - started) / max(len(sweeps), 1)
    for i, (tree, sweep) in enumerate(zip(trees, sweeps, strict=True)):
        gates = measure_gates(tree["posterior"].to_dataset(), tree["sample_stats"].to_dataset(), MAX_TREE_DEPTH[1])
        tree.attrs |= state_provenance(sweep, seed=seed + i, device=DEVICES[device], seconds=seconds, gates=gates)
    return trees


def settle(model: Model, sweep: xr.Dataset, key: jax.Array) -> Task:
    """Decide what the model leaves to the sweep, bind it, and linearise it around its least-squares fit."""
    choice = None
    if model.discrepancy == "auto":
        choice = choose_discrepancy(model, sweep, jax.random.fold_in(key, 3))
        model = replace(model, discrepancy=choice.discrepancy)
    binding = model.bind(sweep)
    return Task(sweep, binding, choice, Target(binding.design, linearise(binding.program, binding.design), key))


def _sample_by_shape(tasks: Sequence[Task], settings: Settings) -> list[Draws]:
    """Sample tasks of one program and one shape in one go; answers in the order of the tasks."""
    alike: dict[Any, list[int]] = {}
    for i, task in enumerate(tasks):
        shapes = tuple(np.shape(leaf) for leaf in jax.tree.leaves(task.target.design))
        alike.setdefault((task.binding.program, shapes), []).append(i)
    drawn: dict[int, Draws] = {}
    for (program, _), members in alike.items():
        drawn |= zip(members, sample(program, [tasks[i].target for i in members], settings), strict=True)
    return [drawn[i] for i in range(len(tasks))]


def _label(task: Task, drawn: Draws) -> xr.DataTree:
    """Add the prior, names and labels, and the evidence for what was decided."""
    target = task.target
    key = jax.random.fold_in(target.key, 2)
    prior = draw_prior(task.binding.program, target.design, target.around, key, PRIOR_DRAWS)
    tree = assemble_posterior(task.binding, task.sweep, drawn, prior)
    if task.choice is not None:
        tree["discrepancy"] = xr.DataTree(task.choice.evidence)
        tree.attrs["discrepancy"] = task.choice.why
    return tree


def _check_sizes(settings: Settings) -> None:
    for name, least in LEAST.items():
        if (value := getattr(settings, name)) < least:
            raise ValueError(f"{name} is at least {least}, found {value}")


def _find_device(device: str) -> jax.Device:
    if device not in DEVICES:
        raise ValueError(f"device is one of {', '.join(DEVICES)}, found {device!r}")
    try:
        return jax.devices(DEVICES[device])[0]
    except RuntimeError:
        found = ", ".join(sorted({d.platform for d in jax.devices()}))
        raise ValueError(
            f"device={device!r}, but JAX finds only {found}; install scaling-bayes[cuda], or say device='auto'"
        ) from None
