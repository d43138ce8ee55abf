"""Models of sweeps in, labelled posteriors with measured gates out; what `fit` and `fit_many` share."""

import json
import threading
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from numbers import Integral
from typing import Any

import jax
import numpy as np
import xarray as xr

from scaling_bayes.inference.chains import MAX_TREE_DEPTH
from scaling_bayes.inference.choice import Choice, choose_discrepancy
from scaling_bayes.inference.compilation import reuse_compiled
from scaling_bayes.inference.devices import choose_device, list_devices
from scaling_bayes.inference.fingerprint import fingerprint
from scaling_bayes.inference.gates import MIN_ESS, Gate, measure_gates
from scaling_bayes.inference.linearisation import linearise
from scaling_bayes.inference.posterior import assemble_posterior
from scaling_bayes.inference.potential import draw_prior
from scaling_bayes.inference.provenance import state_provenance
from scaling_bayes.inference.sampler import Sampling, Settings, Target, sample
from scaling_bayes.model import Model
from scaling_bayes.model.binding import Binding
from scaling_bayes.sweeps import check_sweep

PRIOR_DRAWS = 1000
LEAST = {"chains": 1, "draws": 4, "warmup": 1}
"""Fewest that can be asked for; split R-hat needs two draws in each half of a chain."""

CONTINUED_FOR = ("R-hat", "bulk ESS", "tail ESS", "divergences")
"""Gates for which chains are continued; the others say that the geometry is wrong, and more draws would not help."""

MOST_TIMES, THIN = 2, 3
"""How often chains are continued; one draw in so many is then kept, unless their steps alone were too long."""

FEW_DIVERGENCES = 10
"""Where no more than these are left, and nothing else, chains are continued once more with yet smaller steps."""

BEYOND_HOPE = {"R-hat": 1.1, "bulk ESS": MIN_ESS / 4, "tail ESS": MIN_ESS / 4}
"""Chains that are worse have not found one distribution, or would take too long: they are not continued."""

ONE_AT_A_TIME = threading.Lock()
"""NumPyro's handlers belong to the process: two threads that trace a program at once disturb each other."""


@dataclass(frozen=True)
class Task:
    """A fit that is asked for."""

    model: Model
    sweep: xr.Dataset
    seed: int

    def __post_init__(self) -> None:
        if not isinstance(self.model, Model):
            found = type(self.model).__name__
            raise TypeError(f"model is a Model, for instance sb.Model(sb.law('chinchilla')); found a {found}")
        if isinstance(self.seed, bool) or not isinstance(self.seed, Integral):
            raise TypeError(f"seed is a whole number, found {self.seed!r}")
        check_sweep(self.sweep)

    def fingerprint(self, settings: Settings, device: str) -> str | None:
        """Everything that decides this fit, as one short text; see `scaling_bayes.inference.fingerprint`."""
        kinds = [f"{found.platform} {found.device_kind}" for found in list_devices(device)]
        return fingerprint(self.model, self.sweep, devices=kinds, seed=self.seed, **settings.lengths)


@dataclass(frozen=True)
class Settled:
    """A task whose model is settled on its sweep."""

    task: Task
    model: Model
    binding: Binding
    choice: Choice | None
    target: Target


def fit_alone(task: Task, settings: Settings, device: str) -> xr.DataTree:
    """Do one task."""
    return fit_together([task], settings, device)[0]


def fit_together(tasks: Sequence[Task], settings: Settings, device: str) -> list[xr.DataTree]:
    """Do tasks, those of one shape in one go, and measure the gates without judging them."""
    _check_sizes(settings)
    started, devices = time.perf_counter(), list_devices(device)
    if not tasks:
        return []
    chains, length = settings.chains * len(tasks), settings.warmup + settings.draws
    with ONE_AT_A_TIME, reuse_compiled():
        chosen = choose_device(devices, tasks[0].model, tasks[0].sweep, chains=chains, iterations=length)
        with jax.enable_x64(True), jax.default_device(chosen.device):
            settled = [settle(task, settings.warmup) for task in tasks]
            drawn = _sample_by_shape(settled, replace(settings, together=chosen.device.platform != "cpu"))
            passed = [_pass_gates(one, sampling) for one, sampling in zip(settled, drawn, strict=True)]
    stated = {"device": chosen.device.platform, "seconds": (time.perf_counter() - started) / len(tasks)}
    for (tree, gates), task in zip(passed, tasks, strict=True):
        tree.attrs |= state_provenance(task.sweep, seed=task.seed, gates=[asdict(gate) for gate in gates], **stated)
        tree.attrs |= {"device_why": chosen.why, "sampler": json.dumps(settings.lengths), "cached": ""}
    return [tree for tree, _ in passed]


