"""Losses in other units, and sweeps side by side: conversion is one call, mixing is refused."""

import math
import warnings
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import xarray as xr

from scaling_bayes.sweeps.checks import SweepError, SweepWarning, say_rows
from scaling_bayes.sweeps.declaration import SHARED
from scaling_bayes.sweeps.labels import values_by_label
from scaling_bayes.sweeps.sweep import attr_list, check_sweep
from scaling_bayes.symbols import RESPONSES, unit_factor

NATS = {"nats": 1.0, "bits": math.log(2)}
"""Nats in one unit of information."""


def convert_loss(
    sweep: xr.Dataset, unit: str, *, bytes_per_token: float | Mapping[str, float] | None = None
) -> xr.Dataset:
    r"""Convert the loss of a sweep: :math:`L_\mathrm{bits/byte} = L_\mathrm{nats/token} / (b \ln 2)`, b bytes a token.

    Parameters
    ----------
    sweep : Dataset
        A sweep whose response is a loss, dims ``run``.
    unit : str
        Target, for instance ``"bits/byte"``.
    bytes_per_token : float or mapping of label to float, optional
        Needed between per token and per byte: one number, or one for each label of a group (or tokenizer).

    Returns
    -------
    Dataset
        The sweep with response, standard error and ``start_loss`` in `unit`.

    Raises
    ------
    SweepError
        If the response is no loss, the unit is unknown, `bytes_per_token` is missing or not positive, or no
        conversion is known (per character, per sample).

    Examples
    --------
    >>> from scaling_bayes.sweeps import as_sweep
    >>> units = {"N": "1", "loss": "bits/token"}
    >>> sweep = as_sweep({"N": [1e6, 1e7], "loss": [4.0, 3.0]}, response="loss", covariates=["N"], units=units)
    >>> convert_loss(sweep, "nats/token")["loss"].values.round(3).tolist()
    [2.773, 2.079]
    """
    check_sweep(sweep)
    response = sweep.attrs["response"]
    found, (wanted, _) = sweep[response].attrs["units"], unit_factor(unit, "loss")
    if "/" not in found:
        raise SweepError(
            f"{response!r} is in {found!r}: it is no loss in nats or bits, and is not converted to {wanted!r}."
        )
    factor = xr.DataArray(_factor(sweep, found, wanted, bytes_per_token), dims="run")
    scaled = {}
    for name in (response, f"{response}_se", "start_loss"):
        if name in sweep.variables:
            scaled[name] = (sweep[name] * factor).variable
            scaled[name].attrs = sweep[name].attrs | {"units": wanted}
    coords = {name: scaled.pop(name) for name in list(scaled) if name in sweep.coords}
    return sweep.assign(scaled).assign_coords(coords)


def accuracy_to_error(sweep: xr.Dataset) -> xr.Dataset:
    """The same runs with the error as their response: ``error = 1 - accuracy``, which a law lets fall to a floor.

    Parameters
    ----------
    sweep : Dataset
        Whose response is an accuracy, dims ``run``.

    Returns
    -------
    Dataset
        With ``error`` (and ``error_se``) in place of the accuracy, and ``chance``, where there is one, of the error.

    Raises
    ------
    SweepError
        If the response is no accuracy, or the sweep has an error already.

    Examples
    --------
    >>> from scaling_bayes.sweeps import as_sweep
    >>> table, units = {"C": [1e18, 1e20], "accuracy": [0.25, 0.75]}, {"C": "FLOP", "accuracy": "fraction"}
    >>> sweep = as_sweep(table, response="accuracy", covariates=["C"], units=units)
    >>> accuracy_to_error(sweep)["error"].values.tolist()
    [0.75, 0.25]
    """
    check_sweep(sweep)
    response = sweep.attrs["response"]
    if response != "accuracy":
        raise SweepError(f"the response is {response!r}; an error is made of an accuracy only.")
    if found := [name for name in ("error", "error_se") if name in sweep.variables]:
        raise SweepError(f"the sweep has {', '.join(found)} already; drop or rename it first.")
    names = {"accuracy": "error", "accuracy_se": "error_se"}
    renamed = sweep.rename({name: new for name, new in names.items() if name in sweep})
    error = (1 - renamed["error"]).assign_attrs(renamed["error"].attrs | {"long_name": RESPONSES["error"].description})
    answer = renamed.assign(error=error).assign_attrs(response="error")
    if "chance" not in answer.coords:
        return answer
    return answer.assign_coords(chance=(1 - answer["chance"]).assign_attrs(answer["chance"].attrs))


def _factor(
    sweep: xr.Dataset, found: str, wanted: str, bytes_per_token: float | Mapping[str, float] | None
) -> np.ndarray:
    (found_base, found_per), (wanted_base, wanted_per) = found.split("/"), wanted.split("/")
    factor = np.full(sweep.sizes["run"], NATS[found_base] / NATS[wanted_base])
    if found_per == wanted_per:
        return factor
    if {found_per, wanted_per} != {"token", "byte"}:
        raise SweepError(f"no conversion is known from {found!r} to {wanted!r}: only between per token and per byte.")
    if bytes_per_token is None:
        raise SweepError(f"from {found!r} to {wanted!r} takes bytes_per_token=: a number, or one for each label.")
    if isinstance(bytes_per_token, Mapping):
        names = [*attr_list(sweep, "groups"), *(["tokenizer"] if "tokenizer" in sweep.coords else [])]
        labels = {name: sweep[name].values for name in dict.fromkeys(names)}
        size = values_by_label(bytes_per_token, labels, "bytes_per_token")
    else:
        size = np.full(len(factor), float(bytes_per_token))
    if not (size > 0).all():
        raise SweepError(f"bytes_per_token holds {size.min():g}; expected above zero.")
    return factor / size if wanted_per == "byte" else factor * size


