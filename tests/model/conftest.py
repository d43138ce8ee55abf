"""Small simulated sweeps; nothing here samples."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from scaling_bayes.laws import law
from scaling_bayes.sweeps import simulate_sweep

TRUTH = {"E": 1.7, "A": 400.0, "alpha": 0.34, "B": 410.0, "beta": 0.28}


def lay_out(**columns) -> xr.Dataset:
    """A Chinchilla sweep with these columns."""
    return simulate_sweep(law("chinchilla"), pd.DataFrame(columns), truth=TRUTH, seed=0)


@pytest.fixture(scope="session")
def simulate() -> Callable[..., xr.Dataset]:
    return lay_out


@pytest.fixture(scope="session")
def sweep() -> xr.Dataset:
    """Ragged: 3 corpora of 9, 6 and 5 runs, 2 architectures that cross them, one combination absent."""
    rng = np.random.default_rng(0)
    corpus = np.repeat(["web", "code", "books"], [9, 6, 5])
    architecture = np.where(corpus == "books", "dense", np.resize(["dense", "sparse"], 20))
    N, ratio = 10 ** rng.uniform(7, 9.5, 20), 10 ** rng.uniform(0.5, 2.5, 20)
    return lay_out(N=N, D=N * ratio, corpus=corpus, architecture=architecture)
