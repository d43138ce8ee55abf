"""What a posterior knows of its runs: parts training setup and data of a fit card."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from scaling_bayes.questions.fitted import Fit
from scaling_bayes.symbols import COUNTING, FLOP_RULES, REPLICATE, UNSTATED


def _data_sizes(fit: Fit) -> str:
    parts = [fit.range_of("D"), fit.range_of("U") and f"unique: {fit.range_of('U')}"]
    if {"N", "D"} <= {str(name) for name in fit.runs.variables}:
        ratio = fit.runs["D"].values / fit.runs["N"].values
        parts.append(f"{ratio.min():.3g} to {ratio.max():.3g} per parameter")
    return "; ".join(filter(None, parts))


def _rule(attribute: str, meanings: Mapping[str, str], covariate: str) -> Callable[[Fit], str]:
    def say(fit: Fit) -> str:
        rule = str(fit.runs.attrs.get(attribute, ""))
        known = rule and rule != UNSTATED and covariate in fit.runs
        return f"{rule}: {meanings[rule]}" if known and rule in meanings else ""

    return say


def _tokenizer(fit: Fit) -> str:
    return fit.counts_of("tokenizer").removeprefix("tokenizer: ") if "tokenizer" in fit.runs else ""


def _repeats(fit: Fit) -> str:
    if REPLICATE not in fit.runs:
        return ""
    return f"{len(np.unique(fit.runs[REPLICATE].values))} seeds"


def _runs(fit: Fit) -> str:
    rows = fit.runs.sizes["run"]
    if not fit.record.within:
        return str(rows)
    return f"{rows} rows of {len(np.unique(fit.runs[fit.record.within].values))} ({fit.record.within})"


def _groups(fit: Fit) -> str:
    named = [g for g in _list(fit.runs.attrs.get("groups")) if g in fit.runs and g != REPLICATE]
    return "; ".join(map(fit.counts_of, named)) or "none"


def _source(fit: Fit) -> str:
    attrs = fit.runs.attrs
    whence = [str(attrs[key]) for key in ("citation", "source") if attrs.get(key)]
    if not whence:
        return ""
    licence = [f"licence: {attrs['licence']}"] if attrs.get("licence") else []
    return "; ".join(filter(None, (str(attrs.get("title", "")), *whence, *licence)))


def _errors(fit: Fit) -> str:
    name = f"{fit.record.response}_se"
    if name not in fit.runs:
        return "none"
    shared = " common to all runs, no noise of a single one" if fit.runs[name].attrs.get("shared") else ""
    return f"median {float(fit.runs[name].median()):.2g} {fit.record.unit}{shared}"


def _left_out(fit: Fit) -> str:
    why = _list(fit.runs.attrs.get("dropped_why"))
    return "; ".join(why) or str(int(fit.runs.attrs.get("dropped", 0)))


def _flags(fit: Fit) -> str:
    notes = _list(fit.runs.attrs.get("notes"))
    return " ".join(notes) or "none"


def _held_out(fit: Fit) -> str:
    return str(fit.runs.attrs.get("held_out_rule", "")) or "none before this fit"


def _checkpoints(fit: Fit) -> str:
    if "final" not in fit.runs:
        return ""
    final = fit.runs["final"].values.astype(bool)
    return "every row ends its schedule" if final.all() else f"{(~final).sum()} of {final.size} rows end no schedule"


def _list(value: Any) -> list[str]:
    """Items of an attribute, which a file may have turned into a text or an array."""
    return [value] if isinstance(value, str) else [str(item) for item in (() if value is None else value)]


RUN_FACTS: dict[str, Callable[[Fit], str]] = {
    "sizes": lambda fit: fit.range_of("N"),
    "data_sizes": _data_sizes,
    "compute": lambda fit: fit.range_of("C"),
    "counting": _rule("counting", COUNTING, "N"),
    "flop_rule": _rule("flop_rule", FLOP_RULES, "C"),
    "tokenizer": _tokenizer,
    "repeats": _repeats,
    "runs": _runs,
    "groups": _groups,
    "source": _source,
    "data_hash": lambda fit: str(fit.told.get("data_hash", "")),
    "errors": _errors,
    "left_out": _left_out,
    "flags": _flags,
    "held_out": _held_out,
    "checkpoints": _checkpoints,
}
