"""Tables of a fit card: numbers as data, and as text with the digits that their intervals support."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from scaling_bayes.laws.record import Record
from scaling_bayes.questions.digits import round_interval, round_number
from scaling_bayes.questions.points import QuestionError, read_record
from scaling_bayes.questions.prediction import predict
from scaling_bayes.questions.summaries import name_values, summarise
from scaling_bayes.questions.typesetting import INTERVAL

OURS = "this fit"
"""Row of the card's own posterior among others."""


@dataclass(frozen=True)
class Table:
    """A table of a card.

    Attributes
    ----------
    title : str
    frame : DataFrame
        Without an index; ``median``, ``lower`` and ``upper`` belong together.
    note : str
    figures : int
        Significant digits of numbers without an interval.
    """

    title: str
    frame: pd.DataFrame
    note: str = ""
    figures: int = 3

    @property
    def text(self) -> pd.DataFrame:
        """Every cell as text.

        Examples
        --------
        >>> frame = pd.DataFrame({"parameter": ["E"], "median": [1.8], "lower": [1.75], "upper": [1.85]})
        >>> Table("Parameters", frame).text.values.tolist()
        [['E', '1.800', '1.750 to 1.850']]
        """
        columns: dict[str, list[str]] = {}
        for name in self.frame.columns:
            if name == "median":
                rows = [round_interval(*row) for row in self.frame[list(INTERVAL)].itertuples(index=False)]
                columns |= {"median": [row[0] for row in rows], "interval": [f"{row[1]} to {row[2]}" for row in rows]}
            elif name not in INTERVAL:
                columns[str(name)] = [_cell(value, self.figures) for value in self.frame[name]]
        return pd.DataFrame(columns)

    @property
    def numbers(self) -> list[str]:
        """Columns of `text` that hold numbers."""
        kinds = self.frame.select_dtypes("number").columns
        return [name for name in self.text.columns if name in kinds or name == "interval"]

    def to_dict(self) -> dict[str, Any]:
        """Title, note and rows, with None for what is no finite number."""
        rows = json.loads(self.frame.to_json(orient="records", double_precision=15))
        return {"title": self.title, "note": self.note, "rows": rows}


def tabulate_gates(posterior: xr.DataTree) -> Table:
    """The sampler's gates."""
    gates = json.loads(posterior.attrs.get("gates", "[]"))
    columns = {"gate": "name", "value": "value", "limit": "limit", "passed": "passed", "worst": "worst_of"}
    frame = pd.DataFrame({column: [gate.get(key, "") for gate in gates] for column, key in columns.items()})
    return Table("Sampler gates", frame, figures=4)


def tabulate_parameters(posterior: xr.DataTree, record: Record, level: float) -> Table:
    """Law parameters in the paper's units."""
    ones = ", ".join(f"{c} = 1" for c in record.law.covariates)
    note = f"In the units of the covariates: levels are those at {ones}. Central {100 * level:g}% intervals."
    return Table("Parameters", _intervals(posterior, record.law.parameters, level), note)


def tabulate_references(
    posterior: xr.DataTree, record: Record, level: float, learned: Mapping[str, float], moved: pd.DataFrame
) -> Table:
    """Law parameters at the reference, with what the data taught and how far prior and data move them.

    Parameters
    ----------
    posterior : DataTree
    record : Record
    level : float
    learned : mapping
        Contraction of each parameter and group.
    moved : DataFrame
        From `power_scale`.
    """
    names = [p if record.law.scales[p] == 1 else f"{p}_ref" for p in record.law.parameters]
    frame = _intervals(posterior, names, level)
    if learned:
        frame["contraction"] = [learned.get(name, np.nan) for name in frame["parameter"]]
    for column in ("prior", "likelihood") if len(moved) else ():
        frame[f"{column} sensitivity"] = [moved[column].get(name, np.nan) for name in frame["parameter"]]
    at = ", ".join(f"{c} = {value:.3g}" for c, value in record.references.items() if value != 1.0)
    note = f"Levels are what a term contributes at {at}. " if at else ""
    note += "Contraction: share of the prior's variance that the data took away. " if learned else ""
    note += "Sensitivity: movement for each doubling of the power of prior or likelihood." if len(moved) else ""
    return Table("Parameters at the reference", frame, note.strip())


def tabulate_others(
    posterior: xr.DataTree, others: Mapping[str, xr.DataTree], at: Mapping[str, Any] | None, level: float, seed: int
) -> Table:
    """Other fits beside this one: predictions at a point, or the parameters that their laws have in common.

    Raises
    ------
    QuestionError
        If one of them is no posterior, or they have nothing in common and no point is given.
    """
    fits = {OURS: posterior, **others}
    records = {name: read_record(fit) for name, fit in fits.items()}
    if at is not None:
        where = pd.DataFrame(
            {name: np.atleast_1d(value) for name, value in at.items()}
        )  # whose extra columns may stand
        answers = {name: predict(fit, at if fit is posterior else where, seed=seed) for name, fit in fits.items()}
        tables = {name: _flatten(answer, level) for name, answer in answers.items()}
        note = f"The response at {', '.join(f'{k} = {_cell(v, 4)}' for k, v in at.items())}."
    else:
        common = [p for p in records[OURS].law.parameters if all(p in r.law.parameters for r in records.values())]
        if not common:
            raise QuestionError("the alternatives have no parameter in common with this fit: give a point with at=")
        tables = {name: _intervals(fit, common, level) for name, fit in fits.items()}
        note = "Parameters that all the laws have."
    frame = pd.concat([table.assign(fit=name, law=records[name].law.formula) for name, table in tables.items()])
    first, note = ["fit", "law"], f"{note} Central {100 * level:g}% intervals."
    return Table("Other fits", frame[[*first, *(c for c in frame if c not in first)]].reset_index(drop=True), note)


def tabulate_answers(answers: Mapping[str, xr.Dataset], level: float) -> Table:
    """Answers to questions, by the names that a caller gave them."""
    frame = pd.concat([_flatten(answer, level).assign(answer=name) for name, answer in answers.items()])
    return Table("Answers", frame[["answer", *(c for c in frame if c != "answer")]].reset_index(drop=True))


def _flatten(answer: xr.Dataset, level: float) -> pd.DataFrame:
    """Summary of an answer without an index; points say their numbers only where there are several."""
    table = summarise(answer, level=level).reset_index().rename_axis(columns=None)
    return table.drop(columns=[name for name in ("point", "budget") if name in table and table[name].nunique() == 1])


def _intervals(posterior: xr.DataTree, names: Iterable[str], level: float) -> pd.DataFrame:
    draws = posterior["posterior"].to_dataset()
    levels = {"median": 0.5, "lower": (1 - level) / 2, "upper": (1 + level) / 2}
    present = [name for name in names if name in draws]
    columns = {
        column: {k: v for n in present for k, v in name_values(draws[n].quantile(q, ("chain", "draw")), n).items()}
        for column, q in levels.items()
    }
    return pd.DataFrame(columns).rename_axis("parameter").reset_index()


def _cell(value: Any, figures: int) -> str:
    if isinstance(value, bool | np.bool_):
        return "yes" if value else "NO"
    if isinstance(value, int | float | np.number):
        return "" if np.isnan(value) else round_number(float(value), figures)
    return "" if value is None else str(value)
