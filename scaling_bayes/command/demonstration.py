"""``demo``, what ``make run`` does: fit a sweep, extrapolate to its targets, score against the habit.

The measured sweep that ships with the project: Chinchilla's law with its levels pooled over corpora and architectures
and its exponents shared, the target runs held out; with and without discrepancy, and Huber least squares with a
bootstrap of each combination alone.
"""

import json
import sys
import time
from pathlib import Path
from typing import Annotated

import pandas as pd
import typer
import xarray as xr
from xarray import ufuncs

import scaling_bayes as sb
from scaling_bayes.command.printing import GATES_FAILED, say
from scaling_bayes.symbols import SAMPLE

SWEEP, GROUPS, LEVELS = "bytelm", ("corpus", "architecture"), ("E", "A", "B")
WITH, WITHOUT, HABIT = "with discrepancy", "without discrepancy", "Huber + bootstrap"
COLUMNS = {"runs": "runs", "coverage": "90% coverage", "rmsle": "RMSLE", "width": "width (log)", "crps": "CRPS"}


def fit_all(
    fit_part: xr.Dataset, *, seed: int, draws: int, warmup: int, resamples: int = 4000, progress: bool = False
) -> dict[str, xr.DataTree]:
    """Fit the three methods to the same runs."""
    law = sb.law("chinchilla")
    pool = dict.fromkeys(LEVELS, GROUPS)
    posteriors = {}
    for name, discrepancy in ((WITH, "auto"), (WITHOUT, None)):
        model = sb.Model(law, pool=pool, discrepancy=discrepancy)
        say(f"fitting {law.formula} over {fit_part.sizes['run']} runs, {name} ...")
        posteriors[name] = sb.fit(model, fit_part, seed=seed, draws=draws, warmup=warmup, progress=progress)
    say(f"fitting each {' and '.join(GROUPS)} alone by Huber least squares, {resamples} resamples ...")
    posteriors[HABIT] = sb.baseline(law, fit_part, seed=seed, by=GROUPS, bootstrap=resamples)
    return posteriors


def score_all(
    posteriors: dict[str, xr.DataTree], held_out: xr.Dataset
) -> tuple[dict[str, xr.Dataset], dict[str, pd.DataFrame]]:
    """Score every method on the held-out runs; a table has a row a cell and one for all."""
    scored = {name: sb.score(posterior, held_out) for name, posterior in posteriors.items()}
    tables = {name: pd.concat([sb.score_table(s, GROUPS), sb.score_table(s)]) for name, s in scored.items()}
    return scored, {name: table.rename_axis(", ".join(GROUPS)) for name, table in tables.items()}


def contrast_targets(posterior: xr.DataTree, held_out: xr.Dataset, level: float = 0.9) -> pd.DataFrame:
    r"""Log ratio of two architectures' losses at their targets, foretold for new runs by joint draws, and measured.

    .. math:: \log L_\mathrm{second} - \log L_\mathrm{first}

    One row a corpus; below zero the second architecture is better.
    """
    cells = {"run": list(GROUPS)}
    foretold = ufuncs.log(sb.predict(posterior, held_out, new_run=True)["loss"]).set_index(cells).unstack("run")
    measured = ufuncs.log(held_out["loss"]).set_index(cells).unstack("run")
    first, second = foretold["architecture"].values
    contrast, seen = (x.sel(architecture=second) - x.sel(architecture=first) for x in (foretold, measured))
    table = sb.summarise(contrast.to_dataset(name="contrast"), level=level).droplevel("quantity")
    table[f"P({second} better)"] = (contrast < 0).mean(SAMPLE).to_series()
    table["measured"] = seen.to_series()
    return table.assign(inside=table["measured"].between(table["lower"], table["upper"]))


def print_report(tables: dict[str, pd.DataFrame], posteriors: dict[str, xr.DataTree], held_out: xr.Dataset) -> None:
    """Print scores, gates and seconds."""
    print(f"\nHeld out: {held_out.attrs['held_out_rule']}.\n")
    for name, posterior in posteriors.items():
        shown = tables[name][list(COLUMNS)].rename(columns=COLUMNS)
        kept = ", from the cache" if posterior.attrs.get("cached") else ""
        print(f"{name} ({posterior.attrs['seconds']:.0f} s{kept})")
        print(shown.to_string(float_format="{:.4f}".format, formatters={"90% coverage": "{:.2f}".format}))
        for gate in read_gates(posterior):
            verdict = "passed" if gate["passed"] else "FAILED"
            print(f"    {verdict}  {gate['name']}: {gate['value']:.4g} (limit {gate['limit']:g})")
        print()


def write_results(
    folder: Path,
    posteriors: dict[str, xr.DataTree],
    scored: dict[str, xr.Dataset],
    tables: dict[str, pd.DataFrame],
    fit_part: xr.Dataset,
) -> list[Path]:
    """Write posteriors, table and figures below `folder`."""
    written = []
    for name, posterior in posteriors.items():
        stem = name.replace(" + ", "-").replace(" ", "-").lower()
        written.append(sb.save_posterior(posterior, folder / f"{stem}.nc", overwrite=True))
    written.append(folder / "scores.csv")
    pd.concat(tables, names=["method"]).to_csv(written[-1])
    pictures = {
        "sweep": sb.figures.plot_sweep(fit_part),
        "extrapolation": sb.figures.plot_extrapolation(scored, fit_part, by="corpus", mark="architecture"),
        "check": sb.figures.plot_check(sb.check(posteriors[WITH])),
    }
    for name, figure in pictures.items():
        written += sb.figures.save_figure(figure, folder / name)
    return written


def read_gates(posterior: xr.DataTree) -> list[dict[str, float]]:
    """Verdicts of the sampler's gates; none for a method that does not sample."""
    return json.loads(posterior.attrs["gates"])


def demo(
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder for what is written.")] = Path("results"),
    seed: Annotated[int, typer.Option(help="Of the fits.")] = 0,
    draws: Annotated[int, typer.Option(help="Kept draws a chain.")] = 1000,
    warmup: Annotated[int, typer.Option(help="Iterations of warm-up a chain.")] = 500,
) -> None:
    """Fit the sweep that ships with the project three ways and score them on its target runs; 3 if a gate failed."""
    started = time.perf_counter()
    sweep = sb.load_sweep(SWEEP)
    output.mkdir(parents=True, exist_ok=True)
    fit_part, held_out = sb.hold_out(sweep, along="C", top=1, within=GROUPS)
    posteriors = fit_all(fit_part, seed=seed, draws=draws, warmup=warmup, progress=sys.stderr.isatty())
    scored, tables = score_all(posteriors, held_out)
    print_report(tables, posteriors, held_out)
    contrast = contrast_targets(posteriors[WITH], held_out)
    print(f"log ratio of the targets' losses, {WITH}\n{contrast.to_string(float_format='{:.4f}'.format)}\n")
    for path in write_results(output, posteriors, scored, tables, fit_part):
        print(path)
    say(f"{time.perf_counter() - started:.0f} seconds in all")
    if not all(gate["passed"] for posterior in posteriors.values() for gate in read_gates(posterior)):
        raise typer.Exit(GATES_FAILED)
