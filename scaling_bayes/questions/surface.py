"""`Surface`: the law and its drift over sizes and data that may differ from draw to draw."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
import xarray as xr
from xarray import ufuncs

from scaling_bayes.laws.axes import Axis, axis_covariates, compile_axis
from scaling_bayes.laws.costs import Cost, six_nd
from scaling_bayes.laws.record import Record
from scaling_bayes.questions.drift_paths import Drift, draw_drift
from scaling_bayes.questions.forecast import select
from scaling_bayes.questions.groups import complete_groups
from scaling_bayes.questions.points import QuestionError, as_points, read_single
from scaling_bayes.sweeps.derived.repetition import effective_data
from scaling_bayes.symbols import sense_of

SPLIT = ("N", "D", "M", "U", "epochs", "C")
"""Covariates that follow from size and data."""


@dataclass(frozen=True)
class Surface:
    """What a posterior says of any size and data.

    Attributes
    ----------
    record : Record
    draws : Dataset
        Law parameters and drift; groupings that were named are gone, the others are dims.
    held : mapping
        Other covariates, one number each.
    training : Cost
        How the fitted sweep counted C.
    unique : float
        Unique tokens there are.
    R_star : float
        Repetitions after which another one is worth 1/e of a fresh pass.
    units : mapping
        covariate -> unit.
    fitted_ratios : tuple of float, optional
        Lowest and highest fitted tokens per parameter, where the sweep has both.
    """

    record: Record
    draws: xr.Dataset
    held: Mapping[str, float]
    training: Cost = six_nd
    unique: float = np.inf
    R_star: float = np.inf
    units: Mapping[str, str] = field(default_factory=dict)
    fitted_ratios: tuple[float, float] | None = None

    @property
    def own_data(self) -> bool:
        """Whether the law itself says what repetition is worth."""
        return bool({"U", "epochs"} & set(self.record.law.covariates))

    def split(self, N: Any, D: Any) -> dict[str, Any]:
        """Every covariate that is asked for (`names`), at sizes N on D tokens."""
        derive = {
            "M": lambda: D / N,
            "U": lambda: np.minimum(D, self.unique),
            "epochs": lambda: D / np.minimum(D, self.unique),
            "C": lambda: self.training.spend(N, D),
        }
        asked = {name: find() for name, find in derive.items() if name in self.names}
        return {"N": N, "D": D, **asked, **self.held}

    @cached_property
    def names(self) -> set[str]:
        """Covariates of the law, of its drift, of its noise and of its scale."""
        return _names(self.record)

    def evaluate(self, parameters: Mapping[str, Any], covariates: Mapping[str, Any]) -> Any:
        """The law at covariates, data that are repeated counted for what they are worth."""
        found = dict(covariates)
        if np.isfinite(self.unique) and not self.own_data:
            found["D"] = effective_data(found["D"], self.unique, R_star=self.R_star)
        return self.record.law.numpy(**parameters, **{c: found[c] for c in self.record.law.covariates})

    def parameters(self) -> dict[str, xr.DataArray]:
        """Draws of the law's parameters."""
        return {p: self.draws[p] for p in self.record.law.parameters}

    def extrapolation(self, covariates: Mapping[str, Any]) -> Any:
        """Ratio of the scale to the largest fitted one."""
        name = self.record.scale_axis()
        return on_axis(name, covariates) / self.record.fitted[name][1]

    @property
    def sign(self) -> float:
        """1 where less of the response is better, -1 where more is."""
        return sense_of(self.record.response)

    def bend(self, log_law: Any) -> Any:
        """Log of the mean response from the log of the law."""
        return self.record.bend(log_law, {name: np.asarray(value) for name, value in self.held.items()})

    @property
    def elements(self) -> int:
        """Draws of all groups that are dims."""
        sizes = self.draws.sizes
        return int(np.prod([sizes[d] for d in ("chain", "draw", *self.record.factors) if d in sizes]))

    def draw_drifts(
        self, covariates: Mapping[str, Any], rng: np.random.Generator, *, ends: Sequence[str] = ()
    ) -> tuple[Drift, ...]:
        """Paths of the drift along every axis that cover the covariates; see `draw_drift`."""
        axes = self.record.axes
        return tuple(draw_drift(self.draws, a, log_distance(a, covariates), rng, ends=ends) for a in axes)

    def log_mean(self, covariates: Mapping[str, Any], drift: Any) -> xr.DataArray:
        """Log response from law and drift.

        Parameters
        ----------
        covariates : mapping
            Name -> number or DataArray with any of the dims chain, draw and groups, and others.
        drift : number or DataArray
            There, from `total_drift`.

        Returns
        -------
        DataArray
        """
        log_mean = ufuncs.log(self.evaluate(self.parameters(), covariates)) + drift
        ordered = log_mean.transpose("chain", "draw", *self.record.factors, ..., missing_dims="ignore")
        return ordered.copy(data=self.bend(ordered.values))


