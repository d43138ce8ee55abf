"""No answer holds more than 1 GB: what would is refused before it is computed, in milliseconds."""

import time
import tracemalloc

import numpy as np
import pytest

import scaling_bayes as sb
from scaling_bayes.questions.points import LARGEST, QuestionError

CHINCHILLA = "E + A*N**-alpha + B*D**-beta"
CORPORA = [f"corpus {k}" for k in range(8)]
MANY = 20_000
SCALES = {"N": np.geomspace(1e9, 1e12, MANY), "D": 2e10}

TOO_LARGE = {
    "predict": lambda p: sb.predict(p, SCALES),
    "compare": lambda p: sb.compare(p, "corpus", at=SCALES, along=None),
    "multiplier": lambda p: sb.multiplier(p, "corpus", baseline=CORPORA[0], at=SCALES, along="N"),
    "exponents": lambda p: sb.exponents(p, SCALES),
    "allocate": lambda p: sb.allocate(p, np.geomspace(1e18, 1e24, MANY)),
    "isoflops": lambda p: sb.trace_isoflops(p, np.geomspace(1e18, 1e24, MANY)),
    "require": lambda p: sb.require(p, loss=np.linspace(2.0, 3.0, MANY)),
}


@pytest.fixture(scope="module")
def posterior(make_sweep, make_posterior):
    given = {"groups": ("corpus",), "prior": None, "shape": (4, 250)}
    return make_posterior(make_sweep(CHINCHILLA, corpus=CORPORA), CHINCHILLA, **given)


@pytest.mark.parametrize("name", TOO_LARGE)
def test_what_would_hold_more_is_refused_at_once(posterior, name):
    before = time.process_time()
    tracemalloc.start()
    with pytest.raises(QuestionError, match=r"would hold [\d.]+ GB of draws, and 1 GB is the limit; \w+"):
        TOO_LARGE[name](posterior)
    assert tracemalloc.get_traced_memory()[1] < LARGEST / 10
    tracemalloc.stop()
    assert time.process_time() - before < 5
