"""Where a question is asked: a mapping, a table or a sweep, as labelled covariates and groups."""

from collections.abc import Container, Mapping
from math import prod
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from scaling_bayes.laws.axes import axis_covariates
from scaling_bayes.laws.record import Record
from scaling_bayes.sweeps.labels import bare_label
from scaling_bayes.sweeps.magnitudes import is_size, read_numbers
from scaling_bayes.symbols import suggest

SHOWN = 8
"""Positions that an error lists at most."""


LARGEST = 2**30
"""Bytes that an answer may hold."""


class QuestionError(ValueError):
    """A question that this posterior cannot answer; the message says what to give instead."""


class QuestionWarning(UserWarning):
    """An answer that may not be what was asked; the message says why.

    It holds for some of the draws only, it is at a point in another unit or one that contradicts itself, or of a label
    that changes nothing or was never fitted and looks like a fitted one.
    """


def read_record(posterior: xr.DataTree) -> Record:
    """The model behind a posterior.

    Raises
    ------
    QuestionError
        If `posterior` is no posterior of this package.

    Examples
    --------
    >>> read_record(xr.DataTree())
    Traceback (most recent call last):
    ...
    scaling_bayes.questions.points.QuestionError: a posterior is ... found a DataTree with the attributes []
    """
    if isinstance(posterior, xr.DataTree) and "record" in posterior.attrs:
        return Record.from_json(posterior.attrs["record"])
    if isinstance(posterior, xr.DataTree) and posterior.attrs.get("scaling_bayes") == "stack":
        raise QuestionError("this is not asked of a stack; ask it of one member, stack[name]")
    attributes = f" with the attributes {sorted(map(str, posterior.attrs))}" if hasattr(posterior, "attrs") else ""
    raise QuestionError(
        "a posterior is the DataTree that sb.fit, sb.baseline or sb.open_posterior returns; "
        f"found a {type(posterior).__name__}{attributes}"
    )


def read_single(posterior: xr.DataTree) -> Record:
    """The model behind a posterior that is no chain.

    Raises
    ------
    QuestionError
        If it is one, or no posterior.
    """
    if isinstance(posterior, xr.DataTree) and "first" in posterior.children:
        raise QuestionError(
            "a chain answers sb.predict, sb.score and sb.plan, which carry its first stage on; ask others of a stage: "
            "posterior['first'], or a fit of the second model alone"
        )
    return read_record(posterior)


def check_size(numbers: int, advice: str) -> None:
    """Refuse an answer of more than `LARGEST` bytes, before it is computed.

    Raises
    ------
    QuestionError

    Examples
    --------
    >>> check_size(4000 * 25 * 2000, "ask at fewer points")
    Traceback (most recent call last):
    ...
    scaling_bayes.questions.points.QuestionError: this answer would hold 1.5 GB of draws, and 1 GB is the limit; ask ...
    """
    if (size := 8 * numbers) > LARGEST:
        raise QuestionError(f"this answer would hold {size / 2**30:.1f} GB of draws, and 1 GB is the limit; {advice}")


def read_range(within: Any) -> tuple[float, float]:
    """Ends of the scales between which a question looks.

    Raises
    ------
    QuestionError
        If it is no pair of positive numbers, lowest first.

    Examples
    --------
    >>> read_range((1e18, 1e24))
    (1e+18, 1e+24)
    """
    try:
        low, high = (float(end) for end in within)
    except (TypeError, ValueError):
        low, high = np.nan, np.nan
    if not 0 < low < high < np.inf:
        raise QuestionError(f"within= is a range of positive scales, lowest first, as (1e18, 1e24); found {within!r}")
    return low, high


def count_draws(posterior: xr.DataTree, record: Record, named: Container[str]) -> int:
    """Draws of everything that a question is answered for at a point: of each group of the groupings not named."""
    sizes = posterior["posterior"].sizes
    return int(sizes["chain"] * sizes["draw"] * prod(len(v) for g, v in record.factors.items() if g not in named))


