"""Running a trunk: train, branch, cool down, evaluate, write a row; go on from the last saved state after a kill."""

import io
import json
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from corpora import Corpus
from evaluation import HeldOut, evaluate, spread_windows
from journal import append_row, replace_file
from networks import count_flops, count_parameters
from plan import Design, Trunk
from training import CHUNK, Order, State, start_state, train

SEGMENT = 64 * CHUNK
"""Steps after which a long trunk is saved even where no branch leaves it."""


@dataclass(frozen=True)
class Bench:
    """What every run needs: corpora, held-out windows, where rows and states go, and what is said about the machine.

    Parameters
    ----------
    corpora : mapping
        The corpora by name.
    held_out : mapping
        (training corpus, evaluation corpus) -> windows.
    output : Path
        Folder of ``rows.jsonl`` and the saved trunks.
    machine : mapping
        Device and versions, written into every row.
    report : callable
        Called with the number of trained steps and the trunk.
    """

    corpora: Mapping[str, Corpus]
    held_out: Mapping[tuple[str, str], HeldOut]
    output: Path
    machine: Mapping[str, str]
    report: Callable[[int, Trunk], None]

    @property
    def rows(self) -> Path:
        """The table."""
        return self.output / "rows.jsonl"


@dataclass
class _Progress:
    """How far a trunk has come."""

    step: int
    seconds: float
    state: State


def spread_held_out(corpora: Mapping[str, Corpus], design: Design) -> dict[tuple[str, str], HeldOut]:
    """Windows on which a network trained on one corpus is evaluated on another: more of them on its own."""
    return {
        (own, name): spread_windows(
            corpus.held_out,
            corpus.starts,
            context=design.context,
            size=design.own_bytes if own == name else design.other_bytes,
        )
        for own in corpora
        for name, corpus in corpora.items()
    }


def run_trunk(trunk: Trunk, bench: Bench, done: set[str]) -> None:
    """Measure every budget of a trunk that is not `done` yet; a row is written as soon as its run has ended."""
    wanted = [budget for budget in trunk.budgets if trunk.run_id(budget) not in done]
    if not wanted:
        return
    recipe = trunk.recipe
    text = bench.corpora[trunk.corpus].train
    order = Order(text, batch=recipe.batch, context=recipe.context, seed=recipe.seed)
    progress = _restore(trunk, bench)
    for budget in wanted:
        branch = budget * 4 // 5
        if progress.step > branch:  # saved behind this branch, whose row is missing: the table was changed by hand
            progress = _begin(trunk)
        diverged = _climb(trunk, bench, order, progress, branch)
        if diverged is None:
            diverged = _cool_down(trunk, bench, order, progress, budget)
        else:
            _record_lost(trunk, bench, wanted[wanted.index(budget) :], progress, diverged)
            break
    _saved(trunk, bench).unlink(missing_ok=True)


def _begin(trunk: Trunk) -> _Progress:
    return _Progress(0, 0.0, start_state(trunk.recipe))


def _climb(trunk: Trunk, bench: Bench, order: Order, progress: _Progress, branch: int) -> int | None:
    """Train the trunk up to a branch point, saving it on the way; return the step of divergence, if any."""
    while progress.step < branch:
        begin, end = progress.step, min(branch, progress.step + SEGMENT)
        started = time.perf_counter()
        state, _, diverged = train(
            progress.state, order, trunk.recipe, (begin, end), report=lambda steps: bench.report(steps, trunk)
        )
        progress.state, progress.step = state, end
        progress.seconds += time.perf_counter() - started
        if diverged is not None:
            return diverged
        _save(trunk, bench, progress)
    return None


def _cool_down(trunk: Trunk, bench: Bench, order: Order, progress: _Progress, budget: int) -> int | None:
    branch = (progress.step, budget)
    started = time.perf_counter()
    (network, _), train_loss, diverged = train(
        jax.tree.map(jnp.copy, progress.state), order, trunk.recipe, branch, branch=branch,
        report=lambda steps: bench.report(steps, trunk),
    )  # fmt: skip
    seconds = progress.seconds + time.perf_counter() - started
    row = describe_run(trunk, budget, bench.corpora[trunk.corpus].unique_bytes)
    row |= {"seconds": seconds, "flops_per_second": row["C"] / seconds, "train_loss": _finite(train_loss)}
    row |= {"diverged_step": diverged, "losses": {}, "losses_se": {}, **bench.machine}
    if diverged is None:
        for (own, name), windows in bench.held_out.items():
            if own == trunk.corpus:
                row["losses"][name], row["losses_se"][name] = map(_finite, evaluate(network, windows))
    append_row(bench.rows, row)
    return diverged


def _record_lost(trunk: Trunk, bench: Bench, budgets: list[int], progress: _Progress, diverged: int) -> None:
    """Write the rows of all runs whose trunk diverged before they could branch off."""
    for budget in budgets:
        row = describe_run(trunk, budget, bench.corpora[trunk.corpus].unique_bytes)
        row |= {"seconds": progress.seconds, "flops_per_second": None, "train_loss": None}
        append_row(bench.rows, row | {"diverged_step": diverged, "losses": {}, "losses_se": {}, **bench.machine})


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def describe_run(trunk: Trunk, budget: int, unique: int) -> dict[str, Any]:
    """What a row says about a run before it is measured: ids, design, sizes, bytes and compute."""
    recipe = trunk.recipe
    total, outside = count_parameters(recipe.shape)
    trained = budget * recipe.bytes_per_step
    return {
        "run": trunk.run_id(budget),
        "trunk": trunk.id,
        "stage": trunk.stage,
        "architecture": recipe.shape.architecture,
        "corpus": trunk.corpus,
        "width": recipe.shape.width,
        "depth": recipe.shape.depth,
        "N": total,
        "N_non_embedding": outside,
        "D": trained,
        "C": count_flops(recipe.shape, recipe.context) * trained,
        "C_6ND": 6.0 * total * trained,
        "lr": recipe.lr,
        "batch": recipe.bytes_per_step,
        "context": recipe.context,
        "steps": budget,
        "schedule": f"warm-up {recipe.warmup}, constant, 1-sqrt over {budget // 5}",
        "epochs": trained / unique,
        "seed": recipe.seed,
    }


def _saved(trunk: Trunk, bench: Bench) -> Path:
    return bench.output / "trunks" / f"{trunk.id}.state"


def _save(trunk: Trunk, bench: Bench, progress: _Progress) -> None:
    stream = io.BytesIO()
    stream.write(json.dumps({"step": progress.step, "seconds": progress.seconds}).encode() + b"\n")
    eqx.tree_serialise_leaves(stream, progress.state)
    replace_file(_saved(trunk, bench), stream.getvalue())


def _restore(trunk: Trunk, bench: Bench) -> _Progress:
    """State that was saved last, or a fresh start."""
    progress, path = _begin(trunk), _saved(trunk, bench)
    if path.exists():
        stream = io.BytesIO(path.read_bytes())
        header = json.loads(stream.readline())
        state = eqx.tree_deserialise_leaves(stream, progress.state)
        progress = _Progress(header["step"], header["seconds"], state)
    return progress
