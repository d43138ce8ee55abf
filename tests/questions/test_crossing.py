"""Crossings: where the closed form says, how often the draws say, and never averaged over draws without one."""

import numpy as np
import pytest
import xarray as xr

from scaling_bayes.questions.crossing import crossover
from scaling_bayes.questions.points import QuestionError, QuestionWarning
from scaling_bayes.questions.summaries import summarise

CHINCHILLA = "E + A*N**-alpha + B*D**-beta"
DRAWS = ("chain", "draw")
PAIR = ("code", "web")


@pytest.fixture(scope="module")
def base(make_sweep, make_posterior):
    return make_posterior(make_sweep(corpus=["code", "law", "web"]), groups=("corpus",), shape=(2, 300))


@pytest.fixture(scope="module")
def power(base, set_parameters):
    """Two power laws whose level ratio differs from draw to draw, and with it the place of the crossing."""
    wobble = np.random.default_rng(0).normal(0.0, 0.6, (2, 300))
    draws = base["posterior"].to_dataset()
    level = xr.DataArray(40.0 * np.exp(wobble), dims=DRAWS) * xr.DataArray([1.0, 9.0, 4.0], dims="corpus")
    posterior = set_parameters(base, E=0.0, alpha={"code": 0.2, "law": 0.2, "web": 0.27})
    posterior["posterior"] = xr.DataTree(
        posterior["posterior"]
        .to_dataset()
        .assign(A=level.where(draws["corpus"] != "code", 40.0).transpose(*draws["A"].dims))
    )
    return posterior


def closed_form(posterior):
    """Place of the crossing of A N^-a and B N^-b: (B / A) ** (1 / (b - a))."""
    A, alpha = (posterior["posterior"][name] for name in ("A", "alpha"))
    ratio, gap = A.sel(corpus="web") / A.sel(corpus="code"), alpha.sel(corpus="web") - alpha.sel(corpus="code")
    return ratio ** (1 / gap)


def test_two_power_laws_cross_where_the_closed_form_says(power):
    within = (1e2, 1e18)
    answer, expected = crossover(power, "corpus", between=PAIR, along="N", within=within), closed_form(power)
    inside = (expected > within[0]) & (expected < within[1])
    assert 0.9 < inside.mean() < 1
    np.testing.assert_array_equal(answer["crossings"], inside.astype(int))
    np.testing.assert_allclose(answer["crossing"], expected.where(inside), rtol=1e-9)
    assert answer["p_one"].item() == pytest.approx(inside.mean().item())
    assert (answer["p_none"] + answer["p_one"]).item() == pytest.approx(1.0)


def test_draws_whose_law_is_negative_are_left_out_and_counted(power):
    draws = power["posterior"].to_dataset()
    whole = crossover(power, "corpus", between=PAIR, along="N", within=(1e4, 1e10))
    spoilt = power.copy()
    spoilt["posterior"] = xr.DataTree(draws.assign(E=draws["E"].where(draws["chain"] == 0, -1e6)))
    with pytest.warns(QuestionWarning, match="negative, and its response undefined, in up to 50 % of the draws"):
        answer = crossover(spoilt, "corpus", between=PAIR, along="N", within=(1e4, 1e10))
    assert answer["p_undefined"].item() == 0.5
    assert "p_undefined" not in whole
    kept = whole["crossings"].sel(chain=0)
    assert (answer["crossings"].sel(chain=1) == -1).all()
    assert answer["p_one"].item() == pytest.approx((kept == 1).mean().item() / 2)
    np.testing.assert_allclose(answer["p_better"].sum("corpus"), 1.0)


def test_quantiles_are_those_of_draws_with_one_crossing(power):
    answer, expected = crossover(power, "corpus", between=PAIR, along="N", within=(1e7, 1e10)), closed_form(power)
    inside = expected.values[(expected.values > 1e7) & (expected.values < 1e10)]
    assert 0.1 < answer["p_none"].item() < 0.9
    np.testing.assert_allclose(answer["crossing_quantile"], np.quantile(inside, answer["quantile"]), rtol=1e-9)
    row = summarise(answer[["crossing"]]).iloc[0]
    np.testing.assert_allclose(row, np.quantile(inside, [0.5, 0.05, 0.95]), rtol=1e-9)


def test_who_is_better_before_and_beyond(power):
    answer, expected = crossover(power, "corpus", between=PAIR, along="N", within=(1e7, 1e10)), closed_form(power)
    beyond = (expected < 1e10).mean().item()
    np.testing.assert_allclose(answer["p_beyond"].sel(corpus=["web", "code"]), [beyond, 1 - beyond])
    np.testing.assert_allclose(answer["p_before"].sel(corpus="code"), (expected > 1e7).mean())
    assert (np.diff(answer["p_better"].sel(corpus="web")) >= 0).all()


def test_the_order_of_the_two_does_not_matter(power):
    one, other = (
        crossover(power, "corpus", between=pair, along="N", within=(1e7, 1e10)) for pair in (PAIR, PAIR[::-1])
    )
    np.testing.assert_allclose(one["crossing"], other["crossing"])
    xr.testing.assert_allclose(one["p_beyond"], other["p_beyond"].sel(corpus=list(PAIR)))


