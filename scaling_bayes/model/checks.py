"""What a sweep cannot tell about a law: refused where an answer would mean nothing, flagged where it means little."""

from collections.abc import Mapping
from itertools import combinations
from typing import Any

import numpy as np
import xarray as xr
from scipy.stats import spearmanr

from scaling_bayes.laws import Law
from scaling_bayes.model.beta_binomial import BetaBinomial
from scaling_bayes.model.noise import Frontier, Noise
from scaling_bayes.model.pooling import Fixed, Pooling, Separate
from scaling_bayes.sweeps import attr_list
from scaling_bayes.symbols import RISING, sense_of, suggest

COLLINEAR = 0.9995
"""Correlation of two log covariates above which separate exponents are refused."""

CONSTANT = 1e-3
"""Range of a log covariate below which it counts as constant."""

RISES, FEW = 0.5, 5
"""Rank correlation with scale above which a response rises, and runs below which that is not asked."""


class ModelError(ValueError):
    """A model that the sweep cannot carry; the message says what was found and what to use instead."""


def check_binding(law: Law, pooling: Mapping[str, Pooling], sweep: xr.Dataset) -> dict[str, Any]:
    """Refuse what cannot be fitted; return flags for what can but tells little.

    Parameters
    ----------
    law : Law
    pooling : mapping
        parameter -> pooling, for every parameter.
    sweep : Dataset
        Dims run.

    Returns
    -------
    dict
        ``prior_dominated``: fewer runs than parameters; ``lone_groups``: groups of one run, prior and pool only.

    Raises
    ------
    ModelError
        Missing covariate or grouping; a response or covariate that has no logarithm; a constant covariate; collinear
        covariates with free exponents; a group of one run with separate parameters; a floor pooled over tokenizers; an
        accuracy that rises, and a law that can only fall.

    Examples
    --------
    >>> import scaling_bayes as sb
    >>> law, truth = sb.Law("A*N**-alpha"), {"A": 40.0, "alpha": 0.25}
    >>> sweep = sb.simulate_sweep(law, {"N": [1e7, 1e8], "corpus": ["web"]}, truth=truth, seed=0)
    >>> check_binding(law, {"A": sb.Shared(), "alpha": sb.Shared()}, sweep)
    {'prior_dominated': False, 'lone_groups': []}
    """
    _check_names(law, pooling, sweep)
    logs = {c: _logs_or_shares(c, law, sweep) for c in law.covariates}
    for covariate, values in logs.items():
        _check_varies(covariate, values, law, pooling, float(sweep[covariate][0]))
    for a, b in combinations(law.covariates, 2):
        _check_apart(a, b, logs, law, pooling)
    _check_direction(law, logs, sweep)
    _check_tokenizers(law, pooling, sweep)
    return {
        "prior_dominated": sweep.sizes["run"] < len(law.parameters),
        "lone_groups": _lone_groups(pooling, sweep),
    }


def check_noise(noise: Noise, pooling: Mapping[str, Pooling], sweep: xr.Dataset) -> None:
    """Refuse a noise that asks for what the sweep does not have, and responses that it cannot bear.

    Parameters
    ----------
    noise : Noise
    pooling : mapping
        parameter -> pooling.
    sweep : Dataset
        Dims run.

    Raises
    ------
    ModelError
        A response that has no logarithm, is no share where it is counted, or is better when larger above a frontier;
        ``measured=True`` without standard
        errors; `trials` or `chance` coordinates that the sweep lacks, or of values that cannot be; `within` a
        coordinate that the sweep lacks, that parameters are pooled over, or whose labels are all distinct or all the
        same.

    Examples
    --------
    >>> import scaling_bayes as sb
    >>> sweep = xr.Dataset({"loss": ("run", [3.0, 2.9])}, {"network": ("run", ["a", "b"])}, {"response": "loss"})
    >>> check_noise(sb.Normal(within="network"), {}, sweep)
    Traceback (most recent call last):
    ...
    scaling_bayes.model.checks.ModelError: within='network': all 2 labels are distinct, so what a run's rows share ...
    """
    response = str(sweep.attrs["response"])
    if isinstance(noise, Frontier) and sense_of(response) < 0:
        raise ModelError(
            f"Frontier has under-tuned runs above the law, and of {response} more is better; give it a response that "
            "is better when smaller, such as sb.accuracy_to_error(sweep)"
        )
    if isinstance(noise, BetaBinomial):
        _check_counts(noise, sweep)
    else:
        _positive_logs(response, sweep)
    _check_errors(noise, sweep)
    _check_within(noise, pooling, sweep)


