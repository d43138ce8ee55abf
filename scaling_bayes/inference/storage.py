"""Save and open posteriors: netCDF or Zarr, no pickle, readable without this package."""

from importlib.util import find_spec
from pathlib import Path
from typing import Literal

import xarray as xr

from scaling_bayes.sweeps import restore_attrs


def save_posterior(posterior: xr.DataTree, path: str | Path, *, overwrite: bool = False) -> Path:
    """Write a posterior to a file.

    Parameters
    ----------
    posterior : DataTree
        From `fit` or `baseline`.
    path : str or Path
        Ends in ``.nc`` (netCDF 4) or ``.zarr``.
    overwrite : bool
        Replace a file that exists.

    Returns
    -------
    Path

    Raises
    ------
    FileExistsError
        If the file exists and `overwrite` is false.
    ValueError
        If `posterior` is none, or for another ending.
    ImportError
        For ``.zarr`` where Zarr is not installed.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> posterior = xr.DataTree(xr.Dataset(attrs={"scaling_bayes": "posterior"}))
    >>> with TemporaryDirectory() as folder:
    ...     open_posterior(save_posterior(posterior, f"{folder}/mine.nc")).identical(posterior)
    True
    """
    path = Path(path)
    if not isinstance(posterior, xr.DataTree) or "scaling_bayes" not in posterior.attrs:
        found = type(posterior).__name__
        raise ValueError(f"a posterior is the DataTree that sb.fit or sb.baseline returns; found a {found}")
    engine = _choose_engine(path)
    if path.exists() and not overwrite:
        raise FileExistsError(f"{path} exists; pass overwrite=True to replace it, or choose another name")
    path.parent.mkdir(parents=True, exist_ok=True)
    if engine == "zarr":
        posterior.to_zarr(path, mode="w")
    else:
        posterior.to_netcdf(path, engine="h5netcdf")
    return path


def open_posterior(path: str | Path) -> xr.DataTree:
    """Read a posterior; questions work on it without NumPyro or JAX.

    Parameters
    ----------
    path : str or Path
        What `save_posterior` wrote.

    Returns
    -------
    DataTree
        Loaded into memory, equal to what was saved.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it is no posterior of this package.
    ImportError
        For ``.zarr`` where Zarr is not installed.

    Examples
    --------
    >>> open_posterior("nowhere.nc")
    Traceback (most recent call last):
    FileNotFoundError: no posterior at ...nowhere.nc
    """
    path = Path(path)
    engine = _choose_engine(path)
    if not path.exists():
        raise FileNotFoundError(f"no posterior at {path.absolute()}")
    try:
        with xr.open_datatree(path, engine=engine) as tree:
            posterior = tree.load().map_over_datasets(restore_attrs)
    except OSError as error:
        raise ValueError(f"{path} cannot be read as a posterior: {error}") from error
    if "scaling_bayes" not in posterior.attrs:
        found = ", ".join(sorted(map(str, posterior.attrs))) or "none"
        raise ValueError(f"{path} holds no posterior of scaling_bayes; its attributes: {found}")
    return posterior


def _choose_engine(path: Path) -> Literal["h5netcdf", "zarr"]:
    match path.suffix:
        case ".nc":
            return "h5netcdf"
        case ".zarr" if find_spec("zarr"):
            return "zarr"
        case ".zarr":
            raise ImportError(f"{path} needs the package zarr: pip install zarr, or use a file that ends in .nc")
        case other:
            raise ValueError(f"a posterior is a .nc or a .zarr, found {other or 'no ending'!r} in {path}")
