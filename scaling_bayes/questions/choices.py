"""What is compared: the labels of a group, or combinations of several, forecast at the same points from the same draws.

The drift that groups have in common, and whatever parameters they share, are one draw for all choices, so they cancel
in a contrast.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from math import prod
from typing import Any

import numpy as np
import xarray as xr
from xarray import ufuncs

from scaling_bayes.laws.record import Record
from scaling_bayes.questions.forecast import Forecast, forecast
from scaling_bayes.questions.paths import Columns
from scaling_bayes.questions.points import QuestionError
from scaling_bayes.symbols import suggest

BLOCK = 2**22
"""Numbers that one forecast holds at a time, about; draws beyond go into further blocks."""


@dataclass(frozen=True)
class Choices:
    """Labels that are compared.

    Attributes
    ----------
    groups : tuple of str
        One group, or several crossed ones.
    labels : tuple of tuple of str
        A label of each group for every choice.
    whole : bool
        Whether they are all fitted labels, in their order, so that a forecast may leave them unnamed; not where runs
        have effects, which differ between the choices.
    """

    groups: tuple[str, ...]
    labels: tuple[tuple[str, ...], ...]
    whole: bool = True

    @property
    def dim(self) -> str:
        """Name of the dim: the group, or ``choice`` for crossed ones."""
        return self.groups[0] if len(self.groups) == 1 else "choice"

    @property
    def names(self) -> list[str]:
        """A name for every choice."""
        return [", ".join(label) for label in self.labels]

    def find(self, label: str | Sequence[str]) -> int:
        """Number of a choice by its label or labels."""
        name = label if isinstance(label, str) else ", ".join(label)
        if name not in self.names:
            raise QuestionError(f"{name!r} is not among what is compared: {suggest(name, self.names)}")
        return self.names.index(name)

    def name_points(self, columns: Columns) -> Columns:
        """Columns at which a forecast answers every choice: as they are for all labels, else repeated for each one."""
        if self.whole:
            return columns
        (size,) = next(iter(columns.values())).shape
        at = {name: np.tile(column, len(self.labels)) for name, column in columns.items()}
        return at | {g: np.repeat([label[i] for label in self.labels], size) for i, g in enumerate(self.groups)}

    def first_rows(self, points: int, first: int) -> np.ndarray:
        """Rows of the first of all points, of every choice, in a forecast of `name_points`."""
        each = points if self.whole else points // len(self.labels)
        return np.arange(points).reshape(-1, each)[:, :first].ravel()

    def split(self, array: xr.DataArray) -> xr.DataArray:
        """A forecast's array with the dim of the choices before that of the points."""
        own = self.groups if self.whole else ()
        lead = [d for d in array.dims[:-1] if d not in own]
        values = array.transpose(*lead, *own, array.dims[-1]).values
        values = values.reshape(*values.shape[: len(lead)], len(self.labels), -1)
        coords = {d: array[d] for d in lead if d in array.coords}
        return xr.DataArray(values, dims=(*lead, self.dim, "point"), coords=coords)

    def log_mean(self, ahead: Forecast, averaged: Sequence[str] = ()) -> xr.DataArray:
        """Log response of every choice, averaged over other groups if some are named."""
        array = self.split(ahead.log_mean)
        return ufuncs.log(ufuncs.exp(array).mean(averaged, skipna=False)) if averaged else array

    def coords(self) -> dict[str, Any]:
        """Coordinates of the dim: the names, and for crossed groups each group's label."""
        crossed = {g: (self.dim, [label[i] for label in self.labels]) for i, g in enumerate(self.groups)}
        return {self.dim: self.names} if len(self.groups) == 1 else {self.dim: self.names, **crossed}


