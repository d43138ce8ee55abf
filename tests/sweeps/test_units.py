"""Losses convert there and back; sweeps that differ are not mixed."""

import numpy as np
import pytest
import xarray as xr

from scaling_bayes.sweeps import (
    SweepError,
    SweepWarning,
    accuracy_to_error,
    as_sweep,
    check_sweep,
    convert_loss,
    has_own_errors,
    join_sweeps,
    sweep_hash,
)

UNITS = {"N": "1", "loss": "nats/token"}
DECLARED = {"response": "loss", "covariates": ["N"], "groups": ["corpus"]}


def sweep(**changes):
    table = {"N": [1e6, 1e7], "loss": [4.0, 3.0], "corpus": ["web", "code"], "se": [0.1, 0.2]}
    return as_sweep(table, **{**DECLARED, "units": UNITS, "response_se": "se", "start_loss": 10.0, **changes})


@pytest.mark.parametrize(
    ("unit", "size", "factors"),
    [
        ("nats/token", None, [1, 1]),
        ("bits/token", None, [1 / np.log(2)] * 2),
        ("nats/byte", 4.0, [0.25, 0.25]),
        ("bpb", {"web": 4.0, "code": 2.0}, [0.25 / np.log(2), 0.5 / np.log(2)]),
    ],
)
def test_conversion_and_back(unit, size, factors):
    given = sweep()
    converted = check_sweep(convert_loss(given, unit, bytes_per_token=size))
    for name in ("loss", "loss_se", "start_loss"):
        np.testing.assert_allclose(converted[name], given[name] * factors)
    assert converted["loss"].attrs["units"] == {"bpb": "bits/byte"}.get(unit, unit)
    assert converted["loss_se"].attrs["units"] == converted["loss"].attrs["units"]
    assert "start_loss" in converted.coords
    xr.testing.assert_allclose(convert_loss(converted, "nats/token", bytes_per_token=size), given)


@pytest.mark.parametrize(
    ("unit", "size", "fragments"),
    [
        ("bits/byte", None, ["bytes_per_token"]),
        ("bits/byte", 0.0, ["above zero"]),
        ("bits/byte", {"web": 4.0}, ["bytes_per_token", "corpus"]),
        ("nats/sample", 4.0, ["no conversion", "'nats/sample'"]),
        ("joule", None, ["'joule'", "'nats/token'"]),
    ],
)
def test_conversion_refused(unit, size, fragments):
    with pytest.raises(SweepError) as error:
        convert_loss(sweep(), unit, bytes_per_token=size)
    assert [fragment for fragment in fragments if fragment not in str(error.value)] == [], str(error.value)


def test_accuracy_is_no_loss():
    given = as_sweep(
        {"N": [1e6], "accuracy": [0.5]}, response="accuracy", covariates="N", units={"N": "1", "accuracy": "1"}
    )
    with pytest.raises(SweepError, match="no loss"):
        convert_loss(given, "nats/token")


def test_guessing_is_as_wrong_as_it_was_not_right():
    table = {"C": [1e18, 1e20], "accuracy": [0.25, 0.75]}
    declared = {"covariates": ["C"], "units": {"C": "FLOP", "accuracy": "fraction"}, "chance": 0.2}
    found = check_sweep(accuracy_to_error(as_sweep(table, response="accuracy", **declared)))
    assert found["chance"].values.tolist() == [0.8, 0.8]


def test_an_accuracy_becomes_an_error_with_the_same_standard_error():
    table = {"C": [1e18, 1e20], "accuracy": [0.25, 1.0], "se": [0.01, 0.02]}
    units = {"C": "FLOP", "accuracy": "fraction"}
    given = as_sweep(table, response="accuracy", covariates=["C"], units=units, response_se="se")
    found = check_sweep(accuracy_to_error(given))
    assert (found.attrs["response"], found["error"].attrs["units"]) == ("error", "fraction")
    assert found["error"].values.tolist() == [0.75, 0.0]
    assert found["error_se"].values.tolist() == [0.01, 0.02]
    assert "accuracy" not in found.variables
    with pytest.raises(SweepError, match="the response is 'error'"):
        accuracy_to_error(found)
    with pytest.raises(SweepError, match="error already"):
        accuracy_to_error(given.assign(error=given["accuracy"]))


def other(runs):
    """The same runs with other losses."""
    return runs.assign(loss=(runs["loss"] + 0.5).assign_attrs(runs["loss"].attrs))


def test_runs_that_are_joined_twice_are_told():
    with pytest.warns(SweepWarning, match="2 of 4 runs repeat another one in every number .rows 2, 3."):
        joined = join_sweeps(sweep(), sweep())
    assert joined.sizes["run"] == 4
    assert "count twice" in joined.attrs["notes"][0]


def test_joining():
    first, second = sweep(run="corpus", title="a"), other(sweep(title="b"))
    joined = check_sweep(join_sweeps(first, second))
    assert joined["loss"].values.tolist() == [4.0, 3.0, 4.5, 3.5]
    assert joined["run"].values.tolist() == ["web", "code", "0", "1"]
    assert joined.attrs["title"] == "a + b"
    assert joined["N"].attrs == first["N"].attrs
    assert sweep_hash(join_sweeps(first)) == sweep_hash(first)


def test_joining_keeps_count_of_what_was_dropped():
    first, second = sweep().assign_attrs(dropped=2, dropped_why=["2: x"]), other(sweep()).assign_attrs(notes=["n"])
    joined = join_sweeps(first, second)
    assert (joined.attrs["dropped"], joined.attrs["dropped_why"], joined.attrs["notes"]) == (2, ["2: x"], ["n"])


@pytest.mark.parametrize("first", [True, False])
def test_errors_that_one_part_shares_are_shared(first):
    own, shared = sweep(), sweep(response_se_shared=True)
    joined = join_sweeps(shared, other(own)) if first else join_sweeps(other(own), shared)
    assert (has_own_errors(own), has_own_errors(shared), has_own_errors(joined)) == (True, False, False)
    assert sweep_hash(own) != sweep_hash(shared)
    assert not has_own_errors(convert_loss(shared, "bits/token"))


@pytest.mark.parametrize(
    ("changes", "fragments"),
    [
        ({"units": {**UNITS, "loss": "bits/token"}}, ["'nats/token'", "'bits/token'", "convert_loss"]),
        ({"counting": "active"}, ["counting", "active", "not stated"]),
        ({"flop_rule": "measured"}, ["flop_rule"]),
        ({"groups": []}, ["groups", "['corpus']"]),
    ],
)
def test_mixing_is_refused(changes, fragments):
    with pytest.raises(SweepError) as error:
        join_sweeps(sweep(), sweep(**changes))
    assert [fragment for fragment in fragments if fragment not in str(error.value)] == [], str(error.value)


def test_joining_nothing():
    with pytest.raises(SweepError, match="at least one"):
        join_sweeps()


def test_columns_that_some_lack_are_told_and_standard_errors_refused():
    first, second = sweep(), other(sweep())
    with pytest.warns(SweepWarning, match="left out, since not every sweep has them: note"):
        joined = join_sweeps(first.assign_coords(note=("run", ["a", "b"])), second)
    assert "note" not in joined.variables
    assert "left out" in joined.attrs["notes"][0]
    with pytest.raises(SweepError, match=r"sweeps \[1\] have no loss_se, and others have"):
        join_sweeps(first.assign(loss_se=("run", [0.1, 0.1])), second.drop_vars("loss_se", errors="ignore"))
