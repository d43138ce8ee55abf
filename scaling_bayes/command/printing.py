"""What a command says: results on stdout as a table, JSON or LaTeX, the rest on stderr."""

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import pandas as pd
import typer
import xarray as xr

import scaling_bayes as sb

GATES_FAILED = 3
"""Exit code of what was done with a posterior that failed a sampler gate, under ``--strict``."""

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Latex = Annotated[bool, typer.Option("--latex", help="Print a LaTeX table, for the package booktabs.")]
Strict = Annotated[bool, typer.Option("--strict", help="End with code 3 if the posterior failed a sampler gate.")]
Level = Annotated[float, typer.Option(help="Of the intervals.")]
Seed = Annotated[int, typer.Option(help="For what is drawn.")]
Force = Annotated[bool, typer.Option("--force", help="Replace files that exist.")]

_KEPT = ("law", "response", "units", "method", "failed_gates", "data_hash")


def say(text: str) -> None:
    """Tell progress, a warning or an error on stderr."""
    print(text, file=sys.stderr, flush=True)


def print_table(table: pd.DataFrame, *, as_json: bool = False, latex: bool = False, **told: Any) -> None:
    """Print a table: as text, as JSON with what else is told, or as LaTeX.

    Examples
    --------
    >>> print_table(pd.DataFrame({"runs": [3]}, index=pd.Index(["a"], name="law")), as_json=True, seed=0)
    {
      "seed": 0,
      "rows": [
        {
          "law": "a",
          "runs": 3
        }
      ]
    }
    """
    if latex:
        print(sb.to_latex(table))
    elif as_json:
        print_json({**told, "rows": list_rows(table)})
    else:
        failed = str(table.columns.name or "")
        print(table.rename_axis(columns=None).to_string(float_format="{:.4g}".format, na_rep="-"))
        if failed:
            say(failed)


def print_answer(
    answer: xr.Dataset, table: pd.DataFrame, *, as_json: bool, latex: bool, strict: bool, **told: Any
) -> None:
    """Print an answer's table with what stands behind it, and end with the code of its gates.

    Raises
    ------
    typer.Exit
        With code 3, under `strict`, for a posterior that failed a gate.
    """
    attrs = {name: str(answer.attrs[name]) for name in _KEPT if name in answer.attrs}
    print_table(table, as_json=as_json, latex=latex, **told, **attrs)
    end(str(answer.attrs.get("failed_gates", "")), strict)


def end(failed: str, strict: bool) -> None:
    """End with code 3 if gates were failed and that is an error.

    Raises
    ------
    typer.Exit
    """
    if failed and strict:
        raise typer.Exit(GATES_FAILED)


def list_rows(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows of a table with its index, in plain Python.

    Examples
    --------
    >>> list_rows(pd.DataFrame({"x": [np.inf, np.nan, 2.0]}))
    [{'x': 'inf'}, {'x': None}, {'x': 2.0}]
    """
    plain = isinstance(table.index, pd.RangeIndex) and table.index.name is None
    flat = table.rename_axis(columns=None) if plain else table.rename_axis(columns=None).reset_index()
    return [{str(k): _plain(v) for k, v in row.items()} for row in flat.to_dict(orient="records")]


def print_json(content: Any) -> None:
    """Print JSON."""
    print(json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False))


def print_files(written: list[Path], *, as_json: bool = False) -> None:
    """Print the names of files."""
    if as_json:
        print_json({"files": [str(path) for path in written]})
    else:
        print("\n".join(map(str, written)))


def _plain(value: Any) -> Any:
    value = value.item() if isinstance(value, np.generic) else str(value) if isinstance(value, pd.Interval) else value
    if not isinstance(value, float):
        return value
    return None if np.isnan(value) else str(value) if np.isinf(value) else value
