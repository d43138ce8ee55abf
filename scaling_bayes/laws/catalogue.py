"""The catalogue: laws of the field as data."""

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

from scaling_bayes.laws.law import Law, Source
from scaling_bayes.symbols import suggest

if TYPE_CHECKING:
    import pandas as pd

HOFFMANN = Source("Hoffmann et al., Training Compute-Optimal Large Language Models", "2203.15556", 2022)
HESTNESS = Source("Hestness et al., Deep Learning Scaling is Predictable, Empirically", "1712.00409", 2017)
KAPLAN = Source("Kaplan et al., Scaling Laws for Neural Language Models", "2001.08361", 2020)

CATALOGUE: Mapping[str, Law] = {
    law.name: law
    for law in (
        Law(
            "E + A*N**-alpha + B*D**-beta",
            name="chinchilla",
            source=HOFFMANN,
            reported={
                "Hoffmann et al. 2022": {"E": 1.69, "A": 406.4, "B": 410.7, "alpha": 0.34, "beta": 0.28},
                "Besiroglu et al. 2024": {"E": 1.8172, "A": 482.01, "B": 2085.43, "alpha": 0.3478, "beta": 0.3658},
            },
        ),
        Law("E + A*C**-alpha", name="power_offset", source=HESTNESS),
        Law(
            "A*C**-alpha",
            name="power",
            source=KAPLAN,
            reported={"Kaplan et al. 2020": {"A": (3.1e8 * 8.64e19) ** 0.05, "alpha": 0.05}},
        ),
    )
}


def law(name: str, *, along: str | None = None) -> Law:
    """A law of the catalogue.

    Parameters
    ----------
    name : str
        See `list_laws`.
    along : str, optional
        For laws in one covariate: the covariate to use instead of ``C`` (``"D"`` for a data law, say).

    Returns
    -------
    Law

    Raises
    ------
    KeyError
        For an unknown name, with the nearest one.
    ValueError
        If `along` is given for a law in several covariates.

    Examples
    --------
    >>> law("chinchilla").formula
    'E + A*N**-alpha + B*D**-beta'
    >>> law("power_offset", along="D").formula
    'E + A*D**-alpha'
    """
    if name not in CATALOGUE:
        raise KeyError(f"no law {name!r} in the catalogue: {suggest(name, CATALOGUE)}")
    found = CATALOGUE[name]
    if along is None or found.covariates == (along,):
        return found
    if len(found.covariates) != 1:
        raise ValueError(f"{name!r} has the covariates {', '.join(found.covariates)}; along= is for laws in one")
    formula = re.sub(rf"\b{found.covariates[0]}\b", along, found.formula)
    return Law(formula, roles=found.roles, covariates=(along,), name=found.name, source=found.source)


def list_laws() -> "pd.DataFrame":
    """Table of the catalogue.

    Returns
    -------
    pandas.DataFrame
        One row a law, by its name: covariates, parameters, formula, LaTeX, source.

    Examples
    --------
    >>> list_laws().loc["power", "covariates"]
    'C'
    """
    import pandas as pd  # here, because reading a formula needs no table

    rows = [
        {
            "law": entry.name,
            "covariates": ", ".join(entry.covariates),
            "parameters": ", ".join(entry.parameters),
            "formula": entry.formula,
            "latex": entry.latex,
            "source": entry.source.citation if entry.source else "",
            "arxiv": entry.source.arxiv if entry.source else "",
        }
        for entry in CATALOGUE.values()
    ]
    return pd.DataFrame(rows).set_index("law")
