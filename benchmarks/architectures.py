"""Vision-language networks compared, ``python -m benchmarks.architectures``: from which compute on MaMMUT beats CLIP.

Error rates are fitted up to a compute and the curves compared: of five tasks on two corpora together, of a constant
schedule, of four architectures, and of one task with every run or with the best ones only. Larger runs are foretold.
"""

import argparse
import sys
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

import scaling_bayes as sb
from benchmarks.extrapolation import Settings, count_cpu_seconds, read_facts, write_rows
from benchmarks.families import pick_runs
from benchmarks.markdown import format_markdown

RESULTS = Path(__file__).parent / "results" / "architectures.csv"
OLD, NEW = "clip", "mammut"
PAIR = (OLD, NEW)
EVERY = ("clip", "coca", NEW, "siglip")

LEAST = 1e17
"""Runs with less compute are left out: the shift of the published curve of CLIP is 1e17 FLOP, below it little falls."""

ABOVE = 2.5e20
"""Runs with more are held out, as in the paper."""

BINS = 4
"""Bins of a decade of compute, where only the best run of each is taken."""

WITHIN = (LEAST, 1e22)
"""Where a crossing is looked for."""

PUBLISHED = (1e19, 1e20)
"""Compute at which the paper says that MaMMUT overtakes CLIP."""

SCALES = (1e18, 1e19, 1e20, 1e21)
"""Compute at which architectures are compared."""

KEY = ("corpus", "task", "architecture")
SCORES = {"held_out": "sum", "rmse": "mean", "bias": "mean", "coverage": "mean"}
"""Columns of the held-out runs of an architecture, and how they are taken over runs."""

RUN = "trained_network"
"""Coordinate of what was trained once: a network, for a number of samples."""


@dataclass(frozen=True)
class Case:
    """Runs, and how their noise is taken.

    Attributes
    ----------
    sweep : str
        Name in the catalogue.
    groups : tuple of str
        Groupings whose effects add.
    frontier : bool
        Fit every run, worse ones above the curve, instead of the best run of each bin of compute.
    where : mapping
        Coordinate -> values of the runs that belong to the case.
    architectures : tuple of str
    shared : bool
        Tasks of one network share an effect, instead of counting as separate runs.
    """

    sweep: str
    groups: tuple[str, ...]
    frontier: bool = False
    where: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    architectures: tuple[str, ...] = PAIR
    shared: bool = False

    def model(self) -> sb.Model:
        """A shifted power law along C with a drift; corpora have no exponents of their own, tasks no shifts."""
        law, apart = sb.law("shifted_power", along="C"), sb.Separate("architecture")
        whole, part = sb.Partial(*self.groups), sb.Partial(*(g for g in self.groups if g != "corpus"))
        pool = {"E": whole, "A": whole, "alpha": part, "B": apart}
        noise = sb.Frontier() if self.frontier else sb.StudentT(within=RUN if self.shared else None)
        several = len(self.groups) > 1
        chosen = pool if several else dict.fromkeys(law.parameters, apart)
        return sb.Model(law, pool=chosen, noise=noise, discrepancy=sb.Discrepancy(("C",)))


CASES: Mapping[str, Case] = {
    "cosine, two corpora": Case(
        "laion-comparison", ("architecture", "corpus", "task"), where={"schedule": ("cosine",)}
    ),
    "constant": Case("laion-comparison", ("architecture", "task"), where={"schedule": ("const",)}),
    "constant, effects of networks": Case(
        "laion-comparison", ("architecture", "task"), where={"schedule": ("const",)}, shared=True
    ),
    "cosine, four architectures": Case(
        "laion-comparison",
        ("architecture", "task"),
        where={"schedule": ("cosine",), "corpus": ("datacomp_1b",)},
        architectures=EVERY,
    ),
    "cosine, two corpora, effects of networks": Case(
        "laion-comparison", ("architecture", "corpus", "task"), where={"schedule": ("cosine",)}, shared=True
    ),
    "cosine, four architectures, effects of networks": Case(
        "laion-comparison",
        ("architecture", "task"),
        where={"schedule": ("cosine",), "corpus": ("datacomp_1b",)},
        architectures=EVERY,
        shared=True,
    ),
    "one task, best runs": Case("laion-runs", ("architecture",)),
    "one task, every run": Case("laion-runs", ("architecture",), frontier=True),
}


