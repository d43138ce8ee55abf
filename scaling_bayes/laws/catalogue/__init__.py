"""The catalogue: laws of the field as data."""

import difflib
from collections.abc import Iterator, Mapping
from functools import cache
from typing import TYPE_CHECKING

from scaling_bayes.laws.catalogue.entries import Entry, read_entries
from scaling_bayes.laws.catalogue.papers import Paper, read_papers
from scaling_bayes.laws.catalogue.reported import TRUST, Reported
from scaling_bayes.laws.law import Law
from scaling_bayes.symbols import suggest

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "CATALOGUE",
    "TRUST",
    "Entry",
    "Paper",
    "Reported",
    "law",
    "list_laws",
    "read_entries",
    "read_papers",
    "suggest_law",
]


class _Catalogue(Mapping[str, Law]):
    """Laws by name; each is read when it is first asked for."""

    def __getitem__(self, name: str) -> Law:
        return _read_law(name)

    def __iter__(self) -> Iterator[str]:
        return iter(read_entries())

    def __len__(self) -> int:
        return len(read_entries())


CATALOGUE: Mapping[str, Law] = _Catalogue()

LIKE = 0.7
"""How alike the spelling of two names is that may have been confused, see `difflib.SequenceMatcher.ratio`."""

EVERY = "sb.list_laws() has all of them"


def law(name: str, *, along: str | None = None, breaks: int | None = None) -> Law:
    """A law of the catalogue.

    Parameters
    ----------
    name : str
        See `list_laws`.
    along : str, optional
        For laws in one covariate: the covariate to use instead of ``C`` (``"D"`` for a data law, say).
    breaks : int, optional
        For ``bnsl``: the number of breaks, 1 if not given.

    Returns
    -------
    Law

    Raises
    ------
    KeyError
        For an unknown name, with the nearest ones; for a paper's name, authors or arXiv identifier, with the laws that
        serve it; for a word, with the laws that mention it.
    ValueError
        If `along` is given for a law in several covariates or is a name of the formula or of a response, or `breaks`
        is given for a law without.

    Examples
    --------
    >>> law("chinchilla").formula
    'E + A*N**-alpha + B*D**-beta'
    >>> law("power_offset", along="D").formula
    'E + A*D**-alpha'
    >>> law("bnsl", breaks=2).parameters
    ('E', 'A', 'c0', 'c1', 'f1', 'd1', 'c2', 'f2', 'd2')
    """
    found = CATALOGUE[name]
    if found.covariates == (along,):
        along = None
    if along is None and breaks is None:
        return found
    return read_entries()[name].law(along=along or "", breaks=1 if breaks is None else breaks)


def list_laws(*, family: str | None = None) -> "pd.DataFrame":
    """Table of the catalogue.

    Parameters
    ----------
    family : str, optional
        Only laws of this family.

    Returns
    -------
    pandas.DataFrame
        One row a law, by its name: family, use, covariates, parameters, formula, LaTeX, source, arXiv identifier.

    Raises
    ------
    KeyError
        For an unknown family, with the nearest one.

    Examples
    --------
    >>> list_laws(family="size and data").loc["chinchilla", "covariates"]
    'N, D'
    """
    import pandas as pd  # here, because reading a formula needs no table

    entries = read_entries()
    families = list(dict.fromkeys(entry.family for entry in entries.values()))
    if family is not None and family not in families:
        raise KeyError(f"no family {family!r} in the catalogue: {suggest(family, families)}")
    chosen = [entry for entry in entries.values() if family in (None, entry.family)]
    return pd.DataFrame([_describe(entry) for entry in chosen]).set_index("law")


def _describe(entry: Entry) -> dict[str, str]:
    found, source = CATALOGUE[entry.name], entry.paper.source
    return {
        "law": entry.name,
        "family": entry.family,
        "use": entry.use,
        "covariates": ", ".join(found.covariates),
        "parameters": ", ".join(found.parameters),
        "formula": found.formula,
        "latex": found.latex,
        "source": source.citation,
        "arxiv": source.arxiv,
    }


@cache
def _read_law(name: str) -> Law:
    entries = read_entries()
    if name not in entries:
        raise KeyError(f"no law {name!r} in the catalogue: {suggest_law(str(name))}")
    return entries[name].law()


def suggest_law(name: str) -> str:
    """What may have been meant: a paper, laws whose names are spelled alike, or those that mention the word.

    Examples
    --------
    >>> suggest_law("chinchila")
    "did you mean 'chinchilla' or 'chinchilla_power'? sb.list_laws() has all of them"
    >>> suggest_law("moe")
    "mentioned by 'moe_routed', 'moe_leverage'; sb.list_laws() has all of them"
    """
    entries = read_entries()
    if papers := [paper.served for paper in read_papers().values() if paper.is_called(name)]:
        return "; ".join(papers)
    folded = {entry.casefold(): repr(entry) for entry in entries}
    if near := [folded[each] for each in difflib.get_close_matches(name.casefold(), folded, n=3, cutoff=LIKE)]:
        return f"did you mean {' or '.join(near)}? {EVERY}"
    words = [word for word in name.casefold().replace("_", " ").split() if len(word) > 2]
    told = [repr(each) for each, entry in entries.items() if words and all(map(entry.mentions, words))]
    return f"mentioned by {', '.join(told)}; {EVERY}" if told else EVERY
