"""Scoreboard of speed, ``python -m benchmarks.speed``: effective draws per CPU second, counted only if the gates pass.

Every measurement runs in a process of its own without any compilation cache: a first fit (cold), and a second one with
another seed in the same process (warm).
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pandas as pd

import scaling_bayes as sb
from benchmarks.markdown import format_markdown
from benchmarks.problems import GROUPING, simulate_groups, state_problem
from benchmarks.systems import CHAINS, PACKAGES, SYSTEMS, TREE_DEPTH, Lengths

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks" / "results" / "speed.csv"
GROUPS, SEEDS, STATES = (3, 24, 100), (0, 1, 2), ("cold", "warm")
REAL = 0
"""In place of a number of groups: the default model, with discrepancy, on loss-to-loss; `scaling_bayes` only."""

OURS = "scaling_bayes"

KEYS = ["system", "groups", "seed", "draws", "warmup", "tree_depth"]
COLUMNS = [
    *KEYS, "problem", "runs", "chains", "state", "cpu_seconds", "wall_seconds", "min_ess", "gates_passed",
    "failed_gates", "divergences", "ess_per_cpu_second", "machine", "cores", "python", "versions",
]  # fmt: skip

Fit = Callable[[int], list[dict[str, Any]]]
"""From a seed to the verdicts of the gates."""


def uncached(folder: str) -> dict[str, str]:
    """Environment of a process in which nothing is compiled yet: caches are switched off or lie in an empty folder."""
    return {
        "SCALING_BAYES_CACHE": "off",
        "JAX_ENABLE_COMPILATION_CACHE": "false",
        "NUMBA_CACHE_DIR": f"{folder}/numba",
        "PYTENSOR_FLAGS": f"base_compiledir={folder}/pytensor",
    }


def prepare(system: str, groups: int, lengths: Lengths) -> tuple[int, Fit]:
    """Number of runs, and the fit that is timed."""
    from scaling_bayes.inference.gates import measure_gates

    if groups == REAL:
        sweep, _ = sb.hold_out(sb.load_sweep("loss-to-loss"), along="C", above=1.01e19)
        law = sb.law("chinchilla")
        model = sb.Model(law, pool=dict.fromkeys(law.parameters, sb.Partial(GROUPING)))
        size = {"chains": CHAINS, "draws": lengths.draws, "warmup": lengths.warmup}

        def fit_real(seed: int) -> list[dict[str, Any]]:
            tree = sb.fit(model, sweep, seed=seed, **size, progress=False)
            return json.loads(tree.attrs["gates"])

        return sweep.sizes["run"], fit_real
    sweep = simulate_groups(groups)
    problem = state_problem(sweep)
    run: list[Callable[[int], Any]] = []

    def fit(seed: int) -> list[dict[str, Any]]:
        if not run:
            run.append(SYSTEMS[system](problem, sweep, lengths))
        posterior, stats = run[0](seed)
        return [asdict(gate) for gate in measure_gates(posterior, stats, lengths.tree_depth)]

    return sweep.sizes["run"], fit


def measure(system: str, groups: int, seed: int, *lengths: int) -> list[dict[str, Any]]:
    """Fit twice in this process; one row each.

    CPU seconds are those of the process, its threads and its children, from the writing of the model to the gates;
    imports and the simulation are not counted.
    """
    settings = Lengths(*lengths)
    runs, fit = prepare(system, groups, settings)
    rows = []
    for number, state in enumerate(STATES):
        cpu, wall = sum(os.times()[:4]), time.perf_counter()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the row says which gates were failed
            gates = {gate["name"]: gate for gate in fit(2 * seed + number)}
        cpu, wall = sum(os.times()[:4]) - cpu, time.perf_counter() - wall
        failed = [name for name, gate in gates.items() if not gate["passed"]]
        ess = min(gates["bulk ESS"]["value"], gates["tail ESS"]["value"])
        rows.append(
            {"system": system, "groups": groups, "seed": seed}
            | settings._asdict()
            | {"problem": "simulated" if groups else "loss-to-loss", "runs": runs, "chains": CHAINS, "state": state}
            | {"cpu_seconds": round(cpu, 2), "wall_seconds": round(wall, 2), "min_ess": round(ess)}
            | {"gates_passed": not failed, "failed_gates": "; ".join(failed)}
            | {"divergences": int(gates["divergences"]["value"])}
            | {"ess_per_cpu_second": None if failed else round(ess / cpu, 3)}
            | describe_machine(system)
        )
    return rows


def describe_machine(system: str) -> dict[str, Any]:
    """Processor, cores, Python, and versions of the packages that a system needs.

    Examples
    --------
    >>> describe_machine("numpyro")["cores"] >= 1
    True
    """
    info = Path("/proc/cpuinfo")
    lines = info.read_text("utf-8").splitlines() if info.exists() else []
    names = [line.split(":")[1].strip() for line in lines if line.startswith("model name")]
    return {
        "machine": names[0] if names else platform.processor() or platform.machine(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "versions": " ".join(f"{name}={version(name)}" for name in PACKAGES[system]),
    }


def measure_apart(*job: Any) -> list[dict[str, Any]]:
    """`measure` in a fresh process; an error there is raised here with the last line that it said."""
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.speed", "--measure", json.dumps(job)],
            cwd=ROOT,
            env=os.environ | uncached(folder), capture_output=True, text=True, check=False,
        )  # fmt: skip
    if done.returncode:
        raise RuntimeError(((done.stderr or done.stdout).strip().splitlines() or ["no word"])[-1])
    return json.loads(done.stdout.splitlines()[-1])


def append_rows(rows: list[dict[str, Any]], path: Path) -> None:
    """Put rows below those that are there, all or none; rows of the same job are replaced."""
    path.parent.mkdir(parents=True, exist_ok=True)
    table = pd.DataFrame(rows, columns=COLUMNS)
    if path.exists():
        before = pd.read_csv(path)
        same = before.set_index(KEYS).index.isin(table.set_index(KEYS).index)
        parts = [part for part in (before[~same], table) if len(part)]
        table = pd.concat([part.astype(object) for part in parts], ignore_index=True)
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    table.to_csv(unfinished, index=False)
    unfinished.replace(path)


def tabulate(rows: pd.DataFrame) -> pd.DataFrame:
    """Medians over repetitions: ESS per CPU second where gates were passed, CPU seconds, and how many passed."""
    rows = rows.assign(passed=rows["gates_passed"].astype(float), repetitions=1)
    how = {"ess_per_cpu_second": "median", "cpu_seconds": "median", "min_ess": "median", "divergences": "max"}
    by = ["problem", "groups", "draws", "warmup", "tree_depth", "system", "state"]
    return rows.groupby(by).agg(how | {"passed": "sum", "repetitions": "sum"}).reset_index()


def is_there(path: Path, job: tuple[Any, ...]) -> bool:
    """Whether the rows of a job were written."""
    return path.exists() and job in pd.read_csv(path, usecols=KEYS)[KEYS].itertuples(index=False, name=None)


def read_arguments(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Arguments of the command line."""
    says = (__doc__ or "").splitlines()[0]
    parser = argparse.ArgumentParser(prog="python -m benchmarks.speed", description=says)
    parser.add_argument("--system", action="append", choices=SYSTEMS, help="one or several; all by default")
    parser.add_argument("--groups", action="append", type=int, help="3, 24 and 100 by default, and 0, loss-to-loss")
    parser.add_argument("--seed", action="append", type=int, help="one or several repetitions; 0, 1 and 2 by default")
    parser.add_argument("--draws", type=int, default=1000, help="kept draws a chain")
    parser.add_argument("--warmup", type=int, default=1000, help="iterations of warm-up a chain")
    parser.add_argument("--tree-depth", type=int, default=TREE_DEPTH, help="largest depth of peers' trees")
    parser.add_argument("--again", action="store_true", help="measure also what is there")
    parser.add_argument("--table", action="store_true", help="measure nothing, print what is there")
    parser.add_argument("-o", "--output", type=Path, default=RESULTS, help="file that rows are appended to")
    parser.add_argument("--measure", type=json.loads, help=argparse.SUPPRESS)
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure what is missing and print the table; 0, or 1 if a measurement ended with an error."""
    chosen = read_arguments(arguments)
    if chosen.measure:
        print(json.dumps(measure(*chosen.measure)))
        return 0
    sizes = chosen.groups if chosen.groups is not None else [*GROUPS, REAL]
    jobs = [
        (system, groups, seed, chosen.draws, chosen.warmup, TREE_DEPTH if system == OURS else chosen.tree_depth)
        for groups in sizes
        for seed in chosen.seed or SEEDS
        for system in chosen.system or SYSTEMS
        if groups != REAL or system == OURS
    ]
    failed = 0
    for job in jobs if not chosen.table else []:
        if is_there(chosen.output, job) and not chosen.again:
            continue
        print(*job, "...", file=sys.stderr, flush=True)
        try:
            append_rows(measure_apart(*job), chosen.output)
        except RuntimeError as error:
            failed += 1
            print(*job, f"ended with: {error}", file=sys.stderr, flush=True)
    if chosen.output.exists():
        print(format_markdown(tabulate(pd.read_csv(chosen.output))))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
