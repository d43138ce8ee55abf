"""One small posterior of two corpora, with runs held out, for every panel."""

import numpy as np
import pandas as pd
import pytest

import scaling_bayes as sb
from scaling_bayes.explorer.subject import Subject

TRUTH = {"E": {"code": 1.2, "web": 1.8}, "A": 400.0, "alpha": 0.34, "B": 410.0, "beta": 0.28}


@pytest.fixture(scope="session")
def split():
    C = np.repeat([1e18, 3e18, 1e19, 3e19, 1e20], 4)
    N = np.sqrt(C / 120) * np.tile([0.5, 0.8, 1.25, 2.0], 5)
    design = {"N": np.tile(N, 2), "D": np.tile(C / (6 * N), 2), "corpus": np.repeat(["code", "web"], len(N))}
    sweep = sb.simulate_sweep(sb.law("chinchilla"), pd.DataFrame(design), truth=TRUTH, seed=0)
    return sb.hold_out(sweep, along="C", top=2)


@pytest.fixture(scope="session")
def posterior(split):
    return sb.baseline(sb.law("chinchilla"), split[0], seed=0, bootstrap=40, by="corpus")


@pytest.fixture
def subject(posterior, split):
    return Subject(posterior, split[1])


def failed(posterior):
    """The same posterior, after a sampler that failed a gate."""
    changed = posterior.copy()
    changed.attrs = posterior.attrs | {"gates": '[{"name": "R-hat", "value": 1.2, "limit": 1.01, "passed": false}]'}
    return changed


@pytest.fixture(scope="session")
def failed_posterior(posterior):
    return failed(posterior)
