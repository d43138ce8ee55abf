"""``report``, ``figures``, ``explore``: a saved posterior as a fit card, as figures, as a page with sliders."""

from pathlib import Path
from typing import Annotated, Any

import typer

import scaling_bayes as sb
from scaling_bayes.command.asking import At, Posterior
from scaling_bayes.command.cards import WRITERS, check_free, save_figures, write_report
from scaling_bayes.command.pictures import draw_figures
from scaling_bayes.command.printing import Force, Json, Level, Strict, end, print_files, say
from scaling_bayes.command.reading import read_held_out, read_names, read_points
from scaling_bayes.questions.forecast import describe
from scaling_bayes.questions.points import read_record

HeldOut = Annotated[Path | None, typer.Option(help="A saved sweep (.nc) of runs that the fit did not see.")]


def report(
    posterior: Posterior,
    metadata: Annotated[Path | None, typer.Option(help="TOML: what only you can say.")] = None,
    held_out: HeldOut = None,
    alternatives: Annotated[str, typer.Option(help="Other posteriors: NAME=FILE,NAME=FILE.")] = "",
    at: At = None,
    forms: Annotated[str, typer.Option(help="Which files: html, md, tex, json.")] = ",".join(WRITERS),
    level: Level = 0.9,
    complete: Annotated[bool, typer.Option("--complete", help="Refuse a card with blanks, naming them.")] = False,
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder for what is written.")] = Path("report"),
    force: Force = False,
    strict: Strict = False,
    as_json: Json = False,
) -> None:
    """Write the fit card of a saved posterior: report.html with figures, card.md, card.tex, card.json."""
    fitted = sb.open_posterior(posterior)
    others = {name: sb.open_posterior(path) for name, path in read_names(alternatives, "--alternatives").items()}
    asked: dict[str, Any] = {"alternatives": others, "level": level, "complete": complete}
    written = write_report(
        fitted,
        output,
        metadata,
        held_out=read_held_out(held_out),
        forms=list(read_names(forms, "--forms")),
        at=read_points(at) if at else None,
        overwrite=force,
        **asked,
    )
    print_files(written, as_json=as_json)
    end(describe(fitted, read_record(fitted))["failed_gates"], strict)


def figures(
    posterior: Posterior,
    held_out: HeldOut = None,
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder for what is written.")] = Path("figures"),
    force: Force = False,
    as_json: Json = False,
) -> None:
    """Draw every figure that a saved posterior supports, as PDF and PNG."""
    check_free([output], overwrite=force)
    drawn, absent = draw_figures(sb.open_posterior(posterior), read_held_out(held_out))
    for name, why in absent.items():
        say(f"no {name}: {why}")
    print_files(save_figures(drawn, output), as_json=as_json)


def explore(
    posterior: Posterior,
    html: Annotated[Path, typer.Option(help="The page that is written.")] = Path("explorer.html"),
    force: Force = False,
) -> None:
    """Write a page with sliders for a saved posterior, which any browser opens."""
    check_free([html], overwrite=force)
    html.parent.mkdir(parents=True, exist_ok=True)
    sb.explore(sb.open_posterior(posterior)).to_html(html)
    print(html)
