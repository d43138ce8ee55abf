"""Sizes as people write them: 150M parameters, 1.5T tokens."""

import pandas as pd

from scaling_bayes.symbols import COVARIATES, MULTIPLIERS

LOG_KINDS = ("parameters", "data", "count", "compute")
"""Kinds of unit whose values are sizes: above zero, compared on a log scale."""

_WRITTEN = r"\s*(?P<number>\d+\.?\d*|\.\d+)\s*(?P<letter>[kKMBT])\s*"


def is_size(name: str) -> bool:
    """Whether a covariate is a size.

    Examples
    --------
    >>> is_size("N"), is_size("lr"), is_size("my_column")
    (True, False, False)
    """
    return name in COVARIATES and COVARIATES[name].kind in LOG_KINDS


def read_numbers(column: pd.Series, *, magnitudes: bool) -> pd.Series:
    """Numbers of a column, NaN where something else stands.

    Parameters
    ----------
    column : Series
    magnitudes : bool
        Read ``150M`` as 150 million; not for a column whose unit holds a factor already.

    Returns
    -------
    Series
        float64.

    Examples
    --------
    >>> read_numbers(pd.Series(["150M", "1.5T", "2e9", "many"]), magnitudes=True).tolist()
    [150000000.0, 1500000000000.0, 2000000000.0, nan]
    >>> read_numbers(pd.Series(["150M"]), magnitudes=False).tolist()
    [nan]
    """
    numbers = pd.to_numeric(column, errors="coerce").astype("float64")
    left = numbers.isna() & column.notna()
    if not magnitudes or not left.any():
        return numbers
    parts = column[left].astype(str).str.extract(f"^{_WRITTEN}$")
    return numbers.fillna(pd.to_numeric(parts["number"]) * parts["letter"].map(MULTIPLIERS))
