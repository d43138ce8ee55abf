"""A posterior carries its sweep and its model, and is fitted again to some of its runs, exactly."""

import json

import numpy as np
import pandas as pd
import pytest
import xarray as xr

import scaling_bayes as sb
from scaling_bayes.inference.posterior import data_groups, recover_sweep
from scaling_bayes.inference.provenance import state_provenance
from scaling_bayes.inference.refits import find_rows, recover_model
from scaling_bayes.sweeps import sweep_hash


def measured() -> xr.Dataset:
    """A sweep with everything that one may have."""
    table = pd.DataFrame(
        {
            "N": np.repeat([1e6, 4e6, 16e6, 64e6], 2),
            "D": 1e9,
            "loss": np.repeat([4.0, 3.5, 3.1, 2.8], 2) + 0.01 * np.arange(8),
            "se": 0.01,
            "corpus": ["code", "web"] * 4,
            "seed": [0, 1] * 4,
            "id": [f"run-{k}" for k in range(8)],
            "ended": [True] * 7 + [False],
            "width": np.repeat([64, 128, 256, 512], 2),
        }
    )
    units = {"N": "1", "D": "tokens", "loss": "nats/token"}
    more = {"response_se": "se", "final": "ended", "checkpoints": "drop", "keep": "width", "run": "id"}
    named = {"tokenizer": "bpe", "counting": "non_embedding", "start_loss": 10.8, "title": "mine", "source": "here"}
    groups = ["corpus", "seed"]
    return sb.as_sweep(table, response="loss", covariates=["N", "D"], groups=groups, units=units, **more, **named)


SWEEPS = {
    "a line": lambda sweeps: sweeps["line"](),
    "two lines": lambda sweeps: sweeps["two lines"](),
    "joined sweeps": lambda sweeps: sweeps["crossed"](),
    "everything": lambda sweeps: measured(),
    "the part to fit": lambda sweeps: sb.hold_out(sweeps["two lines"](), along="C", top=2, within="corpus")[0],
    "in bits": lambda sweeps: sb.convert_loss(sweeps["line"](), "bits/token"),
    "without labels of runs": lambda sweeps: sweeps["line"]().drop_vars("run"),
    "another variable": lambda sweeps: sweeps["line"]().assign(seconds=("run", np.arange(12.0))),
    "one scale": lambda sweeps: sweeps["line"]().assign_coords(budget=3.0),
    "bytelm": lambda sweeps: sb.load_sweep("bytelm"),
}


@pytest.mark.parametrize("name", SWEEPS)
def test_a_sweep_comes_back_from_a_posterior_and_from_its_file(name, sweeps, tmp_path):
    sweep = SWEEPS[name](sweeps)
    tree = xr.DataTree.from_dict(data_groups(sweep))
    tree.attrs = {"scaling_bayes": "posterior"} | state_provenance(sweep, seed=0, device="cpu", seconds=0.0)
    opened = sb.open_posterior(sb.save_posterior(tree, tmp_path / "mine.nc"))
    for posterior in (tree, opened):
        again = recover_sweep(posterior)
        assert again.identical(sweep)
        assert set(again.coords) == set(sweep.coords)
        assert sweep_hash(again) == sweep_hash(sweep)


@pytest.fixture(scope="module")
def opened(fitted, tmp_path_factory):
    """A sampled posterior that was saved and opened."""
    path = tmp_path_factory.mktemp("posteriors") / "line.nc"
    return sb.open_posterior(sb.save_posterior(fitted("line"), path))


def test_a_file_fits_again_to_the_same_draws(opened, fitted):
    again = sb.refit_without(opened, [], progress=False)
    for group in ("posterior", "sample_stats", "prior", "log_likelihood"):
        assert again[group].to_dataset().identical(fitted("line")[group].to_dataset())
    assert recover_model(opened) == recover_model(again)
    assert json.loads(again.attrs["left_out"]) == []


