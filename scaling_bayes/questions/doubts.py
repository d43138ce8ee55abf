"""What makes an answer doubtful: it is given all the same, with a warning."""

import warnings
from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any, Concatenate

import numpy as np
import xarray as xr

from scaling_bayes.questions.candidates import list_stages
from scaling_bayes.questions.points import QuestionWarning, read_columns, read_record, to_numbers
from scaling_bayes.sweeps.magnitudes import is_size

FAR_BELOW = 1e4
"""Times that a size is below its smallest fitted value, where another unit is likelier than the question."""

CONTRADICTION = 1.1
"""Ratio of C to 6ND, or of 6ND to C, from which they are no roundings of each other."""


def doubted[**P](question: Callable[Concatenate[xr.DataTree, P], xr.Dataset]) -> Callable[..., xr.Dataset]:
    """Let a question, whose points are its argument `at`, warn of doubtful ones.

    Parameters
    ----------
    question : callable
        Takes a posterior first, and `at` second or by name.
    """

    @wraps(question)
    def ask(posterior: xr.DataTree, *args: P.args, **kwargs: P.kwargs) -> xr.Dataset:
        answer = question(posterior, *args, **kwargs)
        for doubt in find_doubts(posterior, kwargs.get("at", args[0] if args else {})):
            warnings.warn(doubt, QuestionWarning, stacklevel=2)
        return answer

    return ask


def find_doubts(posterior: xr.DataTree, at: Any) -> list[str]:
    """Points in another unit, compute that contradicts size and data, and labels that change nothing.

    Parameters
    ----------
    posterior : DataTree
    at : mapping, DataFrame or Dataset
        See `as_points`. Columns of tables and sweeps may have no say.

    Examples
    --------
    >>> import scaling_bayes as sb
    >>> law = sb.Law("A*N**-alpha")
    >>> sweep = sb.simulate_sweep(law, {"N": [1e7, 1e8, 1e9]}, truth={"A": 40.0, "alpha": 0.2}, seed=0)
    >>> find_doubts(sb.baseline(law, sweep, seed=0, bootstrap=20), {"N": 70})
    ['at= has N = 70, and the smallest fitted value is 1e+07: covariates are in the units of the fitted sweep']
    """
    stages = list_stages(posterior)
    given = read_columns(at)[1]
    sizes = {name: to_numbers(name, values) for name, values in given.items() if is_size(name)}
    by_hand = isinstance(at, Mapping) and not isinstance(at, xr.Dataset)
    return [*_far_below(stages, sizes), *_contradiction(stages, sizes), *(_idle(stages, given) if by_hand else [])]


def _far_below(stages: list[xr.DataTree], sizes: Mapping[str, np.ndarray]) -> list[str]:
    fitted: dict[str, float] = {}
    for stage in stages:
        for name, (low, _) in read_record(stage).fitted.items():
            fitted[name] = min(low, fitted.get(name, np.inf))
    return [
        f"at= has {name} = {values.min():g}, and the smallest fitted value is {fitted[name]:g}: covariates are in the "
        "units of the fitted sweep"
        for name, values in sizes.items()
        if name in fitted and values.min() < fitted[name] / FAR_BELOW
    ]


def _contradiction(stages: list[xr.DataTree], sizes: Mapping[str, np.ndarray]) -> list[str]:
    rules = {str(stage["constant_data"].attrs.get("flop_rule", "")) for stage in stages}
    if rules != {"6ND"} or not {"C", "N", "D"} <= sizes.keys():
        return []
    off = np.abs(np.log(sizes["C"] / (6.0 * sizes["N"] * sizes["D"])))
    if not (bad := off > np.log(CONTRADICTION)).any():
        return []
    return [
        f"at= gives a C that is not 6 N D at {bad.sum()} of {bad.size} points, up to {np.exp(off.max()):.3g} times "
        "off; the fitted sweep counts compute so: leave out C, or correct it"
    ]


def _idle(stages: list[xr.DataTree], given: Mapping[str, Any]) -> list[str]:
    records = [read_record(stage) for stage in stages]
    varying = {name for record in records for name in (*record.factors, record.within)}
    declared = dict.fromkeys(str(name) for stage in stages for name in stage["constant_data"].attrs.get("groups", ()))
    return [
        f"at= names {group}, with which nothing of the fitted model varies: every {group} gets the same answer "
        "(pool= of sb.Model says what varies)"
        for group in declared
        if group in given and group not in varying
    ]
