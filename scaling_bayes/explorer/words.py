"""What panels say in words, and the round ends of their axes."""

from collections.abc import Mapping

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


def even_limits(values: np.ndarray, room: float = 0.06) -> tuple[float, float]:
    """Ends of an even axis that hold zero and values with some room, on a coarse grid.

    Examples
    --------
    >>> even_limits(np.array([-2.9, 0.8]))
    (-3.2, 1.2)
    """
    known = np.append(values[np.isfinite(values)], 0.0)
    size = max(float(np.ptp(known)), 1e-9)
    step = 2.0 * 10.0 ** np.floor(np.log10(size) - 1)
    low, high = known.min() - room * size, known.max() + room * size
    return float(np.floor(low / step) * step), float(np.ceil(high / step) * step)


def say_interval(quantiles: np.ndarray, unit: str = "", digits: int = 3) -> str:
    """Lower end, median and upper end in words.

    Examples
    --------
    >>> say_interval(np.array([1.4e8, 2.0e8, 3.1e8]), "parameters"), say_interval(np.array([0.5, 1.25, np.inf]))
    ('200M (140M to 310M)', '1.25 (0.5 to ∞)')
    """
    low, middle, high = (format_value(float(f"{v:.{digits}g}"), unit) if np.isfinite(v) else "∞" for v in quantiles)
    return f"{middle} ({low} to {high})"


def say_chance(p: float) -> str:
    """A probability from draws, after its name; certainty is never claimed.

    Examples
    --------
    >>> say_chance(0.934), say_chance(1.0), say_chance(0.0)
    ('= 0.93', '> 0.99', '< 0.01')
    """
    return "> 0.99" if p > 0.995 else "< 0.01" if p < 0.005 else f"= {p:.2f}"


def say_percent(fraction: float) -> str:
    """A relative difference in per cent, with its sign.

    Examples
    --------
    >>> say_percent(-0.0312), say_percent(0.25)
    ('−3.12 %', '+25 %')
    """
    return f"{100 * fraction:+.3g} %".replace("-", "−")


def say_crossing(chances: Mapping[str, float], place: np.ndarray, unit: str) -> str:
    """Whether two curves cross along the axis, and where given one crossing.

    Parameters
    ----------
    chances : mapping
        Probability of ``none``, ``one`` and ``more``.
    place : array, shape (3,)
        Lower end, median and upper end given one.
    unit : str

    Examples
    --------
    >>> say_crossing({"none": 0.1, "one": 0.88, "more": 0.02}, np.array([1e19, 3e19, 9e19]), "FLOP")
    'P(one crossing on this axis) = 0.88, then at 3e19 (1e19 to 9e19) FLOP; P(none) = 0.10, P(more) = 0.02.'
    """
    none, one, more = (say_chance(chances[name]) for name in ("none", "one", "more"))
    if chances["one"] < 0.005:
        return f"P(no crossing on this axis) {none}."
    where = f"at {say_interval(place, unit)}{f' {unit}' if unit not in {'', '1'} else ''}"
    further = f", P(more) {more}" if chances["more"] >= 0.005 else ""
    return f"P(one crossing on this axis) {one}, then {where}; P(none) {none}{further}."
