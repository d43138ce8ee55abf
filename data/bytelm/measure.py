"""Measure the sweep: ``python data/bytelm/measure.py --plan cpu|gpu [--hours H] [--output DIR] [--corpora DIR]``.

Kill it whenever you like and start it again with the same arguments: finished runs stay, the one in flight goes on from
its last saved state, and the table is never left with half a row.
"""

import argparse
import json
import platform
import sys
import time
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import jax
import numpy as np
from corpora import Corpus, default_folder, load_corpora
from journal import drop_torn_line, read_rows, replace_file
from networks import MIXERS, Shape
from plan import DESIGNS, Design, Trunk, choose_cap, make_plan, step_flops
from runs import Bench, run_trunk, spread_held_out
from tqdm import tqdm
from training import CHUNK, Order, Recipe, start_state, train

HOURS = {"cpu": 2.4, "gpu": 0.4}
SAFETY = 0.85
"""Share of the hours that is planned with: compilation, files and a machine that slows down take the rest."""


def calibrate(design: Design, text: np.ndarray, chunks: int = 3) -> dict[Shape, float]:
    """Seconds of one training step of every shape, the best of a few chunks; compiles every program on the way."""
    seconds = {}
    shapes = [Shape(kind, *size) for size in (*design.sizes, design.target) for kind in MIXERS]
    for shape in tqdm(list(dict.fromkeys(shapes)), desc="calibrating", unit="network"):
        recipe = Recipe(shape, design.batch, design.context, lr=1e-3)
        order = Order(text, batch=design.batch, context=design.context, seed=0)
        state, times = start_state(recipe), []
        for chunk in range(chunks + 1):
            started = time.perf_counter()
            state, _, _ = train(state, order, recipe, (chunk * CHUNK, (chunk + 1) * CHUNK))
            times.append((time.perf_counter() - started) / CHUNK)
        seconds[shape] = min(times[1:])
    return seconds


def settle_plan(kind: str, hours: float, corpora: Mapping[str, Corpus], output: Path) -> list[Trunk]:
    """The plan of this output folder: chosen once by timing the machine, then read back.

    Raises
    ------
    SystemExit
        If the folder holds another plan.
    """
    path = output / "plan.json"
    unique = {name: corpus.unique_bytes for name, corpus in corpora.items()}
    if not path.exists():
        seconds = calibrate(DESIGNS[kind], next(iter(corpora.values())).train)
        cap = choose_cap(DESIGNS[kind], unique, seconds, SAFETY * hours)
        timed = {f"{shape.architecture} {shape.width}x{shape.depth}": pace for shape, pace in seconds.items()}
        settled = {"plan": kind, "hours": hours, "cap": cap, "unique": unique, "seconds_per_step": timed}
        replace_file(path, json.dumps(settled, indent=1).encode())
    settled = json.loads(path.read_text("utf-8"))
    if settled["plan"] != kind or settled["unique"] != unique:
        sys.exit(f"{path} holds plan {settled['plan']!r} over {settled['unique']}: give another --output.")
    return make_plan(DESIGNS[kind], settled["cap"], unique)


def describe_machine() -> dict[str, str]:
    """Device and versions, as every row tells them."""
    device = jax.devices()[0]
    packages = ("jax", "equinox", "optax", "numpy")
    return {
        "device": device.device_kind if device.platform != "cpu" else f"cpu {platform.machine()}",
        "versions": ", ".join(f"{name} {version(name)}" for name in packages),
    }


def measure(plan: list[Trunk], corpora: Mapping[str, Corpus], design: Design, output: Path) -> None:
    """Run what the table does not hold yet; the bar counts compute, so that its time left is about right."""
    (output / "trunks").mkdir(parents=True, exist_ok=True)
    rows = output / "rows.jsonl"
    if torn := drop_torn_line(rows):
        print(f"{rows}: a row torn by a kill was dropped ({torn} bytes); its run is measured again.")
    done = {row["run"] for row in read_rows(rows)}
    left = [trunk for trunk in plan if not {trunk.run_id(budget) for budget in trunk.budgets} <= done]
    total = sum(trunk.steps * step_flops(trunk.recipe) for trunk in plan)
    to_do = sum(trunk.steps * step_flops(trunk.recipe) for trunk in left)
    with tqdm(total=total, initial=total - to_do, unit="FLOP", unit_scale=True, smoothing=0.05) as bar:

        def report(steps: int, trunk: Trunk) -> None:
            bar.update(steps * step_flops(trunk.recipe))

        bench = Bench(corpora, spread_held_out(corpora, design), output, describe_machine(), report)
        for trunk in left:
            bar.set_description(f"{trunk.stage}: {trunk.id}")
            run_trunk(trunk, bench, done)


def parse_arguments(given: list[str] | None = None) -> Any:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--plan", choices=sorted(DESIGNS), required=True, help="which machine the design is for")
    parser.add_argument("--hours", type=float, help="time that the whole plan may take; sets the largest budgets")
    parser.add_argument("--output", type=Path, help="folder of the rows and saved states")
    parser.add_argument("--corpora", type=Path, default=default_folder(), help="folder of the built corpora")
    return parser.parse_args(given)


def main() -> None:
    """Measure, or go on measuring."""
    arguments = parse_arguments()
    output = arguments.output or default_folder().parent / f"bytelm-{arguments.plan}"
    output.mkdir(parents=True, exist_ok=True)
    jax.config.update("jax_compilation_cache_dir", str(output / "compiled"))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.5)
    corpora = load_corpora(arguments.corpora)
    plan = settle_plan(arguments.plan, arguments.hours or HOURS[arguments.plan], corpora, output)
    points = sum(len(trunk.budgets) for trunk in plan)
    print(f"{points} final points on {len(plan)} trunks; rows go to {output / 'rows.jsonl'}")
    measure(plan, corpora, DESIGNS[arguments.plan], output)


if __name__ == "__main__":
    main()
