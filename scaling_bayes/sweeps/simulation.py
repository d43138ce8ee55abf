"""Sweeps with a known truth."""

import json
from collections.abc import Mapping
from itertools import product
from typing import Any, Protocol

import numpy as np
import pandas as pd
import xarray as xr

from scaling_bayes.sweeps.assembly import assemble
from scaling_bayes.sweeps.checks import SweepError
from scaling_bayes.sweeps.declaration import Declaration
from scaling_bayes.sweeps.labels import values_by_label
from scaling_bayes.symbols import COVARIATES, RESPONSES, suggest

Truth = Mapping[str, float | Mapping[Any, float]]


class EvaluatedLaw(Protocol):
    """What a simulation asks of a law: its names, and its value in the paper's units."""

    @property
    def covariates(self) -> tuple[str, ...]:
        """Names of covariates."""

    @property
    def parameters(self) -> tuple[str, ...]:
        """Names of parameters."""

    def evaluate(self, values: Mapping[str, Any], /) -> Any:
        """Value of the law at covariates and parameters, by name."""


def simulate_sweep(
    law: EvaluatedLaw,
    design: Mapping[str, Any] | pd.DataFrame,
    *,
    truth: Truth,
    seed: int | np.random.Generator,
    noise: float = 0.01,
    nu: float | None = None,
    response: str = "loss",
    unit: str | None = None,
) -> xr.Dataset:
    r"""Draw a sweep from a law: :math:`\ln y = \ln f(x; \theta_g) + \sigma \epsilon`.

    Parameters
    ----------
    law : Law
        Anything with ``covariates``, ``parameters`` and ``evaluate(values)``.
    design : mapping or DataFrame
        A mapping of lists is crossed (every combination is a run); a DataFrame holds one run a row. Columns that are
        no covariate are groups. N in parameters, D in tokens, C in FLOP.
    truth : mapping
        Parameter -> number, or -> {label: number} with the labels of one group.
    seed : int or Generator
        Start of the random numbers.
    noise : float
        :math:`\sigma`; 0 gives the law itself.
    nu : float, optional
        Student-t noise with these degrees of freedom instead of normal noise.
    response, unit : str
        Name and unit of what is drawn.

    Returns
    -------
    Dataset
        A sweep, with the truth as JSON in ``attrs["truth"]``, and ``noise``, ``nu`` (0 if normal) and ``seed``.

    Raises
    ------
    SweepError
        If a parameter, covariate or label is missing or unknown, or the law is not finite and positive somewhere.

    Examples
    --------
    >>> class Power:
    ...     covariates, parameters = ("N",), ("A", "alpha")
    ...     def evaluate(self, v):
    ...         return v["A"] * v["N"] ** -v["alpha"]
    >>> truth = {"A": {"web": 10.0, "code": 5.0}, "alpha": 0.1}
    >>> sweep = simulate_sweep(Power(), {"N": [1e6, 1e7], "corpus": ["web", "code"]}, truth=truth, seed=0, noise=0)
    >>> sweep["loss"].values.round(3).tolist()
    [2.512, 1.256, 1.995, 0.998]
    """
    if isinstance(law, str):
        raise SweepError(f"law={law!r} is a name; expected a law, such as sb.law({law!r}) or sb.Law('A*N**-alpha').")
    if seed is None:
        raise SweepError("seed=None: a simulation starts from a number that is given, never from the clock.")
    if noise < 0 or (nu is not None and nu <= 0):
        raise SweepError(f"noise={noise} and nu={nu}: expected noise of at least 0 and nu above 0.")
    runs = _lay_out(design)
    covariates = [name for name in map(str, runs) if name in COVARIATES or name in law.covariates]
    groups = [name for name in map(str, runs) if name not in covariates]
    mean = _evaluate(law, runs, groups, truth)
    rng = np.random.default_rng(seed)
    shocks = rng.standard_normal(len(runs)) if nu is None else rng.standard_t(nu, len(runs))
    runs[response] = mean * np.exp(noise * shocks)
    units = {name: COVARIATES[name].unit if name in COVARIATES else "1" for name in covariates}
    units[response] = unit or (RESPONSES[response].unit if response in RESPONSES else "1")
    attrs = {"truth": _as_json(truth), "noise": float(noise), "nu": float(nu or 0)}
    attrs |= {"seed": int(seed)} if isinstance(seed, (int, np.integer)) else {}
    stated = Declaration(response, covariates, units, groups, run="simulated run", title="simulated", extra_attrs=attrs)
    return assemble(runs.assign(**{"simulated run": np.arange(len(runs))}), stated)


def _lay_out(design: Mapping[str, Any] | pd.DataFrame) -> pd.DataFrame:
    if isinstance(design, pd.DataFrame):
        return design.reset_index(drop=True)
    levels = {name: np.atleast_1d(np.asarray(values)).tolist() for name, values in design.items()}
    return pd.DataFrame(list(product(*levels.values())), columns=list(levels))


def _evaluate(law: EvaluatedLaw, runs: pd.DataFrame, groups: list[str], truth: Truth) -> np.ndarray:
    """Value of the law on every run, each parameter looked up by the run's label."""
    numbers = {name: runs[name].to_numpy(dtype=float) for name in map(str, runs) if name not in groups}
    if {"N", "D"} <= set(numbers):
        numbers.setdefault("C", 6 * numbers["N"] * numbers["D"])
    _check_names(law, list(numbers), list(truth))
    labels = {name: runs[name].to_numpy() for name in groups}
    values: dict[str, Any] = {name: numbers[name] for name in law.covariates}
    for name, value in truth.items():
        values[name] = values_by_label(value, labels, name) if isinstance(value, Mapping) else float(value)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.broadcast_to(np.asarray(law.evaluate(values), dtype=float), len(runs))
    bad = np.flatnonzero(~(np.isfinite(mean) & (mean > 0)))
    if len(bad):
        at = ", ".join(f"{name} = {numbers[name][bad[0]]:g}" for name in law.covariates)
        raise SweepError(
            f"the law is {mean[bad[0]]:g} at {at}, and outside its range in {len(bad)} of {len(mean)} runs; "
            "expected finite and above zero."
        )
    return mean


def _check_names(law: EvaluatedLaw, covariates: list[str], parameters: list[str]) -> None:
    for what, wanted, given in (("truth", law.parameters, parameters), ("design", law.covariates, covariates)):
        missing = [name for name in wanted if name not in given]
        if missing:
            raise SweepError(f"{what} lacks {missing}: {suggest(missing[0], given)}.")
    strange = [name for name in parameters if name not in law.parameters]
    if strange:
        raise SweepError(f"truth names {strange}, which the law does not have: {suggest(strange[0], law.parameters)}.")


def _as_json(truth: Truth) -> str:
    plain: dict[str, Any] = {
        name: {str(label): float(each) for label, each in value.items()} if isinstance(value, Mapping) else float(value)
        for name, value in truth.items()
    }
    return json.dumps(plain)
