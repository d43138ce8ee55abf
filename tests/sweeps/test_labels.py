"""Labels of runs."""

import pytest
import xarray as xr

from scaling_bayes.sweeps.labels import label_runs


@pytest.mark.parametrize(
    ("groups", "expected"), [([], ["", ""]), (["corpus"], ["web", "code"]), (["corpus", "size"], ["web, 1", "code, 2"])]
)
def test_a_run_is_labelled_by_the_combination_of_its_groups(groups, expected):
    runs = xr.Dataset(coords={"corpus": ("run", ["web", "code"]), "size": ("run", [1, 2])})
    assert label_runs(runs, groups).tolist() == expected
