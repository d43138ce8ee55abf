"""What panels say in words, and the round ends of their axes."""

import numpy as np

from scaling_bayes.figures.style import format_value

STEP = 0.05
"""Log distance in which the ends of a logarithmic axis move, so that it stands still while bands change a little."""


def say_value(value: float, unit: str = "") -> str:
    """A value with its unit.

    Examples
    --------
    >>> say_value(7e7, "parameters"), say_value(1e21, "FLOP"), say_value(20.0)
    ('70M parameters', '1e21 FLOP', '20')
    """
    return format_value(value, unit) + (f" {unit}" if unit not in {"", "1"} else "")


def say_distance(ratio: float) -> str:
    """How far beyond the largest fitted scale a ratio to it is, in octaves too.

    Examples
    --------
    >>> say_distance(16.0), say_distance(0.5)
    ('16 times (4.0 octaves) beyond the largest fitted scale', 'inside the fitted range')
    """
    if ratio <= 1 + 1e-6:
        return "inside the fitted range"
    return f"{ratio:.3g} times ({np.log2(ratio):.1f} octaves) beyond the largest fitted scale"


def say_count(held_out: np.ndarray, fitted: np.ndarray, level: float) -> str:
    """How many runs lie inside their intervals.

    Parameters
    ----------
    held_out, fitted : array of bool
        Whether each run does.
    level : float
        Of the intervals.

    Examples
    --------
    >>> say_count(np.array([True, True, False, True]), np.array([], dtype=bool), 0.9)
    '3 of 4 held-out runs (75 %) lie inside their own 90 % interval.'
    """
    told, parts = f"their own {100 * level:g} % interval", []
    if size := len(held_out):
        inside = int(held_out.sum())
        parts.append(f"{inside} of {size} held-out runs ({100 * inside / size:.0f} %) lie inside {told}")
    if len(fitted):
        also = "" if len(held_out) else f" lie inside {told}"
        parts.append(f"{int(fitted.sum())} of {len(fitted)} fitted runs{also}, which is no test")
    return "; ".join(parts) + "." if parts else "no run."


def round_limits(values: np.ndarray, room: float = 0.04) -> tuple[float, float]:
    """Ends of a logarithmic axis that hold positive values with some room, on a coarse grid.

    Examples
    --------
    >>> [round(end, 3) for end in round_limits(np.array([2.0, 3.0]))]
    [1.916, 3.158]
    """
    known = np.log(values[np.isfinite(values) & (values > 0)])
    margin = room * max(np.ptp(known), STEP)
    low, high = known.min() - margin, known.max() + margin
    return float(np.exp(np.floor(low / STEP) * STEP)), float(np.exp(np.ceil(high / STEP) * STEP))
