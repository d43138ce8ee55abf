"""Compiled functions outlive the process: JAX's persistent compilation cache, for the package's own fits only.

Measured on two cores, a law in N and D with three corpora: 183 functions are compiled in the first process and none in
the second, where a fit takes half the time; the folder then holds 2.4 MB.
"""

import hashlib
import platform
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import jax
from jax.experimental.compilation_cache import compilation_cache

from scaling_bayes.inference.cache_folder import private_folder, trim_cache

FOLDER = "jax_compilation_cache_dir"
KEEP_EVERYTHING = {
    "jax_persistent_cache_min_compile_time_secs": 0.0,
    "jax_persistent_cache_min_entry_size_bytes": -1,
    "jax_compilation_cache_max_size": -1,
}
"""Of the small functions there are many. The folder is bounded by `trim_cache`, which needs no package for locks."""

_turn = threading.Lock()
_inside = 0
_before: dict[str, Any] = {}


@contextmanager
def reuse_compiled() -> Iterator[None]:
    """Keep what is compiled inside, and take from the folder what was compiled before.

    JAX's settings are as before when the last thread has left. Where the user set ``jax_compilation_cache_dir``, or
    turned ``jax_enable_compilation_cache`` off, everything is left as it is; where there is no folder, nothing is kept.

    Examples
    --------
    >>> with reuse_compiled():
    ...     jax.jit(lambda x: x + 1)(1).item()
    2
    """
    kept = _enter()
    try:
        yield
    finally:
        if kept:
            _leave()


def _enter() -> bool:
    global _inside
    with _turn:
        if not _inside:
            folder = None if _is_set_by_user() else private_folder("compiled", machine())
            if folder is None:
                return False
            _before.update({name: getattr(jax.config, name) for name in (FOLDER, *KEEP_EVERYTHING)})
            _configure({FOLDER: str(folder), **KEEP_EVERYTHING})
        _inside += 1
        return True


def _leave() -> None:
    global _inside
    with _turn:
        _inside -= 1
        if not _inside:
            _configure(_before)
            trim_cache()


def _is_set_by_user() -> bool:
    return bool(jax.config.jax_compilation_cache_dir) or not jax.config.jax_enable_compilation_cache


def _configure(settings: dict[str, Any]) -> None:
    for name, value in settings.items():
        jax.config.update(name, value)
    compilation_cache.reset_cache()  # else JAX stays with the folder that it saw first


@cache
def machine() -> str:
    """Name of the kind of processor: code compiled for another may not run here, and a home folder may be shared."""
    told = [platform.machine(), platform.processor()]
    listing = Path("/proc/cpuinfo")
    if listing.exists():
        wanted = ("model name", "flags", "Features", "CPU part")
        told += sorted({line for line in listing.read_text().splitlines() if line.startswith(wanted)})
    return hashlib.sha256("\n".join(told).encode()).hexdigest()[:16]