def settle(task: Task, warmup: int = 0) -> Settled:
    """Decide what the model leaves to the sweep, bind it, and linearise it around its least-squares fit."""
    choice, model, key = None, task.model, jax.random.key(task.seed)
    if model.discrepancy == "auto":
        choice = choose_discrepancy(model, task.sweep, jax.random.fold_in(key, 3), warmup)
        model = replace(model, discrepancy=choice.discrepancy)
    binding = model.bind(task.sweep)
    return Settled(
        task, model, binding, choice, Target(binding.design, linearise(binding.program, binding.design), key)
    )


def _sample_by_shape(tasks: Sequence[Settled], settings: Settings) -> list[Sampling]:
    """Sample tasks of one program and one shape in one go; answers in the order of the tasks."""
    alike: dict[Any, list[int]] = {}
    for i, task in enumerate(tasks):
        shapes = tuple(np.shape(leaf) for leaf in jax.tree.leaves(task.target.design))
        alike.setdefault((task.binding.program, shapes), []).append(i)
    drawn: dict[int, Sampling] = {}
    for (program, _), members in alike.items():
        drawn |= zip(members, sample(program, [tasks[i].target for i in members], settings), strict=True)
    return [drawn[i] for i in range(len(tasks))]


def _pass_gates(task: Settled, sampling: Sampling) -> tuple[xr.DataTree, list[Gate]]:
    """Label the draws and measure the gates; continue the chains while a gate fails that more draws may pass."""
    target, why = task.target, ""
    key = jax.random.fold_in(target.key, 2)
    prior = draw_prior(task.binding.program, target.design, key, PRIOR_DRAWS)
    while True:
        tree = assemble_posterior(task.binding, task.task.sweep, sampling.draws, prior)
        gates = measure_gates(tree["posterior"].to_dataset(), tree["sample_stats"].to_dataset(), MAX_TREE_DEPTH[1])
        failed = [gate for gate in gates if not gate.passed]
        if not failed or not sampling.runs or not _may_go_on(failed, sampling.times):
            break
        if sampling.settings.chains * sampling.settings.draws < 4 * MIN_ESS:
            break  # so few that those of a good sampler would fail too
        why = "; ".join(map(str, failed))
        sampling.go_on(1 if all(gate.name == "divergences" for gate in failed) else THIN)
    _state(tree, task)
    if why:
        times, kept = ("once", "twice", "three times")[sampling.times - 1], f"one draw in {sampling.thin} kept, "
        tree.attrs["continued"] = f"{times}, {kept if sampling.thin > 1 else ''}because of {why}"
    return tree, gates


def _may_go_on(failed: Sequence[Gate], times: int) -> bool:
    """Whether chains that were continued so many times are continued once more."""
    few = all(gate.name == "divergences" and gate.value <= FEW_DIVERGENCES for gate in failed)
    return not any(map(_beyond_hope, failed)) and times < MOST_TIMES + few


def _beyond_hope(gate: Gate) -> bool:
    """Whether a failed gate was missed by so much, or is such, that more draws do not mend what is behind it."""
    if gate.name not in CONTINUED_FOR:
        return True
    bound = BEYOND_HOPE.get(gate.name)
    return bound is not None and (gate.value > bound if gate.name == "R-hat" else gate.value < bound)


def _state(tree: xr.DataTree, task: Settled) -> None:
    """Add the model, and the evidence for what was decided."""
    tree.attrs["model"] = task.model.to_json()
    if task.choice is not None:
        tree["discrepancy"] = xr.DataTree(task.choice.evidence)
        tree.attrs["discrepancy"] = task.choice.why


def _check_sizes(settings: Settings) -> None:
    for name, value in settings.lengths.items():
        if value < LEAST[name]:
            raise ValueError(f"{name} is at least {LEAST[name]}, found {value}")
