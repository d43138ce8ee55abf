"""What the catalogue knows about a law, read from the TOML files beside this module."""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

from scaling_bayes.laws.catalogue.papers import Paper, read_papers
from scaling_bayes.laws.catalogue.reported import Reported, read_reported
from scaling_bayes.laws.law import Law
from scaling_bayes.symbols import COVARIATES, RESPONSES, suggest

POOLING = ("shared", "partial", "separate")
"""What an entry may recommend for a parameter."""

AROUND = {
    **{"N": 1e9, "D": 2e10, "C": 1e21, "M": 20.0, "S": 1e5, "U": 2e10, "P": 2.0, "epochs": 4.0, "experts": 16.0},
    **{"width": 2048.0, "depth": 24.0, "batch": 1e6, "lr": 1e-3},
}
"""Scale of a covariate at which a law is looked at, where its entry names no other."""

_FOLDER = Path(__file__).parent


class Sets(dict[str, Reported]):
    """Sets of reported numbers by label; a label that is none lists those there are."""

    def __missing__(self, label: str) -> Reported:
        raise KeyError(f"no numbers are labelled {label!r}: {suggest(label, self)}")


@dataclass(frozen=True)
class Entry:
    """One law of the catalogue and what is known about it.

    Attributes
    ----------
    name, family, formula : str
    use : str
        One line on what it is for.
    paper : Paper
        Where it comes from.
    response : str
        What it predicts.
    roles : mapping
        parameter -> role, for those that place and name do not decide.
    covariates : mapping
        name -> meaning, for those that are no words of `scaling_bayes.symbols`.
    falls_with, rises_with : tuple of str
        Covariates along which it is monotone, whatever the parameters.
    positive : bool
        Whether it is above zero everywhere.
    pool : mapping
        parameter -> recommended pooling, one of `POOLING`.
    around : mapping
        covariate -> scale at which it is looked at, besides `AROUND`.
    domain : mapping
        covariate -> (lowest, highest) value that means something.
    counting : str
        How the source counts parameters.
    show, decades : tuple of str, float
        Covariates in the order in which a picture takes them, and how far it goes to either side.
    example : mapping
        Parameters, at the typical scale, for a picture where none were reported and the priors' middle shows nothing.
    note : str
    repeat, repeat_roles : str, mapping
        Factor that a law with several breaks repeats, and the roles of its parameters; ``{i}`` is the break.
    rows : tuple of mapping
        Reported numbers as they stand in the file.

    Examples
    --------
    >>> entry = read_entries()["kaplan_joint"]
    >>> entry.family, entry.counting, entry.falls_with
    ('size and data', 'non_embedding', ('N', 'D'))
    """

    name: str
    family: str
    formula: str
    use: str
    paper: Paper
    response: str = "loss"
    roles: Mapping[str, str] = field(default_factory=dict)
    covariates: Mapping[str, str] = field(default_factory=dict)
    falls_with: tuple[str, ...] = ()
    rises_with: tuple[str, ...] = ()
    positive: bool = True
    pool: Mapping[str, str] = field(default_factory=dict)
    around: Mapping[str, float] = field(default_factory=dict)
    domain: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    counting: str = ""
    show: tuple[str, ...] = ()
    decades: float = 2.0
    example: Mapping[str, float] = field(default_factory=dict)
    note: str = ""
    repeat: str = ""
    repeat_roles: Mapping[str, str] = field(default_factory=dict)
    rows: tuple[Mapping[str, Any], ...] = ()

    @property
    def used_by(self) -> tuple[Paper, ...]:
        """Other papers that use the form."""
        return tuple(p for p in read_papers().values() if self.name in p.laws and p.key != self.paper.key)

    @property
    def alongs(self) -> tuple[str, ...]:
        """Covariates along which numbers were reported for a law in one; empty for the law as it stands."""
        return tuple(dict.fromkeys(str(row.get("along", "")) for row in self.rows))

    def law(self, *, along: str = "", breaks: int = 1) -> Law:
        """Make the law.

        Parameters
        ----------
        along : str
            For a law in one covariate: the one to use instead.
        breaks : int
            For a law with breaks: how many.

        Returns
        -------
        Law
            With the numbers that were reported for it, and the recommended pooling.

        Raises
        ------
        ValueError
            If `along` or `breaks` is given for a law that has no such choice, `along` is taken, or there are not 1 to 9
            breaks.
        """
        bare = self._bare(along, breaks)
        numbers = self.reported(along) if breaks == 1 else {}
        return replace(bare, source=self.paper.source, reported=numbers, pooling=self._pooling(breaks))

    def reported(self, along: str = "") -> dict[str, Reported]:
        """Sets of reported numbers, by label.

        Parameters
        ----------
        along : str
            Those for this covariate; by default for the law as it stands.

        Examples
        --------
        >>> list(read_entries()["power"].reported("D"))
        ['Kaplan et al. 2020']
        """
        bare = self._bare(along)
        sets = (read_reported(row, bare) for row in self.rows if row.get("along", "") == along)
        return Sets((numbers.label, numbers) for numbers in sets)

    def _bare(self, along: str, breaks: int = 1) -> Law:
        """Make the law without source and numbers."""
        formula, roles = self._formula(breaks)
        names = _covariates(formula, roles, self.covariates)
        if along and names != (along,):
            if len(names) != 1:
                raise ValueError(f"{self.name!r} has the covariates {', '.join(names)}; along= is for laws in one")
            formula, names = re.sub(rf"\b{names[0]}\b", self._check_along(along, formula), formula), (along,)
        return Law(formula, roles=roles, covariates=names, name=self.name)

    def _check_along(self, along: str, formula: str) -> str:
        """Return `along` if it can be a covariate of the formula."""
        taken = dict.fromkeys((*re.findall(r"[A-Za-z_]\w*", formula), *RESPONSES))
        if not along.isidentifier() or along in taken:
            raise ValueError(
                f"along={along!r} cannot be the covariate of {self.name!r}; expected one name, "
                f"other than {', '.join(taken)}"
            )
        return along

    def _formula(self, breaks: int) -> tuple[str, dict[str, str]]:
        """Formula and given roles with so many breaks."""
        if not self.repeat:
            if breaks != 1:
                raise ValueError(f"{self.name!r} has no breaks; breaks= is for bnsl")
            return self.formula, dict(self.roles)
        if not 1 <= breaks <= 9:
            raise ValueError(f"{self.name!r} has 1 to 9 breaks, found breaks={breaks}")
        counted = range(1, breaks + 1)
        repeated = {f"{p}{i}": role for i in counted for p, role in self.repeat_roles.items()}
        return "*".join([self.formula, *(self.repeat.format(i=i) for i in counted)]), {**self.roles, **repeated}

    def _pooling(self, breaks: int) -> dict[str, str]:
        """Recommended pooling; every break is pooled as the first."""
        later = {f"{p}{i}": self.pool[f"{p}1"] for i in range(2, breaks + 1) for p in self.repeat_roles}
        return {**self.pool, **later}

    def typical(self, covariate: str) -> float:
        """Scale of `covariate` at which the law is looked at.

        Examples
        --------
        >>> read_entries()["chinchilla"].typical("N")
        1000000000.0
        """
        return float(self.around.get(covariate, AROUND.get(covariate, 1.0)))

    def mentions(self, word: str) -> bool:
        """Whether a word in small letters stands in its name, its use or the title of its source.

        Examples
        --------
        >>> [name for name, entry in read_entries().items() if entry.mentions("broken")]
        ['bnsl']
        """
        return word in f"{self.name} {self.use} {self.paper.source.citation}".casefold()

    def meaning(self, covariate: str) -> str:
        """What `covariate` is.

        Examples
        --------
        >>> read_entries()["lr_anneal"].meaning("S1")
        'sum of the learning rates so far'
        """
        word = COVARIATES.get(covariate)
        return self.covariates.get(covariate) or (word.description if word else covariate)


