"""Every answer says in one way how far it extrapolates: the ratio of its scale to the largest fitted one."""

import numpy as np
import pytest

import scaling_bayes as sb

CORPORA = ["code", "web"]
LARGEST = {"N": 3e9, "D": 1e11, "C": 6 * 3e9 * 1e11}
LOWEST = {"N": 1e7, "D": 1e9, "C": 6 * 1e7 * 1e9}
FAR = {"N": 3e10, "D": 2e12}
"""Two hundred times the largest fitted compute."""
BUDGET = 200 * LARGEST["C"]


def target(posterior):
    return sb.predict(posterior, FAR)["loss"].sel(corpus="web").isel(point=0)


ASKED = {
    "predict": ("C", lambda p: sb.predict(p, FAR)),
    "compare": ("C", lambda p: sb.compare(p, "corpus", at=FAR)),
    "compare, no scale": ("C", lambda p: sb.compare(p, "corpus", at=FAR, along=None)),
    "compare along N": ("N", lambda p: sb.compare(p, "corpus", at=FAR, along="N")),
    "multiplier": ("D", lambda p: sb.multiplier(p, "corpus", baseline="web", at=FAR, along="D")),
    "exponents": ("C", lambda p: sb.exponents(p, FAR)),
    "crossover": (
        "C",
        lambda p: sb.crossover(p, "corpus", between=CORPORA, within=(BUDGET, 2 * BUDGET), at=FAR),
    ),
    "allocate": ("C", lambda p: sb.allocate(p, BUDGET)),
    "isoflops": ("C", lambda p: sb.trace_isoflops(p, BUDGET, sizes=5)),
    "require": ("C", lambda p: sb.require(p, loss=sb.allocate(p, BUDGET)["loss"].median().item())),
    "plan": ("C", lambda p: sb.plan(p, FAR, target=target, refine=0)),
}


@pytest.fixture(scope="module")
def known(make_sweep, make_posterior):
    """Draws that differ little, so that what a loss requires is known."""
    sweep = make_sweep("E + A*N**-alpha + B*D**-beta", corpus=CORPORA)
    given = {"groups": ("corpus",), "prior": None, "shape": (2, 50)}
    return make_posterior(sweep, "E + A*N**-alpha + B*D**-beta", wobble=0.001, spread=0.0, **given)


@pytest.fixture(scope="module")
def stacked(known, make_sweep):
    held_out = make_sweep("E + A*N**-alpha + B*D**-beta", N=[1e10], D=[1e11], corpus=CORPORA, seed=1)
    return sb.stack({"one": known, "other": known}, held_out)


@pytest.mark.parametrize("asked", ["known", "stacked"])
@pytest.mark.parametrize("name", ASKED)
def test_an_answer_says_how_far_it_extrapolates(name, asked, request):
    along, ask = ASKED[name]
    rtol = {"require": 0.1, "crossover": 0.5}.get(name, 1e-6)  # a loss of all draws; a range from 200 on
    answer = ask(request.getfixturevalue(asked))
    assert answer.attrs["scale"] == "C"
    np.testing.assert_allclose(answer.attrs["fitted"], [LOWEST[along], LARGEST[along]])
    np.testing.assert_allclose(np.median(answer["extrapolation"]), 200.0, rtol=rtol)


def test_tables_say_it_too(known):
    """By point where there are several."""
    at = {name: [LARGEST[name], scale] for name, scale in FAR.items()}
    ranked = sb.rank(sb.compare(known, "corpus", at=at))
    np.testing.assert_allclose(ranked["extrapolation"].unstack("corpus"), [[1.0, 1.0], [200.0, 200.0]])
    planned = sb.plan_table(sb.plan(known, at, target=target, refine=0))
    assert sorted(planned["extrapolation"].round(6)) == [1.0, 1.0, 200.0, 200.0]
