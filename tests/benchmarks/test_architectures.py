"""The comparison of vision-language networks: what each case holds, and a small one from fit to table."""

import numpy as np
import pandas as pd
import pytest

import scaling_bayes as sb
from benchmarks import architectures
from benchmarks.architectures import ABOVE, BINS, CASES, LEAST, PAIR, RUN, compare_curves, keep_rows, load_parts


@pytest.fixture
def parts(requires_table):
    def load(name):
        requires_table(CASES[name].sweep)
        return load_parts(CASES[name])

    return load


@pytest.mark.parametrize("name", CASES)
def test_every_case_holds_out_the_largest_runs_and_fits_none_below_the_least(name, parts):
    fit_part, held_out = parts(name)
    assert LEAST <= fit_part["C"].min() < fit_part["C"].max() <= ABOVE < held_out["C"].min()
    assert set(np.unique(fit_part["architecture"])) == set(CASES[name].architectures)
    case = CASES[name]
    case.model().bind(fit_part)
    cells = pd.DataFrame({g: fit_part[g].values for g in case.groups})
    cells["bin"] = np.floor(BINS * np.log10(fit_part["C"].values))
    assert cells.duplicated().any() == case.frontier


@pytest.mark.parametrize("name", CASES)
def test_shorter_runs_cost_nothing_beside_the_longest(name, parts):
    parts(name)
    cost = architectures.count_training(CASES[name])
    assert 0 < cost["flop_longest"] < cost["flop_each"]


@pytest.mark.parametrize("place", [1e19, 1e20])
def test_the_crossing_and_the_multiplier_are_those_of_the_curves(place):
    alpha = {"clip": 0.1, "mammut": 0.15}
    truth = {"A": {label: 0.5 * place**power for label, power in alpha.items()}, "alpha": alpha}
    design = {"C": list(np.geomspace(1e18, 1e21, 7)), "architecture": list(PAIR)}
    sweep = sb.simulate_sweep(sb.Law("A*C**-alpha"), design, truth=truth, seed=0, noise=1e-6)
    rows = compare_curves(sb.baseline(sb.Law("A*C**-alpha"), sweep, by="architecture", bootstrap=20, seed=0))
    assert rows.set_index("architecture")[["p_best_1e+18", "p_best_1e+21"]].to_numpy().tolist() == [[1, 0], [0, 1]]
    row = rows.iloc[0]
    assert row["p_one"] == 1
    assert row["crossing_50"] == pytest.approx(place, rel=0.01)
    assert (row["p_better_1e+18"], row["p_better_1e+21"]) == (0, 1)
    assert row["multiplier_50_1e+21"] == pytest.approx((1e21 / place) ** 0.5, rel=0.01)
    assert row["multiplier_5_1e+18"] <= row["multiplier_50_1e+18"] <= row["multiplier_95_1e+18"] < 1


def test_a_case_again_replaces_its_rows_only(tmp_path):
    path = tmp_path / "rows.csv"
    for case, above, rmse in [("a", 1e20, 1.0), ("b", 1e20, 2.0), ("a", 2e20, 3.0), ("a", 1e20, 4.0)]:
        keep_rows(pd.DataFrame({"case": [case], "above": [above], "rmse": [rmse]}), path)
    assert pd.read_csv(path)["rmse"].tolist() == [2.0, 3.0, 4.0]


def test_a_case_from_fit_to_table(parts, tmp_path, capsys, monkeypatch):
    parts("one task, best runs")

    def quick(model, sweep, *, seed, draws, warmup, progress):
        return sb.baseline(model.law, sweep, by="architecture", bootstrap=draws, seed=seed)

    monkeypatch.setattr(sb, "fit", quick)
    path = tmp_path / "rows.csv"
    assert architectures.main(["--case", "one task, best runs", "--draws", "20", "-o", str(path)]) == 0
    shown = capsys.readouterr().out
    assert all(word in shown for word in ("crossing_50", "multiplier_50_1e+20", "rmse", "flop_longest"))
    rows = pd.read_csv(path)
    assert rows["architecture"].tolist() == list(PAIR)
    assert (rows["fitted_to"] <= ABOVE).all()
    assert (rows["rmse"] < 0.1).all()
    assert RUN not in rows
