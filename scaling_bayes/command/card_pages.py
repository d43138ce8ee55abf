"""Write the fit cards of `bytelm` and of Chinchilla's table: ``python -m scaling_bayes.command.card_pages docs/cards``.

What only an author can say stands beside each card, in ``<name>.toml``.
"""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import xarray as xr

import scaling_bayes as sb
from scaling_bayes.command.printing import say
from scaling_bayes.sweeps import compared_groups

HUBER = {"seed": 0, "bootstrap": 200}


@dataclass(frozen=True)
class Example:
    """A fit whose card is shown.

    Attributes
    ----------
    sweep : str
        Of the catalogue.
    groups : tuple of str
    top : number
        Share of runs, or levels of each group, that are held out.
    at : mapping
        Point at which the other fits predict beside it; the largest held-out run if none is named.
    subset : str
        Rows that one of the other fits is made from; of the sweep's own ones.
    """

    sweep: str
    groups: tuple[str, ...]
    top: float
    at: dict[str, Any]
    subset: str = ""


EXAMPLES = (
    Example("chinchilla", (), 0.1, {"N": 70e9, "D": 1.4e12}, subset="published_fit"),
    Example("bytelm", ("corpus", "architecture"), 1, {}),
)


def write_card(example: Example, folder: Path, *, draws: int = 500, warmup: int = 500) -> Path:
    """Fit Chinchilla's law to a sweep, its largest scales held out, and write the card as Markdown.

    Parameters
    ----------
    example : Example
    folder : Path
        Holds ``<name>.toml``, the author's statements.
    draws, warmup : int
        Of each of four chains.

    Returns
    -------
    Path
    """
    sweep, law = sb.load_sweep(example.sweep), sb.law("chinchilla")
    fit_part, held_out = sb.hold_out(sweep, along="C", top=example.top, within=example.groups)
    pool = sb.recommend_pool(law, *example.groups) if example.groups else None
    say(f"fitting {law.formula} to {fit_part.sizes['run']} runs of {example.sweep} ...")
    posterior = sb.fit(sb.Model(law, pool=pool), fit_part, seed=0, draws=draws, warmup=warmup, progress=False)
    kaplan = sb.law("kaplan_E")
    others = {
        "the same by Huber + bootstrap": sb.baseline(law, fit_part, by=example.groups, **HUBER),
        "kaplan_E by Huber + bootstrap": sb.baseline(kaplan, fit_part, by=example.groups, **HUBER),
    }
    if example.subset:
        part = sb.hold_out(sb.load_sweep(example.sweep, subset=example.subset), along="C", top=example.top)[0]
        others[f"{example.subset} by Huber + bootstrap"] = sb.baseline(law, part, by=example.groups, **HUBER)
    card = sb.report(
        posterior,
        folder / f"{example.sweep}.toml",
        scores=sb.score(posterior, held_out),
        alternatives=others,
        at=example.at or _largest(held_out),
    )
    path = folder / f"{example.sweep}.md"
    path.write_text(card.to_markdown(), encoding="utf-8")
    return path


def _largest(held_out: xr.Dataset) -> dict[str, Any]:
    """The held-out run of the largest scale, as a point."""
    run = held_out.isel(run=int(held_out["C"].values.argmax()))
    return {name: run[name].item() for name in ("N", "D", "C", *compared_groups(held_out))}


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the cards into the folder that the command line names."""
    parser = argparse.ArgumentParser(prog="python -m scaling_bayes.command.card_pages", description=__doc__)
    parser.add_argument("folder", type=Path, nargs="?", default=Path("docs/cards"))
    parser.add_argument("--only", choices=[example.sweep for example in EXAMPLES])
    chosen = parser.parse_args(arguments)
    for example in EXAMPLES:
        if chosen.only in (None, example.sweep):
            print(write_card(example, chosen.folder))
    return 0


if __name__ == "__main__":
    main()
