"""A posterior comes back from its file as it was; what is none is refused."""

from importlib.util import find_spec

import pytest
import xarray as xr

import scaling_bayes as sb


@pytest.fixture(scope="module")
def posterior(sweeps):
    return sb.baseline(sb.law("chinchilla"), sweeps["corpora"](), seed=0, bootstrap=20, by="corpus")


def test_round_trip(posterior, tmp_path):
    path = sb.save_posterior(posterior, tmp_path / "deeper" / "mine.nc")
    assert sb.open_posterior(path).identical(posterior)
    assert sb.open_posterior(str(path)).attrs == posterior.attrs


def test_round_trip_of_a_sampled_posterior(fitted, tmp_path):
    posterior = fitted("corpora")
    assert sb.open_posterior(sb.save_posterior(posterior, tmp_path / "mine.nc")).identical(posterior)


@pytest.mark.skipif(find_spec("zarr") is None, reason="zarr is not installed")
def test_round_trip_zarr(posterior, tmp_path):
    assert sb.open_posterior(sb.save_posterior(posterior, tmp_path / "mine.zarr")).identical(posterior)


@pytest.mark.skipif(find_spec("zarr") is not None, reason="zarr is installed")
def test_without_zarr_the_error_says_how(posterior, tmp_path):
    with pytest.raises(ImportError, match="pip install zarr"):
        sb.save_posterior(posterior, tmp_path / "mine.zarr")


def test_a_file_is_replaced_only_if_asked(posterior, tmp_path):
    path = sb.save_posterior(posterior, tmp_path / "mine.nc")
    with pytest.raises(FileExistsError, match="overwrite=True"):
        sb.save_posterior(posterior, path)
    assert sb.save_posterior(posterior, path, overwrite=True) == path


@pytest.mark.parametrize("name", ["mine.csv", "mine"])
def test_other_endings_are_refused(posterior, tmp_path, name):
    with pytest.raises(ValueError, match=r"\.nc or a \.zarr"):
        sb.save_posterior(posterior, tmp_path / name)
    with pytest.raises(ValueError, match=r"\.nc or a \.zarr"):
        sb.open_posterior(tmp_path / name)


@pytest.mark.parametrize("thing", [xr.Dataset(), xr.DataTree(), None])
def test_only_a_posterior_is_saved(thing, tmp_path):
    with pytest.raises(ValueError, match=f"found a {type(thing).__name__}"):
        sb.save_posterior(thing, tmp_path / "mine.nc")
    assert not any(tmp_path.iterdir())


def test_what_is_no_posterior_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"mine\.nc"):
        sb.open_posterior(tmp_path / "mine.nc")
    xr.Dataset({"x": ("run", [1.0])}, attrs={"title": "other"}).to_netcdf(tmp_path / "other.nc", engine="h5netcdf")
    with pytest.raises(ValueError, match="no posterior of scaling_bayes; its attributes: title"):
        sb.open_posterior(tmp_path / "other.nc")
    (tmp_path / "text.nc").write_text("no netCDF")
    with pytest.raises(ValueError, match="cannot be read as a posterior"):
        sb.open_posterior(tmp_path / "text.nc")
