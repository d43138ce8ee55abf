"""``predict``, ``compare``, ``allocate``: questions of a saved posterior."""

from pathlib import Path
from typing import Annotated

import typer

import scaling_bayes as sb
from scaling_bayes.command.printing import Json, Latex, Level, Seed, Strict, print_answer
from scaling_bayes.command.reading import read_names, read_points

Posterior = Annotated[Path, typer.Argument(help="A saved posterior, .nc or .zarr.", show_default=False)]
At = Annotated[list[str] | None, typer.Option("--at", help="A point: N=1e9,D=2e10,corpus=web. Give it again for more.")]
Points = Annotated[Path | None, typer.Option(help="A table of points, a row each.")]


def predict(
    posterior: Posterior,
    at: At = None,
    points: Points = None,
    new_run: Annotated[bool, typer.Option("--new-run", help="Predict one new run, with its noise.")] = False,
    level: Level = 0.9,
    seed: Seed = 0,
    strict: Strict = False,
    as_json: Json = False,
    latex: Latex = False,
) -> None:
    """Predict the response at points, in the units of the fitted sweep."""
    answer = sb.predict(sb.open_posterior(posterior), read_points(at, points), new_run=new_run, seed=seed)
    table = sb.summarise(answer, level=level)
    print_answer(answer, table, as_json=as_json, latex=latex, strict=strict, level=level)


def compare(
    posterior: Posterior,
    group: Annotated[str, typer.Argument(help="What is compared: a group, or several joined by +.")],
    at: At = None,
    points: Points = None,
    average: Annotated[str, typer.Option(help="Groups to average over, by commas.")] = "",
    tokens_per_parameter: Annotated[
        float | None, typer.Option(help="How compute is spent, where a point gives one of C, N and D alone.")
    ] = None,
    level: Level = 0.9,
    seed: Seed = 0,
    strict: Strict = False,
    as_json: Json = False,
    latex: Latex = False,
) -> None:
    """Rank the labels of a group at points: who is better, how surely, and what a wrong pick costs."""
    groups = group.split("+")
    answer = sb.compare(
        sb.open_posterior(posterior),
        groups[0] if len(groups) == 1 else groups,
        at=read_points(at, points),
        average=list(read_names(average, "--average")),
        tokens_per_parameter=tokens_per_parameter,
        seed=seed,
    )
    table = sb.rank(answer, level=level)
    print_answer(answer, table, as_json=as_json, latex=latex, strict=strict, level=level)


def allocate(
    posterior: Posterior,
    budgets: Annotated[list[float], typer.Argument(help="Budgets in FLOP.", metavar="C...")],
    at: Annotated[str, typer.Option("--at", help="Further covariates and labels of groups: corpus=web.")] = "",
    eps: Annotated[float, typer.Option(help="Excess over the lowest loss that the region holds, as a share.")] = 0.0025,
    level: Level = 0.9,
    seed: Seed = 0,
    strict: Strict = False,
    as_json: Json = False,
    latex: Latex = False,
) -> None:
    """Split budgets between network size and data: N_opt, D_opt, and the region in which little is lost."""
    where = {name: values[0] for name, values in dict(read_points([at])).items()} if at else None
    answer = sb.allocate(sb.open_posterior(posterior), budgets, at=where, eps=eps, seed=seed)
    table = sb.summarise(answer, level=level)
    print_answer(answer, table, as_json=as_json, latex=latex, strict=strict, level=level)
