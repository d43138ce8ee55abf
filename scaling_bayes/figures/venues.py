"""`venue`: figures in the width, the letters and the font sizes of a journal or a conference."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from tueplots import figsizes, fontsizes  # type: ignore[import-untyped]  # annotated, but without py.typed

from scaling_bayes.symbols import suggest

TICKS = 6.5
"""Size of ticks' letters in the house style, in points: a venue's own is what all sizes are scaled by."""

FONTS: Mapping[str, Mapping[str, Any]] = {
    "sans": {"font.family": ["DejaVu Sans"], "mathtext.fontset": "dejavusans"},
    "serif": {"font.family": ["STIXGeneral"], "mathtext.fontset": "stix"},
}
"""Letters by family: they come with matplotlib, so that a figure is the same wherever it is made, and are named
themselves, since a generic family would be looked up anew, in other settings, when the figure is saved."""

_HALF, _FULL = "_half", "_full"


@dataclass(frozen=True)
class Page:
    """What a figure is drawn for.

    Attributes
    ----------
    inches : float
        Width on paper.
    scale : float
        Size of letters over that of the house style.
    family : str
        Key of `FONTS`.
    """

    inches: float = 6.8
    scale: float = 1.0
    family: str = "sans"

    @property
    def width(self) -> float:
        """Width in which a layout is reckoned: inches that hold as many letters as an inch of the house style does."""
        return self.inches / self.scale


HOUSE = Page()
_PAGE: ContextVar[Page] = ContextVar("page", default=HOUSE)


def page() -> Page:
    """The page that figures are drawn for at this moment.

    Examples
    --------
    >>> page().inches
    6.8
    """
    return _PAGE.get()


def points(size: float) -> float:
    """Font size on the present page of what has `size` points in the house style.

    Examples
    --------
    >>> points(6.5)
    6.5
    >>> with venue("neurips2024"):
    ...     points(6.5)
    7.0
    """
    return size * page().scale


def list_venues() -> list[str]:
    """Names that `venue` knows.

    Examples
    --------
    >>> "icml2024" in list_venues()
    True
    """
    sized = {name.removesuffix(_HALF).removesuffix(_FULL) for name in dir(figsizes)}
    return sorted(name for name in sized if not name.startswith("_") and callable(getattr(fontsizes, name, None)))


@contextmanager
def venue(name: str, *, column: bool = False, family: str = "serif") -> Iterator[Page]:
    r"""Draw the figures of a ``with`` block at a venue's width and font sizes.

    .. math:: s = \frac{\text{ticks' letters there}}{\text{ticks' letters of the house style}}

    scales every font size, so that the smallest letters of a panel are those that the venue asks for; the height grows
    with it.

    Parameters
    ----------
    name : str
        See `list_venues`; numbers are those of tueplots. LaTeX is not needed.
    column : bool
        One column instead of the text's width, where the venue has two.
    family : {"serif", "sans"}
        Letters like those of Times, or those of the house style.

    Yields
    ------
    Page

    Raises
    ------
    ValueError
        For a venue or a family that is not known, or a column where the text has one only.

    Examples
    --------
    >>> with venue("icml2024", column=True) as made:
    ...     made.inches
    3.25
    """
    if name not in list_venues():
        raise ValueError(f"no venue {name!r}: {suggest(name, list_venues())}")
    if family not in FONTS:
        raise ValueError(f"family= is one of {', '.join(FONTS)}, found {family!r}")
    token = _PAGE.set(Page(_read_width(name, column), getattr(fontsizes, name)()["xtick.labelsize"] / TICKS, family))
    try:
        yield page()
    finally:
        _PAGE.reset(token)


def _read_width(name: str, column: bool) -> float:
    two = hasattr(figsizes, name + _HALF)
    if column and not two:
        raise ValueError(f"{name} has one column; leave column= out")
    size = getattr(figsizes, name + ((_HALF if column else _FULL) if two else ""))
    return float(size()["figure.figsize"][0])
