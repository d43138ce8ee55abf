"""Labels of runs, and values that are given by label: one number a corpus, one number a tokenizer."""

from collections.abc import Collection, Mapping
from typing import Any

import numpy as np
import xarray as xr

from scaling_bayes.sweeps.checks import SweepError
from scaling_bayes.symbols import suggest


def label_runs(runs: xr.Dataset, groups: Collection[str]) -> np.ndarray:
    """Label of each run, several groups joined by a comma; all empty without groups.

    Examples
    --------
    >>> runs = xr.Dataset(coords={"corpus": ("run", ["web", "code"]), "seed": ("run", [0, 1])})
    >>> label_runs(runs, ["corpus", "seed"]).tolist()
    ['web, 0', 'code, 1']
    """
    if not groups:
        return np.full(runs.sizes["run"], "")
    columns = [runs[name].values.astype(str) for name in groups]
    return np.array([", ".join(labels) for labels in zip(*columns, strict=True)], dtype=str)


def values_by_label(given: Mapping[Any, float], labels: Mapping[str, np.ndarray], what: str) -> np.ndarray:
    """One value a run, looked up in the label column that the keys of `given` cover.

    Parameters
    ----------
    given : mapping of label to number
        For instance ``{"web": 400.0, "code": 300.0}``.
    labels : mapping of str to array
        Label columns along runs.
    what : str
        What the values are, for error messages.

    Raises
    ------
    SweepError
        If no label column, or more than one, is covered by the keys.

    Examples
    --------
    >>> values_by_label({"web": 2.0, "code": 1.0}, {"corpus": np.array(["code", "web"])}, "A").tolist()
    [1.0, 2.0]
    """
    table = {str(label): float(value) for label, value in given.items()}
    found = {name: [str(label) for label in column] for name, column in labels.items()}
    fits = [name for name, column in found.items() if set(column) <= set(table)]
    if len(fits) > 1:
        fits = [name for name in fits if set(found[name]) == set(table)]
    if len(fits) != 1:
        columns = "; ".join(f"{name}: {sorted(set(column))}" for name, column in found.items()) or "there are none"
        hint = "more than one" if len(fits) > 1 else "no"
        unknown = [label for column in found.values() for label in column if label not in table]
        near = f" {unknown[0]!r}: {suggest(unknown[0], table)}." if unknown else ""
        raise SweepError(f"{what} is given for {list(table)}, which covers {hint} group (groups: {columns}).{near}")
    return np.array([table[label] for label in found[fits[0]]])


def bare_label(label: str) -> str:
    """A label without capitals, blanks, hyphens and underscores, to find those that differ by spelling alone.

    Other signs tell things apart, as points of sizes do; a number keeps its sign.

    Examples
    --------
    >>> [bare_label(label) for label in ("Fine-Web ", "C++", "1.5B", "1e-3")]
    ['fineweb', 'c++', '1.5b', '1e-3']
    """
    bare = "".join(label.translate({ord("-"): None, ord("_"): None}).split()).casefold()
    return bare if any(map(str.isalpha, label.replace("e", ""))) else label
