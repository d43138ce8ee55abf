"""The scoreboard of extrapolation: every family splits as it says, and a tiny one runs, is kept and is summed up."""

import numpy as np
import pandas as pd
import pytest

import scaling_bayes as sb
from benchmarks import extrapolation
from benchmarks.extrapolation import COVERAGE, FACTS, HABIT, METHODS, SCORES, Settings, average_curves, main, run_one
from benchmarks.families import CURVE, FAMILIES, Family, load_parts

TINY = Family(
    "bytelm",
    "power_offset",
    "C",
    ("corpus",),
    above=1.01e11,
    where={"stage": ("seed",), "architecture": ("transformer",), "corpus": ("c", "python")},
)


@pytest.fixture
def tiny(monkeypatch):
    monkeypatch.setitem(FAMILIES, "tiny", TINY)


@pytest.mark.parametrize("name", FAMILIES)
def test_every_family_holds_out_larger_scales_of_the_curves_it_fits(name, requires_table):
    family = FAMILIES[name]
    requires_table(family.sweep)
    fit_part, held_out = load_parts(family)
    ratios = extrapolation.find_ratios(fit_part, held_out, family.along)
    assert (ratios > 1).all()
    assert set(held_out[CURVE].values) <= set(fit_part[CURVE].values)
    law = family.formula
    pool = dict.fromkeys(law.parameters, sb.Partial(*family.grouping)) if family.grouping else {}
    assert len(sb.Model(law, pool=pool).bind(fit_part).cells.table) == len(set(fit_part[CURVE].values))


def test_targets_of_bytelm_are_in_no_family():
    parts = [part for family in FAMILIES.values() if family.sweep == "bytelm" for part in load_parts(family)]
    assert parts
    assert all("target" not in part["stage"].values for part in parts)


def run(folder, *options):
    return main(["--family", "tiny", "--method", "huber", "--bootstrap", "20", "-o", str(folder), *options])


def test_a_tiny_family_end_to_end(tiny, tmp_path, capsys):
    assert run(tmp_path) == 0
    shown = capsys.readouterr().out
    assert all(f"| {word} |" in shown for word in ("tiny", "1 family", "ratio", "huber"))
    rows = pd.read_csv(tmp_path / "tiny-huber.csv")
    assert {"family", "method", "curve", "ratio", "runs", *COVERAGE, *FACTS} <= set(rows)
    assert rows["runs"].sum() == load_parts(TINY)[1].sizes["run"]
    assert set(rows["curve"]) == {"c", "python"}
    assert (rows["coverage_50"] <= rows["coverage_90"]).all()
    assert not list(tmp_path.glob(".*")), "nothing unfinished is left"


def test_what_is_there_is_not_run_again(tiny, tmp_path, monkeypatch):
    run(tmp_path)
    path = tmp_path / "tiny-huber.csv"
    pd.read_csv(path).assign(seed=77).to_csv(path, index=False)
    run(tmp_path)
    assert pd.read_csv(path)["seed"].unique() == [77]
    run(tmp_path, "--again")
    assert pd.read_csv(path)["seed"].unique() == [0]
    monkeypatch.setattr(extrapolation, "run_one", lambda *_: pytest.fail("--table runs nothing"))
    path.unlink()
    assert run(tmp_path, "--table") == 0


def test_a_family_that_is_refused_is_told_and_the_others_run(tiny, tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(FAMILIES, "odd", Family("bytelm", "power_offset", "C", above=1e30))
    assert run(tmp_path, "--family", "odd") == 1
    assert "odd, huber: refused: no run would be held out" in capsys.readouterr().err
    assert [path.name for path in tmp_path.glob("*.csv")] == ["tiny-huber.csv"]


def test_each_curve_counts_alike():
    row = {"family": "f", "method": "huber", "ratio": "1-2", **dict.fromkeys(COVERAGE, 0.0), "whole_curve": 0.0}
    row |= dict.fromkeys(["squared_error", "width", "interval_score", "crps"], 0.04) | dict.fromkeys(FACTS)
    rows = [row | {"curve": "short", "runs": 1, "coverage_90": 1.0}, row | {"curve": "long", "runs": 9}]
    rows.append(row | {"curve": "long", "ratio": "2-4", "runs": 1, "squared_error": 0.24})
    table = average_curves(pd.DataFrame(rows), ["family", "method"]).loc[("f", "huber")]
    assert (table["runs"], table["curves"], table["coverage_90"]) == (11, 2, 0.5)
    assert table["rmsle"] == pytest.approx((0.2 + np.sqrt((9 * 0.04 + 0.24) / 10)) / 2)
    assert set(SCORES) <= set(table.index)


@pytest.mark.slow
def test_every_method_fits_the_tiny_family(tiny):
    rows = pd.concat([run_one("tiny", method, Settings(20, 20, 20)) for method in METHODS])
    facts = average_curves(rows, ["family", "method"]).loc["tiny"]
    assert facts["min_ess"].notna().to_dict() == {"discrepancy": True, "law-alone": True, "huber": False}
    assert (facts["cpu_seconds"].drop(HABIT) > 0).all()  # what is compiled already takes no tenth of a second
