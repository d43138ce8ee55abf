"""Measure the sweep: ``python data/bytelm/measure.py --plan cpu|gpu [--hours H] [--output DIR] [--corpora DIR]``.

Kill it whenever you like and start it again with the same arguments: finished runs stay, the one in flight goes on from
its last saved state, and the table is never left with half a row.
"""

import argparse
import json
import sys
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from corpora import default_folder, load_corpora
from journal import drop_torn_line, own_table, read_rows, replace_file
from networks import MIXERS, Shape
from plan import DESIGNS, Trunk, choose_cap, make_plan, step_flops
from tqdm import tqdm
from workers import Site, count_cores, run_trunks, time_shapes

HOURS = {"cpu": 1.5, "gpu": 0.4}
SAFETY = 0.85
"""Share of the hours that is planned with: compilation, files and a machine that slows down take the rest."""


def settle_plan(kind: str, hours: float, unique: Mapping[str, int], site: Site, workers: int) -> list[Trunk]:
    """The plan of this output folder: chosen once by timing the machine, then read back.

    Raises
    ------
    SystemExit
        If the folder holds another plan.
    """
    path, design = site.output / "plan.json", site.design
    if not path.exists():
        shapes = [Shape(architecture, *size) for size in (*design.sizes, design.target) for architecture in MIXERS]
        print(f"timing {len(shapes)} networks on {workers} workers ...", flush=True)
        seconds = time_shapes(list(dict.fromkeys(shapes)), site, workers)
        cap = choose_cap(design, unique, seconds, SAFETY * hours * workers)
        timed = {f"{shape.architecture} {shape.width}x{shape.depth}": pace for shape, pace in seconds.items()}
        settled = {"plan": kind, "hours": hours, "workers": workers, "cap": cap, "unique": dict(unique)}
        replace_file(path, json.dumps(settled | {"seconds_per_step": timed}, indent=1).encode())
    settled = json.loads(path.read_text("utf-8"))
    if settled["plan"] != kind or settled["unique"] != unique:
        sys.exit(f"{path} holds plan {settled['plan']!r} over {settled['unique']}: give another --output.")
    return make_plan(design, settled["cap"], unique)


def measure(plan: list[Trunk], site: Site, workers: int) -> None:
    """Run what the table does not hold yet; the bar counts compute, so that its time left is about right."""
    (site.output / "trunks").mkdir(parents=True, exist_ok=True)
    rows = site.output / "rows.jsonl"
    if torn := drop_torn_line(rows):
        print(f"{rows}: a row torn by a kill was dropped ({torn} bytes); its run is measured again.")
    done = {row["run"] for row in read_rows(rows)}
    left = [trunk for trunk in plan if not {trunk.run_id(budget) for budget in trunk.budgets} <= done]
    total, to_do = (sum(trunk.steps * step_flops(trunk.recipe) for trunk in trunks) for trunks in (plan, left))
    with tqdm(total=total, initial=total - to_do, unit="FLOP", unit_scale=True, smoothing=0.05) as bar:

        def report(steps: int, trunk: Trunk) -> None:
            bar.set_description(f"{trunk.stage}: {trunk.id}", refresh=False)
            bar.update(steps * step_flops(trunk.recipe))

        run_trunks(left, done, site, workers, report)


def parse_arguments(given: list[str] | None = None) -> Any:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--plan", choices=sorted(DESIGNS), required=True, help="which machine the design is for")
    parser.add_argument("--hours", type=float, help="time that the whole plan may take; sets the largest budgets")
    parser.add_argument("--workers", type=int, help="networks trained side by side (default: a core each; 1 on a GPU)")
    parser.add_argument("--output", type=Path, help="folder of the rows and saved states")
    parser.add_argument("--corpora", type=Path, default=default_folder(), help="folder of the built corpora")
    return parser.parse_args(given)


def main() -> None:
    """Measure, or go on measuring."""
    arguments = parse_arguments()
    kind, design = arguments.plan, DESIGNS[arguments.plan]
    output = arguments.output or default_folder().parent / f"bytelm-{kind}"
    output.mkdir(parents=True, exist_ok=True)
    own_table(output)
    corpora = load_corpora(arguments.corpora)
    site = Site(partial(load_corpora, arguments.corpora), design, output)
    workers = arguments.workers or (count_cores() if kind == "cpu" else 1)
    unique = {name: corpus.unique_bytes for name, corpus in corpora.items()}
    plan = settle_plan(kind, arguments.hours or HOURS[kind], unique, site, workers)
    points = sum(len(trunk.budgets) for trunk in plan)
    print(f"{points} final points on {len(plan)} trunks; rows go to {output / 'rows.jsonl'}")
    measure(plan, site, workers)


if __name__ == "__main__":
    main()
