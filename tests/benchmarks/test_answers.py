"""The table of answers: every question can be asked of draws made by hand, and what it costs is told."""

import pytest

import scaling_bayes as sb
from benchmarks import answers


@pytest.fixture
def small(monkeypatch):
    for name, number in {"GROUPS": 3, "EVERY": 1, "CHAINS": 2, "DRAWS": 20}.items():
        monkeypatch.setattr(answers, name, number)


@pytest.mark.parametrize("axes", [("C",), ("C", "D/N")], ids="-".join)
def test_every_question_is_answered_by_draws_made_by_hand(small, axes):
    posterior = answers.draw_posterior(0, axes)
    asked = answers.state_questions(posterior)
    moved = asked["allocate"]().attrs["closed_form"] == 0
    assert moved == ("D/N" in axes)
    for name, ask in asked.items():
        assert ask().attrs["drift"] == ", ".join(axes), name


def test_the_most_held_is_no_less_than_the_answer(small):
    posterior = answers.draw_posterior(0, ("C",))
    told = answers.measure(lambda: sb.predict(posterior, {"N": 1e9, "D": 2e10}))
    assert 0 < told["gigabytes"] < told["peak_gigabytes"] < 1
    assert told["warm_cpu"] < 5
