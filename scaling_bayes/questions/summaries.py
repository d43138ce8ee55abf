"""`summarise`: draws to a table, the last step of an answer."""

from itertools import product
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from scaling_bayes.symbols import SAMPLE

EVENT: dict[str, Any] = {"units": "1", "event": 1}
"""Attributes of a quantity that is one in draws where something happens and zero elsewhere, and of its mean."""


def summarise(answer: xr.Dataset, *, level: float = 0.9) -> pd.DataFrame:
    """Median and central interval of every quantity of an answer, and probability of every event.

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
        where that many are. Events, such as ``never`` of `require` or ``p_none`` of `crossover`, have these empty and
        a column ``probability``. A quantity that lacks a dim of another one has an empty label there. The name of the
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
    >>> summarise((answer > 2.5).rename(loss="above"))
                    median  lower  upper  probability
    quantity point
    above    0         NaN    NaN    NaN          0.4
    """
    if not set(SAMPLE) <= set(answer.dims):
        raise ValueError(f"an answer has dims chain and draw, found {tuple(answer.dims)}")
    if not 0 < level < 1:
        raise ValueError(f"level is between 0 and 1, found {level}")
    columns = {"median": 0.5, "lower": (1 - level) / 2, "upper": (1 + level) / 2}
    tables = []
    for name, array in answer.data_vars.items():
        if array.attrs.get("event") or array.dtype == bool:
            share = array.mean([d for d in SAMPLE if d in array.dims])
            tables.append(_as_rows(share.expand_dims(quantile=1), str(name), ["probability"]))
        elif set(SAMPLE) <= set(array.dims):
            tables.append(_as_rows(_quantiles(array, list(columns.values())), str(name), list(columns)))
    shares = ["probability"] if any("probability" in table for table in tables) else []
    table = _stack(tables).reindex(columns=[*columns, *shares])
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


def _as_rows(numbers: xr.DataArray, quantity: str, columns: list[str]) -> pd.DataFrame:
    """A row a place; `numbers` has a dim ``quantile`` as long as there are columns."""
    named = numbers.drop_vars("quantile", errors="ignore").assign_coords(quantile=columns)
    return named.expand_dims(quantity=[quantity]).to_series().unstack("quantile")


def _quantiles(array: xr.DataArray, levels: list[float]) -> xr.DataArray:
    """Quantiles over the draws; those of arrays with infinities are draws, since nothing lies between them."""
    finite = not np.isinf(array.values).any()
    return array.quantile(levels, SAMPLE, method="linear" if finite else "inverted_cdf")


def _stack(tables: list[pd.DataFrame]) -> pd.DataFrame:
    """Tables below each other, by the levels of all of them."""
    levels = max((list(table.index.names) for table in tables), key=len)
    if all(list(table.index.names) == levels for table in tables):
        return pd.concat(tables)
    rows = pd.concat([table.reset_index() for table in tables])
    return rows.fillna(dict.fromkeys(levels, "")).set_index(levels)
