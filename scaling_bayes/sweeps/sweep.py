"""What a sweep is: an `xarray.Dataset` along ``run`` that keeps a few promises.

Covariates, groups, ``flag`` and whatever was kept are coordinates; the response is a data variable, its standard error
``<response>_se`` another. Every number has ``units``; ``attrs`` names the response, the covariates and the groups and
says how parameters and compute were counted.
"""

import hashlib
import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr

from scaling_bayes.sweeps.assembly import assemble
from scaling_bayes.sweeps.checks import SweepError, SweepWarning
from scaling_bayes.sweeps.declaration import SHARED, Declaration, Names, Table
from scaling_bayes.symbols import REPLICATE, suggest

LIST_ATTRS = ("covariates", "groups", "notes", "dropped_why")
_PROMISED = ("response", "counting", "flop_rule", "title", "source", "dropped")


def as_sweep(
    table: Table,
    *,
    response: Names,
    covariates: Names,
    groups: Names = (),
    units: Mapping[str, Any],
    counting: str | None = None,
    flop_rule: str | None = None,
    run: str | None = None,
    response_se: str | None = None,
    response_se_shared: bool = False,
    final: str | None = None,
    checkpoints: str = "refuse",
    tokenizer: str | None = None,
    chance: float | str | None = None,
    start_loss: float | str | None = None,
    keep: Names = (),
    drop: bool = False,
    title: str = "",
    source: str = "",
) -> xr.Dataset:
    r"""Turn a table with one row a run into a checked sweep.

    Where N and D are given and C is not, :math:`C = 6 N D` is derived in float64; where C and N are given,
    :math:`D = C / (6 N)`.

    Parameters
    ----------
    table : DataFrame, dict of columns or Dataset
        One row a trained network (or one a run and task).
    response, covariates, groups, keep : str, sequence of str, or mapping of name in the sweep to column
        What was measured, what a law may depend on, by what runs are told apart, and further columns to carry along.
    units : mapping of str to str
        Unit of each covariate and of the response: ``{"N": "million", "D": "tokens", "loss": "nats/token"}``. A
        sequence with one unit a row is accepted if all are equal.
    counting : {"total", "non_embedding", "active"}, optional
        How parameters were counted.
    flop_rule : str, optional
        How compute was counted, one of ``symbols.FLOP_RULES``. Anything but "6ND" keeps C and D from being derived.
    run : str, optional
        Column of run ids; rows are numbered without it.
    response_se : str, optional
        Column of standard errors, in the unit of the response.
    response_se_shared : bool
        Whether the errors are common to all runs, as those of one evaluation set that all runs were read on are; they
        are then kept, but no noise of a single run.
    final : str, optional
        Boolean column: True where a run ended its learning-rate schedule.
    checkpoints : {"refuse", "drop", "keep"}
        What to do with rows taken in the middle of a schedule.
    tokenizer : str, optional
        Column, or one label for all runs.
    chance, start_loss : float or str, optional
        Accuracy or error of guessing (a fraction), and the loss before training: a number or a column.
    drop : bool
        Leave out rows with NaN or infinite values, and count them in ``attrs["dropped"]``.
    title, source : str
        Kept in attrs.

    Returns
    -------
    Dataset
        Dims ``run``. N in parameters, D in tokens (or the data unit given), C in FLOP, loss in the unit declared.

    Raises
    ------
    SweepError
        If the table cannot be a sweep; the message names rows, column, what was expected and what to do.

    Warns
    -----
    SweepWarning
        If it can, but looks unlike what was declared; the same sentences are in ``attrs["notes"]``.

    Examples
    --------
    >>> sweep = as_sweep(
    ...     {"params": [1, 10], "tokens": [20, 200], "loss": [4.0, 3.0]},
    ...     response="loss", covariates={"N": "params", "D": "tokens"}, counting="total",
    ...     units={"N": "million", "D": "million tokens", "loss": "nats/token"},
    ... )
    >>> sweep["C"].values.tolist(), sweep["C"].attrs["units"]
    ([120000000000000.0, 1.2e+16], 'FLOP')
    """
    stated = Declaration(
        response, covariates, units, groups, counting, flop_rule, run, response_se, response_se_shared, final,
        checkpoints, tokenizer, chance, start_loss, keep, drop, title, source,
    )  # fmt: skip
    sweep = assemble(table, stated)
    for note in sweep.attrs["notes"]:
        warnings.warn(note, SweepWarning, stacklevel=2)
    return sweep


