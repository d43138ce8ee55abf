"""``check``, ``score``, ``plan``: whether a posterior may be believed, how well it foretold, what would teach it."""

from pathlib import Path
from typing import Annotated, Any

import typer
import xarray as xr

import scaling_bayes as sb
from scaling_bayes.command.asking import At, Posterior
from scaling_bayes.command.printing import (
    Json,
    Latex,
    Level,
    Seed,
    Strict,
    end,
    list_rows,
    print_answer,
    print_json,
    print_table,
)
from scaling_bayes.command.reading import read_held_out, read_names, read_place, read_points
from scaling_bayes.questions.card_tables import tabulate_gates
from scaling_bayes.symbols import sense_of


def check(posterior: Posterior, seed: Seed = 0, strict: Strict = False, as_json: Json = False) -> None:
    """Say whether a posterior may be believed: sampler gates, posterior predictive checks, what the data taught."""
    fitted = sb.open_posterior(posterior)
    found = sb.check(fitted, seed=seed)
    gates = tabulate_gates(fitted).frame.set_index("gate")
    statistics = found["p_value"].to_dataframe()
    findings = [str(finding) for finding in found["verdict"].values]
    if as_json:
        print_json({"gates": list_rows(gates), "statistics": list_rows(statistics), "findings": findings})
    else:
        for table in (gates, statistics):
            if len(table):  # least squares has no gates
                print_table(table)
                print()
        print("\n".join(findings))
    end(str(found.attrs["failed_gates"]), strict)


def score(
    posterior: Posterior,
    held_out: Annotated[Path, typer.Argument(help="A saved sweep (.nc), as `fit` writes held_out.nc.")],
    by: Annotated[str, typer.Option(help="Groups by commas, or extrapolation.")] = "",
    level: Level = 0.9,
    seed: Seed = 0,
    strict: Strict = False,
    as_json: Json = False,
    latex: Latex = False,
) -> None:
    """Score a posterior on runs that its fit did not see: coverage, error and width of its intervals."""
    runs = read_held_out(held_out)
    scored = sb.score(sb.open_posterior(posterior), runs, levels=sorted({0.5, 0.8, 0.9, level}), seed=seed)
    names = list(read_names(by, "--by"))
    table = sb.score_table(scored, names[0] if names == ["extrapolation"] else names, level=level)
    print_answer(scored, table, as_json=as_json, latex=latex, strict=strict, level=level)


def plan(
    posterior: Posterior,
    target: Annotated[str, typer.Option(help="The prediction that is to be known: N=1e10,D=2e11,corpus=web.")],
    at: At = None,
    candidates: Annotated[Path | None, typer.Option(help="A table of runs that could be trained, a row each.")] = None,
    choose: Annotated[str, typer.Option(help="Group whose best label is to be picked at the target.")] = "",
    cost: Annotated[str, typer.Option(help="Column of the candidates; C is 6 N D where it is missing.")] = "C",
    replicates: Annotated[int, typer.Option(help="Runs of each candidate.")] = 1,
    seed: Seed = 0,
    strict: Strict = False,
    as_json: Json = False,
    latex: Latex = False,
) -> None:
    """Rank runs that could be trained (--at or --candidates) by what they teach about a target for their cost."""
    fitted, place = sb.open_posterior(posterior), read_place(target)
    answer = sb.plan(
        fitted,
        read_points(at, candidates),
        target=lambda drawn: _ask(drawn, place, choose),
        choose=choose or None,
        cost=cost,
        replicates=replicates,
        seed=seed,
    )
    print_answer(answer, sb.plan_table(answer), as_json=as_json, latex=latex, strict=strict)


def _ask(posterior: xr.DataTree, place: dict[str, Any] | None, choose: str) -> xr.DataArray:
    """The response at one point, with the dims of the groups that it leaves open; for a choice, less is better."""
    answer = sb.predict(posterior, place)
    response = answer.attrs["response"]
    return answer[response].isel(point=0) * (sense_of(response) if choose else 1.0)
