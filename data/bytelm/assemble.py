"""Assemble the sweep: ``python data/bytelm/assemble.py ROWS.jsonl [ROWS.jsonl ...]`` writes sweep.nc and card.toml.

Rows of several plans (a CPU's, later a GPU's) go into one sweep; the plan is told by the batch.
"""

import argparse
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import xarray as xr
from archives import hash_file
from corpora import read_recipe
from journal import read_rows

from scaling_bayes.sweeps import as_sweep

HERE = Path(__file__).resolve().parent
LARGEST = 2_000_000
TITLE = "bytelm: byte-level transformers and gated recurrences on four corpora"
UNITS = {"N": "1", "D": "bytes", "C": "FLOP", "lr": "1", "loss": "nats/byte"}
KEPT = (
    "trunk", "stage", "width", "depth", "N_non_embedding", "C_6ND", "batch", "context", "steps", "schedule", "epochs",
    "seconds", "flops_per_second", "train_loss", "device", "versions",
)  # fmt: skip
KEPT_UNITS = {
    "N_non_embedding": "parameters", "C_6ND": "FLOP", "batch": "bytes", "context": "bytes", "steps": "1", "epochs": "1",
    "width": "1", "depth": "1", "seconds": "s", "flops_per_second": "FLOP/s", "train_loss": "nats/byte",
}  # fmt: skip

NOTES = {
    "N": "Every parameter; embedding and output are one matrix, counted once. N_non_embedding leaves it out.",
    "D": "Bytes trained on: steps times bytes of a step. Tokens are bytes.",
    "C": "Counted by the program: matrix products and the mixing of positions, forward and backward. C_6ND beside it.",
    "loss": "Nats per byte on held-out files of the training corpus, each window read from an empty memory; "
    "`losses` (run x evaluation) holds all four held-out sets.",
    "lr": "Peak learning rate. Runs of stage 'lr' differ in nothing else; load_sweep(..., subset='all') has them.",
}
TUNED = "runs of the learning-rate sweep; subset='all' has them"
DEFECTS = (
    "Windows are 128 bytes and nothing is carried from one to the next: losses are those of a short context.",
    "Standard errors are over held-out files; all runs read the same windows, so differences are known better.",
    "Budgets of one trunk share their trunk: their errors are not independent.",
)


def join_rows(paths: Sequence[Path]) -> list[dict[str, Any]]:
    """Read the rows of all tables.

    Raises
    ------
    ValueError
        If there are none, or a run is in two tables.
    """
    rows = [row for path in paths for row in read_rows(path)]
    ids = pd.Series([row["run"] for row in rows], dtype=str)
    if ids.empty:
        raise ValueError(f"no rows in {', '.join(map(str, paths))}: measure first.")
    if ids.duplicated().any():
        raise ValueError(f"run {ids[ids.duplicated()].iloc[0]!r} is measured twice: give each table once.")
    return rows


def assemble_sweep(rows: Sequence[Mapping[str, Any]]) -> xr.Dataset:
    """Build the checked sweep: dims run and evaluation, ``loss`` on the own held-out set, ``losses`` on all of them.

    Diverged runs have no loss: they are left out, and counted in attrs.
    """
    table = pd.DataFrame(rows)
    for name, column in (("loss", "losses"), ("loss_se", "losses_se")):
        table[name] = [row[column].get(row["corpus"]) for row in rows]
    table = table.astype({"loss": float, "loss_se": float})
    diverged = table["loss"].isna()
    sweep = as_sweep(
        table[~diverged], response="loss", response_se="loss_se", response_se_shared=True, run="run",
        covariates=["N", "D", "C", "lr"],
        groups=["corpus", "architecture", "seed"], units=UNITS, counting="total", flop_rule="measured",
        keep=[name for name in KEPT if name in table], title=TITLE,
    )  # fmt: skip
    sweep.attrs["dropped"] += int(diverged.sum())
    # The program counted the parameters itself: networks are small, not in millions.
    sweep.attrs["notes"] = [note for note in sweep.attrs["notes"] if not note.startswith("median N")]
    if diverged.any():
        sweep.attrs["dropped_why"] = [*sweep.attrs["dropped_why"], f"{int(diverged.sum())}: diverged, without a loss"]
    for name, unit in KEPT_UNITS.items():
        sweep[name].attrs["units"] = unit
    return _add_evaluations(sweep, {row["run"]: row for row in rows})


