"""The catalogue as a page: formulas, parameters, reported numbers with their trust, and the table of papers."""

import re
from collections.abc import Iterable, Sequence

from scaling_bayes.laws.catalogue.entries import Entry, read_entries
from scaling_bayes.laws.catalogue.papers import Paper, read_papers
from scaling_bayes.laws.catalogue.reported import TRUST, Reported
from scaling_bayes.laws.law import Law, Source
from scaling_bayes.laws.roles import ROLES
from scaling_bayes.symbols import COVARIATES, latex

HEAD = """# The law catalogue

`sb.law(name)` makes a law of this page, `sb.list_laws()` is its table. All of it is data: the files of
[`scaling_bayes/laws/catalogue`](../scaling_bayes/laws/catalogue), from which
`python -m scaling_bayes.figures.pages docs` writes this page and its picture.

$y$ is the response, $\\log$ the natural logarithm and $\\sigma(x) = 1 / (1 + e^{-x})$; `skewed_logistic` says what
$\\sigma_{\\mathrm{skewed}}$ is, and $B(a, b)$ is the beta function. Numbers hold for covariates in the units of
`scaling_bayes.symbols`, unless a unit is named. Each set of reported numbers says how far to trust it:

"""

PICTURE = """
![Every law along one covariate, darker for a larger second one](laws.png)

*Each law along its first named covariate, at a tenth, one and ten times the usual value of the second (light to dark).*
"""

ROLES_HEAD = """Every parameter has a role, from which its prior follows:

"""

PAPERS = """## Papers

What each paper uses of the catalogue, and what serves it where it is no law of a run's covariates.

"""


def write_page() -> str:
    """Write the page.

    Returns
    -------
    str
        Markdown, with formulas that GitHub and JupyterLab typeset.

    Examples
    --------
    >>> write_page().splitlines()[0]
    '# The law catalogue'
    """
    entries = read_entries()
    families: dict[str, list[Entry]] = {}
    for entry in entries.values():
        families.setdefault(entry.family, []).append(entry)
    parts = [HEAD + "\n".join(f"- *{word}*: {meaning}." for word, meaning in TRUST.items()) + "\n" + PICTURE]
    parts.append(_table(("family", "laws"), ((f, ", ".join(map(_link, rows))) for f, rows in families.items())))
    parts.append(ROLES_HEAD + "\n".join(f"- *{role.name}*: {role.meaning}." for role in ROLES.values()) + "\n")
    for family, rows in families.items():
        parts.append(f"## {family.capitalize()}\n")
        parts += [_section(entry) for entry in rows]
    parts.append(PAPERS + _table(("paper", "arXiv", "laws", "note"), map(_paper, read_papers().values())))
    return "\n".join(parts)


def _section(entry: Entry) -> str:
    law = entry.law()
    sets = [numbers for along in entry.alongs for numbers in entry.reported(along).values()]
    lines = [
        f"### {entry.name}\n",
        f"{_prose(entry.use)} *{_cite(entry.paper.source)}*\n",
        f"$$y = {law.latex}$$\n",
        f"`{law.formula}`\n",
        _facts(entry, law),
        _table(("parameter", "role", "pooling"), _parameters(entry, law)),
    ]
    if sets:
        lines.append(_reported(sets, law))
    return "\n".join(lines)


def _facts(entry: Entry, law: Law) -> str:
    meanings = (f"{_covariate(c)} {_prose(entry.meaning(c))}{_domain(entry, c)}" for c in law.covariates)
    count = "Covariate" if len(law.covariates) == 1 else "Covariates"
    lines = [f"Response: {entry.response}. {count}: {'; '.join(meanings)}."]
    if entry.counting:
        lines.append(f"N is counted as {entry.counting.replace('_', '-')}.")
    if not entry.positive:
        lines.append("It may fall below zero.")
    if entry.repeat:
        lines.append(f"Each further break is a factor `{entry.repeat}`.")
    users = ", ".join(paper.label for paper in entry.used_by)
    paragraphs = [" ".join(lines), _prose(entry.note), f"Also used by {users}." if users else ""]
    return "\n\n".join(filter(None, paragraphs)) + "\n"


def _domain(entry: Entry, covariate: str) -> str:
    if covariate not in entry.domain or any(f" {w} " in f" {entry.meaning(covariate)} " for w in ("above", "below")):
        return ""
    return " ({:g} to {:g})".format(*entry.domain[covariate])


def _parameters(entry: Entry, law: Law) -> Iterable[tuple[str, ...]]:
    return ((_letter(p), role, entry.pool.get(p, "shared")) for p, role in law.roles.items())


def _reported(sets: Sequence[Reported], law: Law) -> str:
    parameters = [p for p in law.parameters if any(p in numbers for numbers in sets)]
    along = any(numbers.along for numbers in sets)
    rows = []
    for numbers in sets:
        units = ", ".join(f"{c} in {unit}" for c, unit in numbers.units.items())
        told = "; ".join(filter(None, (numbers.label, units, numbers.note)))
        values = [_show(numbers.printed.get(p, "")) for p in parameters]
        where = [numbers.along or law.covariates[0]] if along else []
        rows.append((told, *where, *values, numbers.trust))
    head = ("reported by", *(["along"] if along else []), *map(_letter, parameters), "trust")
    return _table(head, rows)


def _show(printed: str) -> str:
    """A number or a formula as it is read; large numbers by their power of ten.

    >>> _show("64000000000000.0"), _show("2100.0"), _show("2**-0.5")
    ('6.4e13', '2100.0', '2^-0.5')
    """
    if re.fullmatch(r"\d{8,}(\.\d*)?", printed):
        digits, power = f"{float(printed):.9e}".split("e")
        return f"{digits.rstrip('0').rstrip('.')}e{int(power)}"
    return printed.replace("**", "^").replace("*", "·")


def _paper(paper: Paper) -> tuple[str, ...]:
    return (
        f"{paper.source.citation} ({paper.source.year})",
        _address(paper.source),
        ", ".join(_link(read_entries()[name]) for name in paper.laws),
        _prose(paper.note),
    )


def _link(entry: Entry) -> str:
    return f"[`{entry.name}`](#{entry.name.lower()})"


def _address(source: Source) -> str:
    return f"[{source.arxiv}](https://arxiv.org/abs/{source.arxiv})" if source.arxiv else ""


def _cite(source: Source) -> str:
    return ", ".join(filter(None, (source.citation, str(source.year), _address(source))))


def _prose(text: str) -> str:
    """Text whose asterisks multiply."""
    return text.replace("*", r"\*")


def _covariate(name: str) -> str:
    """Letter of a covariate, and the name by which a sweep has it where that is another."""
    return _letter(name) + (f" (`{name}`)" if name in COVARIATES and latex(name) != name else "")


def _letter(name: str) -> str:
    return f"${latex(name)}$"


def _table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    names = list(head)
    lines = [names, ["---"] * len(names), *(list(row) for row in rows)]
    return "\n".join("| " + " | ".join(cell.replace("|", r"\|") for cell in line) + " |" for line in lines) + "\n"
