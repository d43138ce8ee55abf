"""Tables from files: one reader for each kind of file, found by the file's ending."""

import tempfile
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pandas as pd
import xarray as xr

from scaling_bayes.sweeps.checks import SweepError
from scaling_bayes.sweeps.sweep import as_sweep, check_sweep, restore_attrs
from scaling_bayes.symbols import suggest

READERS: dict[str, Callable[[Path], pd.DataFrame]] = {
    ".csv": pd.read_csv,
    ".csv.gz": pd.read_csv,
    ".parquet": pd.read_parquet,
    ".jsonl": lambda path: pd.read_json(path, lines=True),
}
"""Ending of the file name -> function from a path to a DataFrame. A new kind of file is one line here."""

SAVED = ".nc"


def read_table(path: str | Path) -> pd.DataFrame:
    """Read a table, its kind told by the file's ending.

    Raises
    ------
    SweepError
        If there is no such file, no reader for its ending, or the file holds no table.

    Examples
    --------
    >>> read_table("runs.xlsx")
    Traceback (most recent call last):
    ...
    scaling_bayes.symbols.words.SweepError: no reader for 'runs.xlsx': Known: '.csv', '.csv.gz', '.parquet', '.jsonl'.
    """
    path = Path(path)
    if path.is_dir():
        raise SweepError(f"{str(path)!r} is a folder; expected a file with a table.")
    reader = next((READERS[ending] for ending in READERS if path.name.endswith(ending)), None)
    if reader is None:
        raise SweepError(f"no reader for {path.name!r}: {suggest(path.suffix, READERS)}.")
    _check_exists(path)
    try:
        table = reader(path)
        if table.empty:
            raise ValueError("it has no rows")
        return table
    except (ValueError, OSError) as error:  # what pandas, Arrow and gzip raise of a file's content
        told = str(error).partition("\n")[0].rstrip(".")
        raise SweepError(
            f"{str(path)!r} cannot be read as a table: {told}. Expected a line of column names, then one line a run."
        ) from error


def read_sweep(path_or_url: str | Path, **declared: Any) -> xr.Dataset:
    r"""Read a sweep from a CSV (also ``.csv.gz``), Parquet or JSONL table, or from a saved sweep (``.nc``).

    Parameters
    ----------
    path_or_url : str or Path
        A local file, or an address that starts with ``http://``, ``https://`` or ``file://``.
    **declared
        The arguments of `as_sweep`; none for a saved sweep, which holds its own.

    Raises
    ------
    SweepError
        If there is no such file or reader, or the table cannot be a sweep.

    Examples
    --------
    >>> folder = Path(tempfile.mkdtemp())
    >>> _ = (folder / "runs.csv").write_text("N,loss\n1e6,4.0\n1e7,3.0\n")
    >>> read_sweep(folder / "runs.csv", response="loss", covariates=["N"],
    ...            units={"N": "1", "loss": "nats/token"}).sizes["run"]
    2
    """
    if urlsplit(str(path_or_url)).scheme in ("http", "https", "file"):
        with tempfile.TemporaryDirectory() as folder:
            return read_sweep(_download(str(path_or_url), Path(folder)), **declared)
    if str(path_or_url).endswith(SAVED):
        if declared:
            raise SweepError(
                f"{Path(path_or_url).name!r} is a saved sweep with its own declarations: drop {sorted(declared)}."
            )
        return read_saved(path_or_url)
    return as_sweep(read_table(path_or_url), **declared)


def read_saved(path: str | Path) -> xr.Dataset:
    """Read a sweep that was written with ``Dataset.to_netcdf``; lists and numbers in attrs are as they were.

    Raises
    ------
    SweepError
        If there is no such file, or it holds no sweep.

    Examples
    --------
    >>> read_saved("nowhere/sweep.nc")
    Traceback (most recent call last):
    ...
    scaling_bayes.symbols.words.SweepError: there is no file 'nowhere/sweep.nc'.
    """
    _check_exists(Path(path))
    try:
        saved = xr.load_dataset(path, engine="h5netcdf")
    except OSError as error:
        raise SweepError(f"{str(path)!r} cannot be read as a saved sweep: {error}.") from error
    return check_sweep(restore_attrs(saved))


def _download(url: str, folder: Path) -> Path:
    target = folder / Path(urlsplit(url).path).name
    try:
        urllib.request.urlretrieve(url, target)
    except OSError as error:
        raise SweepError(
            f"could not read {url}: {error}. Check the address, or download it and pass the path."
        ) from error
    return target


def _check_exists(path: Path) -> None:
    if not path.is_file():
        raise SweepError(f"there is no file {str(path)!r}.")
