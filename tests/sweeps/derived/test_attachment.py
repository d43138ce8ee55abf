"""A derived covariate is a covariate like any other: described, checked, saved, and known to laws."""

from functools import partial

import numpy as np
import pytest
import xarray as xr

from scaling_bayes.sweeps import SweepError, as_sweep, attr_list, check_sweep, derive, hold_out, sweep_hash
from scaling_bayes.sweeps.derived import annealing_areas, cosine, effective_data, tokens_per_parameter


@pytest.fixture
def sweep():
    table = {"N": [1, 2, 4], "D": [1, 4, 16], "U": [1, 1, 4], "S": [100, 200, 300], "loss": [4.0, 3.5, 3.2]}
    table["corpus"] = ["web", "web", "code"]
    units = {"N": "million", "D": "million", "U": "million", "S": "steps", "loss": "nats/token"}
    return as_sweep(table | {"bits": [16, 8, 4]}, response="loss", covariates=["N", "D", "U", "S"], groups="corpus",
                    keep="bits", units=units)  # fmt: skip


def test_it_is_a_covariate(sweep):
    found = check_sweep(derive(sweep, "M", tokens_per_parameter, unit="1", formula="D / N"))
    assert found["M"].values.tolist() == [1.0, 2.0, 4.0]
    assert found["M"].attrs == {"long_name": "tokens per parameter", "units": "1", "formula": "D / N"}
    assert attr_list(found, "covariates") == ["N", "D", "C", "M", "S", "U"]
    assert attr_list(sweep, "covariates") == ["N", "D", "C", "S", "U"]
    assert sweep_hash(found) != sweep_hash(sweep)
    assert hold_out(found, along="M", top=1)[1].sizes["run"] == 1


def test_parameters_are_set_by_partial_and_stand_in_the_formula(sweep):
    found = derive(sweep, "D_eff", partial(effective_data, R_star=15.0), unit="tokens", long_name="effective tokens")
    np.testing.assert_allclose(found["D_eff"], effective_data(sweep["D"].values, sweep["U"].values, R_star=15.0))
    assert found["D_eff"].attrs["formula"] == "effective_data(D, U, R_star=15.0)"
    assert found["D_eff"].attrs["long_name"] == "effective tokens"


def test_groups_and_kept_columns_may_be_asked_for(sweep):
    found = derive(sweep, "bytes", lambda N, bits, corpus: N * bits / 8 * (corpus == "web"), unit="1")
    assert found["bytes"].values.tolist() == [2e6, 2e6, 0.0]


def test_areas_are_picked_at_the_steps_of_the_runs(sweep):
    areas = annealing_areas(cosine(1e-3, 300), decay=0.99)
    found = derive(sweep, "S2", lambda S: areas["S2"].sel(step=S), unit="1", formula=areas["S2"].attrs["formula"])
    np.testing.assert_array_equal(found["S2"], areas["S2"].values[[99, 199, 299]])


def test_units_are_converted(sweep):
    found = derive(sweep, "context", lambda N: 1 + 0 * N, unit="thousand tokens")
    assert found["context"].values.tolist() == [1e3] * 3
    assert found["context"].attrs["units"] == "tokens"


def test_it_survives_a_file(sweep, tmp_path):
    found = derive(sweep, "M", tokens_per_parameter, unit="1")
    found.to_netcdf(tmp_path / "sweep.nc", engine="h5netcdf")
    with xr.open_dataset(tmp_path / "sweep.nc", engine="h5netcdf") as read:
        assert read["M"].attrs["formula"] == "tokens_per_parameter(N, D)"


@pytest.mark.parametrize(
    ("name", "function", "unit", "fragment"),
    [
        ("N", tokens_per_parameter, "1", "has 'N' already"),
        ("loss", tokens_per_parameter, "1", "has 'loss' already"),
        ("tau", lambda batch, D: batch / D, "1", "takes 'batch', which the sweep does not have"),
        ("D_eff", effective_data, "1", "takes 'R_star'"),
        ("x", lambda N: 1.0, "1", "expected one value for each of 3 runs"),
        ("x", lambda N: N * xr.DataArray([1.0, 2.0], dims="draw"), "1", r"\(3, 2\)"),
        ("x", lambda N: N / xr.where(N > 1e6, 0.0, 1.0), "1", "inf in rows 1, 2"),
        ("batch", lambda N: N - 1e6, "tokens", "'batch' is 0 in row 0; expected above zero"),
        ("batch", lambda N: N, "parsecs", "'parsecs' is no unit of data"),
    ],
)
def test_refused(sweep, name, function, unit, fragment):
    with pytest.raises(SweepError, match=fragment), np.errstate(divide="ignore"):
        derive(sweep, name, function, unit=unit)


def test_only_a_sweep_is_added_to():
    with pytest.raises(SweepError, match="not a sweep"):
        derive(xr.Dataset(), "M", tokens_per_parameter, unit="1")
