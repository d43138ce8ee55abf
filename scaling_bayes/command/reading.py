"""What stands on a command line, as arguments of the package's functions."""

import re
from pathlib import Path
from typing import Any

import pandas as pd
import typer
import xarray as xr

import scaling_bayes as sb
from scaling_bayes.sweeps.readers import READERS, SAVED, read_table

ENDINGS = (*READERS, SAVED)


def read_names(text: str, option: str) -> dict[str, str]:
    """Names, or names of columns after an equals sign, separated by commas.

    Examples
    --------
    >>> read_names("N=params,D", "--covariates")
    {'N': 'params', 'D': 'D'}
    """
    found: dict[str, str] = {}
    for part in filter(None, (piece.strip() for piece in text.split(","))):
        name, sign, column = (piece.strip() for piece in part.partition("="))
        if not name or (sign and not column):
            raise typer.BadParameter(f"{part!r} is neither NAME nor NAME=COLUMN", param_hint=option)
        if name in found:
            raise typer.BadParameter(f"{name!r} is named twice", param_hint=option)
        found[name] = column or name
    return found


def read_units(text: str) -> dict[str, str]:
    """Units by name: ``N=million,D=billion tokens,loss=nats/token``.

    Examples
    --------
    >>> read_units("N=million, loss=nats/token")
    {'N': 'million', 'loss': 'nats/token'}
    """
    pairs = [part.partition("=") for part in text.split(",") if part.strip()]
    if bad := [name for name, sign, unit in pairs if not (name.strip() and sign and unit.strip())]:
        raise typer.BadParameter(f"{bad[0]!r} has no unit; write NAME=UNIT,NAME=UNIT", param_hint="--units")
    return {name.strip(): unit.strip() for name, _, unit in pairs}


def read_points(texts: list[str] | None, table: Path | None = None) -> dict[str, Any] | pd.DataFrame:
    """Points: ``N=1e9,D=2e10,corpus=web`` for each one, or a table with a row each.

    Examples
    --------
    >>> read_points(["N=1e9,corpus=web", "N=1e10,corpus=web"])
    {'N': [1000000000.0, 10000000000.0], 'corpus': ['web', 'web']}
    """
    if table is not None:
        if texts:
            raise typer.BadParameter("points are given by --at or by --points, not by both", param_hint="--points")
        return read_table(table)
    rows = [read_names(text, "--at") for text in texts or []]
    if not rows:
        raise typer.BadParameter("name at least one point: --at N=1e9,D=2e10", param_hint="--at")
    if any(row.keys() != rows[0].keys() for row in rows):
        raise typer.BadParameter(f"every point names {', '.join(rows[0])}", param_hint="--at")
    return {name: [_as_value(row[name]) for row in rows] for name in rows[0]}


def read_place(text: str) -> dict[str, Any] | None:
    """What is held: one value of each name; None where nothing is.

    Examples
    --------
    >>> read_place("D=2e10,corpus=web"), read_place("")
    ({'D': 20000000000.0, 'corpus': 'web'}, None)
    """
    return {name: _as_value(value) for name, value in read_names(text, "--at").items()} if text else None


def read_choice(text: str) -> str | list[str]:
    """A group or a label, or several of crossed groups.

    Examples
    --------
    >>> read_choice("corpus"), read_choice("corpus+architecture")
    ('corpus', ['corpus', 'architecture'])
    """
    names = [name.strip() for name in text.split("+")]
    return names[0] if len(names) == 1 else names


def read_choices(text: str) -> list[str | list[str]]:
    """Labels by commas.

    Examples
    --------
    >>> read_choices("web,code"), read_choices("web+dense,code+dense")
    (['web', 'code'], [['web', 'dense'], ['code', 'dense']])
    """
    return [read_choice(part.strip()) for part in text.split(",")]


def read_scales(text: str, option: str) -> tuple[float, float]:
    """Two ends of a range.

    Examples
    --------
    >>> read_scales("1e18,1e24", "--within")
    (1e+18, 1e+24)
    """
    try:
        low, high = (float(part) for part in text.split(","))
    except ValueError:
        raise typer.BadParameter(f"{text!r} is no range, such as 1e18,1e24", param_hint=option) from None
    return low, high


def read_law(text: str) -> sb.Law:
    """A law of the catalogue by name, or a formula.

    Examples
    --------
    >>> read_law("chinchilla").name, read_law("E + A*C**-alpha").covariates
    ('chinchilla', ('C',))
    """
    return sb.law(text) if re.fullmatch(r"\w+", text) else sb.Law(text)


def read_pool(text: str, law: sb.Law, groups: list[str]) -> dict[str, Any]:
    """Pooling of a law's parameters over groups.

    ``auto`` is what the catalogue recommends, or floors and levels for a formula of one's own; ``none`` shares all;
    ``E,A`` pools these over all groups, ``E=corpus,A=corpus+architecture`` each over its own.

    Examples
    --------
    >>> read_pool("auto", sb.Law("E + A*N**-alpha"), ["corpus"])
    {'E': ('corpus',), 'A': ('corpus',)}
    >>> read_pool("E=corpus", sb.law("chinchilla"), ["corpus", "architecture"])
    {'E': ('corpus',)}
    """
    if not groups or text == "none":
        return {}
    if text == "auto" and law.pooling:
        return dict(sb.recommend_pool(law, *groups))
    if text == "auto":
        return {p: tuple(groups) for p, role in law.roles.items() if role in ("floor", "level")}
    every = "+".join(groups)
    named = {p: every if over == p else over for p, over in read_names(text, "--pool").items()}
    return {p: tuple(over.split("+")) for p, over in named.items()}


def read_held_out(path: Path | None) -> xr.Dataset | None:
    """Runs that a fit did not see."""
    if path is not None and path.suffix != SAVED:
        raise typer.BadParameter(
            f"{str(path)!r} is no saved sweep ({SAVED}), as `fit` writes held_out{SAVED}", param_hint="--held-out"
        )
    return None if path is None else sb.read_sweep(path)


def read_runs(path_or_name: str, declared: dict[str, Any]) -> xr.Dataset:
    """A sweep: a table with its declarations, a saved sweep, or one of the catalogue by name."""
    if "/" in path_or_name or path_or_name.endswith(ENDINGS):
        needed = [name for name in ("response", "covariates", "units") if name not in declared]
        if needed and not path_or_name.endswith(SAVED):
            raise typer.BadParameter(
                "a table is declared by --response, --covariates and --units", param_hint=f"--{needed[0]}"
            )
        return sb.read_sweep(path_or_name, **declared)
    if declared:
        options = ", ".join(f"--{name.replace('_', '-')}" for name in declared)
        raise typer.BadParameter(
            f"{path_or_name!r} has no ending of a table ({', '.join(ENDINGS)}), so it is a sweep of the catalogue, "
            f"which declares itself: leave out {options}"
        )
    return sb.load_sweep(path_or_name)


def _as_value(text: str) -> float | str:
    try:
        return float(text)
    except ValueError:
        return text