def check_sweep(sweep: xr.Dataset) -> xr.Dataset:
    """Return `sweep` if it keeps the promises of a sweep.

    Raises
    ------
    SweepError
        If it is no Dataset along ``run``, an attribute or a named variable is missing, or a number has no units.

    Examples
    --------
    >>> check_sweep(xr.Dataset())
    Traceback (most recent call last):
    ...
    scaling_bayes.symbols.words.SweepError: not a sweep: no dim 'run'. Make one with as_sweep.
    """
    problem = _find_problem(sweep)
    if problem:
        raise SweepError(f"not a sweep: {problem}. Make one with as_sweep.")
    return sweep


def _find_problem(sweep: Any) -> str:
    if not isinstance(sweep, xr.Dataset):
        return f"{type(sweep).__name__} is no xarray.Dataset"
    if "run" not in sweep.dims:
        return "no dim 'run'"
    if not sweep.sizes["run"]:
        return "it has no runs"
    absent = [name for name in (*_PROMISED, *LIST_ATTRS) if name not in sweep.attrs]
    if absent:
        return f"attrs lack {absent}"
    if sweep.attrs["response"] not in sweep.data_vars:
        return f"no response {sweep.attrs['response']!r} among {list(sweep.data_vars)}"
    numbers = attr_list(sweep, "covariates")
    missing = [name for name in (*numbers, *attr_list(sweep, "groups")) if name not in sweep.coords]
    if missing:
        return f"no coordinates {missing}: {suggest(missing[0], map(str, sweep.coords))}"
    bare = [name for name in (*numbers, sweep.attrs["response"]) if "units" not in sweep[name].attrs]
    return f"no units on {bare}" if bare else ""


def attr_list(sweep: xr.Dataset, key: str) -> list[str]:
    """Read a list out of attrs; a file may have turned a list of one into a string and an empty one into an array.

    Examples
    --------
    >>> attr_list(xr.Dataset(attrs={"groups": "corpus"}), "groups")
    ['corpus']
    """
    value = sweep.attrs.get(key, [])
    return [value] if isinstance(value, str) else [str(item) for item in value]


def compared_groups(sweep: xr.Dataset) -> list[str]:
    """Groups that may be compared: all but ``seed``, whose members are replicates of each other.

    Examples
    --------
    >>> compared_groups(xr.Dataset(attrs={"groups": ["corpus", "seed"]}))
    ['corpus']
    """
    return [name for name in attr_list(sweep, "groups") if name != REPLICATE]


def has_own_errors(sweep: xr.Dataset) -> bool:
    """Whether the response has standard errors that are not declared to be common to all runs.

    Examples
    --------
    >>> has_own_errors(xr.Dataset({"loss_se": ("run", [0.01], {"shared": 1})}, attrs={"response": "loss"}))
    False
    """
    name = f"{sweep.attrs['response']}_se"
    return name in sweep and not sweep[name].attrs.get(SHARED)


def restore_attrs(sweep: xr.Dataset) -> xr.Dataset:
    """Give back to attrs read from a file the lists and Python numbers that they were saved from.

    Examples
    --------
    >>> restore_attrs(xr.Dataset(attrs={"groups": "corpus", "dropped": np.int64(0)})).attrs
    {'groups': ['corpus'], 'dropped': 0}
    """
    lists = {key: attr_list(sweep, key) for key in LIST_ATTRS if key in sweep.attrs}
    numbers = {key: value.item() for key, value in sweep.attrs.items() if isinstance(value, np.generic)}
    return sweep.assign_attrs(numbers | lists)


def sweep_hash(sweep: xr.Dataset) -> str:
    """SHA-256 over names, values, units and counting rules: the same data give the same hash, also after a file.

    Examples
    --------
    >>> len(sweep_hash(xr.Dataset({"loss": ("run", [3.0])})))
    64
    """
    digest = hashlib.sha256()
    stated = [str(sweep.attrs.get(key, "")) for key in ("response", "counting", "flop_rule")]
    digest.update(repr([*stated, attr_list(sweep, "covariates"), attr_list(sweep, "groups")]).encode())
    for name in sorted(map(str, sweep.variables)):
        variable = sweep[name]
        digest.update(repr((name, variable.dims, variable.shape, str(variable.attrs.get("units", "")))).encode())
        digest.update(b"shared" * bool(variable.attrs.get(SHARED)))
        digest.update(_value_bytes(variable.values))
    return digest.hexdigest()


def _value_bytes(values: np.ndarray) -> bytes:
    if values.dtype.kind in "biuf":
        return np.ascontiguousarray(values, dtype="<f8").tobytes()
    return repr([str(value) for value in values.ravel()]).encode()
