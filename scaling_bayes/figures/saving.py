"""`save_figure`: a figure as PDF and PNG, and beside it what it shows and where that is from."""

import hashlib
import json
from collections.abc import Callable, Iterable
from importlib.metadata import version
from pathlib import Path

import matplotlib.pyplot as plt
from matplotlib.figure import Figure

from scaling_bayes.figures.answers import FigureError
from scaling_bayes.figures.canvas import read_sources
from scaling_bayes.figures.contents import read_contents

PACKAGES = ("scaling-bayes", "matplotlib", "seaborn", "xarray", "numpy")
"""Whose versions are kept beside a figure."""


def save_figure(
    fig: Figure, path: str | Path, *, dpi: int = 300, kinds: Iterable[str] = ("pdf", "png", "csv", "json")
) -> list[Path]:
    """Save a figure, what it shows, and where that is from; the same figure gives the same bytes.

    Parameters
    ----------
    fig : Figure
        From a `plot_` function.
    path : str or Path
        Without ending, or with that of one of the kinds; its folder is made where it is missing.
    dpi : int
        Of the PNG.
    kinds : iterable of str
        ``pdf``, its fonts embedded; ``png``; ``csv``, every mark of the figure in the units of its axes (see
        `read_contents`); ``json``, the answers' attributes (law, pooling, seed, data hash, versions, gates), the
        versions that drew it, and the SHA-256 of the other kinds.

    Returns
    -------
    list of Path
        What was written.

    Raises
    ------
    FigureError
        For a kind that is none of these.

    Examples
    --------
    >>> import tempfile
    >>> from scaling_bayes.figures.canvas import new_figure
    >>> with new_figure(1.0, 1.0) as fig, tempfile.TemporaryDirectory() as folder:
    ...     [file.name for file in save_figure(fig, Path(folder) / "fit.v1")]
    ['fit.v1.pdf', 'fit.v1.png', 'fit.v1.csv', 'fit.v1.json']
    """
    kinds = list(kinds)
    if unknown := [kind for kind in kinds if kind not in (*WRITERS, "json")]:
        raise FigureError(f"kinds= are pdf, png, csv and json, found {', '.join(unknown)}")
    path = Path(path)
    stem = path.with_suffix("") if path.suffix[1:] in (*WRITERS, "json") else path
    stem.parent.mkdir(parents=True, exist_ok=True)
    written = {kind: stem.with_name(f"{stem.name}.{kind}") for kind in kinds}
    for kind in (kind for kind in kinds if kind != "json"):
        WRITERS[kind](fig, written[kind], dpi)
    if "json" in written:
        _write_source(fig, written["json"], [file for kind, file in written.items() if kind != "json"])
    return list(written.values())


def _write_pdf(fig: Figure, path: Path, dpi: int) -> None:
    with plt.rc_context({"pdf.fonttype": 42}):
        fig.savefig(path, metadata={"CreationDate": None})


def _write_png(fig: Figure, path: Path, dpi: int) -> None:
    fig.savefig(path, dpi=dpi, metadata={"Software": None})


def _write_contents(fig: Figure, path: Path, dpi: int) -> None:
    read_contents(fig).to_csv(path, index=False, lineterminator="\n")


def _write_source(fig: Figure, path: Path, files: list[Path]) -> None:
    """Everything that is needed to make the figure again, and to see that it is the same."""
    source = {
        "warning": fig.get_suptitle(),
        "answers": read_sources(fig),
        "drawn_with": {name: version(name) for name in PACKAGES},
        "sha256": {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in files},
    }
    path.write_text(json.dumps(source, indent=1, ensure_ascii=False, default=str) + "\n", encoding="utf-8")


WRITERS: dict[str, Callable[[Figure, Path, int], None]] = {
    "pdf": _write_pdf,
    "png": _write_png,
    "csv": _write_contents,
}
