"""``fit``: from a table to a checked posterior, its scores on held-out scales, its figures and its fit card."""

import sys
import time
from pathlib import Path
from typing import Annotated, Any

import typer
import xarray as xr

import scaling_bayes as sb
from scaling_bayes.command.cards import check_free, write_report
from scaling_bayes.command.printing import (
    Force,
    Json,
    Strict,
    end,
    list_rows,
    print_files,
    print_json,
    print_table,
    say,
)
from scaling_bayes.command.reading import read_law, read_names, read_pool, read_runs, read_units
from scaling_bayes.questions.card_tables import tabulate_gates, tabulate_parameters
from scaling_bayes.questions.checklist import read_metadata
from scaling_bayes.questions.forecast import describe
from scaling_bayes.questions.points import read_record
from scaling_bayes.sweeps import compared_groups


def fit(
    sweep: Annotated[
        str,
        typer.Argument(help="A table (.csv, .parquet, .jsonl), a saved sweep (.nc), or a name."),
    ],
    law: Annotated[str, typer.Option(help="A law of the catalogue, or a formula: 'E + A*N**-alpha'.")] = "chinchilla",
    response: Annotated[str | None, typer.Option(help="What was measured: loss, or loss=COLUMN.")] = None,
    covariates: Annotated[str | None, typer.Option(help="N=COLUMN,D=COLUMN.")] = None,
    groups: Annotated[str | None, typer.Option(help="corpus,architecture, or corpus=COLUMN.")] = None,
    units: Annotated[str | None, typer.Option(help="N=million,D='billion tokens',loss=nats/token.")] = None,
    counting: Annotated[str | None, typer.Option(help="Of parameters: total, non_embedding or active.")] = None,
    flop_rule: Annotated[str | None, typer.Option(help="How compute was counted, such as 6ND.")] = None,
    run: Annotated[str | None, typer.Option(help="Column of run ids.")] = None,
    response_se: Annotated[str | None, typer.Option(help="Column of standard errors of the response.")] = None,
    drop: Annotated[bool, typer.Option("--drop", help="Leave out rows with missing values, and say so.")] = False,
    pool: Annotated[str, typer.Option(help="auto, none, E,A, or E=corpus,A=corpus+architecture.")] = "auto",
    discrepancy: Annotated[str, typer.Option(help="auto, or none for the law alone.")] = "auto",
    hold_out: Annotated[float, typer.Option(help="Share of the runs, or levels, at the top; 0: none.")] = 0.1,
    along: Annotated[str | None, typer.Option(help="Scale along which is held out; C, or the first covariate.")] = None,
    within: Annotated[str, typer.Option(help="Hold out in each of these groups by itself.")] = "",
    refit: Annotated[
        bool, typer.Option("--refit", help="Then fit every run once more: posterior_all.nc, to ask of larger scales.")
    ] = False,
    seed: Annotated[int, typer.Option(help="Of the fit.")] = 0,
    chains: Annotated[int, typer.Option()] = 4,
    draws: Annotated[int, typer.Option(help="Kept draws a chain.")] = 1000,
    warmup: Annotated[int, typer.Option(help="Iterations of warm-up a chain.")] = 500,
    device: Annotated[str, typer.Option(help="auto, cpu or gpu.")] = "auto",
    metadata: Annotated[Path | None, typer.Option(help="TOML: what only you can say on the fit card.")] = None,
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder for what is written.")] = Path("results"),
    force: Force = False,
    strict: Strict = False,
    as_json: Json = False,
) -> None:
    """Fit a law to a table, hold the largest scales out, and write posterior, scores, figures and fit card.

    Writes posterior.nc; where scales were held out held_out.nc, held_out.csv and scores.csv; report.html, card.json and
    figures/; with --refit posterior_all.nc.
    """  # fmt: skip
    started = time.perf_counter()
    check_free([output], overwrite=force)
    formula, stated = read_law(law), read_metadata(metadata)
    declared = _declare(response, covariates, groups, units, counting, flop_rule, run, response_se, drop)
    runs = read_runs(sweep, declared and declared | {"title": Path(sweep).name})
    if runs.attrs["dropped"]:
        say(f"rows left out: {'; '.join(runs.attrs['dropped_why'])}")
    fit_part, held_out = split(runs, hold_out, along, list(read_names(within, "--within")))
    pooling = read_pool(pool, formula, compared_groups(fit_part))
    model = sb.Model(formula, pool=pooling, discrepancy=None if discrepancy == "none" else discrepancy)
    say(f"fitting {formula.formula} to {fit_part.sizes['run']} runs ...")
    if held_out is not None:
        say(f"{held_out.attrs['held_out_rule']} Scores are of these; --refit then fits every run.")
    settings: dict[str, Any] = {"seed": seed, "chains": chains, "draws": draws, "warmup": warmup, "device": device}
    posterior = sb.fit(model, fit_part, **settings, progress=sys.stderr.isatty())
    say("writing scores, figures and the fit card ...")
    written = [sb.save_posterior(posterior, output / "posterior.nc", overwrite=force)]
    scored = None if held_out is None else sb.score(posterior, held_out)
    written += [] if scored is None or held_out is None else _write_scores(scored, held_out, output)
    if refit and held_out is not None:
        say(f"fitting all {runs.sizes['run']} runs ...")
        every = sb.fit(model, runs, **settings, progress=sys.stderr.isatty())
        written.append(sb.save_posterior(every, output / "posterior_all.nc", overwrite=force))
    written += write_report(posterior, output, stated, held_out=held_out, overwrite=force)
    _tell(posterior, scored, written, as_json=as_json)
    say(f"{time.perf_counter() - started:.0f} seconds")
    end(describe(posterior, read_record(posterior))["failed_gates"], strict)


