"""Fits that were made before: found by their fingerprint, read from a file, never trusted when damaged.

A fit is ``<fingerprint>-<start of its SHA-256>.nc``. It is written under another name, read back, and renamed only if
it is identical to what was written, so that a file that has its name is whole, and a fit from the cache is the fit that
was made.
"""

import hashlib
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

import xarray as xr

from scaling_bayes.inference.cache_folder import LOCK, private_folder, trim_cache
from scaling_bayes.inference.storage import open_posterior, save_posterior

try:
    import fcntl
except ImportError:  # where there are no such locks, two processes may make the same fit, and one copy is kept
    fcntl = None  # type: ignore[assignment]

MOST_TRIES = 1000
"""For a lock, each time that another process had it and removed it."""

UNREADABLE = (OSError, RuntimeError, TypeError, ValueError, KeyError)
"""What xarray and HDF5 raise for files that are damaged, and for attributes that no file can hold."""


def find_or_make(key: str, make: Callable[[], xr.DataTree]) -> xr.DataTree:
    """Read the fit of this fingerprint, or make and keep it; of two processes that ask at once, one makes it.

    Parameters
    ----------
    key : str
        See `scaling_bayes.inference.fingerprint`.
    make : callable
        Makes the fit.

    Returns
    -------
    DataTree
        As it was made; for one that was read, attribute ``cached`` says when that was.

    Examples
    --------
    >>> make = lambda: xr.DataTree(xr.Dataset(attrs={"scaling_bayes": "posterior", "cached": ""}))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     os.environ["SCALING_BAYES_CACHE"] = folder
    ...     trees = [find_or_make("key", make) for _ in range(2)]
    ...     os.environ["SCALING_BAYES_CACHE"] = "off"
    >>> [tree.attrs["cached"][:2] for tree in trees]
    ['', '20']
    """
    folder = private_folder("fits")
    if folder is None:
        return make()
    if (found := read_fit(folder, key)) is not None:
        return found
    with hold(folder / f"{key}{LOCK}"):
        if (found := read_fit(folder, key)) is not None:
            return found
        made = make()
        write_fit(folder, key, made)
    trim_cache()
    return made


def find_fit(key: str) -> xr.DataTree | None:
    """Read the fit of this fingerprint, if it was kept."""
    folder = private_folder("fits")
    return read_fit(folder, key) if folder else None


def keep_fit(key: str, fit: xr.DataTree) -> None:
    """Keep a fit for the next time."""
    if folder := private_folder("fits"):
        write_fit(folder, key, fit)
        trim_cache()


def read_fit(folder: Path, key: str) -> xr.DataTree | None:
    """Read a fit; a damaged one is removed and counts as none."""
    for path in sorted(folder.glob(f"{key}-*.nc")):
        with suppress(*UNREADABLE):
            if path == _name(folder, key, path):
                found = open_posterior(path)
                os.utime(path)
                return found
        with suppress(OSError):
            path.unlink()
    return None


def write_fit(folder: Path, key: str, fit: xr.DataTree) -> None:
    """Write a fit, if a file can hold it whole; a disk that is full does not spoil a fit."""
    stamped = fit.copy()
    stamped.attrs = {**fit.attrs, "cached": datetime.now(UTC).isoformat(timespec="seconds")}
    with suppress(*UNREADABLE), _draft(folder) as draft:
        save_posterior(stamped, draft, overwrite=True)
        if open_posterior(draft).identical(stamped):
            os.replace(draft, _name(folder, key, draft))


@contextmanager
def hold(path: Path) -> Iterator[None]:
    """Wait for the lock at `path` and hold it; that of a process that died is free.

    Where the file system has no locks, do without.
    """
    file = _take(path) if fcntl else None
    try:
        yield
    finally:
        if file:
            with file, suppress(OSError):
                path.unlink()
                fcntl.flock(file, fcntl.LOCK_UN)  # also for processes that were forked meanwhile


def _take(path: Path) -> IO[str] | None:
    """Lock the file that has this name; one that its holder removed while others waited is not it."""
    for _ in range(MOST_TRIES):
        try:
            file = path.open("a")
        except OSError:
            break
        with suppress(OSError):
            fcntl.flock(file, fcntl.LOCK_EX)
            if os.path.samestat(os.fstat(file.fileno()), path.stat()):
                return file
        file.close()
    return None


@contextmanager
def _draft(folder: Path) -> Iterator[Path]:
    """A file to write, removed if it still has its name at the end."""
    descriptor, name = tempfile.mkstemp(prefix="draft-", suffix=".nc", dir=folder)
    os.close(descriptor)
    try:
        yield Path(name)
    finally:
        Path(name).unlink(missing_ok=True)


def _name(folder: Path, key: str, written: Path) -> Path:
    """Name of a fit with the content of `written`."""
    with written.open("rb") as file:
        return folder / f"{key}-{hashlib.file_digest(file, 'sha256').hexdigest()[:16]}.nc"
