"""The field's words: what each letter means, its unit and how it is printed.

One name has one meaning everywhere: ``N`` network parameters, ``D`` training tokens or samples, ``C`` training FLOP,
``loss`` what was measured. Tables and laws are told apart from typing mistakes here, so every refusal can name what
is known and what was probably meant.
"""

import difflib
import re
from collections.abc import Iterable
from dataclasses import dataclass


class SweepError(ValueError):
    """A table or a question about it that cannot be honoured; the message says where and what to do."""


class SweepWarning(UserWarning):
    """A table that was accepted but looks unlike what was declared."""


@dataclass(frozen=True)
class Symbol:
    r"""One word of the field.

    Parameters
    ----------
    name : str
        What it is called in tables, formulas and attrs.
    latex : str
        How it is printed, without dollar signs.
    kind : str
        Which table of `UNITS` its unit is looked up in; ``"label"`` for groups.
    unit : str
        Canonical unit: what a sweep holds after conversion.
    description : str
        What an axis label says.

    Examples
    --------
    >>> COVARIATES["D"].description
    'training tokens or samples'
    """

    name: str
    latex: str
    kind: str
    unit: str
    description: str


def _table(*rows: tuple[str, str, str, str, str]) -> dict[str, Symbol]:
    return {row[0]: Symbol(*row) for row in rows}


COVARIATES = _table(
    ("N", "N", "parameters", "parameters", "network parameters"),
    ("D", "D", "data", "tokens", "training tokens or samples"),
    ("C", "C", "compute", "FLOP", "training compute"),
    ("M", "M", "number", "1", "tokens per parameter"),
    ("S", "S", "count", "steps", "optimizer steps"),
    ("U", "U", "data", "tokens", "unique training tokens"),
    ("P", "P", "count", "streams", "parallel streams"),
    ("epochs", r"n_{\mathrm{epochs}}", "number", "1", "passes over the data"),
    ("experts", r"n_{\mathrm{experts}}", "number", "1", "number of experts"),
    ("width", r"d_{\mathrm{model}}", "number", "1", "width"),
    ("depth", r"n_{\mathrm{layers}}", "number", "1", "number of layers"),
    ("context", r"n_{\mathrm{ctx}}", "data", "tokens", "context length"),
    ("vocabulary", r"n_{\mathrm{vocab}}", "number", "1", "vocabulary size"),
    ("batch", "B", "data", "tokens", "batch size"),
    ("lr", r"\eta", "number", "1", "peak learning rate"),
    ("S1", "S_1", "number", "1", "sum of the learning rates so far"),
    ("S2", "S_2", "number", "1", "annealing area"),
)
"""What a law may depend on."""

RESPONSES = _table(
    ("loss", "L", "loss", "nats/token", "loss"),
    ("error", r"\epsilon", "fraction", "fraction", "error rate"),
    ("accuracy", r"\mathrm{acc}", "fraction", "fraction", "accuracy"),
)
"""What is measured."""

RISING = frozenset({"accuracy"})
"""Responses of which more is better; of every other one less is."""


def sense_of(response: str) -> float:
    """Plus one for a response of which less is better, as of losses and errors; minus one for accuracies.

    Examples
    --------
    >>> sense_of("loss"), sense_of("accuracy")
    (1.0, -1.0)
    """
    return -1.0 if response in RISING else 1.0


GROUPS = _table(
    ("corpus", r"\mathrm{corpus}", "label", "", "training corpus"),
    ("architecture", r"\mathrm{architecture}", "label", "", "architecture"),
    ("task", r"\mathrm{task}", "label", "", "evaluation task"),
    ("seed", r"\mathrm{seed}", "label", "", "seed"),
    ("tokenizer", r"\mathrm{tokenizer}", "label", "", "tokenizer"),
    ("optimizer", r"\mathrm{optimizer}", "label", "", "optimizer"),
    ("schedule", r"\mathrm{schedule}", "label", "", "learning-rate schedule"),
    ("method", r"\mathrm{method}", "label", "", "training method"),
    ("family", r"\mathrm{family}", "label", "", "network family"),
)
"""By what runs are told apart."""

