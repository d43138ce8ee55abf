"""Pictures of every panel of the explorer, ``python -m benchmarks.screenshots``: docs/explorer/<panel>.png.

A real JupyterLab shows the posterior that ``python -m scaling_bayes`` writes to results/; each panel is photographed
as it stands.
"""

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image

from benchmarks.browser import open_chromium, serve, visit, why_absent, write_notebook
from scaling_bayes.explorer.explore import PANELS, find_panel

if TYPE_CHECKING:
    from playwright.sync_api import ViewportSize

ROOT = Path(__file__).parents[1]
DOCS, POSTERIOR = ROOT / "docs" / "explorer", ROOT / "results" / "with-discrepancy.nc"
SIZE: "ViewportSize" = {"width": 1560, "height": 1500}
"""Of the window, in CSS pixels: the widest and the tallest panel are seen whole."""

CELLS = (
    "import scaling_bayes as sb",
    "sweep = sb.load_sweep('bytelm')\n"
    "_, held_out = sb.hold_out(sweep, along='C', top=1, within=('corpus', 'architecture'))",
    "explorer = sb.explore(sb.open_posterior('{posterior}'), held_out)\n"
    "explorer.comparison.factor = 'architecture'  # losses of two corpora are of different texts\nexplorer",
)


def photograph(posterior: Path, folder: Path, *, dark: bool = False) -> list[Path]:
    """Write one picture a panel, as it is first seen, in JupyterLab's light or dark theme.

    Returns
    -------
    list of Path
        Pictures, in the order of the tabs.
    """
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    with tempfile.TemporaryDirectory() as place, open_chromium() as browser, serve(Path(place)) as server:
        cells = [cell.replace("{posterior}", str(posterior.resolve())) for cell in CELLS]
        write_notebook(Path(place) / "explorer.ipynb", cells)
        seen = visit(browser, server, "explorer.ipynb", dark=dark)
        seen.page.set_viewport_size(SIZE)
        if dark:
            seen.page.evaluate(
                "() => window.jupyterapp.commands.execute('apputils:change-theme', { theme: 'JupyterLab Dark' })"
            )
        for name in PANELS:
            seen.open_tab(find_panel(name).title)
            seen.settle(f"explorer.{name}")
            seen.page.mouse.move(0, 0)
            path = folder / f"{name}.png"
            seen.panel.screenshot(path=path)
            with Image.open(path) as picture:
                few = picture.convert("RGB").quantize(method=Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
                few.save(path, optimize=True)  # files stay small, and rare colours are kept
            written.append(path)
    return written


def main(arguments: Sequence[str] | None = None) -> int:
    """Photograph every panel; 1 where there is no browser or no posterior."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.screenshots", description=(__doc__ or "").splitlines()[0]
    )
    parser.add_argument("--posterior", type=Path, default=POSTERIOR)
    parser.add_argument("-o", "--output", type=Path, default=DOCS, help="folder of the pictures")
    chosen = parser.parse_args(arguments)
    posterior_absent = "" if chosen.posterior.exists() else f"{chosen.posterior} is not there: run `make run` first"
    if absent := why_absent() or posterior_absent:
        print(absent, file=sys.stderr)
        return 1
    for path in photograph(chosen.posterior, chosen.output):
        print(f"{path} {path.stat().st_size / 1000:.0f} KB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
