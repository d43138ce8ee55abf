"""The dense view of a sweep: a cube with one axis a dimension, where rows of a ragged table find their cell."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import xarray as xr

from scaling_bayes.sweeps.checks import SweepError
from scaling_bayes.sweeps.sweep import attr_list, check_sweep
from scaling_bayes.symbols import suggest


def sweep_grid(sweep: xr.Dataset, dims: str | Sequence[str]) -> xr.Dataset:
    """Arrange the response and the other covariates on a grid of distinct values of `dims`.

    Parameters
    ----------
    sweep : Dataset
        A sweep, dims ``run``.
    dims : str or sequence of str
        Groups, covariates or kept columns that together tell every run apart.

    Returns
    -------
    Dataset
        Dims `dims`, sorted; NaN where nothing was run. ``attrs["filled"]`` is the share of cells with a run.

    Raises
    ------
    SweepError
        If a name is unknown, or several runs would share a cell.

    Examples
    --------
    >>> from scaling_bayes.sweeps import as_sweep
    >>> units = {"N": "1", "loss": "nats/token"}
    >>> table = {"N": [1e6, 1e7, 1e6], "corpus": ["web", "web", "code"], "loss": [4.0, 3.0, 2.0]}
    >>> sweep = as_sweep(table, response="loss", covariates=["N"], groups=["corpus"], units=units)
    >>> sweep_grid(sweep, ["corpus", "N"])["loss"].values.tolist()
    [[2.0, nan], [4.0, 3.0]]
    """
    check_sweep(sweep)
    dims = [dims] if isinstance(dims, str) else list(dims)
    known = [str(name) for name in sweep.coords if name != "run"]
    for name in dims:
        if name not in known:
            raise SweepError(f"{name!r} is no coordinate of this sweep: {suggest(name, known)}.")
    index = pd.MultiIndex.from_arrays([sweep[name].values for name in dims], names=dims)
    if index.has_duplicates:
        cell = index[index.duplicated(keep=False)]
        raise SweepError(
            f"{len(cell)} runs share a cell of the grid over {dims}, for instance {cell[0]}: name what tells them "
            f"apart as well, among {[name for name in known if name not in dims]}."
        )
    response = sweep.attrs["response"]
    numbers = [response, f"{response}_se", *attr_list(sweep, "covariates")]
    kept = [name for name in numbers if name in sweep.variables and name not in dims]
    grid = _fill(sweep, kept, dims)
    return grid.assign_attrs(sweep.attrs | {"filled": float(np.isfinite(grid[response]).mean())})


def _fill(sweep: xr.Dataset, kept: list[str], dims: list[str]) -> xr.Dataset:
    axes = [np.unique(sweep[name].values) for name in dims]
    cells = tuple(np.searchsorted(axis, sweep[name].values) for axis, name in zip(axes, dims, strict=True))
    variables = {}
    for name in kept:
        cube = np.full([len(axis) for axis in axes], np.nan)
        cube[cells] = sweep[name].values
        variables[name] = (dims, cube, sweep[name].attrs)
    coords = {name: (name, axis, sweep[name].attrs) for name, axis in zip(dims, axes, strict=True)}
    return xr.Dataset(variables, coords=coords)
