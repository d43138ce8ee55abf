"""Doubtful questions are answered, and warned of once each; others in silence."""

import numpy as np
import pandas as pd
import pytest

from scaling_bayes.questions.comparison import compare
from scaling_bayes.questions.points import QuestionError, QuestionWarning
from scaling_bayes.questions.prediction import predict

CHINCHILLA = "E + A*N**-alpha + B*D**-beta"
CORPORA = ["code", "web"]


@pytest.fixture(scope="module")
def sweep(make_sweep):
    return make_sweep(CHINCHILLA, corpus=CORPORA)


@pytest.fixture(scope="module")
def pooled(sweep, make_posterior):
    return make_posterior(sweep, CHINCHILLA, groups=("corpus",))


@pytest.fixture(scope="module")
def shared(sweep, make_posterior):
    return make_posterior(sweep, CHINCHILLA)


DOUBTFUL = {
    "millions for ones": ({"N": [70, 1e9], "D": 2e10}, r"at= has N = 70, and the smallest fitted value is \S+: cov"),
    "billions for ones": (pd.DataFrame({"N": [1e9], "D": [20.0]}), "at= has D = 20, and the smallest"),
    "a C of its own": (
        {"N": 1e9, "D": 2e10, "C": [1.2e20, 1e21]},
        r"not 6 N D at 1 of 2 points, up to 8\.33 times off",
    ),
}


@pytest.mark.parametrize("ask", [predict, lambda p, at: compare(p, "corpus", at=at)], ids=["predict", "compare"])
@pytest.mark.parametrize(("at", "said"), DOUBTFUL.values(), ids=DOUBTFUL)
def test_a_doubtful_point_is_answered_with_a_warning(pooled, ask, at, said):
    with pytest.warns(QuestionWarning, match=said) as told:
        answer = ask(pooled, at)
    assert len(told) == 1
    assert np.isfinite(answer["loss"]).all()


def test_a_label_that_changes_nothing_is_told(shared, sweep):
    with pytest.warns(QuestionWarning, match="names corpus, with which nothing of the fitted model varies"):
        predict(shared, {"N": 1e9, "D": 2e10, "corpus": "web"})
    predict(shared, sweep)  # a column of a sweep has no say, and is not asked for


@pytest.mark.parametrize(
    "at",
    [
        {"N": 1e9, "D": 2e10, "C": 1.2e20},
        {"N": [1e9, 1e30], "D": 2e10, "corpus": "web"},
        {"N": 1e4, "D": 1e7},
        {"N": "1B", "D": ["20B", ".5T"]},
    ],
)
def test_others_are_answered_in_silence(pooled, at):
    predict(pooled, at)


def test_sizes_as_people_write_them_are_numbers(pooled):
    written = predict(pooled, {"N": ["7B", "70 B"], "D": "1.4T"})
    np.testing.assert_array_equal(written["loss"], predict(pooled, {"N": [7e9, 7e10], "D": 1.4e12})["loss"])


@pytest.mark.parametrize("size", ["7X", "7m", "B", "7BB", "-7B", ""])
def test_what_is_no_size_is_refused(pooled, size):
    with pytest.raises(QuestionError, match=r"at\['N'\] holds what is no positive finite number at positions \[0\]"):
        predict(pooled, {"N": [size, "7B"], "D": 1e10})


@pytest.mark.parametrize("new_run", ["yes", 1, None])
def test_new_run_is_true_or_false(pooled, new_run):
    with pytest.raises(QuestionError, match="new_run= is True or False, found"):
        predict(pooled, {"N": 1e9, "D": 2e10}, new_run=new_run)