def as_points(
    at: Mapping[str, Any] | pd.DataFrame | xr.Dataset, record: Record, fitted: xr.Dataset, through: str = ""
) -> xr.Dataset:
    """Labelled points along one dim, ``run`` for a sweep and ``point`` otherwise.

    Parameters
    ----------
    at : mapping, DataFrame or Dataset
        Covariates in the units of the fitted sweep (numbers or equally long lists; ``"7B"`` is 7e9), and labels of
        groups. A grouping that is not named is answered for all of its groups.
    record : Record
    fitted : Dataset
        Group ``constant_data``: its columns are names that `at` may use, and where it counts compute as 6ND, a missing
        ``C`` is derived.
    through : str
        Covariate of the law that a first stage predicts, so that points need none.

    Returns
    -------
    Dataset
        Without variables; covariates and groups are coordinates along the dim, with ``extrapolation``, the ratio to
        the largest fitted scale, and units as in the fitted sweep.

    Raises
    ------
    QuestionError
        If there is no point, a covariate is missing, not positive or not finite, a label is missing, or a mapping has
        an unknown name.

    Examples
    --------
    >>> from scaling_bayes.laws import Law
    >>> record = Record(Law("A*N**-alpha"), {"N": 1e7}, "loss", "nats/token", "normal", {}, fitted={"N": [1e6, 1e8]})
    >>> as_points({"N": [1e8, 4e9]}, record, xr.Dataset())["extrapolation"].values.tolist()
    [1.0, 40.0]
    """
    dim, given = read_columns(at)
    needed = [name for name in _needed_covariates(record) if name != through]
    groups = [*record.factors, *([record.within] if record.within else [])]
    known = [*needed, *groups, "C"]
    if isinstance(at, Mapping) and not isinstance(at, xr.Dataset):
        _refuse_unknown(given, [*known, *map(str, fitted.variables)])
    if isinstance(at, pd.DataFrame):
        _refuse_misspelled(given, groups)
    if "C" not in given and fitted.attrs.get("flop_rule") == "6ND" and {"N", "D"} <= given.keys():
        _count_points({name: given[name] for name in ("N", "D")})
        given["C"] = 6.0 * to_numbers("N", given["N"]) * to_numbers("D", given["D"])
    given = {name: given[name] for name in dict.fromkeys(known) if name in given and name != through}
    if absent := [name for name in needed if name not in given]:
        derived = {"C"} if fitted.attrs.get("flop_rule") == "6ND" and {"N", "D"} & set(absent) else set()
        absent, needed = ([name for name in names if name not in derived] for names in (absent, needed))
        raise QuestionError(
            f"at= lacks {', '.join(absent)}; this posterior needs {', '.join(needed)} in the units of the fitted sweep"
        )
    length, signed = _count_points(given), _signed_covariates(record)
    read = {n: _to_labels(n, v) if n in groups else to_numbers(n, v, signed=n in signed) for n, v in given.items()}
    columns = {n: np.broadcast_to(column, (length,)) for n, column in read.items()}
    columns["extrapolation"] = record.extrapolation(columns)
    units = {name: fitted[name].attrs.get("units") for name in columns if name in fitted}
    attrs = {name: {"units": unit} for name, unit in units.items() if unit}
    points = xr.Dataset(coords={name: (dim, values, attrs.get(name)) for name, values in columns.items()})
    return points.assign_coords(run=at["run"].values) if isinstance(at, xr.Dataset) else points


def read_columns(at: Any) -> tuple[str, dict[str, Any]]:
    """Name of the dim, and every column that `at` has along it."""
    if isinstance(at, xr.Dataset):
        return "run", {str(n): v.values for n, v in at.variables.items() if v.dims == ("run",) and n != "run"}
    if isinstance(at, pd.DataFrame):
        return "point", {str(n): at[n].to_numpy() for n in at.columns}
    if isinstance(at, Mapping) and at:
        return "point", {str(n): np.asarray(v) for n, v in at.items()}
    raise QuestionError(f"at= is a mapping such as {{'N': 1e9, 'D': 2e10}}, a DataFrame or a sweep, found {at!r}")


def _needed_covariates(record: Record) -> list[str]:
    """Covariates of the law and of its axes, and what a counted response needs."""
    return list(dict.fromkeys([*record.law.covariates, *_on_axes(record), *record.counted]))


def _on_axes(record: Record) -> list[str]:
    """Covariates along which the drift and the noise are placed, and scale is measured."""
    noise = [record.noise_axis.name] if record.noise_axis else []
    axes = [*(axis.name for axis in record.axes), *noise, record.scale_axis()]
    return sorted({name for axis in axes for name in axis_covariates(axis)})


def _signed_covariates(record: Record) -> set[str]:
    """Covariates that may be zero or below: no logarithm of them is taken."""
    return set(record.law.signed) - {*_on_axes(record), *record.counted}


def _refuse_unknown(given: Mapping[str, Any], known: list[str]) -> None:
    for name in given:
        if name not in known:
            raise QuestionError(f"at= names {name!r}, which the fitted sweep does not have: {suggest(name, known)}")


def _refuse_misspelled(given: Mapping[str, Any], groups: list[str]) -> None:
    """A table may have further columns, but none that is a grouping but for its spelling."""
    bare = {bare_label(name): name for name in groups}
    for name in given:
        if name not in groups and (meant := bare.get(bare_label(name))) and meant not in given:
            raise QuestionError(f"at= has a column {name!r}, which would not be read; if {meant!r} is meant, rename it")


def _count_points(given: Mapping[str, Any]) -> int:
    """Length of the longest column; the others are as long, or hold one value for all points."""
    length = max(map(np.size, given.values()), default=0)
    if not length:
        raise QuestionError("at= has no points: give at least one value of each covariate")
    for name, values in given.items():
        if np.size(values) not in (1, length):
            raise QuestionError(
                f"at[{name!r}] has {np.size(values)} values and another column has {length}; give one value or equally "
                "many"
            )
    return length


def _to_labels(name: str, values: Any) -> np.ndarray:
    column = np.atleast_1d(values)
    if absent := np.flatnonzero(pd.isna(column) | (column.astype(str) == "")).tolist():
        raise QuestionError(
            f"at[{name!r}] has no label at positions {absent[:SHOWN]}; name a group, or leave {name} out"
        )
    return column.astype(str)


def to_numbers(name: str, values: Any, *, signed: bool = False) -> np.ndarray:
    """Values of a covariate as finite numbers, above zero unless `signed`; sizes may be written as 7B.

    Raises
    ------
    QuestionError

    Examples
    --------
    >>> to_numbers("N", ["7B", 1e10]).tolist()
    [7000000000.0, 10000000000.0]
    """
    column = np.atleast_1d(values)
    numbers = read_numbers(pd.Series(column), magnitudes=is_size(name)).to_numpy()
    if bad := np.flatnonzero(~(np.isfinite(numbers) & (signed | (numbers > 0)))).tolist():
        raise QuestionError(
            f"at[{name!r}] holds what is no {'' if signed else 'positive '}finite number at positions {bad[:SHOWN]}: "
            f"{column[bad[:SHOWN]].tolist()}"
        )
    return numbers
