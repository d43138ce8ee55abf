"""How long a key takes, ``python -m benchmarks.latency``: from the key on a slider to the new picture in JupyterLab.

A real browser without a screen presses arrow keys on the main control of each panel, as fast as pictures come. The
posterior is that of `baseline` on a simulated sweep, Chinchilla's law; its draws are repeated up to 4,000.
"""

import argparse
import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

import scaling_bayes as sb
from benchmarks.browser import Visit, open_chromium, serve, visit, why_absent, write_notebook
from benchmarks.markdown import format_markdown
from benchmarks.problems import GROUPING, simulate_groups
from benchmarks.speed import describe_machine
from scaling_bayes.explorer.along import POINTS
from scaling_bayes.explorer.explore import PANELS, find_panel

RESULTS = Path(__file__).parent / "results" / "latency.csv"
GROUPS, DRAWS, KEYS = (4, 25), 4000, 24
RESAMPLES = 500
"""Of the bootstrap over all groups together; their draws are repeated."""

CELLS = (
    "import xarray as xr\nimport scaling_bayes as sb",
    "posterior = sb.open_posterior('posterior.nc')\nheld_out = xr.open_dataset('held_out.nc')",
    "explorer = sb.explore(posterior, held_out)\nexplorer.groups = list(explorer.subject.cells)\nexplorer",
)

WATCH = """(node) => {
  window.sbTimes = [];
  let pressed = 0;
  addEventListener("keydown", (event) => { pressed = event.timeStamp; }, true);
  new MutationObserver(() => {
    if (pressed) window.sbTimes.push(performance.now() - pressed);
    pressed = 0;
  }).observe(node, { attributes: true, attributeFilter: ["data-count"] });
}"""
"""The first picture after each key, once it is drawn; the panel counts its pictures in an attribute."""


def write_explorer(folder: Path, groups: int, draws: int, name: str = "explorer.ipynb") -> xr.DataTree:
    """Write a posterior, held-out runs, and a notebook that opens the explorer with every group.

    Parameters
    ----------
    folder : Path
    groups : int
    draws : int
        Those of a smaller bootstrap, repeated.
    name : str
        Of the notebook.

    Returns
    -------
    DataTree
        The posterior.
    """
    fit_part, held_out = sb.hold_out(simulate_groups(groups), along="C", top=0.1)
    size = min(draws, RESAMPLES // groups)
    posterior = sb.baseline(sb.law("chinchilla"), fit_part, seed=0, bootstrap=size, by=GROUPING)
    again = posterior["posterior"].to_dataset().isel(draw=np.arange(draws) % size)
    posterior["posterior"] = xr.DataTree(again.assign_coords(draw=np.arange(draws)))
    sb.save_posterior(posterior, folder / "posterior.nc")
    held_out.to_netcdf(folder / "held_out.nc")
    write_notebook(folder / name, CELLS)
    return posterior


def press_keys(seen: Visit, panel: str, keys: int) -> list[float]:
    """Milliseconds of each key on the main control of a panel; none where the panel has no such control."""
    seen.open_tab(find_panel(panel).title)
    main = seen.ask(f"explorer.{panel}.main")
    control = seen.panel.locator(f'.sb-range[data-name="{main}"]')
    if not main or not control.count():
        return []
    seen.settle(f"explorer.{panel}")
    seen.panel.evaluate(WATCH)
    control.focus()
    for number in range(keys):
        control.press("ArrowRight" if number % 4 < 3 else "ArrowLeft")
        seen.page.wait_for_function("(n) => window.sbTimes.length > n", arg=number)
    found: list[float] = seen.page.evaluate("() => window.sbTimes")
    seen.settle(f"explorer.{panel}")
    return found


def measure(groups: int, draws: int, keys: int) -> list[dict[str, Any]]:
    """One row a panel: median and 90 % quantile of the milliseconds."""
    rows = []
    with tempfile.TemporaryDirectory() as folder, open_chromium() as browser:
        write_explorer(Path(folder), groups, draws)
        with serve(Path(folder)) as server:
            seen = visit(browser, server, "explorer.ipynb")
            for panel in PANELS:
                before = os.getloadavg()[0]
                if found := press_keys(seen, panel, keys):
                    times = {"median_ms": np.median(found), "q90_ms": np.quantile(found, 0.9)}
                    rows.append(
                        {"panel": panel, "groups": groups, "draws": draws, "points": POINTS, "keys": len(found)}
                        | {name: round(float(value), 1) for name, value in times.items()}
                        | {"load_average": round(before, 2)}
                    )
    return rows


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, write the CSV and print it; 1 where there is no browser."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.latency", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--groups", action="append", type=int, help="one or several; 4 and 25 by default")
    parser.add_argument("--draws", type=int, default=DRAWS)
    parser.add_argument("--keys", type=int, default=KEYS, help="pressed on each panel")
    parser.add_argument("-o", "--output", type=Path, default=RESULTS)
    chosen = parser.parse_args(arguments)
    if absent := why_absent():
        print(absent, file=sys.stderr)
        return 1
    rows = [row for groups in chosen.groups or GROUPS for row in measure(groups, chosen.draws, chosen.keys)]
    machine = describe_machine("scaling_bayes")
    table = pd.DataFrame(rows).assign(machine=machine["machine"], cores=machine["cores"])
    table.to_csv(chosen.output, index=False)
    print(format_markdown(table))
    return 0


if __name__ == "__main__":
    sys.exit(main())
