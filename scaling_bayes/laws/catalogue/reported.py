"""Numbers that papers report for a law, each with whom from and how far it can be trusted."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from scaling_bayes.laws.catalogue.papers import read_papers
from scaling_bayes.laws.law import Law, Source
from scaling_bayes.laws.reader import read_formula
from scaling_bayes.symbols import COVARIATES, unit_factor

TRUST = {
    "repo": "read in the authors' own code or tables",
    "text": "read in the paper's text",
    "abstract": "read in the paper's abstract",
    "recomputed": "fitted again from the authors' table",
    "memory": "recalled, not checked against the paper",
}
"""How far a reported number can be trusted."""


@dataclass(frozen=True, eq=False)
class Reported(Mapping[str, float]):
    """Reported numbers: parameter -> value for covariates in the units of `scaling_bayes.symbols.COVARIATES`.

    Attributes
    ----------
    label : str
        Whom from, and of what.
    numbers : mapping
        The values; a paper may report only some parameters.
    trust : str
        A key of `TRUST`.
    source : Source
    printed : mapping
        parameter -> text, as published.
    units : mapping
        covariate -> unit in which they were published, where it is another.
    along : str
        Covariate, for a law in one.
    note : str

    Examples
    --------
    >>> from scaling_bayes.laws import law
    >>> found = law("chinchilla").reported["Hoffmann et al. 2022"]
    >>> found["alpha"], found.trust
    (0.34, 'text')
    """

    label: str
    numbers: Mapping[str, float]
    trust: str
    source: Source
    printed: Mapping[str, str]
    units: Mapping[str, str] = field(default_factory=dict)
    along: str = ""
    note: str = ""

    def __getitem__(self, parameter: str) -> float:
        return self.numbers[parameter]

    def __iter__(self) -> Iterator[str]:
        return iter(self.numbers)

    def __len__(self) -> int:
        return len(self.numbers)


def read_reported(row: Mapping[str, Any], law: Law) -> Reported:
    """Read one set of numbers: text such as ``"8.8e13**0.076"`` is computed, units are brought to the field's.

    Parameters
    ----------
    row : mapping
        ``from``, ``trust``, ``values`` and, if need be, ``what``, ``units``, ``along``, ``note``.
    law : Law
        Of which they are the parameters.

    Examples
    --------
    >>> row = {"from": "kaplan", "trust": "text", "values": {"A": "8.8e13**0.076", "alpha": 0.076}}
    >>> round(read_reported(row, Law("A*N**-alpha"))["A"], 3)
    11.476
    """
    paper = read_papers()[row["from"]]
    numbers = {p: float(read_formula(str(value))) for p, value in row["values"].items()}
    units = row.get("units", {})
    if units:
        sizes = {c: unit_factor(unit, COVARIATES[c].kind)[1] for c, unit in units.items()}
        numbers = law.rescale(numbers, dict.fromkeys(law.scaled, 1.0) | sizes)
    return Reported(
        label=", ".join(filter(None, (paper.label, row.get("what", "")))),
        numbers={p: float(value) for p, value in numbers.items()},
        trust=row["trust"],
        source=paper.source,
        printed={p: str(value) for p, value in row["values"].items()},
        units=units,
        along=row.get("along", ""),
        note=row.get("note", ""),
    )
