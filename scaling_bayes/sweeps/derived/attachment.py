"""A computed covariate in a sweep."""

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from scaling_bayes.sweeps import checks
from scaling_bayes.sweeps.checks import SweepError
from scaling_bayes.sweeps.declaration import unit_of
from scaling_bayes.sweeps.magnitudes import is_size
from scaling_bayes.sweeps.sweep import attr_list, check_sweep
from scaling_bayes.symbols import COVARIATES, suggest


def derive(
    sweep: xr.Dataset, name: str, function: Callable[..., Any], *, unit: str, formula: str = "", long_name: str = ""
) -> xr.Dataset:
    r"""Add a covariate that is computed from coordinates of the sweep: :math:`x = f(N, D, \dots)`, run by run.

    Parameters
    ----------
    sweep : Dataset
        A sweep, dims ``run``.
    name : str
        What the covariate is called; a law in it says ``Law(..., covariates=(name, ...))``.
    function : callable
        Its arguments carry the names of coordinates (covariates, groups or kept columns), which it gets as DataArrays
        along ``run``; further ones have defaults or are set with `functools.partial`.
    unit : str
        Of what the function returns.
    formula, long_name : str
        Kept in the attrs of the coordinate; by default the call, and the name in the list of symbols.

    Returns
    -------
    Dataset
        The sweep with the coordinate, listed among ``attrs["covariates"]``.

    Raises
    ------
    SweepError
        If the name is taken, the sweep lacks what the function asks for, or the values are not one finite number a run
        (above zero for sizes).

    Examples
    --------
    >>> from functools import partial
    >>> from scaling_bayes.sweeps import as_sweep
    >>> from scaling_bayes.sweeps.derived import effective_data
    >>> units = {"D": "billion", "U": "billion", "loss": "nats/token"}
    >>> table = {"D": [1, 4], "U": [1, 1], "loss": [4.0, 3.5]}
    >>> sweep = as_sweep(table, response="loss", covariates=["D", "U"], units=units)
    >>> sweep = derive(sweep, "D_eff", partial(effective_data, R_star=15.4), unit="tokens")
    >>> (sweep["D_eff"] / 1e9).values.round(2).tolist(), sweep["D_eff"].attrs["formula"]
    ([1.0, 3.73], 'effective_data(D, U, R_star=15.4)')
    """
    check_sweep(sweep)
    if name in sweep.variables:
        raise SweepError(f"the sweep has {name!r} already: choose another name, or drop it first.")
    arguments, call = _arguments(sweep, function)
    canonical, factor = unit_of(name, unit)
    values = _one_a_run(sweep, name, function(**arguments)) * factor
    symbol = COVARIATES.get(name)
    if is_size(name):
        table = pd.DataFrame({"row": range(len(values)), name: values})
        checks.check_positive(table, [name], "sizes are compared on a log scale")
    described = symbol.description if symbol else name.replace("_", " ")
    attrs = {"long_name": long_name or described, "units": canonical, "formula": formula or call}
    names = [*attr_list(sweep, "covariates"), name]
    ordered = [known for known in COVARIATES if known in names] + [other for other in names if other not in COVARIATES]
    return sweep.assign_coords({name: ("run", values, attrs)}).assign_attrs(covariates=ordered)


def _arguments(sweep: xr.Dataset, function: Callable[..., Any]) -> tuple[dict[str, xr.DataArray], str]:
    """What the function takes from the sweep, and the call as text."""
    taken: dict[str, xr.DataArray] = {}
    words = []
    for name, parameter in inspect.signature(function).parameters.items():
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            continue
        given = parameter.default is not parameter.empty
        if given:
            words.append(f"{name}={parameter.default}")
        elif name in sweep.variables:
            taken[name] = sweep[name].reset_coords(drop=True)
            words.append(name)
        else:
            known = suggest(name, map(str, sweep.variables))
            raise SweepError(f"{_title(function)} takes {name!r}, which the sweep does not have: {known}.")
    return taken, f"{_title(function)}({', '.join(words)})"


def _title(function: Callable[..., Any]) -> str:
    return str(getattr(getattr(function, "func", function), "__name__", type(function).__name__))


def _one_a_run(sweep: xr.Dataset, name: str, found: Any) -> np.ndarray:
    values = np.asarray(found, dtype=float)
    if values.shape != (sweep.sizes["run"],):
        dims = getattr(found, "dims", "no dims")
        raise SweepError(
            f"{name!r} has the shape {values.shape} ({dims}); expected one value for each of {sweep.sizes['run']} runs."
        )
    bad = ~np.isfinite(values)
    if bad.any():
        raise SweepError(f"{name!r} is {values[bad][0]} in {checks.say_rows(np.flatnonzero(bad))}; expected a number.")
    return values