def _covariates(formula: str, roles: Mapping[str, str], given: Mapping[str, str]) -> tuple[str, ...]:
    """Covariates of a formula: those described, and the words of the field that are given no role."""
    names = dict.fromkeys(re.findall(r"[A-Za-z_][A-Za-z0-9_]*", formula))
    return tuple(n for n in names if n in given or (n in COVARIATES and n not in roles))


@cache
def read_entries() -> dict[str, Entry]:
    """Entries by name, family by family.

    Examples
    --------
    >>> list(read_entries())[0]
    'power'
    """
    found: dict[str, Entry] = {}
    for path in sorted(_FOLDER.glob("[0-9]*.toml")):
        rows = tomllib.loads(path.read_text("utf-8"))
        family = rows.pop("family")
        found |= {name: _read_entry(name, family, row) for name, row in rows.items()}
    return found


def _read_entry(name: str, family: str, row: Mapping[str, Any]) -> Entry:
    """Make an entry of one table of a file; a key that no entry has is a TypeError."""
    given: dict[str, Any] = {key: value for key, value in row.items() if key not in ("source", "reported")}
    given |= {key: tuple(value) for key, value in given.items() if isinstance(value, list)}
    given["domain"] = {c: (float(low), float(high)) for c, (low, high) in row.get("domain", {}).items()}
    return Entry(
        name=name, family=family, paper=read_papers()[row["source"]], rows=tuple(row.get("reported", ())), **given
    )
