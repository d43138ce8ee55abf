"""Runs that could be trained: what they are, what they cost, and how far beyond the fitted ones they lie."""

from collections.abc import Mapping, Sequence
from itertools import product
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from scaling_bayes.laws.axes import axis_values
from scaling_bayes.laws.reader import read_formula
from scaling_bayes.questions.learning import Array
from scaling_bayes.questions.mixture import is_stack, lead, read_weights
from scaling_bayes.questions.points import QuestionError, as_points, read_record
from scaling_bayes.symbols import suggest


def list_stages(posterior: xr.DataTree) -> list[xr.DataTree]:
    """Posteriors of one response each: both stages of a chain, and those of every member of a stack."""
    if is_stack(posterior):
        return [stage for name in read_weights(posterior) for stage in list_stages(posterior.children[name])]
    return [*(list_stages(posterior.children["first"]) if "first" in posterior.children else []), posterior]


def list_candidates(posterior: xr.DataTree, candidates: Any, cost: Any) -> pd.DataFrame:
    """Table of runs that could be trained.

    Parameters
    ----------
    posterior : DataTree
    candidates, cost
        See `plan`.

    Returns
    -------
    DataFrame
        Covariates and a label of every grouping, ``cost`` and ``extrapolation``; a run that names no label of a
        grouping stands for all of its labels that every stage and member knows.

    Raises
    ------
    QuestionError
        See `as_points`, or if a cost is unknown or not positive.

    Examples
    --------
    >>> import scaling_bayes as sb
    >>> law, truth = sb.Law("E + A*N**-alpha"), {"E": 1.8, "A": {"code": 300.0, "web": 400.0}, "alpha": 0.35}
    >>> design = {"N": [1e7, 3e7, 1e8, 3e8, 1e9], "corpus": ["code", "web"]}
    >>> sweep = sb.simulate_sweep(law, design, truth=truth, seed=0)
    >>> posterior = sb.baseline(law, sweep, seed=0, bootstrap=20, by="corpus")
    >>> list_candidates(posterior, {"N": 1e10}, "N")
                N  extrapolation          cost corpus
    0  1e+10             10.0  1.000000e+10   code
    1  1e+10             10.0  1.000000e+10    web
    """
    columns, factors = dict[str, Any](), dict[str, Sequence[str]]()
    for stage in list_stages(posterior):
        record = read_record(stage)
        through = read_record(stage.children["first"]).response if "first" in stage.children else ""
        points = as_points(candidates, record, stage["constant_data"].to_dataset(), through)
        columns |= {str(n): c.values for n, c in points.coords.items() if n not in points.dims}
        for group, labels in record.factors.items():
            factors[group] = [label for label in factors.get(group, labels) if label in labels]
    table = pd.DataFrame(columns)
    table["cost"] = _read_costs(cost, table.drop(columns="extrapolation"), candidates)
    left = {group: labels for group, labels in factors.items() if group not in table}
    every = pd.DataFrame(list(product(*left.values())), columns=list(left))
    return table.merge(every, how="cross") if left else table


def place_candidates(posterior: xr.DataTree, table: pd.DataFrame, expected: Mapping[str, Array]) -> dict[str, Any]:
    """Coordinates of the candidates: what they are, and how far beyond the fitted range they lie.

    Parameters
    ----------
    posterior : DataTree
    table : DataFrame
    expected : mapping
        What the first stage of a chain expects of each candidate.
    """
    own = {str(name): table[name].to_numpy() for name in table}
    columns = own | dict(expected)
    fitted: dict[str, list[float]] = {}
    for stage in list_stages(lead(posterior)):
        fitted |= read_record(stage).fitted
    beyond = {"": np.ones(len(table))}
    for name, (low, high) in fitted.items():
        if low > 0 and {free.name for free in read_formula(name).free_symbols} <= columns.keys():
            value = np.maximum(axis_values(name, columns), np.finfo(float).tiny)
            beyond[name] = np.maximum(value / high, low / value)
    factors = np.stack(list(beyond.values()))
    found = own | {f"expected_{name}": values for name, values in expected.items()}
    found |= {"outside": factors.max(axis=0), "outside_along": np.array([*beyond])[factors.argmax(axis=0)]}
    return {name: ("candidate", values) for name, values in found.items()}


def _read_costs(cost: Any, table: pd.DataFrame, candidates: Any) -> Array:
    """Cost of each candidate."""
    if hasattr(cost, "spend"):
        values = cost.spend(table["N"], table["D"])
    elif callable(cost):
        values = cost(table)
    elif cost in table:
        values = table[cost]
    elif cost in candidates:
        values = candidates[cost]
    elif cost == "C" and {"N", "D"} <= set(table):
        values = 6.0 * table["N"] * table["D"]
    else:
        known = list(dict.fromkeys([*table.columns, *map(str, candidates)]))
        raise QuestionError(f"cost= is a column of the candidates or a function of their table: {suggest(cost, known)}")
    spent = np.broadcast_to(np.asarray(values, dtype=float), (len(table),))
    if not (np.isfinite(spent) & (spent > 0)).all():
        raise QuestionError(f"every candidate costs more than nothing; found {spent[~(spent > 0)][:3].tolist()}")
    return spent