def load_parts(case: Case, above: float = ABOVE) -> tuple[xr.Dataset, xr.Dataset]:
    """Runs to fit, and the best of the larger ones.

    Parameters
    ----------
    case : Case
    above : float
        Runs with more compute are held out.

    Returns
    -------
    fit_part, held_out : Dataset
        Dims run; the response is an error rate.

    Raises
    ------
    SweepError
        If the sweep cannot be had, or a part would be empty.
    """
    sweep = pick_runs(sb.load_sweep(case.sweep, subset="all"), {"architecture": case.architectures, **case.where})
    sweep = sb.accuracy_to_error(sweep.isel(run=np.flatnonzero(sweep["C"] >= LEAST)))
    names = [name for name in ("architecture", "corpus", "network", "D") if name in sweep.coords]
    labels = zip(*(sweep[name].values.astype(str) for name in names), strict=True)
    sweep = sweep.assign_coords({RUN: ("run", np.array([", ".join(each) for each in labels]))})
    fit_part, held_out = sb.hold_out(sweep, along="C", above=above)
    return (fit_part if case.frontier else pick_best(fit_part, case.groups)), pick_best(held_out, case.groups)


def pick_best(sweep: xr.Dataset, groups: Sequence[str], bins: int = BINS) -> xr.Dataset:
    """The run with the lowest response in each bin of compute, `bins` a decade, of every combination of groups.

    Examples
    --------
    >>> C, groups = ("run", [1e18, 1.1e18, 1e19]), {"task": ("run", ["a"] * 3)}
    >>> sweep = xr.Dataset({"error": ("run", [0.5, 0.4, 0.3])}, coords={"C": C, **groups}, attrs={"response": "error"})
    >>> pick_best(sweep, ["task"])["error"].values.tolist()
    [0.4, 0.3]
    """
    table = pd.DataFrame({name: sweep[name].values for name in groups})
    table["bin"] = np.floor(bins * np.log10(sweep["C"].values))
    table["response"] = sweep[sweep.attrs["response"]].values
    return sweep.isel(run=np.sort(table.groupby([*groups, "bin"])["response"].idxmin().to_numpy()))


def compare_curves(posterior: xr.DataTree) -> pd.DataFrame:
    """Who is the best along C, and of CLIP and MaMMUT where they cross and how much compute one is worth.

    Returns
    -------
    DataFrame
        One row a corpus, task and architecture; all but ``p_best`` is the same for every architecture.
    """
    compared = sb.compare(posterior, "architecture", at={"C": list(SCALES)}, along=None)
    pair = _compare_pair(posterior, compared["p_better"].sel(architecture=NEW, architecture_other=OLD))
    best = {f"p_best_{C:.0e}": compared["p_best"].isel(point=k) for k, C in enumerate(SCALES)}
    ranked, crossed = (_to_rows(columns) for columns in (best, pair))
    shared = [name for name in ("corpus", "task") if name in ranked]
    return ranked.merge(crossed, how="left", on=shared) if shared else ranked.merge(crossed, how="cross")