def total_drift(drifts: tuple[Drift, ...], covariates: Mapping[str, Any]) -> Any:
    """Sum of the drifts at covariates that they were drawn for."""
    return sum((drift.at(log_distance(drift.axis, covariates)) for drift in drifts), start=xr.DataArray(0.0))


def on_axis(name: str, covariates: Mapping[str, Any]) -> Any:
    """Values of an axis, a covariate or a formula in covariates, which may be labelled."""
    names, function = compile_axis(name)
    return function(*(covariates[n] for n in names))


def log_distance(axis: Axis, covariates: Mapping[str, Any]) -> Any:
    """Log distance of covariates, which may be labelled, from the reference of an axis."""
    return ufuncs.log(on_axis(axis.name, covariates) / axis.reference)


def read_surface(
    posterior: xr.DataTree,
    at: Mapping[str, Any] | None,
    rng: np.random.Generator,
    *,
    cost: Cost = six_nd,
    unique: float | None = None,
    R_star: float = np.inf,
    chosen: Sequence[str] = SPLIT,
) -> Surface:
    """Law and drift of a posterior, with what is not chosen held.

    Parameters
    ----------
    posterior : DataTree
    at : mapping, optional
        One value of each further covariate, and one label of each grouping that is not to be a dim.
    rng : numpy.random.Generator
        For groups never seen.
    cost : Cost
        Counts C where the fitted sweep did not count it as 6ND and this is in FLOP.
    unique : float, optional
        Unique tokens there are; without end by default.
    R_star : float
        See `effective_data`.
    chosen : sequence of str
        Covariates that the answer chooses, or that follow from its choice.

    Returns
    -------
    Surface

    Raises
    ------
    QuestionError
        If `at` lacks a covariate, names one that is chosen, or has several values of one.
    """
    record, given = read_single(posterior), dict(at or {})
    if both := [name for name in given if name in chosen]:
        raise QuestionError(f"at= fixes {', '.join(both)}, which the answer chooses; leave it out")
    if several := [name for name, value in given.items() if np.size(value) != 1]:
        first = several[0]
        raise QuestionError(f"at[{first!r}] has {np.size(given[first])} values; give one, and ask once for each")
    fitted = posterior["constant_data"].to_dataset()
    points = as_points({**{c: 1.0 for c in _names(record) if c in chosen}, **given}, record, fitted)
    draws = complete_groups(posterior["posterior"].to_dataset(), record, points, rng)
    named = [g for g in record.factors if g in points.coords]
    of_groups = draws.map(lambda a: select(a, points).isel(point=0, drop=True) if {*named} & {*a.dims} else a)
    numbers = [n for n in given if n not in (*record.factors, record.within) and n in points.coords]
    held = {n: float(points[n].values[0]) for n in numbers}
    counted_so = fitted.attrs.get("flop_rule") == "6ND" or cost.unit != "FLOP"
    training = six_nd if counted_so else replace(cost, standing=_nothing)
    known = {str(n): str(v.attrs["units"]) for n, v in fitted.variables.items() if "units" in v.attrs}
    units = {"N": "parameters", "D": "tokens", **known}
    ratio = fitted["D"].values / fitted["N"].values if {"N", "D"} <= {*fitted.variables} else None
    ends = None if ratio is None else (float(ratio.min()), float(ratio.max()))
    return Surface(record, of_groups, held, training, np.inf if unique is None else unique, R_star, units, ends)


def _nothing(N: Any) -> Any:
    """Standing cost of a run that is trained and not used: the sweep's C counts training alone."""
    return 0.0 * N


def _names(record: Record) -> set[str]:
    """Covariates of the law, of its drift, of its noise and of its scale."""
    noise = [record.noise_axis] if record.noise_axis else []
    axes = [axis.name for axis in [*record.axes, *noise]] + [record.scale_axis()]
    return {name for axis in axes for name in axis_covariates(axis)} | set(record.law.covariates)
