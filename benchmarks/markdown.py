"""Tables in Markdown."""

import math

import pandas as pd


def format_markdown(table: pd.DataFrame, digits: int = 3) -> str:
    """Format a table in Markdown: numbers to `digits` significant digits, nothing where nothing is known.

    Parameters
    ----------
    table : DataFrame
        Its index is not shown.
    digits : int

    Returns
    -------
    str

    Examples
    --------
    >>> print(format_markdown(pd.DataFrame({"method": ["huber"], "rmsle": [0.01234], "ess": [None]})))
    | method | rmsle | ess |
    |---|---|---|
    | huber | 0.0123 |  |
    """
    lines = [list(map(str, table.columns)), ["---"] * len(table.columns)]
    lines += [[_format(value, digits) for value in row] for row in table.itertuples(index=False)]
    head, rule, *rest = (f"| {' | '.join(line)} |" for line in lines)
    return "\n".join([head, rule.replace(" ", ""), *rest])


def _format(value: object, digits: int) -> str:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() else f"{value:.{digits}g}"
    return str(value)
