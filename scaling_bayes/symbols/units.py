"""Units: every accepted spelling, its canonical unit, and the factor between them."""

from collections.abc import Iterable, Mapping

from scaling_bayes.symbols.words import UNSTATED, SweepError, one_of, suggest

MULTIPLIERS = {
    "1": 1.0,
    **dict.fromkeys(("thousand", "K", "k"), 1e3),
    **dict.fromkeys(("million", "M"), 1e6),
    **dict.fromkeys(("billion", "B"), 1e9),
    **dict.fromkeys(("trillion", "T"), 1e12),
}
"""Word or letter -> its factor; no small m, which is a thousandth elsewhere."""

_NOUNS = {
    "parameters": ("parameters", "params"),
    "tokens": ("tokens", "token"),
    "samples": ("samples", "sample"),
    "examples": ("examples",),
    "bytes": ("bytes", "byte"),
    "characters": ("characters", "chars"),
    "images": ("images",),
    "sequences": ("sequences",),
    "steps": ("steps", "step"),
    "streams": ("streams",),
}
_DATA_NOUNS = ("tokens", "samples", "examples", "bytes", "characters", "images", "sequences")


def _counts(default: str, nouns: Iterable[str] = ()) -> dict[str, tuple[str, float]]:
    units = {scale: (default, factor) for scale, factor in MULTIPLIERS.items()}
    for noun in nouns:
        for alias in _NOUNS[noun]:
            units[alias] = (noun, 1.0)
            units |= {f"{scale} {alias}": (noun, f) for scale, f in MULTIPLIERS.items() if scale != "1"}
    return units


def _compute() -> dict[str, tuple[str, float]]:
    prefixes = {"": 1.0, "M": 1e6, "G": 1e9, "T": 1e12, "P": 1e15, "E": 1e18, "Z": 1e21}
    flop = {f"{p}FLOP{s}": ("FLOP", f) for p, f in prefixes.items() for s in ("", "s")}
    macs = {f"{p}MAC{s}": ("FLOP", 2 * f) for p, f in prefixes.items() for s in ("", "s")}
    days = dict.fromkeys(("PFLOP-day", "PFLOP-days", "PF-day", "PF-days"), ("FLOP", 8.64e19))
    return flop | macs | days


def _losses() -> dict[str, tuple[str, float]]:
    pers = {"token": ("token",), "byte": ("byte",), "character": ("character", "char"), "sample": ("sample",)}
    spelled = {
        f"{base}{plural}{joint}{alias}": (f"{base}s/{per}", 1.0)
        for base in ("nat", "bit")
        for plural in ("s", "")
        for joint in ("/", " per ")
        for per, aliases in pers.items()
        for alias in aliases
    }
    return spelled | {"bpb": ("bits/byte", 1.0), "bpc": ("bits/character", 1.0), UNSTATED: (UNSTATED, 1.0)}


_FRACTIONS = {"fraction": 1.0, "1": 1.0, "percent": 0.01, "%": 0.01}

UNITS: Mapping[str, Mapping[str, tuple[str, float]]] = {
    "parameters": _counts("parameters", ["parameters"]),
    "data": _counts("tokens", _DATA_NOUNS),
    "count": _counts("1", ["steps", "streams", *_DATA_NOUNS]),
    "number": _counts("1"),
    "compute": _compute(),
    "loss": _losses(),
    "fraction": {spelled: ("fraction", factor) for spelled, factor in _FRACTIONS.items()},
}
"""kind -> accepted spelling -> (canonical unit, factor). Losses are never converted silently: each is its own unit."""


_EXAMPLES = {
    "parameters": ("1", "million", "billion parameters"),
    "data": ("1", "billion tokens", "million samples"),
    "count": ("thousand steps",),
    "number": ("thousand", "million"),
    "compute": ("GFLOP", "PFLOP-day", "GMAC"),
    "fraction": ("percent",),
}


def unit_factor(unit: str, kind: str) -> tuple[str, float]:
    r"""Canonical unit and the factor that leads to it: value in canonical unit = factor :math:`\times` value.

    Parameters
    ----------
    unit : str
        For instance ``"billion tokens"``, ``"PFLOP-day"``, ``"bits/byte"``, ``"%"``.
    kind : str
        A key of `UNITS`: ``"parameters"``, ``"data"``, ``"count"``, ``"number"``, ``"compute"``, ``"loss"``,
        ``"fraction"``.

    Raises
    ------
    SweepError
        If the kind or the unit is unknown; the message holds the nearest spelling and the known ones.

    Examples
    --------
    >>> unit_factor("billion tokens", "data")
    ('tokens', 1000000000.0)
    >>> unit_factor("PFLOP-day", "compute")
    ('FLOP', 8.64e+19)
    """
    table = UNITS[one_of(kind, UNITS, "kind of unit")]
    word = str(unit).strip()
    if word not in table:
        shown = dict.fromkeys(canonical for canonical, _ in table.values()) | dict.fromkeys(_EXAMPLES.get(kind, ()))
        raise SweepError(f"unit {word!r} is no unit of {kind}: {suggest(word, table, shown)}.")
    return table[word]
