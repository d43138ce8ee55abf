"""Parameters with which a law of the catalogue is shown: reported ones where there are any."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import exp

import numpy as np

from scaling_bayes.laws.catalogue.entries import Entry
from scaling_bayes.laws.law import Law
from scaling_bayes.laws.roles import ROLES

_INVERSE = {"positive": exp, "unit": lambda x: 1 / (1 + exp(-x)), "real": float}

PRIOR = "prior"
"""Stands for trust where nothing was reported: the middle of each role's prior, or the entry's example."""


@dataclass(frozen=True)
class Illustration:
    """A law with one set of parameters.

    Attributes
    ----------
    law : Law
    parameters : mapping
        In the paper's units.
    trust : str
        A key of `scaling_bayes.laws.catalogue.TRUST`, or ``"prior"``.
    """

    law: Law
    parameters: Mapping[str, float]
    trust: str


def illustrate(entry: Entry) -> Illustration:
    """Choose the parameters to show a law with: the first complete set, if need be from memory, else the priors.

    Examples
    --------
    >>> from scaling_bayes.laws.catalogue import read_entries
    >>> illustrate(read_entries()["chinchilla"]).parameters["alpha"]
    0.34
    >>> illustrate(read_entries()["qat"]).trust
    'prior'
    """
    complete = [
        Illustration(law, dict(numbers), numbers.trust)
        for along in sorted({*entry.alongs, ""})
        for law in [entry.law(along=along)]
        for numbers in entry.reported(along).values()
        if numbers.keys() == set(law.parameters)
    ]
    if complete:
        return min(complete, key=lambda shown: shown.trust == "memory")
    law = entry.law()
    roles = {p: ROLES[law.roles[p]] for p in law.parameters}
    at_reference = {p: _INVERSE[role.support](role.centre) for p, role in roles.items()} | dict(entry.example)
    references = {c: entry.typical(c) for c in law.scaled}
    return Illustration(law, law.rescale(at_reference, references), PRIOR)


def span(entry: Entry, covariate: str, count: int = 60) -> np.ndarray:
    """Values of a covariate around its typical scale, as far as they mean something.

    Examples
    --------
    >>> from scaling_bayes.laws.catalogue import read_entries
    >>> span(read_entries()["parscale"], "P", count=3).round(1).tolist()
    [1.0, 14.1, 200.0]
    """
    low, high = entry.domain.get(covariate, (0.0, np.inf))
    typical = entry.typical(covariate)
    reach = 10**entry.decades
    return np.geomspace(max(typical / reach, low), min(typical * reach, high), count)
