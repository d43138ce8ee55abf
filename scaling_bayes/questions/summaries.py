"""`summarise`: draws to a table, the last step of an answer."""

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
        One row a quantity and point; columns ``median``, ``lower``, ``upper``. ``attrs["failed_gates"]`` names the sampler
        gates that the posterior behind it failed; a table from such a posterior says so in its index name.

    Raises
    ------
    ValueError
        If `answer` has no draws or `level` is not between 0 and 1.

    Examples
    --------
    >>> answer = xr.Dataset({"loss": (("chain", "draw", "point"), np.arange(5.0).reshape(1, 5, 1))})
    >>> summarise(answer, level=0.5).round(1).values.tolist()
    [[2.0, 1.0, 3.0]]
    """
    if not {"chain", "draw"} <= set(answer.dims):
        raise ValueError(f"an answer has dims chain and draw, found {tuple(answer.dims)}")
    if not 0 < level < 1:
        raise ValueError(f"level is between 0 and 1, found {level}")
    named = {"median": 0.5, "lower": (1 - level) / 2, "upper": (1 + level) / 2}
    drawn = answer[[n for n, v in answer.data_vars.items() if {"chain", "draw"} <= set(v.dims)]]
    quantiles = drawn.quantile(list(named.values()), ("chain", "draw"))
    tables = []
    for name, array in quantiles.data_vars.items():
        rows = array.assign_coords(quantile=list(named)).to_series().unstack("quantile")[list(named)] if array.ndim > 1 else (
            pd.DataFrame([array.values], columns=list(named))
        )
        tables.append(pd.concat({name: rows}, names=["quantity"]))
    table = pd.concat(tables)
    failed = str(answer.attrs.get("failed_gates", ""))
    table.columns.name = f"SAMPLER GATES FAILED: {failed}" if failed else None
    return table
