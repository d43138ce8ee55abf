"""The papers of the field: what each one uses of the catalogue, read from ``papers.toml``."""

import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from scaling_bayes.laws.law import Source


@dataclass(frozen=True)
class Paper:
    """One row of the table of papers.

    Attributes
    ----------
    key : str
    source : Source
    laws : tuple of str
        Laws of the catalogue that it uses.
    note : str
        How they serve it, or what does instead.
    known_as : tuple of str
        Other words for its law.
    """

    key: str
    source: Source
    laws: tuple[str, ...] = ()
    note: str = ""
    known_as: tuple[str, ...] = ()

    @property
    def served(self) -> str:
        """What serves the paper, as a sentence.

        Examples
        --------
        >>> read_papers()["relative"].served.partition(":")[0]
        "Held et al. 2025 is served by 'power'"
        """
        laws = f" is served by {', '.join(map(repr, self.laws))}" if self.laws else " has no law"
        return self.label + laws + (f": {self.note}" if self.note else "")

    def is_called(self, name: str) -> bool:
        """Whether `name` is its key, its first author, its authors and year, its arXiv identifier or another word.

        Examples
        --------
        >>> paper = read_papers()["hoffmann"]
        >>> [paper.is_called(name) for name in ("Hoffmann", "Hoffmann et al. 2022", "2203.15556", "chinchilla")]
        [True, True, True, False]
        """
        names = (self.key, self.label, self.label.split()[0], self.source.arxiv, *self.known_as)
        return bool(name) and name.casefold() in map(str.casefold, names)

    @property
    def label(self) -> str:
        """Authors and year.

        Examples
        --------
        >>> read_papers()["hoffmann"].label
        'Hoffmann et al. 2022'
        """
        return f"{self.source.citation.split(',')[0]} {self.source.year}"


@cache
def read_papers() -> dict[str, Paper]:
    """Papers by key.

    Examples
    --------
    >>> read_papers()["besiroglu"].laws
    ('chinchilla',)
    """
    rows = tomllib.loads(Path(__file__).with_name("papers.toml").read_text("utf-8"))
    return {
        key: Paper(
            key,
            Source(row["citation"], row.get("arxiv", ""), row["year"]),
            tuple(row.get("laws", ())),
            row.get("note", ""),
            tuple(row.get("known_as", ())),
        )
        for key, row in rows.items()
    }
