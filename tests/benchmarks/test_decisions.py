"""The scoreboard of decisions, on tables made by hand."""

import pandas as pd
import pytest

from benchmarks.decisions import METHODS, exchange_rows, score_pairs


@pytest.mark.parametrize(
    ("there", "new", "kept"),
    [
        ([], ["huber", "discrepancy"], ["discrepancy", "huber"]),
        (["law-alone", "single scale"], ["discrepancy"], ["discrepancy", "law-alone", "single scale"]),
        (["discrepancy", "huber"], ["huber"], ["discrepancy", "huber"]),
        (list(METHODS), list(METHODS), list(METHODS)),
    ],
)
def test_a_method_that_is_run_again_takes_the_place_of_its_rows(tmp_path, there, new, kept):
    path = tmp_path / "decisions.csv"
    if there:
        pd.DataFrame({"method": there, "bin": "all", "right": 0.1}).to_csv(path, index=False)
    found = exchange_rows(path, pd.DataFrame({"method": new, "bin": "all", "right": 0.9}))
    assert found["method"].tolist() == kept
    assert (found["right"] == [0.9 if method in new else 0.1 for method in kept]).all()


@pytest.mark.parametrize(("p", "right", "brier", "regret"), [(0.9, 1.0, 0.01, 0.0), (0.1, 0.0, 0.81, 1.0)])
def test_pairs_are_scored_by_what_was_held_out(p, right, brier, regret):
    claimed = pd.DataFrame([[0.5, p], [1 - p, 0.5]], index=["a", "b"], columns=["a", "b"])
    whole = score_pairs(claimed, pd.Series({"a": 1.0, "b": 2.0})).set_index("bin").loc["all"]
    assert whole[["right", "brier", "regret"]].astype(float).round(6).tolist() == [right, brier, regret]
