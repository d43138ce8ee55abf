"""Where the numbers of a formula may lie."""

from typing import Any

import numpy as np

from scaling_bayes.sweeps.checks import SweepError


def require(why: str, *, above: float = -np.inf, least: float = -np.inf, most: float = np.inf, **values: Any) -> None:
    """Raise if a value lies outside its range, or is NaN.

    Parameters
    ----------
    why : str
        What the range follows from, for the message.
    above, least, most : float
        Every value is more than `above`, at least `least` and at most `most`.
    **values
        Numbers, arrays or DataArrays by name.

    Raises
    ------
    SweepError
        Naming the value, its range, how many lie outside it and the first of these.

    Examples
    --------
    >>> require("a passage over the data counts", above=0, D=1e9)
    >>> require("tokens are counted", above=0, D=[1e9, 0.0])
    Traceback (most recent call last):
    ...
    scaling_bayes.symbols.words.SweepError: D is 0 in 1 of 2 values; expected above 0, because tokens are counted.
    """
    for name, value in values.items():
        try:
            found = np.asarray(value, dtype=float)
        except (TypeError, ValueError):
            raise SweepError(f"{name} is {value!r}; expected numbers, because {why}.") from None
        bad = ~((found > above) & (found >= least) & (found <= most))
        if bad.any():
            bounds = {"above": above, "at least": least, "at most": most}
            wanted = " and ".join(f"{word} {bound:g}" for word, bound in bounds.items() if np.isfinite(bound))
            where = f" in {bad.sum()} of {bad.size} values" if bad.ndim else ""
            raise SweepError(
                f"{name} is {found[bad].flat[0]:g}{where}; expected {wanted or 'a number'}, because {why}."
            )
