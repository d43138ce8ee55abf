"""Write the catalogue's page and picture: ``python -m scaling_bayes.figures.pages docs``."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from scaling_bayes.figures.laws import plot_laws
from scaling_bayes.figures.saving import save_figure
from scaling_bayes.laws.catalogue.page import write_page


def write_pages(folder: Path) -> list[Path]:
    """Write ``laws.md`` and ``laws.png`` below `folder`.

    Parameters
    ----------
    folder : Path
        Made if it is not there.

    Returns
    -------
    list of Path
        What was written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    page = folder / "laws.md"
    page.write_text(write_page(), encoding="utf-8")
    return [page, *save_figure(plot_laws(), folder / "laws", dpi=150, kinds=["png"])]


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the pages into the folder that the command line names."""
    parser = argparse.ArgumentParser(prog="python -m scaling_bayes.figures.pages", description=__doc__)
    parser.add_argument("folder", type=Path, nargs="?", default=Path("docs"), help="where the pages are written")
    for path in write_pages(parser.parse_args(arguments).folder):
        print(path)
    return 0


if __name__ == "__main__":
    sys.exit(main())
