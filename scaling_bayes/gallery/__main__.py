"""``python -m scaling_bayes.gallery docs/figures``: build the gallery, or some of its figures."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from scaling_bayes.gallery.page import write_gallery


def main(arguments: Sequence[str] | None = None) -> int:
    """Build the gallery in the folder that the command line names."""
    about = (__doc__ or "").splitlines()[0]
    parser = argparse.ArgumentParser(prog="python -m scaling_bayes.gallery", description=about)
    parser.add_argument("folder", type=Path, nargs="?", default=Path("docs/figures"), help="where figures are written")
    parser.add_argument("names", nargs="*", help="only these figures")
    chosen = parser.parse_args(arguments)
    for written in write_gallery(chosen.folder, chosen.names):
        print(written)
    return 0


if __name__ == "__main__":
    sys.exit(main())