REPLICATE = "seed"
"""Group whose members are replicates of each other."""

SAMPLE = ("chain", "draw")
"""Dims of draws."""

UNSTATED = "not stated"

COUNTING = {
    "total": "every parameter, embeddings included",
    "non_embedding": "embedding and output matrices left out",
    "active": "parameters used per token (mixture of experts)",
    UNSTATED: "the source does not say",
}
"""How network parameters were counted."""

FLOP_RULES = {
    "6ND": "C = 6 N D",
    "measured": "counted by the training program, attention included",
    "GMACs x 2": "multiply-accumulates times two",
    "GFLOPs per sample x samples": "forward cost of one sample times samples seen",
    UNSTATED: "the source does not say",
}
"""How training compute was counted."""


def suggest(word: str, known: Iterable[str], shown: Iterable[str] | None = None) -> str:
    """Say what is known, the nearest spelling first.

    Parameters
    ----------
    word : str
        What was found.
    known : iterable of str
        Among which the nearest spelling is looked for.
    shown : iterable of str, optional
        What the listing holds, where `known` is too long to print.

    Examples
    --------
    >>> suggest("chinchila", ["overtraining", "chinchilla"])
    "did you mean 'chinchilla'? Known: 'overtraining', 'chinchilla'"
    >>> suggest("x", [])
    'nothing is known here'
    """
    names = [str(name) for name in known]
    if not names:
        return "nothing is known here"
    listed = dict.fromkeys(names if shown is None else shown)
    folded = {name.casefold(): name for name in reversed(names)}
    near = difflib.get_close_matches(str(word).casefold(), folded, n=1)
    listing = "Known: " + ", ".join(repr(name) for name in listed)
    return f"did you mean {folded[near[0]]!r}? {listing}" if near else listing


def one_of(word: str, known: Iterable[str], what: str) -> str:
    """Return `word` if it is among `known`.

    Raises
    ------
    SweepError
        Otherwise, with the nearest spelling and the whole list.

    Examples
    --------
    >>> one_of("total", COUNTING, "counting")
    'total'
    """
    names = list(known)
    if word not in names:
        raise SweepError(f"{what} {word!r} is not known: {suggest(word, names)}.")
    return word


_GREEK = {
    *("alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta", "kappa", "lambda", "mu", "nu", "xi"),
    *("pi", "rho", "sigma", "tau", "phi", "chi", "psi", "omega"),
    *("Gamma", "Delta", "Theta", "Lambda", "Xi", "Pi", "Sigma", "Phi", "Psi", "Omega"),
}


def _letters(word: str) -> str:
    if word in _GREEK:
        return "\\" + word
    if word == "star":
        return r"\star"
    return word if len(word) == 1 or word.isdigit() else rf"\mathrm{{{word}}}"


def latex(name: str) -> str:
    r"""LaTeX of a name, without dollar signs.

    Words of the field come from the tables; Greek names and subscripts are spelled out; the rest is upright.

    Examples
    --------
    >>> latex("loss"), latex("alpha"), latex("A_ref"), latex("c0")
    ('L', '\\alpha', 'A_{\\mathrm{ref}}', 'c_{0}')
    >>> latex("lr_max"), latex("exponent_bits")
    ('\\eta_{\\mathrm{max}}', '\\mathrm{exponent\\ bits}')
    """
    for table in (COVARIATES, RESPONSES, GROUPS):
        if name in table:
            return table[name].latex
    head, *tail = [part for part in re.sub(r"^([A-Za-z])(\d+)$", r"\1_\2", name).split("_") if part] or [name]
    if tail and head in COVARIATES and "_" not in COVARIATES[head].latex:
        first = COVARIATES[head].latex
    elif tail and len(head) > 2 and head not in _GREEK:
        return r"\mathrm{" + r"\ ".join([head, *tail]) + "}"
    else:
        first = _letters(head)
    subscript = ",".join(_letters(part) for part in tail)
    return first + (f"_{{{subscript}}}" if subscript else "")