def test_curves_that_never_meet(power):
    answer = crossover(power, "corpus", between=("code", "law"), along="N", within=(1e7, 1e10))
    never = (power["posterior"]["A"].sel(corpus="law") != 40.0).mean().item()
    assert answer["p_none"].item() == never == 1.0
    assert answer["crossing"].isnull().all()
    assert answer["crossing_quantile"].isnull().all()


def test_curves_that_are_one_do_not_cross(base, set_parameters):
    same = set_parameters(base, E=1.7, A=40.0, alpha=0.2)
    answer = crossover(same, "corpus", between=PAIR, along="N", within=(1e7, 1e10))
    assert answer["p_none"].item() == 1.0
    np.testing.assert_array_equal(answer["p_better"], 0.5)


def test_a_floor_may_bring_a_second_crossing(base, set_parameters):
    """E + A N^-a: steeper with a higher floor wins in the middle only."""
    twice = set_parameters(
        base,
        E={"code": 1.0, "law": 1.0, "web": 1.05},
        A={"code": 40.0, "law": 1.0, "web": 4000.0},
        alpha={"code": 0.25, "law": 0.2, "web": 0.6},
    )
    answer = crossover(twice, "corpus", between=PAIR, along="N", within=(1e3, 1e15))
    assert answer["p_more"].item() == 1.0
    assert (answer["crossings"] == 2).all()
    np.testing.assert_array_equal(answer["p_beyond"].sel(corpus="code"), answer["p_before"].sel(corpus="code"))


def test_drift_makes_a_crossing_less_sure(make_sweep, make_posterior, along_n, set_parameters):
    sweep = make_sweep(corpus=["code", "web"])
    posterior = make_posterior(sweep, groups=("corpus",), axes=(along_n,), drift=0.02, shape=(2, 400))
    known = set_parameters(posterior, E=0.0, A={"code": 40.0, "web": 44.0}, alpha={"code": 0.25, "web": 0.255})
    none = set_parameters(known, drift_own=0.0, drift_spread_own=0.0)
    exact, wide = (crossover(p, "corpus", between=PAIR, along="N", within=(1e6, 1e12)) for p in (none, known))
    np.testing.assert_allclose(exact["crossing"], 1.1**200, rtol=1e-7)
    spread = np.diff(np.log(wide["crossing_quantile"].sel(quantile=[0.05, 0.95])))
    assert wide["p_one"] < 1
    assert spread > 1


@pytest.fixture(scope="module")
def joint(make_sweep, make_posterior, set_parameters):
    posterior = make_posterior(make_sweep(CHINCHILLA, corpus=list(PAIR)), CHINCHILLA, groups=("corpus",), shape=(1, 20))
    return set_parameters(
        posterior, E=0.0, A={"code": 40.0, "web": 80.0}, alpha={"code": 0.3, "web": 0.36}, B=1e-30, beta=0.3
    )


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"along": "N", "within": (1e3, 1e9), "at": {"D": 1e10}}, 2 ** (1 / 0.06)),
        ({"within": (1e10, 1e20), "tokens_per_parameter": 20}, 120 * 2 ** (2 / 0.06)),
        ({"within": (1e10, 1e20), "at": {"N": 1e8, "D": 2e9}}, 120 * 2 ** (2 / 0.06)),
        ({"along": "D", "within": (1e4, 1e9), "tokens_per_parameter": 20}, 20 * 2 ** (1 / 0.06)),
    ],
)
def test_the_path_is_the_one_that_was_said(joint, given, expected):
    answer = crossover(joint, "corpus", between=PAIR, **given)
    np.testing.assert_allclose(answer["crossing"], expected, rtol=1e-9)
    assert answer["crossing"].attrs["units"] == {"N": "parameters", "C": "FLOP", "D": "tokens"}[answer.attrs["along"]]


def test_other_groups_stay_or_are_fixed(make_sweep, make_posterior):
    sweep = make_sweep(corpus=list(PAIR), task=["qa", "vision"])
    posterior = make_posterior(sweep, groups=("corpus", "task"), shape=(1, 50))
    kept = crossover(posterior, "corpus", between=PAIR, along="N", within=(1e7, 1e12))
    fixed = crossover(posterior, "corpus", between=PAIR, along="N", within=(1e7, 1e12), at={"task": "qa"})
    assert kept["p_one"].dims == ("task",)
    assert fixed["p_one"].dims == ()
    np.testing.assert_array_equal(kept["crossings"].sel(task="qa"), fixed["crossings"])
    assert kept["crossing_quantile"].dims == ("quantile", "task")


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"between": "code"}, "two labels"),
        ({"between": ("code", "law", "web")}, "two labels"),
        ({"within": (1e10, 1e7)}, "lowest first"),
        ({"within": (0.0, 1e7)}, "positive"),
        ({"within": 1e7}, "range of positive scales.*found 10000000.0"),
        ({"within": (1e6, 1e7, 1e8)}, "range of positive scales"),
        ({"within": ("low", "high")}, "range of positive scales"),
        ({"at": {"N": 1e9}}, "at= gives N"),
        ({"along": "C"}, "needs N, and at= gives C"),
    ],
)
def test_bad_questions_are_refused(base, given, says):
    with pytest.raises(QuestionError, match=says):
        crossover(base, "corpus", **{"between": PAIR, "along": "N", "within": (1e7, 1e10), **given})
