r"""Duplicates: equal files, files made of lines already seen, and training text that the held-out files hold too.

A window of 64 bytes is known by the polynomial hash

.. math:: h_i = \sum_{j=0}^{63} b_{i+j} \, B^{63-j} \bmod 2^{64},

of all windows at once by doubling: the hash of 2k bytes is that of the first k times :math:`B^k` plus the rest's.
"""

import hashlib
from collections.abc import Iterable, Iterator

import numpy as np

WINDOW = 64
_BASE = 0x9E3779B97F4A7C15
SHORT_LINE = 24


def hash_windows(text: np.ndarray) -> np.ndarray:
    """Hash of every window of 64 bytes, one an offset.

    Parameters
    ----------
    text : uint8 array
        The bytes.

    Returns
    -------
    uint64 array
        Of length ``len(text) - 63``, or empty.

    Examples
    --------
    >>> hashes = hash_windows(np.frombuffer(b"ab" * 40, np.uint8))
    >>> len(hashes), len(np.unique(hashes))
    (17, 2)
    """
    if len(text) < WINDOW:
        return np.empty(0, np.uint64)
    hashes, width, power = text.astype(np.uint64) + np.uint64(1), 1, _BASE
    while width < WINDOW:
        hashes = hashes[:-width] * np.uint64(power) + hashes[width:]
        width, power = 2 * width, power * power % 2**64
    return hashes


def drop_near_duplicates(files: Iterable[bytes], *, share: float = 0.5) -> Iterator[bytes]:
    r"""Leave out files of which more than `share` of the longer lines stood in earlier files.

    Examples
    --------
    >>> line = b"a line of thirty bytes or more\n"
    >>> len(list(drop_near_duplicates([line, line + b"x\n", b"something else"])))
    2
    """
    seen: set[bytes] = set()
    for content in files:
        long_lines = {line.strip() for line in content.splitlines() if len(line.strip()) >= SHORT_LINE}
        lines = {hashlib.blake2b(line, digest_size=8).digest() for line in long_lines}
        if len(lines & seen) <= share * len(lines):
            seen |= lines
            yield content


def remove_shared(train: bytes, held_out: bytes) -> bytes:
    r"""Remove every training line that touches 64 bytes which the held-out text holds too.

    Held-out text is cut into blocks of 64 bytes; a training line goes if any part of it lies in a window equal to such
    a block. Removal joins what stood apart, so it is repeated until no window is shared.

    Examples
    --------
    >>> secret = bytes(range(65, 91)) * 4
    >>> remove_shared(b"before\n" + secret + b"\nafter\n", secret)
    b'before\nafter\n'
    """
    blocks = np.unique(hash_windows(np.frombuffer(held_out, np.uint8))[::WINDOW])
    text = np.frombuffer(train, np.uint8)
    while len(hits := _find_hits(text, blocks)):
        text = text[~_lines_of(text, hits)]
    return text.tobytes()


def _find_hits(text: np.ndarray, blocks: np.ndarray, step: int = 1 << 22) -> np.ndarray:
    """Offsets of windows that equal a block; walked in pieces to spare memory."""
    found = [
        start + np.flatnonzero(np.isin(hash_windows(text[start : start + step + WINDOW - 1]), blocks))
        for start in range(0, len(text), step)
    ]
    return np.concatenate(found) if found else np.empty(0, np.int64)


def _lines_of(text: np.ndarray, hits: np.ndarray) -> np.ndarray:
    """Mask of the bytes in lines that a window starting at one of `hits` touches."""
    edges = np.zeros(len(text) + 1, np.int32)
    np.add.at(edges, hits, 1)
    np.add.at(edges, hits + WINDOW, -1)
    touched = np.cumsum(edges[:-1]) > 0
    line = np.concatenate([[0], np.cumsum(text == ord("\n"))[:-1]])
    bad = np.zeros(int(line[-1]) + 1, bool)
    bad[line[touched]] = True
    return bad[line]
