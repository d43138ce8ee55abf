"""Keep the largest scales away from a fit, so that extrapolation is scored where nobody looked."""

import json
import math
from collections.abc import Sequence
from numbers import Integral, Real

import numpy as np
import xarray as xr

from scaling_bayes.sweeps.checks import SweepError
from scaling_bayes.sweeps.labels import label_runs
from scaling_bayes.sweeps.sweep import attr_list, check_sweep
from scaling_bayes.symbols import suggest

SAME_LEVEL = 1.01
"""Values within this factor of a level's largest member belong to that level."""


def hold_out(
    sweep: xr.Dataset,
    *,
    along: str = "C",
    top: float | None = None,
    above: float | None = None,
    within: str | Sequence[str] = (),
) -> tuple[xr.Dataset, xr.Dataset]:
    """Split a sweep into the part to fit and the largest scales.

    Rows of one run may fall on both sides: where a model lets them share an effect, `score` tells which held-out rows
    belong to runs that were fitted.

    Parameters
    ----------
    sweep : Dataset
        A sweep, dims ``run``.
    along : str
        Numeric coordinate whose largest values are held out.
    top : float or int, optional
        A share in (0, 1): the fewest largest levels that hold at least this share of runs. A whole number: that many
        largest levels. Values within 1 % of each other are one level, and a level is never split.
    above : float, optional
        Hold out values strictly above, in the unit of `along`. Exactly one of `top` and `above` is given.
    within : str or sequence of str
        Do so in each group (or each combination of groups) by itself.

    Returns
    -------
    fit_part, held_out : Dataset
        Runs in their order. Both have the attrs of the sweep and ``part``, ``held_out_along``, ``held_out_rule`` (a
        sentence), ``held_out_above`` (largest fitted value) and, with `within`, ``held_out_within`` (JSON: label ->
        largest fitted value of that group).

    Raises
    ------
    SweepError
        If a part would be empty, or `along`, `top`, `above` or `within` cannot be honoured.

    Examples
    --------
    >>> from scaling_bayes.sweeps import as_sweep
    >>> units = {"N": "million", "D": "billion", "loss": "nats/token"}
    >>> table = {"N": [1, 2, 4], "D": [1, 2, 4], "loss": [4.0, 3.5, 3.1]}
    >>> sweep = as_sweep(table, response="loss", covariates=["N", "D"], units=units)
    >>> fit_part, held_out = hold_out(sweep, along="C", top=1)
    >>> fit_part.sizes["run"], held_out["N"].values.tolist()
    (2, [4000000.0])
    """
    check_sweep(sweep)
    _check_choice(top, above)
    values = _values_along(sweep, along)
    within = [within] if isinstance(within, str) else list(within)
    held = np.zeros(len(values), dtype=bool)
    fitted: dict[str, float] = {}
    for label, rows in _group_rows(sweep, within).items():
        held[rows] = _hold(values[rows], top, above)
        _refuse_empty(held[rows], values[rows], along, label)
        fitted[label] = float(values[rows][~held[rows]].max())
    attrs = {
        "held_out_along": along,
        "held_out_above": float(values[~held].max()),
        "held_out_rule": _say_rule(values, held, along, top, above, within),
    } | ({"held_out_within": json.dumps(fitted)} if within else {})
    fit_part, held_out = (
        sweep.isel(run=np.flatnonzero(rows)).assign_attrs(attrs | {"part": part})
        for rows, part in ((~held, "fit"), (held, "held_out"))
    )
    return fit_part, held_out


def _check_choice(top: float | None, above: float | None) -> None:
    if (top is None) == (above is None):
        raise SweepError(f"give exactly one of top= and above=; found top={top}, above={above}.")
    whole = isinstance(top, Integral) and not isinstance(top, bool)
    share = isinstance(top, Real) and not isinstance(top, (bool, Integral)) and 0 < float(top) < 1
    if top is not None and not share and not (whole and int(top) >= 1):
        raise SweepError(
            f"top={top!r}: expected a share of runs between 0 and 1, or a whole number of levels from 1 up."
        )
    if above is not None and not (isinstance(above, Real) and math.isfinite(above)):
        raise SweepError(f"above={above!r}: expected a finite number in the unit of the coordinate.")


def _values_along(sweep: xr.Dataset, along: str) -> np.ndarray:
    numeric = [str(name) for name, coord in sweep.coords.items() if coord.dtype.kind in "if" and name != "run"]
    if along not in numeric:
        raise SweepError(f"no numeric coordinate {along!r} to hold out along: {suggest(along, numeric)}.")
    return sweep[along].values.astype(float)


def _group_rows(sweep: xr.Dataset, within: Sequence[str]) -> dict[str, np.ndarray]:
    groups = attr_list(sweep, "groups")
    for name in within:
        if name not in groups:
            raise SweepError(f"within={name!r} is no group of this sweep: {suggest(name, groups)}.")
    labels = label_runs(sweep, within)
    return {label: np.flatnonzero(labels == label) for label in dict.fromkeys(labels.tolist())}


def find_levels(values: np.ndarray) -> np.ndarray:
    """Number distinct levels from the largest (0) down; values within 1 % of a level's largest member belong to it.

    Examples
    --------
    >>> find_levels(np.array([1e18, 2.005e18, 2e18])).tolist()
    [1, 0, 0]
    """
    level = np.zeros(len(values), dtype=int)
    order = np.argsort(-values, kind="stable")
    current, largest = 0, values[order[0]]
    for row in order:
        if values[row] < min(largest / SAME_LEVEL, largest * SAME_LEVEL):
            current, largest = current + 1, values[row]
        level[row] = current
    return level


def find_top_octaves(values: np.ndarray, octaves: float) -> np.ndarray:
    r"""Whether each value is in the top octaves, :math:`x > x_{max} / 2^k`; levels as in `find_levels` are not split.

    Examples
    --------
    >>> find_top_octaves(np.array([1.0, 2.0, 4.0, 4.01, 8.0]), octaves=1).tolist()
    [False, False, False, False, True]
    """
    level = find_levels(values)
    largest = np.array([values[level == k].max() for k in range(level.max() + 1)])
    return (largest > SAME_LEVEL * values.max() / 2**octaves)[level]


def _hold(values: np.ndarray, top: float | None, above: float | None) -> np.ndarray:
    if top is None:
        return values > above
    level = find_levels(values)
    if isinstance(top, Integral):
        return level < int(top)
    enough = np.cumsum(np.bincount(level)) >= top * len(values) - 1e-9
    return level <= int(np.argmax(enough))


def _refuse_empty(held: np.ndarray, values: np.ndarray, along: str, label: str) -> None:
    if held.any() and not held.all():
        return
    part = "to fit" if held.all() else "held out"
    where = f" of group {label!r}" if label else ""
    raise SweepError(
        f"no run{where} would be {part}: {len(values)} runs on {find_levels(values).max() + 1} levels of {along!r} "
        f"between {values.min():g} and {values.max():g}. Choose another top= or above=."
    )


def _say_rule(
    values: np.ndarray, held: np.ndarray, along: str, top: float | None, above: float | None, within: Sequence[str]
) -> str:
    rule = f"above={above:g}" if above is not None else f"top={top}"
    levels = len(np.unique(find_levels(values)[held]))
    inside = f" within {', '.join(within)}" if within else ""
    on = f"{levels} level{'s' if levels > 1 else ''}"
    return f"{rule} along {along}{inside}: {int(held.sum())} of {len(held)} runs on {on} are held out"
