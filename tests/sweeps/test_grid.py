"""The cube view holds every run once and NaN elsewhere."""

import numpy as np
import pytest

from scaling_bayes.sweeps import SweepError, as_sweep, sweep_grid

TABLE = {
    "N": [1e6, 1e7, 1e6, 1e7, 1e6],
    "D": [1e8, 1e9, 2e8, 2e9, 3e8],
    "loss": [4.0, 3.0, 2.0, 1.0, 1.5],
    "corpus": ["web", "web", "code", "code", "law"],
    "seed": [0, 0, 1, 1, 0],
}
SWEEP = as_sweep(
    TABLE, response="loss", covariates=["N", "D"], groups=["corpus", "seed"],
    units={"N": "1", "D": "tokens", "loss": "nats/token"},
)  # fmt: skip


@pytest.mark.parametrize("dims", [["corpus", "N"], ["N", "corpus"], ["D"], "D", ["corpus", "seed", "N"]])
def test_every_run_has_its_cell(dims):
    grid = sweep_grid(SWEEP, dims)
    names = [dims] if isinstance(dims, str) else dims
    assert list(grid["loss"].dims) == names
    for run in range(SWEEP.sizes["run"]):
        cell = {name: SWEEP[name].values[run] for name in names}
        assert float(grid["loss"].sel(cell)) == SWEEP["loss"].values[run]
    filled = int(np.isfinite(grid["loss"]).sum())
    assert filled == SWEEP.sizes["run"]
    assert grid.attrs["filled"] == pytest.approx(filled / grid["loss"].size)
    assert grid["loss"].attrs == SWEEP["loss"].attrs


def test_other_covariates_come_along():
    grid = sweep_grid(SWEEP, ["corpus", "N"])
    assert set(grid.data_vars) == {"loss", "D", "C"}
    assert grid["D"].sel(corpus="code", N=1e7) == 2e9


@pytest.mark.parametrize(
    ("dims", "fragments"),
    [
        (["N"], ["5 runs share a cell", "'corpus'"]),
        (["corpsu"], ["did you mean 'corpus'"]),
        (["run"], ["'run' is no coordinate"]),
    ],
)
def test_refused(dims, fragments):
    with pytest.raises(SweepError) as error:
        sweep_grid(SWEEP, dims)
    assert [fragment for fragment in fragments if fragment not in str(error.value)] == [], str(error.value)
