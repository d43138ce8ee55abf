"""Save and open posteriors: netCDF or Zarr, no pickle, readable without this package."""

from pathlib import Path

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
        For another ending.
    """
    path = Path(path)
    if path.exists() and not overwrite:
        raise FileExistsError(f"{path} exists; pass overwrite=True to replace it, or choose another name")
    path.parent.mkdir(parents=True, exist_ok=True)
    match path.suffix:
        case ".nc":
            posterior.to_netcdf(path, engine="h5netcdf")
        case ".zarr":
            posterior.to_zarr(path, mode="w")
        case other:
            raise ValueError(f"a posterior is saved as .nc or .zarr, found {other or 'no ending'!r} in {path}")
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
    """
    path = Path(path)
    if not path.exists():
        raise FileNotFoundError(f"no posterior at {path.absolute()}")
    engine = "zarr" if path.suffix == ".zarr" else "h5netcdf"
    with xr.open_datatree(path, engine=engine) as tree:
        posterior = tree.load().map_over_datasets(restore_attrs)
    if "scaling_bayes" not in posterior.attrs:
        raise ValueError(f"{path} holds no posterior of scaling_bayes: its attributes are {sorted(posterior.attrs)}")
    return posterior
