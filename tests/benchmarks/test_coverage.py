"""Rows of the scoreboard become answers in which every curve counts alike, over the families that all methods share."""

import numpy as np
import pandas as pd
import pytest

from benchmarks.coverage import score_methods
from benchmarks.extrapolation import RESULTS, average_curves, read_rows
from scaling_bayes.figures import plot_coverage


@pytest.fixture(scope="module")
def rows():
    return read_rows(RESULTS)


def test_shares_by_ratio_are_those_of_the_scoreboard(rows):
    shared = rows[rows.groupby("family")["method"].transform("nunique") == rows["method"].nunique()]
    table = average_curves(shared, ["method", "ratio"])
    for method, found in score_methods(rows).items():
        expected = table.loc[method].sort_values("coverage_90")
        np.testing.assert_allclose(np.sort(found["coverage_at_ratio"].sel(level=0.9)), expected["coverage_90"])
        assert sorted(found["runs_at_ratio"].values) == sorted(expected["curves"])
        assert set(found.attrs["families"]) == set(shared["family"])


def test_a_family_that_a_method_lacks_is_left_out(rows):
    least = rows[(rows["family"] != "chinchilla") | (rows["method"] != "huber")]
    for found in score_methods(least).values():
        assert "chinchilla" not in found.attrs["families"]


def test_the_scoreboard_can_be_drawn(rows):
    fig = plot_coverage(score_methods(pd.DataFrame(rows)))
    assert len(fig.axes) == 4
