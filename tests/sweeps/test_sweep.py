"""What a sweep promises, whatever table it came from."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from scaling_bayes.sweeps import SweepError, as_sweep, attr_list, check_sweep, read_sweep, sweep_hash

UNITS = {"N": "1", "D": "tokens", "loss": "nats/token"}
TABLE = {
    "params": [10**9, 2 * 10**9, 3 * 10**9],
    "tokens": [2 * 10**11, 10**12, 10**12],
    "val": [2.5, 2.3, 2.2],
    "se": [0.01, 0.02, 0.03],
    "data": ["web", "code", "web"],
    "seed": [0, 1, 2],
    "steps": [5, 6, 7],
    "id": ["x", "y", "z"],
}
DECLARED = {"response": {"loss": "val"}, "covariates": {"N": "params", "D": "tokens"}, "units": UNITS}
FULL = {
    **DECLARED,
    "groups": {"corpus": "data", "seed": "seed"},
    "run": "id",
    "response_se": "se",
    "response_se_shared": True,
    "keep": ["steps"],
    "counting": "total",
    "tokenizer": "gpt2",
    "chance": 0.25,
    "start_loss": 10.8,
    "title": "three runs",
}
SWEEPS = {
    "plain": as_sweep(TABLE, **DECLARED),
    "full": as_sweep(TABLE, **FULL),
    "from C and N": as_sweep(
        {"N": [1e9, 2e9], "C": [1.2, 5.0], "loss": [2.5, 2.3]},
        response="loss", covariates=["N", "C"], units={"N": "1", "C": "ZFLOP", "loss": "nats/token"},
    ),
    "one covariate": as_sweep(
        {"D": [1, 2], "acc": [50, 60]},
        response={"accuracy": "acc"}, covariates="D", units={"D": "million samples", "accuracy": "percent"},
    ),
    "kept checkpoints": as_sweep(
        {**TABLE, "final": [True, False, True]}, checkpoints="keep", **DECLARED
    ),
    "unknown words": as_sweep(
        {"temperature": [1.0, 2.0], "latency": [3.0, 4.0]},
        response="latency", covariates=["temperature"], units={"temperature": "K-elvin", "latency": "ms"},
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", SWEEPS)
def test_promises(name):
    sweep = check_sweep(SWEEPS[name])
    assert set(sweep.sizes) == {"run"}
    for each in (*sweep.attrs["covariates"], sweep.attrs["response"]):
        assert sweep[each].dtype == np.float64
        assert sweep[each].attrs["units"]
    assert all(sweep[each].attrs["long_name"] for each in sweep.variables)
    assert set(attr_list(sweep, "groups")) <= set(sweep.coords)


@pytest.mark.parametrize("name", SWEEPS)
def test_a_file_gives_the_same_sweep(name, tmp_path):
    sweep = SWEEPS[name]
    sweep.to_netcdf(tmp_path / "sweep.nc", engine="h5netcdf")
    back = read_sweep(tmp_path / "sweep.nc")
    assert back.identical(sweep)
    assert sweep_hash(back) == sweep_hash(sweep)
    assert {key: type(value) for key, value in back.attrs.items()} == {
        key: type(value) for key, value in sweep.attrs.items()
    }


@pytest.mark.parametrize("name", SWEEPS)
def test_a_sweep_is_a_table_again(name):
    sweep = SWEEPS[name]
    names = [*sweep.attrs["covariates"], sweep.attrs["response"]]
    units = {each: sweep[each].attrs["units"] for each in names}
    again = as_sweep(
        sweep, response=names[-1], covariates=names[:-1], units=units, groups=sweep.attrs["groups"], run="run",
        checkpoints="keep",
    )  # fmt: skip
    xr.testing.assert_equal(again[names], sweep[names].drop_vars(set(sweep.coords) - set(again.coords)))


def test_compute_is_derived_in_float64():
    sweep = SWEEPS["plain"]
    np.testing.assert_allclose(sweep["C"], [1.2e21, 1.2e22, 1.8e22], rtol=1e-12)
    assert (sweep["C"].attrs["units"], sweep.attrs["flop_rule"]) == ("FLOP", "6ND")
    assert sweep.attrs["covariates"] == ["N", "D", "C"]


def test_tokens_are_derived_from_compute():
    sweep = SWEEPS["from C and N"]
    np.testing.assert_allclose(sweep["D"], [1.2e21 / 6e9, 5e21 / 12e9])
    assert sweep["D"].attrs["units"] == "tokens"


@pytest.mark.parametrize(
    "changes",
    [{"flop_rule": "measured"}, {"units": {**UNITS, "D": "samples"}}],
    ids=["another rule", "samples are no tokens"],
)
def test_compute_is_not_derived_where_6nd_does_not_hold(changes):
    assert "C" not in as_sweep(TABLE, **{**DECLARED, **changes}).coords


def test_everything_declared_is_there():
    sweep = SWEEPS["full"]
    assert sweep["run"].values.tolist() == ["x", "y", "z"]
    assert sweep["corpus"].values.tolist() == ["web", "code", "web"]
    assert sweep["seed"].values.tolist() == [0, 1, 2]
    assert sweep["loss_se"].values.tolist() == [0.01, 0.02, 0.03]
    assert sweep["loss_se"].attrs["units"] == "nats/token"
    assert sweep["steps"].values.tolist() == [5, 6, 7]
    assert sweep["tokenizer"].values.tolist() == ["gpt2"] * 3
    assert sweep["chance"].values.tolist() == [0.25] * 3
    assert (sweep.attrs["counting"], sweep.attrs["title"]) == ("total", "three runs")


def test_percent_becomes_a_fraction():
    assert SWEEPS["one covariate"]["accuracy"].values.tolist() == [0.5, 0.6]
    assert SWEEPS["one covariate"]["D"].attrs["units"] == "samples"


def test_the_kind_of_table_does_not_matter():
    frame = pd.DataFrame(TABLE, index=[7, 8, 9])
    dataset = xr.Dataset({name: ("row", values) for name, values in TABLE.items()})
    hashes = {sweep_hash(as_sweep(table, **FULL)) for table in (TABLE, frame, dataset)}
    assert len(hashes) == 1


@pytest.mark.parametrize(
    "change",
    [
        {"val": [2.5, 2.3, 2.1999]},
        {"data": ["web", "code", "cede"]},
        {"id": ["x", "y", "w"]},
    ],
    ids=["value", "label", "run id"],
)
def test_the_hash_sees_a_changed_value(change):
    assert sweep_hash(as_sweep({**TABLE, **change}, **FULL)) != sweep_hash(SWEEPS["full"])


@pytest.mark.parametrize("change", [{"counting": "active"}, {"units": {**UNITS, "loss": "bits/token"}}])
def test_the_hash_sees_a_changed_declaration(change):
    assert sweep_hash(as_sweep(TABLE, **{**FULL, **change})) != sweep_hash(SWEEPS["full"])


@pytest.mark.parametrize(
    ("broken", "fragment"),
    [
        ({"a": 1}, "dict is no xarray.Dataset"),
        (xr.Dataset(), "no dim 'run'"),
        (SWEEPS["full"].assign_attrs(response="lost"), "no response 'lost'"),
        (SWEEPS["full"].drop_vars("corpus"), "no coordinates ['corpus']"),
        (SWEEPS["full"].drop_attrs(), "attrs lack ['response'"),
        (SWEEPS["full"].assign(loss=("run", [1.0, 2.0, 3.0])), "no units on ['loss']"),
    ],
)
def test_what_is_no_sweep_is_told(broken, fragment):
    with pytest.raises(SweepError) as error:
        check_sweep(broken)
    assert fragment in str(error.value)
    assert "as_sweep" in str(error.value)


@pytest.mark.parametrize("unit", ["1", "parameters"])
def test_sizes_may_be_written_as_people_do(unit):
    written = {"N": ["10M", "1.5 B", "2e9"], "loss": [3.0, 2.5, 2.4]}
    stated = {"response": "loss", "covariates": ["N"], "units": {"N": unit, "loss": "nats/token"}}
    assert as_sweep(written, **stated)["N"].values.tolist() == [1e7, 1.5e9, 2e9]


@pytest.mark.parametrize(
    ("column", "unit"),
    [(["10M", "20M"], "million"), (["10m", "20m"], "1"), (["10MB", "20MB"], "1"), (["10M", "x"], "1")],
)
def test_what_could_be_another_size_is_refused(column, unit):
    stated = {"response": "loss", "covariates": ["N"], "units": {"N": unit, "loss": "nats/token"}}
    with pytest.raises(SweepError, match=r"'N' \(column 'N'\) is '.*' in row"):
        as_sweep({"N": column, "loss": [3.0, 2.5]}, **stated)


def test_a_loss_has_no_magnitude():
    stated = {"response": "loss", "covariates": ["N"], "units": {"N": "1", "loss": "nats/token"}}
    with pytest.raises(SweepError, match="'loss'"):
        as_sweep({"N": [1e6, 2e6], "loss": ["3K", "2K"]}, **stated)
