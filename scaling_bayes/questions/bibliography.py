"""BibTeX of what stands behind a fit: the law's paper, the table's, the methods and the software."""

import re
import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from scaling_bayes.laws.catalogue import CATALOGUE
from scaling_bayes.laws.law import Source
from scaling_bayes.questions.typesetting import escape_latex


def write_bibtex(law: str, method: str, versions: Mapping[str, str], data: Mapping[str, str]) -> str:
    """Write the references of a fit.

    Parameters
    ----------
    law : str
        Name in the catalogue; another one has no paper.
    method : str
        Of the fit, ``NUTS`` or other.
    versions : mapping
        Package -> version.
    data : mapping
        Attributes of the sweep; ``citation`` and ``source`` are used.

    Returns
    -------
    str
        BibTeX, an entry each.

    Examples
    --------
    >>> print(write_bibtex("chinchilla", "huber", {}, {}).partition(" and ")[0])
    @misc{hoffmann2022,
      author = {Hoffmann
    """
    entries = [_cite_paper(CATALOGUE[law].source)] if law in CATALOGUE else []
    entries += [_cite_data(data)] if data.get("citation") else []
    wanted = {"checklist", *(("NUTS", "sensitivity") if method == "NUTS" else ()), *versions}
    for key, entry in _read_entries().items():
        if entry["for"] in wanted:
            note = {"note": f"version {versions[entry['for']]}"} if entry["for"] in versions else {}
            entries.append(_write_entry(key, entry | note))
    return "\n\n".join(filter(None, entries))


def _cite_paper(source: Source | None) -> str:
    if source is None:
        return ""
    authors, _, title = source.citation.partition(", ")
    people = escape_latex(authors).replace(" et al.", " and others")
    key = re.sub(r"\W", "", authors.split()[0]).lower() + str(source.year or "")
    fields = {"type": "misc", "author": people, "title": f"{{{escape_latex(title)}}}", "year": source.year}
    return _write_entry(key, fields | ({"eprint": source.arxiv} if source.arxiv else {}))


def _cite_data(data: Mapping[str, str]) -> str:
    title = escape_latex(str(data.get("title") or data.get("sweep") or "data"))
    people, *dated = re.split(r"\s*\((\d{4})\)[,\s]*", str(data["citation"]), maxsplit=1)
    fields = {"type": "misc", "author": f"{{{escape_latex(people)}}}", "title": f"{{{title}}}"}
    fields |= dict(zip(("year", "note"), map(escape_latex, dated), strict=False))
    return _write_entry("fitteddata", fields | ({"url": data["source"]} if data.get("source") else {}))


def _write_entry(key: str, entry: Mapping[str, Any]) -> str:
    fields = {name: value for name, value in entry.items() if name not in ("type", "for") and value not in (None, "")}
    if "eprint" in fields:
        fields["archivePrefix"] = "arXiv"
    inside = ",\n".join(f"  {name} = {{{value}}}" for name, value in fields.items())
    return f"@{entry['type']}{{{key},\n{inside}\n}}"


@cache
def _read_entries() -> dict[str, dict[str, Any]]:
    return tomllib.loads(Path(__file__).with_name("bibliography.toml").read_text("utf-8"))
