r"""`Covariates`: what may be moved along a curve, and what follows from it.

Where a sweep has N and D, compute follows from them, :math:`C = 6 \kappa N D` with :math:`\kappa = 1` if it was counted
so, and else the median of the fitted :math:`C / 6 N D`; so do :math:`M = D / N` and, of U unique tokens,
:math:`n_\mathrm{epochs} = D / U`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr

from scaling_bayes.laws.axes import axis_covariates
from scaling_bayes.laws.record import Record
from scaling_bayes.questions.mixture import lead
from scaling_bayes.questions.points import QuestionError, read_single
from scaling_bayes.symbols import suggest

Columns = dict[str, Any]


@dataclass(frozen=True)
class Covariates:
    """Covariates of a posterior.

    Attributes
    ----------
    record : Record
    fitted : mapping
        Name -> fitted values, for all that the law, its drift or its scale need, and M where N and D are known.
    units : mapping
        Name -> unit.
    free : tuple of str
        Those that nothing else determines.
    counts_compute : bool
        Whether C follows from N and D.
    kappa : float
        Compute over 6ND.
    """

    record: Record
    fitted: Mapping[str, np.ndarray]
    units: Mapping[str, str]
    free: tuple[str, ...]
    counts_compute: bool
    kappa: float

    @property
    def axes(self) -> tuple[str, ...]:
        """Along which a curve may run: what varies and is above 0, as axes are logarithmic."""
        moving = tuple(n for n in self.free if np.ptp(self.fitted[n]) > 0 and self.fitted[n].min() > 0)
        return ("C", *moving) if self.counts_compute else moving

    def held(self, along: str) -> tuple[str, ...]:
        """What stays along a curve: the other free ones; along compute tokens per parameter instead of N and D."""
        if along in self.free and self.fitted[along].min() <= 0:
            low = f"{along} reaches {self.fitted[along].min():g}"
            raise QuestionError(
                f"along={along!r}: {low}, and the axis is logarithmic; run along {', '.join(self.axes)}"
            )
        if along not in self.axes:
            raise QuestionError(f"along={along!r} is none that a curve can run along: {suggest(along, self.axes)}")
        if along == "C" and self.counts_compute:
            return ("M", *(n for n in self.free if n not in ("N", "D")))
        return tuple(n for n in self.free if n != along)

    def complete(self, columns: Mapping[str, Any]) -> Columns:
        """Add what follows from N, D and U."""
        found = dict(columns)
        if self.counts_compute:
            found["C"] = 6.0 * self.kappa * found["N"] * found["D"]
        if {"N", "D"} <= found.keys():
            found["M"] = found["D"] / found["N"]
        if {"D", "U"} <= found.keys():
            found["epochs"] = found["D"] / found["U"]
        return found

    def follow(self, along: str, scale: Any, at: Mapping[str, float]) -> Columns:
        """Columns at values of a scale, the rest held.

        Parameters
        ----------
        along : str
        scale : array, shape (point,)
        at : mapping
            Of `held`.
        """
        names = self.held(along)
        if absent := [n for n in names if n not in at]:
            raise QuestionError(f"at= lacks {', '.join(absent)}; a curve along {along} holds {', '.join(names)}")
        found = {n: float(at[n]) for n in names if n != "M" or "M" in self.free}
        if along == "C" and self.counts_compute:
            N = np.sqrt(np.asarray(scale, dtype=float) / (6.0 * self.kappa * at["M"]))
            return self.complete(found | {"N": N, "D": at["M"] * N})
        return self.complete(found | {along: np.asarray(scale, dtype=float)})

    def extrapolation(self, columns: Mapping[str, Any]) -> Any:
        """Ratio of the points' scale to the largest fitted one."""
        return self.record.extrapolation(columns)


def read_covariates(posterior: xr.DataTree) -> Covariates:
    """Covariates of a posterior, from the runs that it was fitted to.

    Parameters
    ----------
    posterior : DataTree
        Of one stage; of a stack, those of the member with the most weight.

    Returns
    -------
    Covariates

    Raises
    ------
    QuestionError
        If it is no posterior, or a chain.

    Examples
    --------
    >>> import scaling_bayes as sb
    >>> law, design = sb.law("chinchilla"), {"N": [1e7, 1e8, 1e9], "D": [1e9, 1e10, 1e11]}
    >>> truth = {"E": 1.7, "A": 400.0, "alpha": 0.34, "B": 410.0, "beta": 0.28}
    >>> sweep = sb.simulate_sweep(law, design, truth=truth, seed=0)
    >>> found = read_covariates(sb.baseline(law, sweep, seed=0, bootstrap=9))
    >>> found.axes, found.held("C"), float(found.follow("C", 6e18, {"M": 100.0})["D"])
    (('C', 'N', 'D'), ('M',), 10000000000.0)
    """
    posterior = lead(posterior)
    record, runs = read_single(posterior), posterior["constant_data"].to_dataset()
    table = {str(name): column for name, column in runs.variables.items() if column.dims == ("run",)}
    axes = [*(axis.name for axis in record.axes), record.scale_axis()]
    axes += [record.noise_axis.name] if record.noise_axis else []
    needed = [*record.law.covariates, *(n for axis in axes for n in axis_covariates(axis)), *record.counted]
    follows = "C" in table and "C" not in record.law.covariates and {"N", "D"} <= table.keys()
    counted = ["N", "D"] if follows else []
    needed = list(dict.fromkeys([*(n for n in ("N", "D") if n in [*needed, *counted]), *needed]))
    derived = {"M"} if {"N", "D"} <= set(needed) else set()
    derived |= {"C"} if follows else set()
    derived |= {"epochs"} if {"D", "U"} <= set(needed) else set()
    columns = {n: np.asarray(table[n].values, dtype=float) for n in [*needed, "C"] if n in table}
    if {"N", "D"} <= columns.keys():
        columns["M"] = columns["D"] / columns["N"]
    ratio = 1.0
    if follows and runs.attrs.get("flop_rule") != "6ND":
        ratio = float(np.median(columns["C"] / (6.0 * columns["N"] * columns["D"])))
    units = {n: str(table[n].attrs.get("units", "")) for n in columns if n in table} | {"M": ""}
    free = tuple(n for n in needed if n not in derived)
    return Covariates(record, columns, units, free, follows, ratio)
