"""`Subject`: what the panels of one posterior share; read once, asked often."""

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from scaling_bayes.figures.style import GROUPS, group_colours, group_markers
from scaling_bayes.laws.record import Record
from scaling_bayes.questions.covariates import Covariates, read_covariates
from scaling_bayes.questions.forecast import describe
from scaling_bayes.questions.mixture import is_stack, lead, read_weights
from scaling_bayes.questions.points import QuestionError, read_single
from scaling_bayes.questions.scoring import LEVELS, score
from scaling_bayes.sweeps.labels import label_runs
from scaling_bayes.symbols import COVARIATES, suggest

ALL = "all runs"
"""What the only group is called where the law knows none."""


class Subject:
    """A posterior, the runs that it was fitted to, and those that were held out.

    Parameters
    ----------
    posterior : DataTree
        From `fit`, `baseline`, `stack` or `open_posterior`.
    held_out : Dataset, optional
        From `hold_out`.

    Attributes
    ----------
    posterior : DataTree
    record : Record
    held_out : Dataset or None
    cells : dict
        Label of each combination of groups that was fitted -> grouping -> label.
    failed_gates : str
        Sampler gates that the posterior failed, for an answer's attributes.
    """

    fits = True
    """Whether there was a fit."""

    def __init__(self, posterior: xr.DataTree, held_out: xr.Dataset | None = None) -> None:
        self.posterior = posterior
        self.record: Record = read_single(lead(posterior))
        self.held_out = held_out
        self.cells = _list_cells(self.record, self.fitted)
        members = {name: posterior.children[name] for name in read_weights(posterior)} if is_stack(posterior) else {}
        told = {name: describe(member, self.record)["failed_gates"] for name, member in members.items()}
        own = describe(lead(posterior), self.record)["failed_gates"]
        self.failed_gates = "; ".join(f"{name}: {gates}" for name, gates in told.items() if gates) if told else own

    @property
    def heading(self) -> str:
        """What an exported page is called."""
        return f"Posterior of {self.record.law.formula}"

    @cached_property
    def fitted(self) -> xr.Dataset:
        """The fitted runs as a sweep."""
        tree = lead(self.posterior)
        runs = tree["constant_data"].to_dataset()
        return runs.set_coords(list(runs.data_vars)).assign(tree["observed_data"].to_dataset().data_vars)

    @cached_property
    def covariates(self) -> Covariates:
        """What may be moved along a curve."""
        return read_covariates(self.posterior)

    @cached_property
    def scored(self) -> pd.DataFrame:
        """Every run with the central intervals of a new run at its own covariates.

        Columns: the covariates, ``cell``, ``observed``, ``held_out``, ``run``, and ``inside <level>`` for the levels of
        `score`.
        """
        parts = [("", self.fitted)] + ([("held out", self.held_out)] if self.held_out is not None else [])
        return pd.concat([self._score(runs, bool(name)) for name, runs in parts], ignore_index=True)

    def _score(self, runs: xr.Dataset, held_out: bool) -> pd.DataFrame:
        scored = score(self.posterior, runs)
        names = [n for n in ("N", "D", "C", *self.covariates.fitted) if n in runs.variables and n != "M"]
        table = pd.DataFrame({n: np.asarray(runs[n].values, dtype=float) for n in dict.fromkeys(names)})
        if {"N", "D"} <= {*table.columns}:
            table["M"] = table["D"] / table["N"]
        table["cell"] = label_runs(runs, self.record.factors) if self.record.factors else ALL
        table["observed"] = scored["observed"].values
        table["extrapolation"] = scored["extrapolation"].values
        table["held_out"] = held_out
        table["run"] = runs["run"].values.astype(str)
        for level in LEVELS:
            table[f"inside {level:g}"] = scored["inside"].sel(level=level).values.astype(bool)
        return table

    @cached_property
    def runs(self) -> dict[str, np.ndarray]:
        """The columns of `scored`."""
        return {str(name): column.to_numpy() for name, column in self.scored.items()}

    @cached_property
    def told(self) -> list[str]:
        """What is said of each run when the mouse is on it."""
        runs = self.scored
        kind = np.where(runs["held_out"], "held out", "fitted")
        return [
            f"{run}: {value:.4g}, {told}" for run, value, told in zip(runs["run"], runs["observed"], kind, strict=True)
        ]

    def attrs(self, **more: Any) -> dict[str, Any]:
        """Attributes of an answer about this posterior."""
        found = describe(lead(self.posterior), self.record) | {"failed_gates": self.failed_gates}
        return found | more

    def choose(self, groups: Sequence[str]) -> list[str]:
        """Labels of cells, if all are known.

        Raises
        ------
        QuestionError
            Otherwise, or if there is none.
        """
        if not groups:
            raise QuestionError(f"show at least one group of {', '.join(self.cells)}")
        for name in groups:
            if name not in self.cells:
                raise QuestionError(f"{name!r} is no group of this posterior: {suggest(name, self.cells)}")
        return [name for name in self.cells if name in groups]

    @cached_property
    def colours(self) -> Mapping[str, str]:
        """Colour of each cell; beyond the house's palette they come round again."""
        labels = list(self.cells)
        few = group_colours(labels) if len(labels) <= len(GROUPS) else {}
        return few or {label: GROUPS[k % len(GROUPS)] for k, label in enumerate(labels)}

    @cached_property
    def markers(self) -> Mapping[str, str]:
        """Marker of each cell."""
        return group_markers(list(self.cells))

    def label(self, name: str) -> str:
        """What a covariate is, in words, with its letter.

        Examples
        --------
        >>> Subject.label(None, "N"), Subject.label(None, "M")
        ('network parameters N', 'tokens per parameter')
        """
        if name == "M":
            return "tokens per parameter"
        return f"{COVARIATES[name].description} {name}" if name in COVARIATES else name.replace("_", " ")


def _list_cells(record: Record, runs: xr.Dataset) -> dict[str, dict[str, str]]:
    """Combinations of groups that occur among the runs, sorted by label."""
    if not record.factors:
        return {ALL: {}}
    rows = set(zip(*(runs[g].values.astype(str).tolist() for g in record.factors), strict=True))
    return {", ".join(row): dict(zip(record.factors, row, strict=True)) for row in sorted(rows)}
