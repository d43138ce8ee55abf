"""What a figure asks of the answer that it is given, in words that say what to call."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr

from scaling_bayes.sweeps.labels import label_runs
from scaling_bayes.symbols import suggest


class FigureError(ValueError):
    """An answer that this figure cannot show; the message says which call gives the right one."""


def check_answer(answer: Any, needed: Sequence[str], maker: str) -> xr.Dataset:
    """Return `answer` if it is a Dataset with every variable and coordinate that is `needed`.

    Raises
    ------
    FigureError
        Otherwise.

    Examples
    --------
    >>> check_answer(xr.Dataset({"loss": 1.0}), ["median"], "score(posterior, held_out)")
    Traceback (most recent call last):
    ...
    scaling_bayes.figures.answers.FigureError: the answer lacks ['median']; draw what score(posterior, held_out) returns
    (found: loss)
    """
    if not isinstance(answer, xr.Dataset):
        raise FigureError(f"found {type(answer).__name__}; draw the Dataset that {maker} returns")
    if absent := [name for name in needed if name not in answer.variables]:
        found = ", ".join(map(str, answer.variables)) or "nothing"
        raise FigureError(f"the answer lacks {absent}; draw what {maker} returns\n(found: {found})")
    return answer


def name_answers(
    answers: xr.Dataset | Mapping[str, xr.Dataset], needed: Sequence[str], maker: str
) -> dict[str, xr.Dataset]:
    """Answers by name, each checked; a single one has none.

    Raises
    ------
    FigureError
        If there is none, or one lacks what is needed.

    Examples
    --------
    >>> answer = xr.Dataset({"median": 1.0})
    >>> [list(name_answers(given, ["median"], "score")) for given in (answer, {"Huber": answer})]
    [[''], ['Huber']]
    """
    if isinstance(answers, xr.Dataset | xr.DataTree) or not isinstance(answers, Mapping):
        return {"": check_answer(answers, needed, maker)}
    if not answers:
        raise FigureError(f"no answer to draw; give what {maker} returns")
    return {str(name): check_answer(answer, needed, maker) for name, answer in answers.items()}


def check_level(answer: xr.Dataset, level: float) -> float:
    """Return the level of intervals among those that were scored.

    Raises
    ------
    FigureError
        If it was not.

    Examples
    --------
    >>> check_level(xr.Dataset(coords={"level": [0.5, 0.9]}), 0.9)
    0.9
    """
    near = np.isclose(answer["level"].values, level)
    if not near.any():
        known = ", ".join(f"{known:g}" for known in answer["level"].values)
        raise FigureError(f"level={level:g} was not scored; give one of {known}, or score with levels=[{level:g}]")
    return float(answer["level"].values[near][0])


def check_groups(by: str | Sequence[str], runs: xr.Dataset) -> list[str]:
    """Return names of groups as a list, if all are coordinates along the runs.

    Raises
    ------
    FigureError
        If one is not.

    Examples
    --------
    >>> check_groups("corpus", xr.Dataset(coords={"corpus": ("run", ["web"])}))
    ['corpus']
    """
    names = [by] if isinstance(by, str) else [str(name) for name in by]
    known = label_coordinates(runs)
    for name in names:
        if name not in runs.coords or runs[name].dims != ("run",):
            raise FigureError(f"{name!r} is no group of these runs: {suggest(name, known)}")
    return names


def label_coordinates(runs: xr.Dataset) -> list[str]:
    """Coordinates that label runs: text along ``run`` with fewer labels than runs.

    Examples
    --------
    >>> label_coordinates(xr.Dataset(coords={"corpus": ("run", ["web", "web"]), "run": ["a", "b"]}))
    ['corpus']
    """
    along = {str(name): coord for name, coord in runs.coords.items() if coord.dims == ("run",)}
    texts = [name for name, coord in along.items() if coord.dtype.kind in "UOT" and name not in ("run", "flag")]
    return [name for name in texts if len(np.unique(runs[name].values.astype(str))) < runs.sizes["run"]]


def split_runs(runs: xr.Dataset, groups: Sequence[str]) -> dict[str, xr.Dataset]:
    """Runs of each label that occurs, labels sorted; one part without a label where there are no groups.

    Examples
    --------
    >>> runs = xr.Dataset(coords={"corpus": ("run", ["web", "code", "web"])})
    >>> {label: part.sizes["run"] for label, part in split_runs(runs, ["corpus"]).items()}
    {'code': 1, 'web': 2}
    """
    labels = label_runs(runs, groups)
    return {str(label): runs.isel(run=np.flatnonzero(labels == label)) for label in np.unique(labels)}


def flagged_runs(runs: xr.Dataset) -> np.ndarray:
    """Which runs are flagged, as diverged or otherwise.

    Examples
    --------
    >>> flagged_runs(xr.Dataset(coords={"flag": ("run", ["", "diverged"])})).tolist()
    [False, True]
    """
    return runs["flag"].values.astype(str) != "" if "flag" in runs.coords else np.zeros(runs.sizes["run"], dtype=bool)


def gate_warning(answers: Mapping[str, xr.Dataset]) -> str:
    """Say which answers come from a posterior that failed its sampler's gates; empty if none does.

    Examples
    --------
    >>> gate_warning({"": xr.Dataset(attrs={"failed_gates": "R-hat"}), "law alone": xr.Dataset()})
    'SAMPLER GATES FAILED: R-hat'
    """
    failed = {name: str(answer.attrs.get("failed_gates", "")) for name, answer in answers.items()}
    return "\n".join(
        f"{name}: SAMPLER GATES FAILED: {gates}" if name else f"SAMPLER GATES FAILED: {gates}"
        for name, gates in failed.items()
        if gates
    )
