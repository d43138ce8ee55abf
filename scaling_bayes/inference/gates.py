"""The sampler's gates: an answer counts only if the draws behind it do."""

from dataclasses import dataclass

import arviz_stats as azs
import numpy as np
import xarray as xr

from scaling_bayes.symbols import SAMPLE

MAX_RHAT = 1.01
MIN_ESS = 400.0
MIN_BFMI = 0.3
MAX_DEEP = 0.01


class GateError(RuntimeError):
    """A posterior that failed a gate, under ``strict=True``."""


class GateWarning(UserWarning):
    """A posterior that failed a gate."""


@dataclass(frozen=True)
class Gate:
    """One verdict.

    Attributes
    ----------
    name, worst_of : str
        What was measured and on which quantity it was worst.
    value, limit : float
    passed : bool
    """

    name: str
    value: float
    limit: float
    passed: bool
    worst_of: str = ""

    def __str__(self) -> str:
        verdict = "passed" if self.passed else "FAILED"
        where = f" ({self.worst_of})" if self.worst_of and not self.passed else ""
        return f"{self.name} {self.value:.4g}, limit {self.limit:g}: {verdict}{where}"


def measure_gates(posterior: xr.Dataset, stats: xr.Dataset, max_tree_depth: int) -> list[Gate]:
    """Measure every gate on draws.

    Rank-normalised split R-hat < 1.01, bulk and tail ESS >= 400 for every quantity in `posterior` that varies, no
    divergence, E-BFMI >= .3, fewer than 1% of transitions at the largest tree depth.

    Parameters
    ----------
    posterior, stats : Dataset
        Groups ``posterior`` and ``sample_stats``, dims chain and draw.
    max_tree_depth : int

    Returns
    -------
    list of Gate
    """
    flat = _varying(posterior)
    bfmi = (stats["energy"].diff("draw") ** 2).mean("draw") / stats["energy"].var("draw")
    deep = float((stats["tree_depth"] >= max_tree_depth).mean())
    diverging = float(stats["diverging"].sum())
    return [
        _worst("R-hat", azs.rhat(flat), MAX_RHAT, largest=True),
        _worst("bulk ESS", azs.ess(flat, method="bulk"), MIN_ESS, largest=False),
        _worst("tail ESS", azs.ess(flat, method="tail"), MIN_ESS, largest=False),
        Gate("divergences", diverging, 0.0, diverging == 0),
        Gate("E-BFMI", float(bfmi.min()), MIN_BFMI, bool(bfmi.min() >= MIN_BFMI)),
        Gate("tree depth hits", deep, MAX_DEEP, deep < MAX_DEEP),
    ]


def _varying(posterior: xr.Dataset) -> xr.Dataset:
    """All scalar quantities that vary over draws, along one dim ``quantity``."""
    columns, names = [], []
    for name, array in posterior.data_vars.items():
        rest = [d for d in array.dims if d not in SAMPLE]
        flat = array.stack(quantity=rest) if rest else array.expand_dims(quantity=[""])
        flat = flat.transpose("chain", "draw", "quantity")
        varies = (flat.max(SAMPLE) > flat.min(SAMPLE)).values
        labels = [str(name) + (str(label) if rest else "") for label in flat["quantity"].values]
        columns.append(flat.values[..., varies])
        names += [label for label, keep in zip(labels, varies, strict=True) if keep]
    dims = ("chain", "draw", "quantity")
    return xr.Dataset({"value": (dims, np.concatenate(columns, axis=-1))}, coords={"quantity": names})


def _worst(name: str, measured: xr.Dataset, limit: float, largest: bool) -> Gate:
    values, labels = measured["value"].values, measured["quantity"].values
    at = int(np.argmax(values) if largest else np.argmin(values))
    value = float(values[at])
    return Gate(name, value, limit, value < limit if largest else value >= limit, str(labels[at]))
