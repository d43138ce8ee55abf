"""Chains that are continued, and what a stretch of iterations keeps."""

import json
from functools import lru_cache

import numpy as np
import pytest

import scaling_bayes as sb
from scaling_bayes.inference import engine, gates
from scaling_bayes.inference.runs import Stretch

pytestmark = pytest.mark.filterwarnings("ignore:.*sampler gates")

MODEL = sb.Model(sb.law("power"), noise=sb.Normal(), discrepancy=None)


@pytest.mark.parametrize(
    ("stretch", "kept", "diverging"),
    [
        (Stretch(0, 6), [0, 1, 2, 3, 4, 5], [0, 0, 0, 1, 0, 0]),
        (Stretch(2, 4), [2, 3, 4, 5], [0, 1, 0, 0]),
        (Stretch(0, 2, thin=3), [2, 5], [0, 1]),
        (Stretch(1, 2, thin=2), [2, 4], [0, 1]),
    ],
)
def test_a_stretch_keeps_the_last_of_each_and_every_divergence(stretch, kept, diverging):
    divergent = np.array([[False, False, False, True, False, False, False]])
    record = {"position": {"x": np.arange(7.0)[None, :, None]}, "diverging": divergent, "tree_depth": divergent * 5}
    found = stretch.keep(record | {"lp": np.arange(7.0)[None]}, axis=1)
    assert found["position"]["x"].tolist() == [[[x] for x in kept]]
    assert found["lp"].tolist() == [kept]
    assert found["diverging"].astype(int).tolist() == [diverging]
    assert found["tree_depth"].tolist() == [[5 * x for x in diverging]]


@pytest.fixture(scope="module")
def fit_under(sweeps):
    """Fits under gates of other limits, each made once."""

    @lru_cache
    def made(draws, **limits):
        with pytest.MonkeyPatch.context() as patch:
            for name, value in limits.items():
                patch.setattr(gates, name, value)
            return sb.fit(MODEL, sweeps["line"](), seed=0, draws=draws, warmup=200, progress=False, cache=False)

    return made


@pytest.mark.parametrize(
    ("limits", "draws", "said"),
    [
        ({"MAX_RHAT": 1.5}, 400, "never"),
        ({"MAX_RHAT": 1.0}, 400, "twice, one draw in 3 kept, because of R-hat"),
        ({"MAX_RHAT": 1.0}, 399, "never"),
        ({"MAX_RHAT": 1.5, "MIN_BFMI": 9.0}, 400, "never"),
    ],
)
def test_chains_that_fail_are_continued_at_most_twice(fit_under, limits, draws, said):
    found = fit_under(draws, **limits)
    assert found["posterior"].sizes["draw"] == draws
    assert found.attrs.get("continued", "never").startswith(said)


@pytest.mark.parametrize(
    ("divergences", "said"),
    [
        ([3.0, 0.0], "once, because of divergences 3"),
        ([30.0, 3.0, 1.0, 0.0], "three times, because of divergences 1"),
        ([3.0, 3.0, 30.0], "twice, because of divergences 3"),
        ([3.0, 3.0, 3.0, 3.0], "three times, because of divergences 3"),
    ],
)
def test_where_steps_alone_were_too_long_no_draw_is_left_out(sweeps, monkeypatch, divergences, said):
    left = list(divergences)

    def judge(*measured):
        value = left.pop(0)
        found = [gate for gate in gates.measure_gates(*measured) if gate.name != "divergences"]
        return [*found, gates.Gate("divergences", value, 0.0, value == 0)]

    monkeypatch.setattr(engine, "measure_gates", judge)
    found = sb.fit(MODEL, sweeps["line"](), seed=0, draws=400, warmup=200, progress=False, cache=False)
    assert found.attrs["continued"].startswith(said)
    assert found["posterior"].sizes["draw"] == 400
    assert not left


def test_a_continued_fit_finds_the_same_posterior(fit_under):
    short, long = fit_under(400, MAX_RHAT=1.5), fit_under(400, MAX_RHAT=1.0)
    first, last = (found["posterior"]["alpha"] for found in (short, long))
    assert not np.isclose(first, last).any()
    assert float(last.mean()) == pytest.approx(float(first.mean()), abs=0.3 * float(first.std()))
    assert float(last.std()) == pytest.approx(float(first.std()), rel=0.2)
    assert json.loads(long.attrs["sampler"]) == {"chains": 4, "draws": 400, "warmup": 200}
