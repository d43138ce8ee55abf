"""Holding out: every way of saying it, and what holds for all of them."""

import json

import numpy as np
import pytest
import xarray as xr

from scaling_bayes.sweeps import SweepError, as_sweep, hold_out
from scaling_bayes.sweeps.split import find_levels

LEVELS = np.array([1e18, 3e18, 1e19, 3e19, 1e20])
C = np.concatenate([np.repeat(LEVELS, 4) * np.tile([1, 1.001, 0.999, 1.002], 5), LEVELS[:3]])
CORPUS = ["web", "code"] * 10 + ["law"] * 3
SWEEP = as_sweep(
    {"C": C, "N": np.linspace(1e8, 1e9, 23), "loss": 3 - 0.1 * np.log10(C / 1e18), "corpus": CORPUS},
    response="loss", covariates=["C", "N"], groups=["corpus"], flop_rule="measured",
    units={"C": "FLOP", "N": "1", "loss": "nats/token"},
)  # fmt: skip

CASES = {
    "top 10 %": ({"top": 0.1}, 4),
    "top 20 % takes a second level": ({"top": 0.2}, 8),
    "top 1 run's worth": ({"top": 0.01}, 4),
    "one level": ({"top": 1}, 4),
    "two levels": ({"top": 2}, 8),
    "numpy integer": ({"top": np.int64(2)}, 8),
    "above": ({"above": 2e19}, 8),
    "above is strict": ({"above": 1e20}, 2),
    "along N": ({"along": "N", "top": 3}, 3),
    "within corpus": ({"top": 1, "within": ["corpus"]}, 5),
    "within, by name": ({"top": 0.3, "within": "corpus"}, 9),
}


@pytest.mark.parametrize("case", CASES)
def test_parts(case):
    arguments, held_runs = CASES[case]
    fit_part, held_out = hold_out(SWEEP, **arguments)
    along = arguments.get("along", "C")
    assert held_out.sizes["run"] == held_runs
    assert sorted([*fit_part["run"].values, *held_out["run"].values]) == SWEEP["run"].values.tolist()
    for part, name in ((fit_part, "fit"), (held_out, "held_out")):
        assert {key: part.attrs[key] for key in SWEEP.attrs} == SWEEP.attrs
        assert part.attrs["part"] == name
        assert part.attrs["held_out_along"] == along
        assert f"{held_runs} of 23 runs" in part.attrs["held_out_rule"]
        assert part[along].attrs == SWEEP[along].attrs
    if "within" not in arguments:
        assert fit_part[along].max() < held_out[along].min()
        assert (held_out[along] > held_out.attrs["held_out_above"]).all()
        assert (fit_part[along] <= held_out.attrs["held_out_above"]).all()


def test_within_keeps_every_group_in_both_parts():
    fit_part, held_out = hold_out(SWEEP, top=1, within=["corpus"])
    largest = json.loads(held_out.attrs["held_out_within"])
    for label in ("web", "code", "law"):
        fitted, held = (part["C"].values[part["corpus"].values == label] for part in (fit_part, held_out))
        assert fitted.max() < held.min()
        assert largest[label] == fitted.max()


def test_a_level_is_never_split():
    for share in np.linspace(0.01, 0.75, 30):
        fit_part, held_out = hold_out(SWEEP, top=float(share))
        assert held_out["C"].min() > 1.01 * fit_part["C"].max()
        assert held_out.sizes["run"] >= share * 23 - 1e-9


def test_levels_do_not_chain():
    values = 1.006 ** np.arange(10)
    level = find_levels(values)
    for number in range(level.max() + 1):
        members = values[level == number]
        assert members.max() / members.min() <= 1.01
    assert level.max() == 4


def test_parts_survive_a_file(tmp_path):
    fit_part, _ = hold_out(SWEEP, top=1, within="corpus")
    fit_part.to_netcdf(tmp_path / "part.nc", engine="h5netcdf")
    with xr.open_dataset(tmp_path / "part.nc", engine="h5netcdf") as back:
        assert back.attrs["held_out_rule"] == fit_part.attrs["held_out_rule"]


@pytest.mark.parametrize(
    ("arguments", "fragments"),
    [
        ({}, ["exactly one of", "top=None, above=None"]),
        ({"top": 1, "above": 1e19}, ["exactly one of"]),
        ({"top": 0}, ["top=0", "from 1 up"]),
        ({"top": 0.0}, ["top=0.0"]),
        ({"top": 1.0}, ["top=1.0", "between 0 and 1"]),
        ({"top": -1}, ["top=-1"]),
        ({"top": True}, ["top=True"]),
        ({"top": "10%"}, ["'10%'"]),
        ({"above": float("nan")}, ["above=nan", "finite"]),
        ({"top": 5}, ["to fit", "5 levels", "'C'"]),
        ({"above": 1e30}, ["held out", "1.002e+20"]),
        ({"above": 1e10}, ["to fit"]),
        ({"above": 2e19, "within": "corpus"}, ["group 'law'", "held out"]),
        ({"top": 1, "along": "c"}, ["'c'", "did you mean 'C'"]),
        ({"top": 1, "along": "corpus"}, ["numeric", "'corpus'"]),
        ({"top": 1, "within": "corpsu"}, ["did you mean 'corpus'"]),
    ],
)
def test_refused(arguments, fragments):
    with pytest.raises(SweepError) as error:
        hold_out(SWEEP, **arguments)
    assert [fragment for fragment in fragments if fragment not in str(error.value)] == [], str(error.value)