def split(runs: xr.Dataset, share: float, along: str | None, within: list[str]) -> tuple[xr.Dataset, xr.Dataset | None]:
    """Hold out the largest scales; nothing for a share of zero.

    Examples
    --------
    >>> law, truth = sb.Law("A*N**-alpha"), {"A": 40.0, "alpha": 0.25}
    >>> sweep = sb.simulate_sweep(law, {"N": [1e6, 1e7, 1e8]}, truth=truth, seed=0)
    >>> fit_part, held_out = split(sweep, 1, None, [])
    >>> fit_part.sizes["run"], held_out["N"].values.tolist()
    (2, [100000000.0])
    """
    if not share:
        return runs, None
    top = int(share) if share >= 1 and share == int(share) else share
    scale = along or ("C" if "C" in runs.coords else str(runs.attrs["covariates"][0]))
    return sb.hold_out(runs, along=scale, top=top, within=within)


def _declare(
    response: str | None, covariates: str | None, groups: str | None, units: str | None, counting: str | None,
    flop_rule: str | None, run: str | None, response_se: str | None, drop: bool,
) -> dict[str, Any]:  # fmt: skip
    """Arguments of `as_sweep`, those that were given."""
    names = {"response": response, "covariates": covariates, "groups": groups}
    declared: dict[str, Any] = {k: read_names(text, f"--{k}") for k, text in names.items() if text is not None}
    plain = {"counting": counting, "flop_rule": flop_rule, "run": run, "response_se": response_se}
    declared |= {k: value for k, value in plain.items() if value is not None}
    declared |= {"units": read_units(units)} if units is not None else {}
    declared |= {"drop": True} if drop else {}
    return declared


def _write_scores(scored: xr.Dataset, held_out: xr.Dataset, folder: Path) -> list[Path]:
    """Write the held-out runs, and their scores: of each run, and over all."""
    sweep, runs, table = folder / "held_out.nc", folder / "held_out.csv", folder / "scores.csv"
    held_out.to_netcdf(sweep, engine="h5netcdf")
    columns = ["observed", "median", "lower", "upper", "inside", "pit", "crps", "extrapolation"]
    scored[columns].sel(level=0.9).to_dataframe().to_csv(runs)
    sb.score_table(scored).to_csv(table)
    return [sweep, runs, table]


def _tell(posterior: xr.DataTree, scored: xr.Dataset | None, written: list[Path], *, as_json: bool) -> None:
    """Print gates, parameters, scores and what was written."""
    parameters = tabulate_parameters(posterior, read_record(posterior), 0.9)
    tables = {"gates": tabulate_gates(posterior).frame, "parameters": parameters.frame}
    if scored is not None:
        tables["scores"] = sb.score_table(scored).reset_index(names="held out")
    if as_json:
        files = [str(path) for path in written]
        print_json({**{name: list_rows(table) for name, table in tables.items()}, "files": files})
        return
    for table in tables.values():
        print_table(table.set_index(table.columns[0]))
        print()
    print_files(written)