def _compare_pair(posterior: xr.DataTree, better: xr.DataArray) -> dict[str, xr.DataArray]:
    """Columns of CLIP and MaMMUT."""
    crossing = sb.crossover(posterior, "architecture", between=PAIR, within=WITHIN)
    place = crossing["crossing"]
    columns = {name: crossing[name] for name in ("p_none", "p_one", "p_more")}
    columns |= {f"crossing_{100 * q:.0f}": crossing["crossing_quantile"].sel(quantile=q) for q in (0.05, 0.5, 0.95)}
    columns["p_published"] = ((place > PUBLISHED[0]) & (place < PUBLISHED[1])).mean(("chain", "draw"))
    worth = sb.multiplier(posterior, "architecture", baseline=OLD, at={"C": list(SCALES)})["multiplier"]
    worth = worth.sel(architecture=NEW).quantile([0.05, 0.5, 0.95], ("chain", "draw"), method="inverted_cdf")
    for k, C in enumerate(SCALES):
        columns[f"p_better_{C:.0e}"] = better.isel(point=k)
        columns |= {f"multiplier_{100 * q:.0f}_{C:.0e}": worth.isel(point=k).sel(quantile=q) for q in (0.05, 0.5, 0.95)}
    return columns


def _to_rows(columns: Mapping[str, xr.DataArray]) -> pd.DataFrame:
    """A row for each combination of labels."""
    kept = xr.Dataset({name: c.drop_vars(set(c.coords) - set(c.dims)) for name, c in columns.items()})
    return kept.expand_dims("row").to_dataframe().reset_index().drop(columns="row")


def score_curves(posterior: xr.DataTree, held_out: xr.Dataset) -> pd.DataFrame:
    """How far the median curve is from the larger runs, in units of the error rate, and whether intervals hold.

    Returns
    -------
    DataFrame
        One row a corpus, task and architecture: ``held_out`` (runs), ``rmse`` and ``bias`` of the median curve, and
        ``coverage`` of the 90% intervals of a new run.
    """
    response = held_out.attrs["response"]
    missed = held_out[response].values - sb.predict(posterior, held_out)[response].median(("chain", "draw")).values
    inside = sb.score(posterior, held_out)["inside"].sel(level=0.9).values
    names = [name for name in KEY if name in held_out.coords]
    table = pd.DataFrame({name: held_out[name].values for name in names})
    table = table.assign(held_out=1, rmse=missed**2, bias=missed, coverage=inside.astype(float))
    found = table.groupby(names).agg(SCORES)
    return found.assign(rmse=found["rmse"] ** 0.5).reset_index()


def count_training(case: Case, above: float = ABOVE) -> dict[str, float]:
    """FLOP of training every network of the fitted range for every number of samples, and of the longest runs only.

    With a constant rate shorter runs are checkpoints of the longest one.
    """
    parts = load_parts(replace(case, frontier=True), above)
    runs = parts[0].to_dataframe().drop_duplicates(RUN)
    trunk = [name for name in ("architecture", "corpus", "network") if name in runs]
    return {"flop_each": runs["C"].sum(), "flop_longest": runs.groupby(trunk)["C"].max().sum()}


def run_one(name: str, settings: Settings, above: float = ABOVE) -> pd.DataFrame:
    """Fit a case, compare the curves and score the larger runs.

    Returns
    -------
    DataFrame
        One row a corpus, task and architecture: what `compare_curves` says, and the scores of its held-out runs.
    """
    case = CASES[name]
    fit_part, held_out = load_parts(case, above)
    started = count_cpu_seconds()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", sb.GateWarning)  # the table says which gates were failed
        posterior = sb.fit(
            case.model(), fit_part, seed=settings.seed, draws=settings.draws, warmup=settings.warmup, progress=False
        )
    seconds = round(count_cpu_seconds() - started, 1)
    about: dict[str, Any] = {
        "case": name,
        "above": above,
        "fitted": fit_part.sizes["run"],
        **count_training(case, above),
    }
    about |= {**read_facts(posterior), "cpu_seconds": seconds, "draws": settings.draws, "seed": settings.seed}
    return tabulate(posterior, fit_part, held_out).assign(**about)


