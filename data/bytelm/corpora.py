"""The four corpora: built from pinned packages, de-duplicated, held out by whole files, in an order set by hashes.

``python data/bytelm/corpora.py [--corpora FOLDER] [--pin]`` builds them into a cache folder, never into the
repository; a second run finds them there. `corpora.toml` says what they are made of and what they must hash to.
"""

import argparse
import hashlib
import json
import os
import re
import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
from archives import Archive, fetch_archive, hash_file, read_members
from deduplication import drop_near_duplicates, remove_shared

HERE = Path(__file__).resolve().parent
SEPARATOR = b"\0"
"""Stands between files; no text file holds it."""


class CorpusError(RuntimeError):
    """A corpus that is too small, or not the one that the sweep was measured on."""


@dataclass(frozen=True)
class Corpus:
    """A built corpus.

    Parameters
    ----------
    name : str
        Key of `corpora.toml`.
    train, held_out : uint8 array
        Files joined by a zero byte; `train` stays on disk until it is read.
    starts : int64 array
        Where each held-out file begins.

    Examples
    --------
    >>> Corpus("c", np.zeros(3, np.uint8), np.zeros(2, np.uint8), np.array([0])).unique_bytes
    3
    """

    name: str
    train: np.ndarray
    held_out: np.ndarray
    starts: np.ndarray

    @property
    def unique_bytes(self) -> int:
        """Bytes of training text."""
        return len(self.train)


class _Text(HTMLParser):
    """Collects what a reader of a page sees."""

    def __init__(self) -> None:
        super().__init__()
        self.parts: list[str] = []
        self.hidden = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.hidden += tag in ("script", "style", "nav")
        if tag in ("p", "div", "li", "h1", "h2", "h3", "h4", "pre", "tr", "dt", "dd", "section"):
            self.parts.append("\n")

    def handle_endtag(self, tag: str) -> None:
        self.hidden -= tag in ("script", "style", "nav")

    def handle_data(self, data: str) -> None:
        if self.hidden <= 0:
            self.parts.append(data)


def _read_html(content: bytes) -> bytes:
    page = _Text()
    page.feed(content.decode())
    lines = [" ".join(line.split()) for line in "".join(page.parts).splitlines()]
    return re.sub("\n{3,}", "\n\n", "\n".join(lines)).strip().encode()


def _read_json(content: bytes) -> bytes:
    return json.dumps(json.loads(content), ensure_ascii=False, indent=1).encode()


FORMS: dict[str, Callable[[bytes], bytes]] = {"text": bytes, "html": _read_html, "json": _read_json}
"""Form of a file -> function that gives its text."""


def read_recipe(path: Path = HERE / "corpora.toml") -> dict[str, Any]:
    """Read what the corpora are made of.

    Examples
    --------
    >>> sorted(read_recipe()["corpora"])
    ['c', 'english', 'messages', 'python']
    """
    return tomllib.loads(path.read_text("utf-8"))


def default_folder() -> Path:
    """The user's cache folder for the built corpora."""
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache) / "scaling_bayes" / "bytelm-corpora"


def take_files(source: Mapping[str, Any], archive: Path, settings: Mapping[str, int]) -> Iterator[bytes]:
    """Texts of one source: names that match, of bearable length, valid UTF-8, a share of them chosen by name."""
    transform = FORMS[source.get("form", "text")]
    for name, size, member in read_members(archive, source.get("inner", "")):
        if not any(fnmatchcase(name, pattern) for pattern in source["pick"]):
            continue
        if any(fnmatchcase(name, pattern) for pattern in source.get("skip", ())) or _place(name) > source.get(
            "share", 1
        ):
            continue
        if source.get("form") or settings["shortest_file"] <= size <= settings["longest_file"]:
            text = _transformed(member.read(), transform)
            if settings["shortest_file"] <= len(text) <= settings["longest_file"]:
                yield text


def _transformed(content: bytes, transform: Callable[[bytes], bytes]) -> bytes:
    """The text of a file, or nothing where it is no UTF-8 text."""
    try:
        content.decode()
    except UnicodeDecodeError:
        return b""
    return b"" if SEPARATOR in content else transform(content)


def _place(name: str) -> float:
    """A number in [0, 1) that depends on the name alone."""
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8]) / 2**64


