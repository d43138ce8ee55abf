"""How many digits of a number to show: as many as its interval supports."""

import math

FIGURES = 2
"""Significant digits of the width of an interval that its ends show, and of a number on a log scale."""

WIDE = 10.0
"""Ratio of an interval's ends from which each number has digits of its own."""

PLAIN = (1e-3, 1e5)
"""Sizes between which numbers are written without a power of ten."""


def round_interval(median: float, lower: float, upper: float) -> tuple[str, str, str]:
    """Write a median and its interval with the digits that the interval supports.

    Two digits of the interval's width; where the ends are of one sign and differ tenfold or more, two digits of each.

    Parameters
    ----------
    median, lower, upper : float

    Returns
    -------
    tuple of str
        Numbers as ``0.348``, ``4.1e+21``, ``inf`` or ``nan``.

    Examples
    --------
    >>> round_interval(0.34812, 0.3291, 0.3672)
    ('0.348', '0.329', '0.367')
    >>> round_interval(4.12e21, 1.31e20, 9.9e22)
    ('4.1e+21', '1.3e+20', '9.9e+22')
    >>> round_interval(482.01, 124.2, 1093.0)
    ('480', '120', '1090')
    """
    numbers = (median, lower, upper)
    width = upper - lower
    finite = all(map(math.isfinite, numbers))
    alike = finite and not (lower * upper > 0 and max(abs(upper / lower), abs(lower / upper)) >= WIDE)
    if not alike or width == 0:
        first, second, third = (round_number(x, 4) if alike else _significant(x, FIGURES) for x in numbers)
        return first, second, third
    step = math.floor(math.log10(width)) - FIGURES + 1
    power = _power(max(map(abs, numbers)))
    first, second, third = (_write(x, step, power) for x in numbers)
    return first, second, third


def round_number(value: float, figures: int = 3) -> str:
    """Write a number with so many significant digits at most, without zeros at its end.

    Examples
    --------
    >>> round_number(0.00012345), round_number(1234.5), round_number(1e21, 2), round_number(3.0)
    ('1.23e-04', '1230', '1e+21', '3')
    """
    if float(value).is_integer() and abs(value) < PLAIN[1]:
        return f"{value:.0f}"
    mantissa, sign, power = _significant(value, figures).partition("e")
    return (mantissa.rstrip("0").rstrip(".") if "." in mantissa else mantissa) + sign + power


def _significant(value: float, figures: int) -> str:
    """Write a number with so many significant digits."""
    if not math.isfinite(value) or value == 0:
        return f"{value:g}"
    return _write(value, math.floor(math.log10(abs(value))) - figures + 1, _power(value))


def _power(size: float) -> int | None:
    """Power of ten by which numbers of this size are divided; None for those written plainly."""
    if size == 0 or PLAIN[0] <= abs(size) < PLAIN[1]:
        return None
    return math.floor(math.log10(abs(size)))


def _write(value: float, step: int, power: int | None) -> str:
    """Write a number rounded to the power of ten `step`, over ten to `power` where there is one."""
    if power is None:
        return f"{round(value, -step):.{max(-step, 0)}f}"
    return f"{value / 10.0**power:.{max(power - step, 0)}f}e{power:+03d}"
