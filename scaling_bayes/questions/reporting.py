"""`report`: the fit card, all that a reader must know of a fit to believe it or to make it again."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import xarray as xr

from scaling_bayes.laws.law import Law
from scaling_bayes.questions.bibliography import write_bibtex
from scaling_bayes.questions.card_tables import (
    Table,
    tabulate_answers,
    tabulate_gates,
    tabulate_others,
    tabulate_parameters,
    tabulate_references,
)
from scaling_bayes.questions.checking import check
from scaling_bayes.questions.checklist import ABOUT, Line, fill, read_metadata
from scaling_bayes.questions.facts import state_facts
from scaling_bayes.questions.fitted import Fit, read_fit
from scaling_bayes.questions.forecast import describe
from scaling_bayes.questions.points import QuestionError, read_record
from scaling_bayes.questions.rendering import embed, render
from scaling_bayes.questions.sensitivity import THRESHOLD, power_scale

FORMAT = "scaling_bayes fit card 1"


@dataclass(frozen=True)
class Report:
    """A fit card.

    Attributes
    ----------
    title : str
    law : Law
    response : str
    lines : tuple of Line
        The checklist.
    tables : mapping of str to Table
    findings : tuple of str
        Sentences of `check`, and of the sensitivity to the prior.
    bibtex : str
    failed_gates : str
    """

    title: str
    law: Law
    response: str
    lines: tuple[Line, ...]
    tables: Mapping[str, Table]
    findings: tuple[str, ...]
    bibtex: str
    failed_gates: str = ""

    @property
    def parts(self) -> dict[str, tuple[Line, ...]]:
        """Lines of each part of the checklist; those about the card only where they say something."""
        names = dict.fromkeys(line.part for line in self.lines)
        shown = [line for line in self.lines if not (line.part == ABOUT and (line.blank or line.key == "title"))]
        parts = {part: tuple(line for line in shown if line.part == part) for part in names}
        return {part: lines for part, lines in parts.items() if lines}

    @property
    def blanks(self) -> tuple[str, ...]:
        """Keys of the lines that nobody filled."""
        return tuple(line.key for line in self.lines if line.blank and line.part != ABOUT)

    def to_markdown(self) -> str:
        """Write the card as Markdown."""
        return render("card.md", self)

    def to_latex(self) -> str:
        r"""Write the card as a section of LaTeX, for ``\input`` into an appendix; it needs the package booktabs."""
        return render("card.tex", self)

    def to_html(self, figures: Mapping[str, Any] | None = None) -> str:
        """Write the card as one HTML page that needs no other file and no network.

        Parameters
        ----------
        figures : mapping of str to Figure or path, optional
            Caption -> figure, or the PNG file of one, embedded.
        """
        return render("card.html", self, figures={caption: embed(fig) for caption, fig in (figures or {}).items()})

    def to_json(self) -> str:
        """Write the card as JSON."""
        checklist: dict[str, Any] = {}
        for line in self.lines:
            said = {"label": line.label, "known": line.known, "added": line.added, "blank": line.blank}
            checklist.setdefault(line.part, {})[line.key] = said
        content = {
            "format": FORMAT,
            "title": self.title,
            "failed_gates": self.failed_gates,
            "law": {"formula": self.law.formula, "latex": self.law.latex, "name": self.law.name},
            "response": self.response,
            "checklist": checklist,
            "blanks": list(self.blanks),
            "tables": {name: table.to_dict() for name, table in self.tables.items()},
            "findings": list(self.findings),
            "bibtex": self.bibtex,
        }
        return json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False) + "\n"

    def _repr_markdown_(self) -> str:
        return self.to_markdown()

    def _repr_html_(self) -> str:
        return render("card_body.html", self, figures={})


def report(
    posterior: xr.DataTree,
    metadata: Mapping[str, Any] | str | Path | None = None,
    *,
    scores: xr.Dataset | None = None,
    alternatives: Mapping[str, xr.DataTree] | None = None,
    at: Mapping[str, Any] | None = None,
    answers: Mapping[str, xr.Dataset] | None = None,
    level: float = 0.9,
    complete: bool = False,
    seed: int = 0,
) -> Report:
    """Make the fit card of a posterior.

    The checklist has the four parts of the survey "(Mis)Fitting": hypothesis, training setup, data, fitting. What the
    posterior knows is filled in, the rest is the author's to state, and says NOT REPORTED until then. Beside it stand
    the sampler's gates, the parameters in the paper's units and at the reference with their contraction and their
    sensitivity to prior and data, findings in words, and references as BibTeX.

    Parameters
    ----------
    posterior : DataTree
        From `fit`, `baseline` or `open_posterior`.
    metadata : mapping, or path of a TOML file, optional
        What the author states: key of the checklist -> text; keys may stand in tables by part. On lines that the
        posterior knows it is added. ``title``, ``authors``, ``date`` and ``contact`` are there too.
    scores : Dataset, optional
        From `score` on held-out runs.
    alternatives : mapping of str to DataTree, optional
        Other fits by name: with another law, other rows, another model.
    at : mapping, optional
        Point at which the alternatives predict beside this fit; without it the parameters in common are shown.
    answers : mapping of str to Dataset, optional
        Answers to questions, by name, whose summaries the card is to hold.
    level : float
        Of the intervals.
    complete : bool
        Refuse a card with blanks.
    seed : int
        For replicated data and predictions.

    Returns
    -------
    Report
        With ``to_markdown``, ``to_latex``, ``to_html`` and ``to_json``.

    Raises
    ------
    QuestionError
        If `posterior` is none; for a key of `metadata` that the checklist does not have; and under ``complete=True``
        for blanks, all named.

    References
    ----------
    Li et al. (2025), (Mis)Fitting: A Survey of Scaling Laws, arXiv:2502.18969.

    Examples
    --------
    >>> import scaling_bayes as sb
    >>> law, truth = sb.Law("A*N**-alpha"), {"A": 40.0, "alpha": 0.25}
    >>> sweep = sb.simulate_sweep(law, {"N": [1e6, 1e7, 1e8]}, truth=truth, seed=0)
    >>> card = report(sb.baseline(law, sweep, seed=0, bootstrap=20), {"optimizer": "AdamW, betas .9 and .95"})
    >>> [line.text for line in card.lines if line.key in ("runs", "optimizer", "schedule")]
    ['AdamW, betas .9 and .95', 'NOT REPORTED', '3']
    """
    stated, fit = read_metadata(metadata), read_fit(posterior, scores)
    checked = check(posterior, seed=seed)
    moved = power_scale(posterior)
    learned = dict(zip(checked["quantity"].values.tolist(), checked["contraction"].values.tolist(), strict=True))
    tables = {
        "gates": tabulate_gates(posterior),
        "parameters": tabulate_parameters(posterior, fit.record, level),
        "reference": tabulate_references(posterior, fit.record, level, learned, moved),
    }
    if alternatives:
        tables["alternatives"] = tabulate_others(posterior, alternatives, at, level, seed)
    if answers:
        tables["answers"] = tabulate_answers(answers, level)
    sensitive = [f"{name} {said}." for name, said in moved["finding"].items() if said]
    known = state_facts(fit) | {
        "prior_sensitivity": _say_sensitivity(moved, fit.sampled),
        **_say_others(fit, alternatives or {}),
    }
    card = Report(
        title=stated.get("title") or _title(fit),
        law=fit.record.law,
        response=fit.record.response,
        lines=fill(known, stated),
        tables={name: table for name, table in tables.items() if len(table.frame)},
        findings=(*checked["verdict"].values.tolist(), *sensitive),
        bibtex=write_bibtex(
            fit.record.law.name, str(fit.told.get("method", "")), fit.read("versions", {}), fit.runs.attrs
        ),
        failed_gates=describe(posterior, fit.record)["failed_gates"],
    )
    if complete and card.blanks:
        asked = [f"{line.key} ({line.asks})" for line in card.lines if line.key in card.blanks]
        raise QuestionError(f"{len(asked)} lines of the card are blank; state them in metadata=: {'; '.join(asked)}")
    return card


def _title(fit: Fit) -> str:
    data = str(fit.told.get("data_title") or fit.runs.attrs.get("title") or "a sweep")
    return f"{fit.record.law.name or fit.record.law.formula} fitted to {data}"


def _say_sensitivity(moved: pd.DataFrame, sampled: bool) -> str:
    if not len(moved):
        return "" if sampled else "none: a bootstrap has no prior"
    worst = moved["prior"].idxmax()
    verdict = "below" if moved["prior"].max() < THRESHOLD else "at or above"
    return f"power-scaling: at most {moved['prior'].max():.2g} ({worst}), {verdict} the threshold {THRESHOLD:g}"


def _say_others(fit: Fit, others: Mapping[str, xr.DataTree]) -> dict[str, str]:
    """Which alternatives have another law, and which other rows."""
    laws = [name for name, other in others.items() if read_record(other).law.formula != fit.record.law.formula]
    rows = [name for name, other in others.items() if other.attrs.get("data_hash") != fit.told.get("data_hash")]
    said = {"other_laws": laws, "other_rows": rows}
    return {key: f"see Other fits: {', '.join(names)}" if names else "" for key, names in said.items()}
