"""The gallery as files: `write_gallery`, and the page that shows every figure."""

import ast
import inspect
import sys
from collections.abc import Sequence
from pathlib import Path

from scaling_bayes import figures
from scaling_bayes.gallery.builds import BUILDS, Build


def write_gallery(folder: Path, names: Sequence[str] = ()) -> list[Path]:
    """Write the figures and a page that shows them.

    Parameters
    ----------
    folder : Path
        Made if it is not there.
    names : sequence of str
        Keys of `BUILDS`; all by default, and only then the page is written.

    Returns
    -------
    list of Path
        What was written.

    Raises
    ------
    FigureError
        For a name that is none.
    """
    if unknown := [name for name in names if name not in BUILDS]:
        raise figures.FigureError(f"no figure {', '.join(unknown)}; choose among {', '.join(BUILDS)}")
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for name in names or BUILDS:
        print(f"{name} ...", file=sys.stderr, flush=True)
        written += figures.save_figure(BUILDS[name](), folder / name, dpi=150)
    if not names:
        written.append(folder / "README.md")
        written[-1].write_text(write_page(), encoding="utf-8")
    return written


def write_page() -> str:
    """The page: every figure below its caption, above the call that makes it.

    Examples
    --------
    >>> page = write_page()
    >>> "## sweep" in page, "figures.plot_check(check(fit_chinchilla()))" in page
    (True, True)
    """
    head = (
        "# Figures\n\nMade by `make figures`, which writes beside each a PDF, its numbers (CSV) and their source "
        "(JSON). `python -m scaling_bayes.gallery FOLDER NAME` makes one of them; the fits that a call names are in "
        "[fits.py](../../scaling_bayes/gallery/fits.py).\n"
    )
    parts = [
        f"\n## {name}\n\n{(build.__doc__ or '').strip()}\n\n![{name}]({name}.png)\n"
        f"\n```python\n{read_call(build)}\n```\n"
        for name, build in BUILDS.items()
    ]
    return head + "".join(parts)


def read_call(build: Build) -> str:
    """The call that makes a figure: what its function returns.

    Examples
    --------
    >>> read_call(BUILDS["laws"])
    'figures.plot_laws()'
    """
    returned = [node for node in ast.walk(ast.parse(inspect.getsource(build))) if isinstance(node, ast.Return)]
    return ast.unparse(returned[-1].value) if returned and returned[-1].value else ""
