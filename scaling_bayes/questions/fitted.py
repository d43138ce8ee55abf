"""A posterior taken apart, so that a fit card can be written of it."""

import json
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import xarray as xr

from scaling_bayes.laws.record import Record
from scaling_bayes.questions.points import read_record

MOST_LABELS = 12
"""Labels of a group that a line names, with their runs."""


@dataclass(frozen=True)
class Fit:
    """A posterior as its facts are read from it.

    Attributes
    ----------
    posterior : DataTree
    record : Record
    runs : Dataset
        Everything of the fitted sweep but the response, with its attributes.
    scores : Dataset or None
        From `score`.
    """

    posterior: xr.DataTree
    record: Record
    runs: xr.Dataset
    scores: xr.Dataset | None = None

    @cached_property
    def told(self) -> dict[str, Any]:
        """Attributes of the posterior."""
        return {str(key): value for key, value in self.posterior.attrs.items()}

    @property
    def sampled(self) -> bool:
        """Whether draws are of a posterior, and no resamples."""
        return self.told.get("scaling_bayes") == "posterior"

    def read(self, key: str, default: Any) -> Any:
        """Attribute that is kept as JSON."""
        return json.loads(self.told.get(key) or json.dumps(default))

    def range_of(self, name: str) -> str:
        """Smallest and largest value of a covariate, with its unit; empty where there is none."""
        if name not in self.runs:
            return ""
        values, unit = self.runs[name].values, str(self.runs[name].attrs.get("units", ""))
        distinct = len(np.unique(values))
        return f"{values.min():.3g} to {values.max():.3g} {unit} ({distinct} distinct)".replace("  ", " ")

    def counts_of(self, group: str) -> str:
        """Labels of a group and how many rows each has."""
        labels, counts = np.unique(self.runs[group].values.astype(str), return_counts=True)
        if len(labels) > MOST_LABELS:
            return f"{group}: {len(labels)} with {counts.min()} to {counts.max()} runs each"
        return f"{group}: " + ", ".join(f"{label} ({count})" for label, count in zip(labels, counts, strict=True))


def read_fit(posterior: xr.DataTree, scores: xr.Dataset | None = None) -> Fit:
    """Take a posterior apart.

    Raises
    ------
    QuestionError
        If it is none.
    """
    return Fit(posterior, read_record(posterior), posterior["constant_data"].to_dataset(), scores)
