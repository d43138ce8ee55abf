"""Multipliers: the closed form of power laws, and infinity where a floor forbids."""

import numpy as np
import pytest
import xarray as xr

from scaling_bayes.questions.multiplier import multiplier
from scaling_bayes.questions.points import QuestionError, QuestionWarning

CHINCHILLA = "E + A*N**-alpha + B*D**-beta"
CORPORA = ["code", "law", "web"]
SCALES = [1e7, 1e9, 1e11]


@pytest.fixture(scope="module")
def base(make_sweep, make_posterior):
    return make_posterior(make_sweep(corpus=CORPORA), groups=("corpus",), shape=(1, 40))


@pytest.fixture(scope="module")
def joint(make_sweep, make_posterior):
    return make_posterior(make_sweep(CHINCHILLA, corpus=CORPORA), CHINCHILLA, groups=("corpus",), shape=(1, 40))


def test_power_laws_of_one_exponent_have_one_multiplier(base, set_parameters):
    known = set_parameters(base, E=0.0, A={"code": 20.0, "law": 40.0, "web": 40.0}, alpha=0.25)
    answer = multiplier(known, "corpus", baseline="web", at={"N": SCALES}, along="N")
    assert answer["corpus"].values.tolist() == ["code", "law"]
    np.testing.assert_allclose(answer["multiplier"].sel(corpus="code"), 16.0, rtol=1e-9)
    np.testing.assert_allclose(answer["multiplier"].sel(corpus="law"), 1.0, rtol=1e-9)
    assert answer["p_more"].sel(corpus="code").values.tolist() == [1.0] * 3


def test_power_laws_of_two_exponents(base, set_parameters):
    """m = (A_0 / A_a) ** (1 / a_0) * s ** (a_a / a_0 - 1)."""
    known = set_parameters(
        base, E=0.0, A={"code": 20.0, "law": 7.0, "web": 30.0}, alpha={"code": 0.3, "law": 0.2, "web": 0.25}
    )
    answer = multiplier(known, "corpus", baseline="web", at={"N": SCALES}, along="N")["multiplier"]
    scale = np.array(SCALES)
    for label, level, alpha in (("code", 20.0, 0.3), ("law", 7.0, 0.2)):
        expected = (30.0 / level) ** 4 * scale ** (alpha / 0.25 - 1)
        np.testing.assert_allclose(answer.sel(corpus=label), np.broadcast_to(expected, (1, 40, 3)), rtol=1e-9)


def test_with_floors_it_is_the_inverse_of_the_baseline(base, set_parameters):
    known = set_parameters(
        base, E=1.7, A={"code": 200.0, "law": 300.0, "web": 400.0}, alpha={"code": 0.34, "law": 0.3, "web": 0.34}
    )
    answer = multiplier(known, "corpus", baseline="web", at={"N": SCALES}, along="N")["multiplier"]
    for label, level, alpha in (("code", 200.0, 0.34), ("law", 300.0, 0.3)):
        expected = (400.0 / (level * np.array(SCALES) ** -alpha)) ** (1 / 0.34) / SCALES
        np.testing.assert_allclose(answer.sel(corpus=label), np.broadcast_to(expected, (1, 40, 3)), rtol=1e-4)


def test_it_may_never_get_there_or_be_there_long_ago(base, set_parameters):
    known = set_parameters(base, E={"code": 1.0, "law": 4.0, "web": 2.0}, A=40.0, alpha=0.34)
    answer = multiplier(known, "corpus", baseline="web", at={"N": [1e12]}, along="N")
    assert (answer["multiplier"].sel(corpus="code") == np.inf).all()
    assert (answer["multiplier"].sel(corpus="law") == 0).all()
    assert answer["p_unattained"].sel(corpus="code").item() == answer["p_below"].sel(corpus="law").item() == 1.0


@pytest.mark.parametrize(
    ("along", "term", "power"), [("N", "A", 1.0), ("D", "B", 1.0), ("C", "A", 2.0)], ids=["size", "data", "compute"]
)
def test_compute_size_and_data(joint, set_parameters, along, term, power):
    """One term alone, twice as high: (2 ** (1 / 0.25)) of its covariate, which is the square root of compute."""
    none = {"A": "B", "B": "A"}[term]
    levels = {term: {"code": 20.0, "law": 40.0, "web": 40.0}, none: 1e-30}
    known = set_parameters(joint, E=0.0, alpha=0.25, beta=0.25, **levels)
    at = {"C": [1e20, 1e22]}
    answer = multiplier(known, "corpus", baseline="web", at=at, along=along, tokens_per_parameter=20)
    np.testing.assert_allclose(answer["multiplier"].sel(corpus="code"), 16.0**power, rtol=1e-9)


def test_the_label_of_the_baseline_is_all_that_matters(base):
    """Two choices told by a third: labels in another order, the same numbers."""
    straight = multiplier(base, "corpus", baseline="web", at={"N": SCALES}, along="N")["multiplier"]
    turned = multiplier(base, "corpus", baseline="web", at={"N": SCALES}, along="N", among=["web", "law", "code"])
    np.testing.assert_allclose(turned["multiplier"].sel(corpus=["code", "law"]), straight)


@pytest.mark.parametrize(
    ("given", "says"),
    [({"baseline": "wbe"}, "did you mean 'web'"), ({"along": "C"}, "no covariate"), ({"at": {"D": 1.0}}, "D")],
)
def test_bad_questions_are_refused(base, given, says):
    with pytest.raises(QuestionError, match=says):
        multiplier(base, "corpus", **{"baseline": "web", "at": {"N": 1e9}, "along": "N", **given})


def test_draws_whose_law_is_negative_are_left_out_and_counted(make_sweep, make_posterior):
    posterior = make_posterior(make_sweep(corpus=["code", "web"]), groups=("corpus",), wobble=0.0)
    draws = posterior["posterior"].to_dataset()
    first = draws["chain"] == draws["chain"][0]
    posterior["posterior"] = xr.DataTree(draws.assign(E=draws["E"].where(~first, -1e6)))
    with pytest.warns(QuestionWarning, match="negative"):
        found = multiplier(posterior, "corpus", baseline="web", at={"N": 1e9}, along="N")
    share = 1 / draws.sizes["chain"]
    assert found["p_undefined"].item() == pytest.approx(share)
    np.testing.assert_array_equal(found["multiplier"].isnull().isel(chain=0), True)
    assert found["p_below"].item() == 0
    assert {found["p_more"].item(), found["p_unattained"].item()} <= {0.0, 1.0}
