"""What moves along a curve, and what follows from it."""

import numpy as np
import pytest

import scaling_bayes as sb
from scaling_bayes.questions.covariates import read_covariates

CHINCHILLA = "E + A*N**-alpha + B*D**-beta"


@pytest.fixture
def covariates(make_sweep, make_posterior):
    return read_covariates(make_posterior(make_sweep(CHINCHILLA), CHINCHILLA))


def test_compute_follows_from_size_and_data(covariates):
    assert covariates.axes == ("C", "N", "D")
    assert covariates.held("C") == ("M",)
    along = covariates.follow("C", np.array([6e18, 6e20]), {"M": 100.0})
    np.testing.assert_allclose(along["D"] / along["N"], 100.0)
    np.testing.assert_allclose(6 * along["N"] * along["D"], [6e18, 6e20])
    assert covariates.follow("N", 1e8, {"D": 2e9})["C"] == pytest.approx(1.2e18)


def test_measured_compute_keeps_its_ratio_to_6nd(make_sweep, make_posterior):
    posterior = make_posterior(make_sweep(CHINCHILLA), CHINCHILLA)
    runs = posterior["constant_data"].to_dataset()
    runs["C"] = runs["C"] * 1.5
    posterior["constant_data"].dataset = runs.assign_attrs(flop_rule="measured")
    found = read_covariates(posterior)
    assert found.kappa == pytest.approx(1.5)
    assert found.follow("N", 1e8, {"D": 2e9})["C"] == pytest.approx(1.8e18)


def test_one_covariate_holds_nothing(make_sweep, make_posterior):
    found = read_covariates(make_posterior(make_sweep()))
    assert (found.axes, found.held("N")) == (("N",), ())


@pytest.mark.parametrize(
    ("along", "at", "message"),
    [("M", {}, "along='M' is none that a curve can run along"), ("N", {}, "at= lacks D; a curve along N holds D")],
)
def test_errors_say_what_to_give(covariates, along, at, message):
    with pytest.raises(sb.QuestionError, match=message):
        covariates.follow(along, np.array([1e8]), at)
