"""Chains that advance chunk by chunk, several at once, with a bar that counts them."""

import os
import sys
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import numpy as np
from tqdm.auto import tqdm

from scaling_bayes.inference.chains import CHUNK, Data, Record, shrink_step


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


class Run:
    """Chains that advance in step, and what they leave."""

    def __init__(self, kernel: Callable[..., tuple[Any, Record]], state: Any, data: Data) -> None:
        self.kernel, self.state, self.data, self.chunks = kernel, state, data, list[Record]()

    def advance(self, bar: "Bar") -> None:
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


class Bar:
    """Progress of all chains, counted from several threads."""

    def __init__(self, chains: int, stretch: Stretch, shown: bool) -> None:
        self.stretch, self.lock, self.stopped, self.diverged = stretch, threading.Lock(), False, 0
        total = chains * stretch.length
        self.bar = tqdm(total=total, desc="NUTS", unit="it", disable=not (shown and _is_watched()), leave=False)

    def __enter__(self) -> "Bar":
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


def _is_watched() -> bool:
    """Whether a bar that redraws itself is seen: on a terminal and in a notebook, and not in a log."""
    return sys.stderr.isatty() or "ipykernel" in sys.modules


def complete_all(runs: Sequence[Run], bar: Bar) -> None:
    """Advance every run to the end, as many at once as there are cores."""
    with ThreadPoolExecutor(count_cores()) as pool:
        try:
            list(pool.map(partial(complete, bar=bar, device=jax.config.jax_default_device), runs))
        except BaseException:
            bar.stopped = True
            raise


def complete(run: Run, bar: Bar, device: jax.Device | None) -> None:
    """Advance to the end; a thread of its own needs JAX's settings said again."""
    with jax.enable_x64(True), jax.default_device(device):
        while CHUNK * len(run.chunks) < bar.stretch.length and not bar.stopped:
            run.advance(bar)


def count_cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