def test_a_refit_is_the_fit_of_the_other_runs(opened, sweeps):
    fit_part, held_out = sb.hold_out(sweeps["line"](), along="C", top=2)
    without = sb.refit_without(opened, held_out, progress=False)
    plain = sb.fit(recover_model(opened), fit_part, seed=0, warmup=300, draws=500, progress=False)
    assert without["posterior"].to_dataset().identical(plain["posterior"].to_dataset())
    assert without["posterior"].sizes == opened["posterior"].sizes
    assert json.loads(without.attrs["left_out"]) == ["10", "11"]
    assert without.attrs["sampler"] == opened.attrs["sampler"]
    assert without.attrs["data_hash"] != opened.attrs["data_hash"]


@pytest.fixture(scope="module")
def habit(sweeps):
    return sb.baseline(
        sb.law("power"), sweeps["two lines"](), seed=2, method="least_squares", bootstrap=30, by="corpus"
    )


def test_a_baseline_is_fitted_again_as_it_was(habit, sweeps):
    again = sb.refit_without(habit, [])
    assert again["posterior"].to_dataset().identical(habit["posterior"].to_dataset())
    without = sb.refit_without(habit, ["0", 23], draws=20, seed=3)
    kept = sweeps["two lines"]().isel(run=slice(1, 23))
    options = {"method": "least_squares", "bootstrap": 20, "by": "corpus"}
    plain = sb.baseline(sb.law("power"), kept, seed=3, **options)
    assert without["posterior"].to_dataset().identical(plain["posterior"].to_dataset())


ROWS = {
    "one label": (3, [3]),
    "labels": ([11, 0], [0, 11]),
    "labels as text": (["11", "0"], [0, 11]),
    "none": ([], []),
    "a mask": (np.arange(12) > 9, [10, 11]),
    "a list of truth values": ([True] + [False] * 11, [0]),
    "a labelled mask": (lambda s: s["C"] > 3e20, [10, 11]),
    "a sweep": (lambda s: s.isel(run=[5, 4]), [4, 5]),
    "labels of a sweep": (lambda s: s["run"][:2], [0, 1]),
}


@pytest.mark.parametrize("case", ROWS)
def test_rows_are_named_as_users_name_them(case, sweeps):
    sweep = sweeps["line"]()
    rows, expected = ROWS[case]
    assert np.flatnonzero(find_rows(sweep, rows(sweep) if callable(rows) else rows)).tolist() == expected


def test_every_row_of_a_run_is_left_out():
    sweep = xr.Dataset(coords={"run": ["a", "a", "b"]})
    assert find_rows(sweep, "a").tolist() == [True, True, False]


REFUSED = {
    "an unknown run": (lambda p: sb.refit_without(p, [3, 99]), sb.SweepError, "1 of 2 labels.*'99'.*Known: '0'"),
    "a short mask": (lambda p: sb.refit_without(p, [True]), sb.SweepError, r"24 fitted runs.*\(1,\)"),
    "every run": (lambda p: sb.refit_without(p, np.ones(24, dtype=bool)), sb.SweepError, "all 24 fitted runs"),
    "what no law can be fitted to": (lambda p: sb.refit_without(p, range(2, 24)), sb.ModelError, "C is 1e.17"),
    "warm-up of a baseline": (lambda p: sb.refit_without(p, [3], warmup=9), ValueError, "no warm-up, found warmup=9"),
    "an answer": (lambda p: sb.refit_without(p["posterior"].to_dataset(), [3]), TypeError, "found Dataset"),
    "another tree": (lambda p: sb.refit_without(xr.DataTree(), [3]), TypeError, "sb.fit, sb.baseline"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_fitted_again_is_said(case, habit):
    call, error, says = REFUSED[case]
    with pytest.raises(error, match=says):
        call(habit)


def test_a_posterior_that_forgot_its_model_is_named(habit):
    old = habit.copy()
    old.attrs = {key: value for key, value in habit.attrs.items() if key != "measured"}
    with pytest.raises(ValueError, match="lacks the attributes measured"):
        sb.refit_without(old, [3])
