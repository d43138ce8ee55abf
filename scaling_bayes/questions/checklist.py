"""The checklist of a fit card: which lines there are, and what an author adds to them."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from scaling_bayes.questions.points import QuestionError
from scaling_bayes.symbols import suggest

NOT_REPORTED = "NOT REPORTED"
"""What a card says where nobody said anything."""

ABOUT = "about"
"""Part that is about the card itself; none of its lines is asked for."""


@dataclass(frozen=True)
class Line:
    """One line of the checklist.

    Attributes
    ----------
    part, key, label : str
    asks : str
        What to say.
    known, added : str
        What the posterior says, and what an author says; empty where they say nothing.
    """

    part: str
    key: str
    label: str
    asks: str
    known: str = ""
    added: str = ""

    @property
    def blank(self) -> bool:
        """Whether nobody said anything."""
        return not (self.known or self.added)

    @property
    def text(self) -> str:
        """What the card says.

        Examples
        --------
        >>> Line("data", "runs", "Runs", "how many", known="40", added="one was lost").text
        '40; one was lost'
        """
        return "; ".join(filter(None, (self.known, self.added))) or NOT_REPORTED


@cache
def read_checklist() -> dict[str, tuple[Line, ...]]:
    """Empty lines of every part.

    Examples
    --------
    >>> list(read_checklist())
    ['about', 'hypothesis', 'training', 'data', 'fitting']
    """
    parts = tomllib.loads(Path(__file__).with_name("checklist.toml").read_text("utf-8"))
    return {part: tuple(Line(part, key, *row) for key, row in rows.items()) for part, rows in parts.items()}


def read_metadata(metadata: Mapping[str, Any] | str | Path | None) -> dict[str, str]:
    """What an author states, by key of the checklist.

    Parameters
    ----------
    metadata : mapping, path of a TOML file, or None
        key -> text, number or list; keys may stand in tables by the name of their part.

    Returns
    -------
    dict of str to str

    Raises
    ------
    QuestionError
        For a key that the checklist does not have, with the nearest one; for a file that is no TOML, or a value that is
        no text, number or list.
    FileNotFoundError
        If there is no such file.

    Examples
    --------
    >>> read_metadata({"training": {"optimizer": "AdamW"}, "title": "mine"})
    {'optimizer': 'AdamW', 'title': 'mine'}
    """
    given = _read_file(Path(metadata)) if isinstance(metadata, str | Path) else dict(metadata or {})
    parts = read_checklist()
    known = [line.key for lines in parts.values() for line in lines]
    stated: dict[str, str] = {}
    for key, value in given.items():
        nested = isinstance(value, Mapping)
        if nested and key not in parts:
            raise QuestionError(f"metadata has a table {key!r}, no part of the checklist: {suggest(key, parts)}")
        own = [line.key for line in parts[key]] if nested else known
        for name, said in value.items() if nested else [(key, value)]:
            if name not in own:
                raise QuestionError(f"metadata names {name!r}, no line of the checklist: {suggest(name, own)}")
            stated[name] = _as_text(name, said)
    return stated


def fill(known: Mapping[str, str], stated: Mapping[str, str]) -> tuple[Line, ...]:
    """Every line of the checklist, with what is known and what is stated.

    Examples
    --------
    >>> lines = fill({"runs": "40"}, {"optimizer": "AdamW"})
    >>> [line.text for line in lines if line.key in ("runs", "optimizer", "tokenizer")]
    ['NOT REPORTED', 'AdamW', '40']
    """
    every = (line for lines in read_checklist().values() for line in lines)
    return tuple(
        Line(line.part, line.key, line.label, line.asks, known.get(line.key, ""), stated.get(line.key, ""))
        for line in every
    )


def _read_file(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError as error:
        raise FileNotFoundError(f"there is no file of metadata {str(path)!r}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise QuestionError(f"{path} is no TOML: {error}") from error


def _as_text(key: str, value: Any) -> str:
    if isinstance(value, list | tuple):
        return ", ".join(_as_text(key, item) for item in value)
    if isinstance(value, Mapping) or value is None:
        raise QuestionError(f"metadata says {value!r} for {key!r}; expected a text, a number or a list of them")
    return " ".join(str(value).split())