def _check_counts(noise: BetaBinomial, sweep: xr.Dataset) -> None:
    name = str(sweep.attrs["response"])
    values = sweep[name].values.astype(np.float64)
    if name == "accuracy" or sweep[name].attrs.get("units") != "fraction":
        raise ModelError(
            f"BetaBinomial describes an error, the share of questions answered wrongly, and {name} is none; give it "
            "sb.accuracy_to_error(sweep), or a sweep whose response is an error, as a fraction"
        )
    if bad := np.flatnonzero(~((values >= 0) & (values <= 1))).tolist():
        raise ModelError(f"{name} is a share from 0 to 1; rows {bad[:8]} hold {values[bad[:8]].tolist()}")
    for argument, most in (("trials", np.inf), ("chance", 1.0)):
        column = getattr(noise, argument)
        if not isinstance(column, str):
            continue
        if column not in sweep.coords:
            raise ModelError(f"{argument}={column!r} is no coordinate: {suggest(column, map(str, sweep.coords))}")
        least = 1.0 if argument == "trials" else 0.0
        found = sweep[column].values.astype(np.float64)
        if bad := np.flatnonzero(~((found >= least) & (found > 0) & (found <= most))).tolist():
            raise ModelError(
                f"{argument}={column!r}: rows {bad[:8]} hold {found[bad[:8]].tolist()}, which it cannot be"
            )


def _check_errors(noise: Noise, sweep: xr.Dataset) -> None:
    error = f"{sweep.attrs['response']}_se"
    if noise.measured is True and error not in sweep:
        raise ModelError(
            f"measured=True, but the sweep has no {error}; name its column in as_sweep(response_se=...), or leave "
            "measured at 'auto'"
        )


def _check_within(noise: Noise, pooling: Mapping[str, Pooling], sweep: xr.Dataset) -> None:
    if noise.within is None:
        return
    if noise.within not in sweep.coords:
        raise ModelError(f"within={noise.within!r} is no coordinate: {suggest(noise.within, map(str, sweep.coords))}")
    if pooled := [p for p, pool in pooling.items() if noise.within in pool.groups]:
        raise ModelError(
            f"within={noise.within!r}, but {pooled} differ by {noise.within} already, which a run's effect cannot be "
            "told from; leave one of the two out"
        )
    labels = len(np.unique(sweep[noise.within].values.astype(str)))
    if labels in (1, sweep.sizes["run"]):
        found = f"all {labels} labels are distinct" if labels > 1 else "all rows have one label"
        raise ModelError(
            f"within={noise.within!r}: {found}, so what a run's rows share cannot be told from "
            f"{'its noise' if labels > 1 else 'the law'}; name a coordinate whose labels several rows share, or leave "
            "within out"
        )


def _check_names(law: Law, pooling: Mapping[str, Pooling], sweep: xr.Dataset) -> None:
    if absent := [c for c in law.covariates if c not in sweep.coords]:
        known = attr_list(sweep, "covariates")
        raise ModelError(
            f"the law {law.formula!r} needs the covariates {absent}; the sweep has {known}. "
            "Name them in as_sweep(covariates=...), or rename the law's symbols"
        )
    for parameter, pool in pooling.items():
        if absent := [g for g in pool.groups if g not in sweep.coords or g in law.covariates]:
            known = attr_list(sweep, "groups")
            raise ModelError(f"pool[{parameter!r}] names the grouping {absent}; the groupings of the sweep are {known}")


def _positive_logs(name: str, sweep: xr.Dataset) -> np.ndarray:
    values = sweep[name].values.astype(np.float64)
    if bad := np.flatnonzero(~((values > 0) & np.isfinite(values))).tolist():
        hint = ""
        if name == sweep.attrs["response"]:
            hint = ". For an accuracy of 0 use sb.accuracy_to_error; for an error of 0, noise=sb.BetaBinomial(trials)"
        raise ModelError(
            f"{name} enters by its logarithm and must be finite and above 0; rows {bad[:8]} hold "
            f"{values[bad[:8]].tolist()}{hint}"
        )
    return np.log(values)


def _logs_or_shares(covariate: str, law: Law, sweep: xr.Dataset) -> np.ndarray:
    """Logarithms of a covariate; of one that the law only multiplies and adds, and that is not positive, shares."""
    values = sweep[covariate].values.astype(np.float64)
    if (values > 0).all() or covariate not in law.signed:
        return _positive_logs(covariate, sweep)
    if bad := np.flatnonzero(~np.isfinite(values)).tolist():
        raise ModelError(f"{covariate} must be finite; rows {bad[:8]} hold {values[bad[:8]].tolist()}")
    return values / (np.abs(values).max() or 1.0)


