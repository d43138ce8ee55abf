"""``predict``, ``compare``, ``crossover``, ``multiplier``, ``allocate``, ``require``: questions of a posterior."""

from pathlib import Path
from typing import Annotated, Any

import typer

import scaling_bayes as sb
from scaling_bayes.command.printing import Json, Latex, Level, Seed, Strict, print_answer
from scaling_bayes.command.reading import read_choice, read_choices, read_names, read_place, read_points, read_scales

Posterior = Annotated[Path, typer.Argument(help="A saved posterior, .nc or .zarr.", show_default=False)]
At = Annotated[list[str] | None, typer.Option("--at", help="A point: N=1e9,D=2e10,corpus=web. Give it again for more.")]
Points = Annotated[Path | None, typer.Option(help="A table of points, a row each.")]
Group = Annotated[str, typer.Argument(help="What is compared: a group, or several joined by +.")]
Held = Annotated[str, typer.Option("--at", help="Further covariates and labels of groups: D=2e10,corpus=web.")]
Average = Annotated[str, typer.Option(help="Groups to average over, by commas.")]
Along = Annotated[str, typer.Option(help="The scale: C, N or D.")]
Ratio = Annotated[
    float | None, typer.Option("--tokens-per-parameter", help="How compute is spent, where C, N or D is given alone.")
]


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
    group: Group,
    at: At = None,
    points: Points = None,
    average: Average = "",
    tokens_per_parameter: Ratio = None,
    level: Level = 0.9,
    seed: Seed = 0,
    strict: Strict = False,
    as_json: Json = False,
    latex: Latex = False,
) -> None:
    """Rank the labels of a group at points: who is better, how surely, and what a wrong pick costs."""
    answer = sb.compare(
        sb.open_posterior(posterior),
        read_choice(group),
        at=read_points(at, points),
        average=list(read_names(average, "--average")),
        tokens_per_parameter=tokens_per_parameter,
        seed=seed,
    )
    table = sb.rank(answer, level=level)
    print_answer(answer, table, as_json=as_json, latex=latex, strict=strict, level=level)


def crossover(
    posterior: Posterior,
    group: Group,
    between: Annotated[str, typer.Option(help="Two labels: web,code; of crossed groups web+dense,code+dense.")],
    within: Annotated[str, typer.Option(help="Range of the scale: 1e18,1e24.")],
    along: Along = "C",
    at: Held = "",
    average: Average = "",
    tokens_per_parameter: Ratio = None,
    level: Level = 0.9,
    seed: Seed = 0,
    strict: Strict = False,
    as_json: Json = False,
    latex: Latex = False,
) -> None:
    """Say whether, and where, two curves cross: probabilities, and the place given one crossing."""
    answer = sb.crossover(
        sb.open_posterior(posterior),
        read_choice(group),
        between=read_choices(between),
        within=read_scales(within, "--within"),
        along=along,
        at=read_place(at),
        average=list(read_names(average, "--average")),
        tokens_per_parameter=tokens_per_parameter,
        seed=seed,
    )
    table = sb.summarise(answer, level=level)
    print_answer(answer, table, as_json=as_json, latex=latex, strict=strict, level=level)


def multiplier(
    posterior: Posterior,
    group: Group,
    baseline: Annotated[str, typer.Option(help="The label that the others are measured by.")],
    at: At = None,
    points: Points = None,
    along: Along = "C",
    average: Average = "",
    tokens_per_parameter: Ratio = None,
    level: Level = 0.9,
    seed: Seed = 0,
    strict: Strict = False,
    as_json: Json = False,
    latex: Latex = False,
) -> None:
    """Say how many times the compute, size or data of a choice the baseline needs to do as well."""
    answer = sb.multiplier(
        sb.open_posterior(posterior),
        read_choice(group),
        baseline=read_choice(baseline),
        at=read_points(at, points),
        along=along,
        average=list(read_names(average, "--average")),
        tokens_per_parameter=tokens_per_parameter,
        seed=seed,
    )
    table = sb.summarise(answer, level=level)
    print_answer(answer, table, as_json=as_json, latex=latex, strict=strict, level=level)


def allocate(
    posterior: Posterior,
    budgets: Annotated[list[float], typer.Argument(help="Budgets in FLOP.", metavar="C...")],
    at: Held = "",
    eps: Annotated[float, typer.Option(help="Excess over the lowest loss that the region holds, as a share.")] = 0.0025,
    level: Level = 0.9,
    seed: Seed = 0,
    strict: Strict = False,
    as_json: Json = False,
    latex: Latex = False,
) -> None:
    """Split budgets between network size and data: N_opt, D_opt, and the region in which little is lost."""
    answer = sb.allocate(sb.open_posterior(posterior), budgets, at=read_place(at), eps=eps, seed=seed)
    table = sb.summarise(answer, level=level)
    print_answer(answer, table, as_json=as_json, latex=latex, strict=strict, level=level)


def require(
    posterior: Posterior,
    targets: Annotated[list[float], typer.Argument(help="Of the response, in its unit.", metavar="LOSS...")],
    along: Along = "C",
    at: Held = "",
    within: Annotated[str, typer.Option(help="Range that is searched: 1e18,1e26.")] = "",
    tokens_per_parameter: Ratio = None,
    level: Level = 0.9,
    seed: Seed = 0,
    strict: Strict = False,
    as_json: Json = False,
    latex: Latex = False,
) -> None:
    """Say what scale a target takes, and with what probability it is never reached."""
    given: dict[str, Any] = {"within": read_scales(within, "--within")} if within else {}
    answer = sb.require(
        sb.open_posterior(posterior),
        loss=targets,
        along=along,
        at=read_place(at),
        tokens_per_parameter=tokens_per_parameter,
        seed=seed,
        **given,
    )
    table = sb.summarise(answer, level=level)
    print_answer(answer, table, as_json=as_json, latex=latex, strict=strict, level=level)
