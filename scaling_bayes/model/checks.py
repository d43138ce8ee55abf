"""What a sweep cannot tell about a law: refused where an answer would mean nothing, flagged where it means little."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr

from scaling_bayes.laws import Law
from scaling_bayes.model.pooling import Fixed, Pooling, Separate
from scaling_bayes.sweeps import attr_list

COLLINEAR = 0.9995
"""Correlation of two log covariates above which separate exponents are refused."""

CONSTANT = 1e-3
"""Range of a log covariate below which it counts as constant."""


class ModelError(ValueError):
    """A model that the sweep cannot carry; the message says what was found and what to use instead."""


def check_binding(law: Law, pooling: Mapping[str, Pooling], sweep: xr.Dataset) -> dict[str, Any]:
    """Refuse what cannot be fitted; return flags for what can but tells little.

    Raises
    ------
    ModelError
        Missing covariate or grouping; a constant covariate; collinear covariates with separate exponents; a group of
        one run with separate parameters; a floor pooled over tokenizers.
    """
    _check_names(law, pooling, sweep)
    _check_response(sweep)
    _check_covariates(law, pooling, sweep)
    _check_tokenizers(law, pooling, sweep)
    return {
        "prior_dominated": sweep.sizes["run"] < len(law.parameters),
        "lone_groups": _lone_groups(pooling, sweep),
    }


def _check_names(law: Law, pooling: Mapping[str, Pooling], sweep: xr.Dataset) -> None:
    known = attr_list(sweep, "covariates")
    if absent := [c for c in law.covariates if c not in sweep.coords]:
        raise ModelError(
            f"the law {law.formula!r} needs the covariates {absent}, which the sweep has not; it has {known}. "
            "Name them in as_sweep(covariates=...), or rename the law's symbols."
        )
    groups = attr_list(sweep, "groups")
    for parameter, pool in pooling.items():
        if absent := [g for g in pool.groups if g not in sweep.coords]:
            raise ModelError(
                f"pool[{parameter!r}] names the grouping {absent}, which the sweep has not; it has {groups}"
            )


def _check_response(sweep: xr.Dataset) -> None:
    name = sweep.attrs["response"]
    values = sweep[name].values
    if bad := np.flatnonzero(~(values > 0)).tolist():
        raise ModelError(
            f"{name} is modelled on its logarithm and must be above 0; rows {bad[:8]} hold {values[bad[:3]].tolist()}. "
            "For an accuracy of 0 use the error, 1 - accuracy."
        )


def _check_covariates(law: Law, pooling: Mapping[str, Pooling], sweep: xr.Dataset) -> None:
    logs = {c: np.log(sweep[c].values.astype(np.float64)) for c in law.covariates}
    for c, values in logs.items():
        if np.ptp(values) < CONSTANT:
            terms = [text for text, names in law.terms.items() if c in names]
            rest = " + ".join(text for text in law.terms if text not in terms) or "a constant"
            raise ModelError(
                f"{c} is {np.exp(values[0]):g} in all {len(values)} runs, so the term {' and '.join(terms)} cannot be told "
                f"from a constant; use the law without it: {rest}"
            )
    for i, a in enumerate(law.covariates):
        for b in law.covariates[i + 1 :]:
            free = [_exponent_free(law, pooling, c) for c in (a, b)]
            correlation = np.corrcoef(logs[a], logs[b])[0, 1]
            if all(free) and abs(correlation) > COLLINEAR:
                raise ModelError(
                    f"log {a} and log {b} have correlation {correlation:.5f}, as in a sweep at a fixed ratio of {b} to {a}: their "
                    f"exponents cannot be told apart. Use a law along C, sb.law('power_offset'), or fix one exponent."
                )


def _exponent_free(law: Law, pooling: Mapping[str, Pooling], covariate: str) -> bool:
    beside = frozenset().union(*(names for names in law.terms.values() if covariate in names))
    exponents = [p for p in law.parameters if law.roles[p] == "exponent" and p in beside]
    return any(not isinstance(pooling[p], Fixed) for p in exponents)


def _check_tokenizers(law: Law, pooling: Mapping[str, Pooling], sweep: xr.Dataset) -> None:
    units = str(sweep[sweep.attrs["response"]].attrs.get("units", ""))
    if "tokenizer" not in sweep.coords or not units.endswith("/token"):
        return
    tokenizers = sorted({str(t) for t in sweep["tokenizer"].values})
    pooled = [p for p in law.parameters if law.roles[p] == "floor" and not isinstance(pooling[p], Separate)]
    if len(tokenizers) > 1 and pooled:
        raise ModelError(
            f"the runs were tokenized by {tokenizers} and {units} are not comparable between them, so the floor {pooled[0]} cannot "
            "be pooled; convert the loss to nats/byte with sb.convert_loss, or pool it with sb.Separate(...)"
        )


def _lone_groups(pooling: Mapping[str, Pooling], sweep: xr.Dataset) -> list[str]:
    """Groups of one run: prior and pool only."""
    lone = []
    for grouping in dict.fromkeys(g for pool in pooling.values() for g in pool.groups):
        labels, counts = np.unique(sweep[grouping].values.astype(str), return_counts=True)
        alone = [str(label) for label in labels[counts == 1]]
        separate = [p for p, pool in pooling.items() if isinstance(pool, Separate) and grouping in pool.groups]
        if alone and separate:
            raise ModelError(
                f"{grouping} {alone} has a single run, which cannot carry {separate} of its own; pool them with "
                f"sb.Partial({grouping!r}), or leave the group out"
            )
        lone += [f"{grouping}={label}" for label in alone]
    return lone
