"""`summarise`: draws to a table, the last step of an answer."""

from itertools import product

import numpy as np
import pandas as pd
import xarray as xr


def summarise(answer: xr.Dataset, *, level: float = 0.9) -> pd.DataFrame:
    """Median and central interval of every quantity of an answer.

    Parameters
    ----------
    answer : Dataset
        With dims chain and draw.
    level : float
        Of the interval.

    Returns
    -------
    DataFrame
        One row a quantity and point; columns ``median``, ``lower``, ``upper``, of the draws that have a value, infinite
        where that many are. A quantity that lacks a dim of another one has an empty label there. The name of the
        columns tells which sampler gates the posterior behind the answer failed.

    Raises
    ------
    ValueError
        If `answer` has no draws or `level` is not between 0 and 1.

    Examples
    --------
    >>> answer = xr.Dataset({"loss": (("chain", "draw", "point"), [[[0.0], [1.0], [2.0], [3.0], [4.0]]])})
    >>> summarise(answer, level=0.5)
                    median  lower  upper
    quantity point
    loss     0         2.0    1.0    3.0
    """
    if not {"chain", "draw"} <= set(answer.dims):
        raise ValueError(f"an answer has dims chain and draw, found {tuple(answer.dims)}")
    if not 0 < level < 1:
        raise ValueError(f"level is between 0 and 1, found {level}")
    columns = {"median": 0.5, "lower": (1 - level) / 2, "upper": (1 + level) / 2}
    drawn = answer[[name for name, array in answer.data_vars.items() if {"chain", "draw"} <= set(array.dims)]]
    quantiles = {name: _quantiles(array, list(columns.values())) for name, array in drawn.data_vars.items()}
    tables = [
        array.assign_coords(quantile=list(columns)).expand_dims(quantity=[name]).to_series().unstack("quantile")
        for name, array in quantiles.items()
    ]
    table = _stack(tables)[list(columns)]
    failed = str(answer.attrs.get("failed_gates", ""))
    return table.rename_axis(columns=f"SAMPLER GATES FAILED: {failed}" if failed else None)


def name_values(array: xr.DataArray, name: str) -> dict[str, float]:
    """Numbers of an array by its name and labels.

    Examples
    --------
    >>> name_values(xr.DataArray([0.3, 0.4], coords={"corpus": ["code", "web"]}, dims="corpus"), "alpha")
    {'alpha[code]': 0.3, 'alpha[web]': 0.4}
    """
    labels = product(*(array[d].values.tolist() for d in array.dims))
    names = [name + (f"[{', '.join(map(str, label))}]" if label else "") for label in labels]
    return dict(zip(names, array.values.ravel().tolist(), strict=True))


def _quantiles(array: xr.DataArray, levels: list[float]) -> xr.DataArray:
    """Quantiles over the draws; those of arrays with infinities are draws, since nothing lies between."""
    finite = not np.isinf(array.values).any()
    return array.quantile(levels, ("chain", "draw"), method="linear" if finite else "inverted_cdf")


def _stack(tables: list[pd.DataFrame]) -> pd.DataFrame:
    """Tables below each other, by the levels of all of them."""
    levels = max((list(table.index.names) for table in tables), key=len)
    if all(list(table.index.names) == levels for table in tables):
        return pd.concat(tables)
    rows = pd.concat([table.reset_index() for table in tables])
    return rows.fillna(dict.fromkeys(levels, "")).set_index(levels)
