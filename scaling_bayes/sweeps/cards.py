"""Cards: what the catalogue knows about a public sweep, read from ``data/<name>/card.toml``."""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from scaling_bayes.sweeps.checks import SweepError
from scaling_bayes.sweeps.downloads import CardFile
from scaling_bayes.symbols import suggest

_PACKAGE = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Response:
    """A column that may serve as the response.

    Parameters
    ----------
    column, symbol, unit : str
        Column in the table, name in the sweep, unit.
    interval : tuple of str
        Columns with the lower and upper end of its 95 % interval, if there are any.

    Examples
    --------
    >>> Response("val_loss", "loss", "nats/token").interval
    ()
    """

    column: str
    symbol: str
    unit: str
    interval: tuple[str, ...] = ()


@dataclass(frozen=True)
class Card:
    """One entry of the catalogue.

    Attributes
    ----------
    name, title, licence, citation, url : str
    folder : Path
        That holds the card.
    rows : int
        Of the table that its files make.
    sweep : mapping
        Arguments of `as_sweep`.
    responses : mapping
        Column (a ``*`` stands for any text) -> ``symbol``, ``unit`` and, where published, ``interval``.
    subsets, usable : mapping
        Rules, see `scaling_bayes.sweeps.subsets`; rows that do not meet ``usable`` are in no subset.
    files : tuple of CardFile
    notes : mapping
        Name -> how it was counted.
    defects : tuple of str
        What is wrong with the table.
    default_subset : str
    long : mapping
        How a wide table is made long, see `scaling_bayes.sweeps.tables`.
    labels : mapping
        Column to make -> the columns whose labels it joins.

    Examples
    --------
    >>> read_card("chinchilla").rows
    245
    """

    name: str
    folder: Path
    title: str
    licence: str
    citation: str
    url: str
    rows: int
    sweep: Mapping[str, Any]
    responses: Mapping[str, Mapping[str, Any]]
    subsets: Mapping[str, Mapping[str, Any]]
    files: tuple[CardFile, ...]
    notes: Mapping[str, str]
    defects: tuple[str, ...]
    default_subset: str = ""
    long: Mapping[str, Any] = field(default_factory=dict)
    labels: Mapping[str, list[str]] = field(default_factory=dict)
    usable: Mapping[str, Any] = field(default_factory=dict)

    def find_response(self, wanted: str | None, columns: list[str]) -> Response:
        """Look up a response by its column; a ``*`` in the card stands for the same text in its interval's columns.

        Raises
        ------
        SweepError
            If the card does not list it or the table lacks it, with the columns that may be chosen.

        Examples
        --------
        >>> read_card("overtraining").find_response("err_boolq", ["err_boolq"]).symbol
        'error'
        """
        column = wanted or self.sweep["response"]
        for pattern, entry in self.responses.items():
            match = _match(pattern, column)
            if match and column in columns:
                interval = tuple(end.replace("*", match.group("star")) for end in entry.get("interval", ()))
                return Response(column, entry["symbol"], entry["unit"], interval)
        listed = [each for each in columns if any(_match(pattern, each) for pattern in self.responses)]
        raise SweepError(f"{column!r} is no response of sweep {self.name!r}: {suggest(column, listed)}.")


def _match(pattern: str, column: str) -> re.Match[str] | None:
    before, _, after = pattern.partition("*")
    star = ".+" if "*" in pattern else ""
    return re.fullmatch(f"{re.escape(before)}(?P<star>{star}){re.escape(after)}", column)


def find_cards() -> dict[str, Path]:
    """Folder of every card by name: inside an installed package, else in the source tree's ``data/``.

    Examples
    --------
    >>> "chinchilla" in find_cards()
    True
    """
    roots = (_PACKAGE / "_data", _PACKAGE.parent / "data")
    cards = (sorted(root.glob("*/card.toml")) for root in roots if root.is_dir())
    return {card.parent.name: card.parent for card in next((found for found in cards if found), [])}


def read_card(name: str) -> Card:
    """Read one card.

    Raises
    ------
    SweepError
        If there is no such card, with the nearest name, or a card lacks a field.

    Examples
    --------
    >>> read_card("chinchila")
    Traceback (most recent call last):
    ...
    scaling_bayes.symbols.words.SweepError: no sweep 'chinchila' in the catalogue: did you mean 'chinchilla'? Known: ...
    """
    folders = find_cards()
    if name not in folders:
        raise SweepError(f"no sweep {name!r} in the catalogue: {suggest(name, folders)}.")
    path = folders[name] / "card.toml"
    entry = tomllib.loads(path.read_text(encoding="utf-8"))
    try:
        return _fill(name, folders[name], entry)
    except KeyError as error:
        raise SweepError(f"{path} lacks the field {error}.") from error


def _fill(name: str, folder: Path, entry: dict[str, Any]) -> Card:
    return Card(
        name=name,
        folder=folder,
        title=entry["title"],
        licence=entry["licence"],
        citation=_cite(entry["citation"]),
        url=entry.get("url", ""),
        rows=entry["rows"],
        sweep=entry.get("sweep", {}),
        responses=entry.get("responses", {}),
        subsets=entry.get("subsets", {}),
        files=tuple(CardFile(**{"source": entry.get("url", "")} | file) for file in entry["files"]),
        notes=entry.get("notes", {}),
        defects=tuple(entry.get("defects", ())),
        default_subset=entry.get("default_subset", ""),
        long=entry.get("long", {}),
        labels=entry.get("labels", {}),
        usable=entry.get("usable", {}),
    )


def _cite(citation: Mapping[str, Any]) -> str:
    arxiv = "".join(f", arXiv:{number}" for number in citation.get("arxiv", ()))
    return f"{citation['authors']} ({citation['year']}){arxiv}"
