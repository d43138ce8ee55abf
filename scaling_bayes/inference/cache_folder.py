"""The folder in which fits and compiled functions are kept: of this user alone, bounded, and easy to do without.

``SCALING_BAYES_CACHE`` is a folder, or ``off``; without it the folder is the one that downloads lie in.
``SCALING_BAYES_CACHE_GB`` bounds it (`DEFAULT_GB`); what was used least recently goes first.
"""

import os
import re
import stat
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pooch

CACHE, LIMIT = "SCALING_BAYES_CACHE", "SCALING_BAYES_CACHE_GB"
OFF = ("off", "0", "no", "false")
KINDS = ("fits", "compiled")
OURS = re.compile(r"fits/\w+-[0-9a-f]{16}\.nc|fits/draft-\w+\.nc|compiled/[0-9a-f]{16}/.+")
"""What may be removed: the folder that a user names may hold other things too."""

DEFAULT_GB = 2.0
LOCK = ".lock"
OTHERS_MAY_WRITE = 0o022


def private_folder(*names: str) -> Path | None:
    """Make a folder below the cache that only this user can read.

    Parameters
    ----------
    *names : str
        One of `KINDS`, and folders in it.

    Returns
    -------
    Path or None
        None where the cache is off, or no such folder can be made or written: compiled code is run as it is found, so a
        folder into which others may write is not used.

    Raises
    ------
    ValueError
        If ``SCALING_BAYES_CACHE_GB`` is no number.

    Examples
    --------
    >>> os.environ["SCALING_BAYES_CACHE"] = "off"
    >>> private_folder("fits") is None
    True
    """
    folder = _root()
    if folder is None:
        return None
    size_limit()  # a bound that cannot be read is said before a fit, not after
    try:
        for name in names:
            folder = folder / name
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            if not _is_mine(folder):
                return None
    except OSError:
        return None
    return folder if os.access(folder, os.W_OK | os.X_OK) else None


def trim_cache() -> None:
    """Remove what was used least recently until the cache is within its bound.

    Raises
    ------
    ValueError
        If ``SCALING_BAYES_CACHE_GB`` is no number.
    """
    limit = size_limit()
    files = sorted(_files(), key=lambda file: file[1])
    total = sum(size for _, _, size in files)
    for path, _, size in files:
        if total <= limit:
            return
        total -= _remove(path, size)


def size_limit() -> int:
    """Bytes that the cache may hold.

    Raises
    ------
    ValueError
        If ``SCALING_BAYES_CACHE_GB`` is no number.

    Examples
    --------
    >>> size_limit()
    2000000000
    """
    said = os.environ.get(LIMIT) or DEFAULT_GB
    try:
        return int(float(said) * 1e9)
    except (ValueError, OverflowError):
        raise ValueError(f"{LIMIT} is the size of the cache in gigabytes, for instance 2; found {said!r}") from None


def clear_cache() -> int:
    """Remove every fit and every compiled function from the cache; downloaded tables stay.

    Returns
    -------
    int
        Bytes that were freed; 0 where the cache is off.

    Examples
    --------
    >>> os.environ["SCALING_BAYES_CACHE"] = "off"
    >>> clear_cache()
    0
    """
    return sum(_remove(path, size) for path, _, size in _files())


def _root() -> Path | None:
    said = os.environ.get(CACHE, "")
    if said.lower() in OFF:
        return None
    return Path(said).expanduser().absolute() if said else Path(pooch.os_cache("scaling_bayes"))


def _is_mine(folder: Path) -> bool:
    if not hasattr(os, "geteuid"):  # a system without owners in this sense
        return True
    found = folder.lstat()
    others = found.st_mode & OTHERS_MAY_WRITE
    return stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid() and not others


def _files() -> Iterator[tuple[Path, float, int]]:
    """Path, last use and size of every file of ours, but for locks."""
    root = _root()
    for path in (path for kind in KINDS if root for path in (root / kind).rglob("*")):
        if root and OURS.fullmatch(path.relative_to(root).as_posix()):
            with suppress(OSError):  # another process removed it
                found = path.lstat()
                if stat.S_ISREG(found.st_mode):
                    yield path, max(found.st_atime, found.st_mtime), found.st_size


def _remove(path: Path, size: int) -> int:
    try:
        path.unlink()
    except OSError:
        return 0
    return size
