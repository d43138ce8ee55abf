"""The table on disk: one line of JSON a finished run, appended and synced; a line torn by a kill is dropped."""

import fcntl
import json
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

WAITS = 60
"""Seconds to wait for workers whose parent was killed."""


class JournalError(ValueError):
    """A table with a broken line where no kill can have left one."""


def read_rows(path: Path) -> list[dict[str, Any]]:
    """Read all whole rows.

    Raises
    ------
    JournalError
        If a line before the last is broken.

    Examples
    --------
    >>> read_rows(Path("nowhere.jsonl"))
    []
    """
    if not path.exists():
        return []
    *lines, _torn = path.read_bytes().split(b"\n")
    rows = []
    for number, line in enumerate(lines, start=1):
        try:
            rows.append(json.loads(line))
        except ValueError as error:
            raise JournalError(
                f"{path}, line {number} is no JSON ({line[:40]!r}): the file was changed by hand or by the disk. "
                "Remove the line; its run will be measured again."
            ) from error
    return rows


def drop_torn_line(path: Path) -> int:
    """Cut off what follows the last line end, and return how many bytes that was.

    A row counts once its line end is on disk; anything behind the last one was being written when the program died.

    Examples
    --------
    >>> drop_torn_line(Path("nowhere.jsonl"))
    0
    """
    if not path.exists():
        return 0
    content = path.read_bytes()
    whole = content.rfind(b"\n") + 1
    if whole < len(content):
        with path.open("r+b") as stream:
            stream.truncate(whole)
            os.fsync(stream.fileno())
    return len(content) - whole


def append_row(path: Path, row: Mapping[str, Any]) -> None:
    """Append one row and wait until it is on disk; NaN is refused, since JSON has none."""
    line = json.dumps(row, allow_nan=False) + "\n"
    with path.open("ab") as stream:
        stream.write(line.encode())
        stream.flush()
        os.fsync(stream.fileno())


def replace_file(path: Path, content: bytes) -> None:
    """Put a file in place as a whole: a reader sees the old one or the new one, also after a kill."""
    partial = path.with_name(path.name + ".partial")
    with partial.open("wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())
    partial.replace(path)


def own_table(folder: Path) -> int:
    """Wait until no process writes into the folder's table, then mark it as in use by this one.

    The mark goes when the returned file descriptor is closed, or with the process.

    Raises
    ------
    JournalError
        If another command measures into the folder; the workers of one that was killed stop within seconds.
    """
    handle = os.open(folder / "in_use", os.O_RDWR | os.O_CREAT)
    for _ in range(WAITS):
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(1)
        else:
            fcntl.flock(handle, fcntl.LOCK_SH)
            return handle
    raise JournalError(f"another command measures into {folder}: wait for it, or give another --output.")


def share_table(folder: Path) -> None:
    """Mark the folder's table as in use by this process too: called by the workers of its owner."""
    fcntl.flock(os.open(folder / "in_use", os.O_RDWR | os.O_CREAT), fcntl.LOCK_SH)
