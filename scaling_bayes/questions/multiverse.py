"""`multiverse`: one question, asked under every defensible choice."""

import json
from collections.abc import Mapping

import numpy as np
import xarray as xr

from scaling_bayes.questions.points import QuestionError
from scaling_bayes.questions.thinning import spread_evenly
from scaling_bayes.symbols import SAMPLE

TOLD = ("law", "method", "pooling", "seed", "data_hash", "failed_gates")
"""What is kept of each answer's attributes."""


def multiverse(
    answers: Mapping[str, xr.DataArray | xr.Dataset], choices: Mapping[str, Mapping[str, object]], *, quantity: str = ""
) -> xr.Dataset:
    """Put the same quantity under many choices side by side, draws kept.

    Parameters
    ----------
    answers : mapping of str to DataArray or Dataset
        One number with draws for each universe: of a Dataset, its variable `quantity`, or the only one with draws.
    choices : mapping of str to mapping
        Of the same names: what was chosen there, such as ``{"law": "chinchilla", "rows": "all", "parameters": 5}``.
        Every universe answers the same choices.
    quantity : str
        Name of the quantity.

    Returns
    -------
    Dataset
        The quantity (chain, draw, universe) in its unit, as many draws of each, evenly spaced; coordinates along
        ``universe`` say the choices. ``attrs["universes"]`` keeps, as JSON, what each answer came from.

    Raises
    ------
    QuestionError
        If names or choices differ between universes, or an answer is no single number with draws.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> answers = {n: xr.DataArray(rng.normal(size=(2, 50)), dims=SAMPLE, name="a") for n in ("one", "two")}
    >>> found = multiverse(answers, {"one": {"law": "power"}, "two": {"law": "chinchilla"}})
    >>> found["a"].dims, found["law"].values.tolist()
    (('chain', 'draw', 'universe'), ['power', 'chinchilla'])
    """
    if not answers or list(answers) != list(choices):
        raise QuestionError(
            f"answers= and choices= name the same universes in one order: {list(answers)}, {list(choices)}"
        )
    asked = list(next(iter(choices.values())))
    if other := [name for name, chosen in choices.items() if list(chosen) != asked]:
        raise QuestionError(f"every universe answers {asked}; {', '.join(other)} do not")
    numbers = {name: _read_number(name, answer, quantity) for name, answer in answers.items()}
    count = min(number.size for number in numbers.values())
    first = next(iter(numbers.values()))
    draws = np.stack([_take(number, count) for number in numbers.values()], axis=-1)[None]
    told = {name: {key: answer.attrs[key] for key in TOLD if key in answer.attrs} for name, answer in answers.items()}
    failed = {name: each["failed_gates"] for name, each in told.items() if each.get("failed_gates")}
    coords = {choice: ("universe", [str(chosen[choice]) for chosen in choices.values()]) for choice in asked}
    return xr.Dataset(
        {quantity or str(first.name or "quantity"): ((*SAMPLE, "universe"), draws, first.attrs)},
        coords={"universe": list(answers), **coords},
        attrs={
            "choices": asked,
            "universes": json.dumps(told, default=str),
            "failed_gates": "; ".join(f"{name}: {gates}" for name, gates in failed.items()),
        },
    )


def _read_number(name: str, answer: xr.DataArray | xr.Dataset, quantity: str) -> xr.DataArray:
    if isinstance(answer, xr.Dataset):
        drawn = [str(n) for n, array in answer.data_vars.items() if set(SAMPLE) <= set(array.dims)]
        wanted = quantity or (drawn[0] if len(drawn) == 1 else "")
        if wanted not in drawn:
            raise QuestionError(
                f"answer {name!r} has draws of {', '.join(drawn) or 'nothing'}; name one with quantity="
            )
        answer = answer[wanted]
    number = answer.squeeze([d for d in answer.dims if d not in SAMPLE and answer.sizes[d] == 1], drop=True)
    if set(number.dims) != set(SAMPLE):
        raise QuestionError(f"answer {name!r} is one number with dims chain and draw, found {number.dims}; select one")
    return number


def _take(number: xr.DataArray, count: int) -> np.ndarray:
    """So many draws, evenly spaced."""
    values = number.transpose(*SAMPLE).values.ravel()
    return values[spread_evenly(count, values.size)]