def join_sweeps(*sweeps: xr.Dataset) -> xr.Dataset:
    """Put sweeps with equal variables, units and counting rules one after the other.

    Run ids that would occur twice are prefixed with the number of their sweep.

    Raises
    ------
    SweepError
        If they differ in response, covariates, groups, units, counting or FLOP rule: what differs is named.

    Warns
    -----
    SweepWarning
        If several hold runs that are alike in covariates, groups and response, to the last digit; they are kept.

    Examples
    --------
    >>> from scaling_bayes.sweeps import as_sweep
    >>> units = {"N": "1", "loss": "nats/token"}
    >>> one = as_sweep({"N": [1e6, 1e7], "loss": [4.0, 3.0]}, response="loss", covariates=["N"], units=units)
    >>> two = as_sweep({"N": [1e6, 1e7], "loss": [4.1, 3.1]}, response="loss", covariates=["N"], units=units)
    >>> join_sweeps(one, two)["run"].values.tolist()
    ['0/0', '0/1', '1/0', '1/1']
    """
    if not sweeps:
        raise SweepError("join_sweeps takes at least one sweep; found none.")
    first, *others = (check_sweep(sweep) for sweep in sweeps)
    for number, other in enumerate(others, start=1):
        _refuse_mixing(first, other, number)
    shared = [name for name in map(str, first.variables) if all(name in other.variables for other in others)]
    left_out = _note_left_out(sweeps, shared)
    runs = [sweep["run"].values for sweep in sweeps]
    if sum(len(set(run.tolist())) for run in runs) > len({each for run in runs for each in run.tolist()}):
        runs = [np.array([f"{number}/{each}" for each in run]) for number, run in enumerate(runs)]
    parts = [
        sweep.drop_vars([name for name in map(str, sweep.variables) if name not in shared]).assign_coords(
            run=("run", run, sweep["run"].attrs)
        )
        for sweep, run in zip(sweeps, runs, strict=True)
    ]
    joined = xr.concat(
        parts, dim="run", join="outer", combine_attrs="override", data_vars="all", coords="minimal", compat="override"
    )
    alike = _note_copies(joined)
    error = f"{first.attrs['response']}_se"
    if error in joined and any(sweep[error].attrs.get(SHARED) for sweep in sweeps):
        joined[error].attrs[SHARED] = 1
    return joined.assign_attrs(
        title=" + ".join(dict.fromkeys(sweep.attrs["title"] for sweep in sweeps)),
        source=" + ".join(dict.fromkeys(sweep.attrs["source"] for sweep in sweeps)),
        dropped=sum(int(sweep.attrs["dropped"]) for sweep in sweeps),
        dropped_why=[why for sweep in sweeps for why in attr_list(sweep, "dropped_why")],
        notes=[*(note for sweep in sweeps for note in attr_list(sweep, "notes")), *left_out, *alike],
    )


def _note_left_out(sweeps: Sequence[xr.Dataset], shared: Sequence[str]) -> list[str]:
    """Warn of columns that some sweeps lack; standard errors are not left out, since a fit counts them."""
    names = dict.fromkeys(str(name) for sweep in sweeps for name in sweep.variables if name not in shared)
    if not names:
        return []
    lacking = {name: [k for k, sweep in enumerate(sweeps) if name not in sweep.variables] for name in names}
    if (error := f"{sweeps[0].attrs['response']}_se") in names:
        raise SweepError(
            f"sweeps {lacking[error]} have no {error}, and others have: give it for all, or leave it out of all with "
            f"sweep.drop_vars({error!r})."
        )
    note = f"left out, since not every sweep has them: {', '.join(names)}."
    warnings.warn(note, SweepWarning, stacklevel=3)
    return [note]


def _note_copies(joined: xr.Dataset) -> list[str]:
    """Warn of runs that are in several sweeps."""
    names = [*attr_list(joined, "covariates"), *attr_list(joined, "groups"), joined.attrs["response"]]
    twice = pd.DataFrame({name: joined[name].values for name in names}).duplicated().to_numpy()
    if not twice.any():
        return []
    note = (
        f"{twice.sum()} of {len(twice)} runs repeat another one in every number ({say_rows(np.flatnonzero(twice))}): "
        "they are kept, and count twice."
    )
    warnings.warn(note, SweepWarning, stacklevel=3)
    return [note]


def _refuse_mixing(first: xr.Dataset, other: xr.Dataset, number: int) -> None:
    for key in ("response", "covariates", "groups", "counting", "flop_rule"):
        here, there = attr_list(first, key), attr_list(other, key)
        if sorted(here) != sorted(there):
            raise SweepError(f"sweeps 0 and {number} differ in {key}: {here} and {there}. Mixing them is refused.")
    for name in (*attr_list(first, "covariates"), first.attrs["response"]):
        here, there = first[name].attrs["units"], other[name].attrs["units"]
        if here != there:
            call = f"convert_loss(sweep, {here!r})" if "/" in here else "as_sweep with the right units"
            raise SweepError(
                f"{name!r} is in {here!r} in sweep 0 and in {there!r} in sweep {number}: mixing units is refused. "
                f"Convert one first: {call}."
            )
