"""Workers: processes that each train one network at a time, a core each.

A small network cannot keep two cores busy, two small networks can. A worker whose parent was killed stops at the next
chunk of steps, and `journal.own_table` waits for that, so that a killed command can be started again at once.
"""

import multiprocessing
import os
import platform
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_EXCEPTION, ProcessPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import jax
from corpora import Corpus
from journal import share_table
from networks import Shape
from plan import Design, Trunk
from runs import Bench, run_trunk, spread_held_out
from training import CHUNK, Order, Recipe, start_state, train

CONTEXT = multiprocessing.get_context("spawn")


@dataclass(frozen=True)
class Site:
    """Where a plan is measured.

    Parameters
    ----------
    load : callable
        Reads the corpora; each worker calls it once.
    design : Design
        What is trained.
    output : Path
        Folder of the rows and saved states.
    """

    load: Callable[[], Mapping[str, Corpus]]
    design: Design
    output: Path


@dataclass
class _Worker:
    """What a worker keeps from trunk to trunk."""

    site: Site
    bench: Bench


_worker: _Worker
_progress: Any


def describe_machine() -> dict[str, str]:
    """Device and versions, as every row tells them."""
    device, cores = jax.devices()[0], count_cores()
    cpu = f"cpu {platform.machine()}, {'one core' if cores == 1 else f'{cores} cores'}"
    packages = ("jax", "equinox", "optax", "numpy")
    return {
        "device": device.device_kind if device.platform != "cpu" else cpu,
        "versions": ", ".join(f"{name} {version(name)}" for name in packages),
    }


def count_cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@contextmanager
def open_pool(site: Site, workers: int) -> Iterator[tuple[ProcessPoolExecutor, Any]]:
    """Start workers, each on a core of its own where there are several; yield them and the queue of their progress."""
    progress, cores = CONTEXT.Queue(), CONTEXT.Queue()
    mine = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_setaffinity") else []
    for worker in range(workers):
        cores.put(mine[worker % len(mine)] if mine and workers > 1 else None)
    pool = ProcessPoolExecutor(workers, CONTEXT, initializer=_enter, initargs=(site, cores, progress))
    try:
        yield pool, progress
    finally:
        pool.shutdown(cancel_futures=True)


def _enter(site: Site, cores: Any, progress: Any) -> None:
    global _worker, _progress
    core = cores.get()
    if core is not None:
        os.sched_setaffinity(0, {core})
    share_table(site.output)
    if jax.config.jax_compilation_cache_dir is None:
        jax.config.update("jax_compilation_cache_dir", str(site.output / "compiled"))
        jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.5)
    corpora = site.load()
    held_out = spread_held_out(corpora, site.design)
    _progress = progress
    _worker = _Worker(site, Bench(corpora, held_out, site.output, describe_machine(), _report))


def _report(steps: int, trunk: Trunk) -> None:
    parent = multiprocessing.parent_process()
    if parent is not None and not parent.is_alive():
        os._exit(1)
    _progress.put((steps, trunk))


def _run(trunk: Trunk, done: set[str]) -> None:
    run_trunk(trunk, _worker.bench, done)


def _time(shape: Shape, chunks: int = 3) -> float:
    """Seconds of one training step, the best of a few chunks; compiles the program on the way."""
    design, text = _worker.site.design, next(iter(_worker.bench.corpora.values())).train
    recipe = Recipe(shape, design.batch, design.context, lr=1e-3)
    order = Order(text, batch=design.batch, context=design.context, seed=0)
    state, times = start_state(recipe), []
    for chunk in range(chunks + 1):
        started = time.perf_counter()
        state, _, _ = train(state, order, recipe, (chunk * CHUNK, (chunk + 1) * CHUNK))
        times.append((time.perf_counter() - started) / CHUNK)
    return min(times[1:])


def time_shapes(shapes: Sequence[Shape], site: Site, workers: int) -> dict[Shape, float]:
    """Seconds of one training step of every shape, while the other workers are busy too."""
    with open_pool(site, workers) as (pool, _):
        return dict(zip(shapes, pool.map(_time, shapes), strict=True))


def run_trunks(
    plan: Sequence[Trunk], done: set[str], site: Site, workers: int, report: Callable[[int, Trunk], None]
) -> None:
    """Measure every trunk, in order of work; `report` hears of every few steps that were taken."""
    with open_pool(site, workers) as (pool, progress):
        waiting = {pool.submit(_run, trunk, done) for trunk in plan}
        while waiting:
            finished, waiting = wait(waiting, timeout=0.5, return_when=FIRST_EXCEPTION)
            while not progress.empty():
                report(*progress.get())
            for future in finished:
                future.result()
