"""No answer holds more than 1 GB: what would is refused before it is computed, in milliseconds."""

import time
import tracemalloc

import numpy as np
import pytest

import scaling_bayes as sb
from scaling_bayes.questions.points import LARGEST, QuestionError

CHINCHILLA = "E + A*N**-alpha + B*D**-beta"
CORPORA, TASKS = [f"corpus {k}" for k in range(8)], [f"task {k}" for k in range(60)]
MANY = 20_000
WIDE = (1e-150, 1e150)
SCALES = {"N": np.geomspace(1e9, 1e12, MANY), "D": 2e10}

TOO_LARGE = {
    "predict": lambda p: sb.predict(p, SCALES),
    "compare": lambda p: sb.compare(p, "corpus", at=SCALES, along=None),
    "multiplier": lambda p: sb.multiplier(p, "corpus", baseline=CORPORA[0], at=SCALES, along="N"),
    "exponents": lambda p: sb.exponents(p, SCALES),
    "allocate": lambda p: sb.allocate(p, np.geomspace(1e18, 1e24, MANY)),
    "isoflops": lambda p: sb.trace_isoflops(p, np.geomspace(1e18, 1e24, MANY)),
    "crossover": lambda p: sb.crossover(p, "corpus", between=CORPORA[:2], along="N", within=WIDE, at={"D": 2e10}),
    "plan": lambda p: sb.plan(p, SCALES, target=lambda p: sb.predict(p, {"N": 1e11, "D": 2e12})["loss"]),
    "require": lambda p: sb.require(p, loss=np.linspace(2.0, 3.0, MANY)),
}


@pytest.fixture(scope="module")
def posterior(make_sweep, make_posterior):
    given = {"groups": ("corpus",), "prior": None, "shape": (4, 250)}
    return make_posterior(make_sweep(CHINCHILLA, corpus=CORPORA), CHINCHILLA, **given)


@pytest.fixture(scope="module")
def crossed(make_sweep, make_posterior):
    """Two groupings, so that a question of one is answered for every label of the other."""
    given = {"groups": ("corpus", "task"), "prior": None, "shape": (4, 250)}
    sweep = make_sweep(CHINCHILLA, N=[1e8, 1e9], D=[1e10], corpus=CORPORA[:2], task=TASKS)
    return make_posterior(sweep, CHINCHILLA, **given)


@pytest.mark.parametrize("name", TOO_LARGE)
def test_what_would_hold_more_is_refused_at_once(posterior, crossed, name):
    posterior = crossed if name == "crossover" else posterior
    before = time.process_time()
    tracemalloc.start()
    with pytest.raises(QuestionError, match=r"would hold [\d.]+ GB of draws, and 1 GB is the limit; \w+"):
        TOO_LARGE[name](posterior)
    assert tracemalloc.get_traced_memory()[1] < LARGEST / 10
    tracemalloc.stop()
    assert time.process_time() - before < 5