def read_choices(
    record: Record, group: str | Sequence[str], among: Sequence[str | Sequence[str]] | None = None
) -> Choices:
    """Choices from the name of a group, or the names of several.

    Parameters
    ----------
    record : Record
    group : str or sequence of str
    among : sequence of str, or of sequence of str, optional
        Labels to compare, for crossed groups one of each; those never fitted are drawn from the population. All
        fitted ones by default.

    Raises
    ------
    QuestionError
        If the law does not vary over a group, or there are fewer than two choices, or one is named twice.
    """
    groups = (group,) if isinstance(group, str) else tuple(group)
    for name in groups:
        if name not in record.factors:
            raise QuestionError(f"the fitted law does not vary over {name!r}: {suggest(name, record.factors)}")
    every = tuple(product(*(record.factors[g] for g in groups)))
    if isinstance(among, str):
        raise QuestionError(f"among= is a list of labels, for instance [{among!r}]; found {among!r}")
    labels = every if among is None else tuple((e,) if isinstance(e, str) else tuple(map(str, e)) for e in among)
    if bad := [label for label in labels if len(label) != len(groups)]:
        raise QuestionError(f"each choice needs a label of {', '.join(groups)}; found {bad[0]}")
    if len(set(labels)) < max(len(labels), 2):
        raise QuestionError(f"a comparison needs two different choices or more; found {', '.join(map(str, labels))}")
    return Choices(groups, labels, labels == every and not record.within)


def as_columns(points: xr.Dataset, choices: Choices | None = None) -> Columns:
    """Columns of the points that a forecast of the choices needs.

    Raises
    ------
    QuestionError
        If the points already name a group that is compared.
    """
    columns = {str(n): c.values for n, c in points.coords.items() if n not in ("extrapolation", *points.dims)}
    if both := [g for g in (choices.groups if choices else ()) if g in columns]:
        raise QuestionError(
            f"at= names {', '.join(both)}, which is what is compared; leave it out, or choose labels with among="
        )
    return columns


def read_average(record: Record, choices: Choices, average: str | Sequence[str], columns: Columns) -> tuple[str, ...]:
    """Groups to average over.

    Raises
    ------
    QuestionError
        If one is unknown, compared, or fixed by the points.
    """
    names = (average,) if isinstance(average, str) else tuple(average)
    known = [g for g in record.factors if g not in choices.groups]
    for name in names:
        if name not in known:
            raise QuestionError(f"average= names {name!r}, no group beside those compared: {suggest(name, known)}")
        if name in columns:
            raise QuestionError(f"at= fixes {name}, and average= averages over it: leave out one of the two")
    return names


def measure_draws(
    posterior: xr.DataTree, record: Record, at: Columns, rng: np.random.Generator, measure: Callable[..., xr.Dataset]
) -> xr.Dataset:
    """Forecast at points, some draws at a time, and keep what is measured.

    Parameters
    ----------
    posterior : DataTree
    record : Record
    at : mapping
        Columns, such as those of `Choices.name_points`.
    rng : numpy.random.Generator
    measure : callable
        Takes a `Forecast`; its answer has the dim draw.
    """
    beside = prod(len(labels) for g, labels in record.factors.items() if g not in at)
    blocks = _split_draws(posterior, beside * len(next(iter(at.values()))))
    parts = [measure(forecast(block, at, rng)) for block in blocks]
    return xr.concat(parts, "draw", data_vars="all", coords="minimal", compat="override", join="exact")


def _split_draws(posterior: xr.DataTree, numbers: int) -> Iterator[xr.DataTree]:
    """Posteriors of so many draws each that a forecast of `numbers` a draw stays below `BLOCK`."""
    draws = posterior["posterior"].to_dataset()
    step = max(1, int(BLOCK // max(numbers * draws.sizes["chain"], 1)))
    constant = posterior["constant_data"].to_dataset()
    for start in range(0, draws.sizes["draw"], step):
        part = {"posterior": draws.isel(draw=slice(start, start + step)), "constant_data": constant}
        tree = xr.DataTree.from_dict(part)
        tree.attrs = posterior.attrs
        yield tree