def tabulate(posterior: xr.DataTree, fit_part: xr.Dataset, held_out: xr.Dataset) -> pd.DataFrame:
    """Curves compared and scored, with the largest fitted compute of each architecture."""
    curves, scores = compare_curves(posterior), score_curves(posterior, held_out)
    both = [name for name in KEY if name in curves and name in scores]
    rows = curves.merge(scores[[*both, *SCORES]], how="left", on=both)
    for name in (name for name in KEY if name in fit_part.coords and name not in rows):
        rows[name] = fit_part[name].values[0]  # the only one
    return rows.assign(fitted_to=rows["architecture"].map(fit_part["C"].groupby("architecture").max().to_series()))


def main(arguments: Sequence[str] | None = None) -> int:
    """Run every case that is asked for, write the rows and print them."""
    says = (__doc__ or "").splitlines()[0]
    parser = argparse.ArgumentParser(prog="python -m benchmarks.architectures", description=says)
    parser.add_argument("--case", action="append", choices=CASES, help="one or several; all by default")
    parser.add_argument("--above", type=float, default=ABOVE, help="runs with more FLOP are held out")
    parser.add_argument("--draws", type=int, default=500, help="kept draws a chain")
    parser.add_argument("--warmup", type=int, default=500, help="iterations of warm-up a chain")
    parser.add_argument("--seed", type=int, default=Settings.seed)
    parser.add_argument("--table", action="store_true", help="run nothing, print what is there")
    parser.add_argument("-o", "--output", type=Path, default=RESULTS, help="file that rows are added to")
    chosen = parser.parse_args(arguments)
    settings = Settings(chosen.draws, chosen.warmup, seed=chosen.seed)
    for name in [] if chosen.table else chosen.case or CASES:
        print(f"{name} ...", file=sys.stderr, flush=True)
        keep_rows(run_one(name, settings, chosen.above), chosen.output)
    print_scoreboard(pd.read_csv(chosen.output))
    return 0


def keep_rows(rows: pd.DataFrame, path: Path) -> None:
    """Add the rows of a case to a file, in place of those it has of the same case."""
    if path.exists():
        known = pd.read_csv(path)
        same = (known["case"] == rows["case"].iloc[0]) & (known["above"] == rows["above"].iloc[0])
        rows = pd.concat([known[~same], rows], ignore_index=True)
    write_rows(rows, path)


def print_scoreboard(rows: pd.DataFrame) -> None:
    """Print the crossing, who is better and by how much, the larger runs, and each fit, in Markdown."""
    rows = rows.assign(corpus=rows.get("corpus", ""), task=rows.get("task", ""))
    flop = [str(name) for name in rows if str(name).startswith(("crossing_", "flop_", "above", "fitted_to"))]
    rows[flop] = rows[flop].map("{:.2g}".format).replace("nan", "")
    key = ["case", "above", "corpus", "task"]
    pairs, fits = rows.drop_duplicates(key), rows.drop_duplicates(["case", "above"])
    several = rows[rows["case"].map(lambda name: len(CASES[name].architectures) > len(PAIR))]
    crossing = ["p_none", "p_one", "p_more", "crossing_5", "crossing_50", "crossing_95", "p_published"]
    better, best = ([f"{name}_{C:.0e}" for C in SCALES] for name in ("p_better", "p_best"))
    worth = [f"multiplier_{q}_{C:.0e}" for C in (1e20, 1e21) for q in (5, 50, 95)]
    facts = ["fitted", "flop_each", "flop_longest", "gates_passed", "failed_gates", "min_ess", "divergences"]
    scored = ["architecture", "held_out", "rmse", "bias", "coverage"]
    tables = (
        pairs[key + crossing],
        pairs[key + better + worth],
        several[[*key, "architecture", "fitted_to", *best]],
        rows.dropna(subset=["rmse"])[key + scored],
        fits[["case", "above", *facts, "cpu_seconds", "draws"]],
    )
    print("\n\n".join(format_markdown(table) for table in tables))


if __name__ == "__main__":
    sys.exit(main())