def _check_varies(covariate: str, logs: np.ndarray, law: Law, pooling: Mapping[str, Pooling], first: float) -> None:
    terms = {text: names for text, names in law.terms.items() if covariate in names}
    told = {p for names in terms.values() for p in names & set(law.parameters)}
    if np.ptp(logs) >= CONSTANT or all(isinstance(pooling[p], Fixed) for p in told):
        return
    rest = " + ".join(text for text in law.terms if text not in terms)
    instead = f"use the law without it, sb.Law({rest!r})" if rest else "a law in it needs runs at several values"
    raise ModelError(
        f"{covariate} is {first:g} in all {len(logs)} runs, so the term {' and '.join(terms)} cannot be told "
        f"from a constant; {instead}"
    )


def _check_apart(a: str, b: str, logs: Mapping[str, np.ndarray], law: Law, pooling: Mapping[str, Pooling]) -> None:
    if not all(_has_free_exponent(c, law, pooling) for c in (a, b)):
        return
    correlation = float(np.corrcoef(logs[a], logs[b])[0, 1])
    if abs(correlation) > COLLINEAR:
        raise ModelError(
            f"log {a} and log {b} have correlation {correlation:.5f}, as in a sweep at a fixed ratio of {b} to {a}: "
            "their exponents cannot be told apart. Use a law along C, sb.law('power_offset'), or fix one exponent"
        )


def _has_free_exponent(covariate: str, law: Law, pooling: Mapping[str, Pooling]) -> bool:
    beside = {name for names in law.terms.values() if covariate in names for name in names}
    exponents = [p for p in law.parameters if law.roles[p] == "exponent" and p in beside]
    return any(not isinstance(pooling[p], Fixed) for p in exponents)


def _check_direction(law: Law, logs: Mapping[str, np.ndarray], sweep: xr.Dataset) -> None:
    """What is better when larger does not follow a law that falls along its covariates, whatever its parameters."""
    response = sweep.attrs["response"]
    if response not in RISING or sweep.sizes["run"] < FEW:
        return
    tried = 2.0 ** np.random.default_rng(0).uniform(-1, 1, (len(law.parameters), 64))
    small, large = ({c: np.full(64, x) for c in law.covariates} for x in (1.0, 10.0))
    at = dict(zip(law.parameters, tried, strict=True))
    falls = bool((law.evaluate(large | at) < law.evaluate(small | at)).all())
    rises = spearmanr(sum(logs.values()), sweep[response].values).statistic
    if falls and rises > RISES:
        raise ModelError(
            f"the {response} rises with {', '.join(law.covariates)} (rank correlation {rises:.2f}), and the law "
            f"{law.formula!r} can only fall; fit the error, sb.accuracy_to_error(sweep), or a law that rises"
        )


def _check_tokenizers(law: Law, pooling: Mapping[str, Pooling], sweep: xr.Dataset) -> None:
    """A floor in nats a token belongs to one tokenizer."""
    unit = str(sweep[sweep.attrs["response"]].attrs.get("units", ""))
    if "tokenizer" not in sweep.coords or not unit.endswith("/token"):
        return
    tokenizers = sweep["tokenizer"].values.astype(str)
    for floor in (p for p in law.parameters if law.roles[p] == "floor"):
        pool = pooling[floor]
        labels = (
            sweep[pool.groups[0]].values.astype(str) if isinstance(pool, Separate) else np.full(len(tokenizers), "")
        )
        mixed = [set(tokenizers[labels == label].tolist()) for label in np.unique(labels)]
        if worst := next((sorted(found) for found in mixed if len(found) > 1), None):
            raise ModelError(
                f"the runs were tokenized by {worst}, between which {unit} are not comparable, so the floor {floor} "
                "cannot be pooled; convert the loss to nats/byte with sb.convert_loss, or keep the floors apart with "
                f"pool={{{floor!r}: sb.Separate(...)}}"
            )


def _lone_groups(pooling: Mapping[str, Pooling], sweep: xr.Dataset) -> list[str]:
    lone = []
    for grouping in dict.fromkeys(g for pool in pooling.values() for g in pool.groups):
        labels, counts = np.unique(sweep[grouping].values.astype(str), return_counts=True)
        alone = labels[counts == 1].tolist()
        separate = [p for p, pool in pooling.items() if isinstance(pool, Separate) and grouping in pool.groups]
        if alone and separate:
            raise ModelError(
                f"{grouping} {alone} has a single run, which cannot carry {separate} of its own; pool them with "
                f"sb.Partial({grouping!r}), or leave the group out"
            )
        lone += [f"{grouping}={label}" for label in alone]
    return lone