def _add_evaluations(sweep: xr.Dataset, rows: Mapping[str, Mapping[str, Any]]) -> xr.Dataset:
    measured = [rows[str(run)] for run in sweep["run"].values]
    corpora = sorted({name for row in measured for name in row["losses"]})
    for column, long_name in (("losses", "loss on each held-out set"), ("losses_se", "standard error of losses")):
        values = [[row[column].get(name, float("nan")) for name in corpora] for row in measured]
        attrs = {"units": "nats/byte", "long_name": long_name}
        sweep[column] = (("run", "evaluation"), values, attrs)
    return sweep.assign_coords(evaluation=("evaluation", corpora, {"long_name": "held-out set of this corpus"}))


def write_sweep(sweep: xr.Dataset, folder: Path) -> Path:
    """Write ``sweep.nc``.

    Raises
    ------
    ValueError
        If it is too large to be shipped.
    """
    path = folder / "sweep.nc"
    numbers = [name for name in map(str, sweep.variables) if sweep[name].dtype.kind in "fi"]
    sweep.to_netcdf(path, engine="h5netcdf", encoding={name: {"zlib": True} for name in numbers})
    if path.stat().st_size > LARGEST:
        raise ValueError(f"{path} has {path.stat().st_size:,} bytes, more than the {LARGEST:,} that may be shipped.")
    return path


def write_card(sweep: xr.Dataset, saved: Path, folder: Path, year: int) -> Path:
    """Write ``card.toml`` beside the sweep: what the catalogue needs, and what the corpora were made of."""
    recipe = read_recipe()
    seconds, pace = float(sweep["seconds"].max()), float(sweep["flops_per_second"].median())
    top = {
        "title": TITLE, "licence": "MIT", "rows": sweep.sizes["run"], "url": "", "defects": DEFECTS,
        "default_subset": "tuned",
        "measured": f"longest run {seconds:,.0f} s, median {pace / 1e9:.1f} GFLOP/s",
    }  # fmt: skip
    tables: dict[str, Mapping[str, Any]] = {
        "citation": {"authors": "The scaling_bayes developers", "year": year},
        "notes": NOTES,
        "sweep": {"groups": ["corpus", "architecture", "seed"], "response_se_shared": True},
        "subsets.tuned": {"description": TUNED},
        "subsets.tuned.keep": {"stage": ["base", "seed", "target"]},
        **{f"corpora.{name}": entry | {"title": recipe["corpora"][name]["title"]}
           for name, entry in recipe.get("built", {}).items()},
    }  # fmt: skip
    parts = [_toml(top), *(f"[{name}]\n{_toml(entry)}" for name, entry in tables.items())]
    parts += [f"[[archives]]\n{_toml(archive)}" for archive in recipe["archives"]]
    parts.append("[[files]]\n" + _toml({"name": saved.name, "kind": "shipped", "sha256": hash_file(saved)}))
    path = folder / "card.toml"
    path.write_text("\n".join(parts), encoding="utf-8")
    return path


def _toml(entry: Mapping[str, Any]) -> str:
    """Strings, numbers and lists of them are written in TOML as in JSON."""
    return "".join(f"{key} = {json.dumps(value, ensure_ascii=False)}\n" for key, value in entry.items())


def main() -> None:
    """Write the sweep and its card from the measured rows."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rows", type=Path, nargs="+", help="tables that measure.py wrote")
    parser.add_argument("--folder", type=Path, default=HERE, help="where sweep.nc and card.toml go")
    parser.add_argument("--year", type=int, required=True, help="year of the measurement, for the citation")
    arguments = parser.parse_args()
    sweep = assemble_sweep(join_rows(arguments.rows))
    saved = write_sweep(sweep, arguments.folder)
    card = write_card(sweep, saved, arguments.folder, arguments.year)
    print(f"{sweep.sizes['run']} runs -> {saved} ({saved.stat().st_size:,} bytes), {card}")


if __name__ == "__main__":
    main()
