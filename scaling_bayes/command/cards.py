"""`write_report`: a fit card with its figures, as files."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import xarray as xr

import scaling_bayes as sb
from scaling_bayes.command.pictures import caption, draw_figures

WRITERS = {"html": "report.html", "md": "card.md", "tex": "card.tex", "json": "card.json"}
"""Form of a card -> its file."""

DPI = 200
"""Of pictures that the page embeds as well; the PDF beside each is for print."""


def write_report(
    posterior: xr.DataTree,
    folder: str | Path,
    metadata: Mapping[str, Any] | str | Path | None = None,
    *,
    held_out: xr.Dataset | None = None,
    forms: Sequence[str] = tuple(WRITERS),
    overwrite: bool = False,
    **asked: Any,
) -> list[Path]:
    """Write the fit card of a posterior, with every figure that it supports.

    Parameters
    ----------
    posterior : DataTree
        From `fit`, `baseline` or `open_posterior`.
    folder : str or Path
        Made if it is not there. ``report.html`` holds the card and its figures and needs no other file; ``card.md``,
        ``card.tex`` and ``card.json`` hold the card alone; ``figures/`` holds each figure as PDF and PNG.
    metadata : mapping, or path of a TOML file, optional
        What the author states; see `report`.
    held_out : Dataset, optional
        Runs that the fit did not see: they are scored and drawn.
    forms : sequence of {"html", "md", "tex", "json"}
        Which of the files.
    overwrite : bool
        Replace files that exist.
    **asked
        Further arguments of `report`.

    Returns
    -------
    list of Path
        What was written.

    Raises
    ------
    FileExistsError
        If a file exists and `overwrite` is false.
    QuestionError
        As `report`.
    ValueError
        For an unknown form.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> law, truth = sb.Law("A*N**-alpha"), {"A": 40.0, "alpha": 0.25}
    >>> sweep = sb.simulate_sweep(law, {"N": [1e6, 1e7, 1e8]}, truth=truth, seed=0)
    >>> posterior = sb.baseline(law, sweep, seed=0, bootstrap=20)
    >>> with TemporaryDirectory() as folder:
    ...     [path.name for path in write_report(posterior, folder, forms=["md", "json"])]
    ['card.md', 'card.json']
    """
    if strange := set(forms) - WRITERS.keys():
        raise ValueError(f"a card is written as {', '.join(WRITERS)}, found {', '.join(sorted(strange))}")
    paths = {form: Path(folder) / WRITERS[form] for form in forms}
    check_free([*paths.values(), *([Path(folder) / "figures"] if "html" in forms else [])], overwrite=overwrite)
    scores = None if held_out is None else sb.score(posterior, held_out)
    card = sb.report(posterior, metadata, scores=scores, **asked)
    figures = draw_figures(posterior, held_out)[0] if "html" in forms else {}
    saved = save_figures(figures, Path(folder) / "figures")
    shown = {f"{path.stem}: {caption(path.stem)}": path for path in saved if path.suffix == ".png"}
    texts = {
        "html": lambda: card.to_html(shown),
        "md": card.to_markdown,
        "tex": card.to_latex,
        "json": card.to_json,
    }
    Path(folder).mkdir(parents=True, exist_ok=True)
    for form, path in paths.items():
        path.write_text(texts[form](), encoding="utf-8")
    return [*paths.values(), *saved]


def save_figures(figures: Mapping[str, Any], folder: Path) -> list[Path]:
    """Save figures below a folder, each as PDF, as PNG of `DPI`, and with what it shows and where that is from."""
    if figures:
        folder.mkdir(parents=True, exist_ok=True)
    return [path for name, figure in figures.items() for path in sb.figures.save_figure(figure, folder / name, dpi=DPI)]


def check_free(paths: Sequence[Path], *, overwrite: bool) -> None:
    """Refuse to replace what is there.

    Raises
    ------
    FileExistsError
        Naming the first file, or folder with something in it.
    """
    for path in () if overwrite else paths:
        if path.is_dir() and not any(path.iterdir()):
            continue
        if path.exists():
            raise FileExistsError(f"{path} exists, and nothing is replaced without --force (overwrite=True)")