def split_files(files: Iterator[bytes], settings: Mapping[str, int], train_bytes: int) -> tuple[list[bytes], bytes]:
    """Order files by their hash, drop duplicates, hold whole files out first, train on what follows.

    Returns
    -------
    held_out : list of bytes
        Files that add up to ``settings["held_out_bytes"]`` at least.
    train : bytes
        The others, joined, without the lines that the held-out files hold too; `train_bytes` at most.
    """
    unique = {hashlib.sha256(content).digest(): content for content in files}
    ordered = drop_near_duplicates(unique[key] for key in sorted(unique))
    held_out: list[bytes] = []
    rest: list[bytes] = []
    held_bytes = rest_bytes = 0
    for content in ordered:
        if held_bytes < settings["held_out_bytes"] and len(content) <= settings["longest_held_out"]:
            held_out.append(content)
            held_bytes += len(content) + 1
        elif rest_bytes < 1.2 * train_bytes:
            rest.append(content)
            rest_bytes += len(content) + 1
    train = remove_shared(SEPARATOR.join(rest), SEPARATOR.join(held_out))
    return held_out, train[:train_bytes]


def build_corpus(name: str, recipe: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """Build one corpus into ``folder / name`` and return what a card says about it.

    Raises
    ------
    CorpusError
        If the packages hold less text than is needed.
    """
    entry, settings = recipe["corpora"][name], recipe["settings"]
    archives = {each["name"]: Archive(**each) for each in recipe["archives"]}

    def every_file() -> Iterator[bytes]:
        for source in entry["sources"]:
            path = fetch_archive(archives[source["archive"]], folder / "archives")
            yield from take_files(source, path, settings)

    held_out, train = split_files(every_file(), settings, entry["train_bytes"])
    if sum(map(len, held_out)) < 0.95 * settings["held_out_bytes"] or not train:
        raise CorpusError(f"corpus {name!r}: {len(held_out)} held-out files and {len(train):,} training bytes only.")
    place = folder / name
    place.mkdir(parents=True, exist_ok=True)
    lengths = np.array([len(content) + 1 for content in held_out])
    (place / "held_out.bin").write_bytes(SEPARATOR.join(held_out))
    np.save(place / "starts.npy", np.cumsum(lengths) - lengths)
    (place / "train.bin").write_bytes(train)  # written last: its presence says that the corpus is whole
    return describe_corpus(place)


def describe_corpus(place: Path) -> dict[str, Any]:
    """Sizes and hashes of a built corpus."""
    return {
        "train": (place / "train.bin").stat().st_size,
        "train_sha256": hash_file(place / "train.bin"),
        "held_out": (place / "held_out.bin").stat().st_size,
        "held_out_sha256": hash_file(place / "held_out.bin"),
        "held_out_files": len(np.load(place / "starts.npy")),
    }


def load_corpora(folder: Path | None = None) -> dict[str, Corpus]:
    """Read the four corpora, building those that are not there yet.

    Raises
    ------
    CorpusError
        If a corpus hashes to something else than `corpora.toml` pins.
    """
    folder, recipe = folder or default_folder(), read_recipe()
    found = {}
    for name in recipe["corpora"]:
        place = folder / name
        built = describe_corpus(place) if (place / "train.bin").exists() else build_corpus(name, recipe, folder)
        pinned = recipe.get("built", {}).get(name)
        if pinned is not None and built != pinned:
            raise CorpusError(
                f"corpus {name!r} in {place} is {built}, expected {pinned}. Delete it and build it again."
            )
        train = np.memmap(place / "train.bin", np.uint8, mode="r")
        held_out = np.fromfile(place / "held_out.bin", np.uint8)
        found[name] = Corpus(name, train, held_out, np.load(place / "starts.npy"))
    return found


def main() -> None:
    """Build or check the corpora and print the ``[built]`` part of `corpora.toml`."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--corpora", type=Path, default=default_folder(), help="where the corpora are kept")
    for corpus in load_corpora(parser.parse_args().corpora).values():
        entry = describe_corpus(parser.parse_args().corpora / corpus.name)
        print(f"[built.{corpus.name}]", *(f"{key} = {json.dumps(value)}" for key, value in entry.items()), "", sep="\n")


if __name__ == "__main__":
    main()
