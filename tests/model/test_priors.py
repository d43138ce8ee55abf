"""A user's prior as data, on the coordinate of its parameter."""

import jax
import numpy as np
import numpyro.distributions as dist
import pytest
from scipy import integrate

from scaling_bayes.model.priors import SUPPORTS, Prior

# prior, support, and how much of the prior is inside
ACCEPTED = {
    "log-normal on a positive": (dist.LogNormal(-1.0, 0.5), "positive", 1.0),
    "half-normal on a positive": (dist.HalfNormal(0.5), "positive", 1.0),
    "normal on a positive, cut at 0": (dist.Normal(0.3, 0.2), "positive", 0.9332),
    "beta on a share": (dist.Beta(2.0, 5.0), "unit", 1.0),
    "normal on a share, cut at both ends": (dist.Normal(0.5, 0.2), "unit", 0.9876),
    "normal on a real": (dist.Normal(-2.0, 3.0), "real", 1.0),
    "logistic on a real": (dist.Logistic(0.0, 1.0), "real", 1.0),
}
REFUSED = {
    "uniform": (dist.Uniform(0.2, 0.5), "positive", "wall"),
    "beta on a positive": (dist.Beta(2.0, 2.0), "positive", "wall"),
    "half-normal on a real": (dist.HalfNormal(1.0), "real", "wall"),
    "far below": (dist.Normal(-5.0, 1.0), "positive", "mostly outside"),
    "far above": (dist.LogNormal(3.0, 0.5), "unit", "mostly outside"),
}
UNREADABLE = {
    "a number": (0.3, "numpyro.distributions"),
    "a class": (dist.Normal, "numpyro.distributions"),
    "a vector": (dist.Normal(np.zeros(2), 1.0), "scalar"),
    "counts": (dist.Poisson(3.0), "scalar continuous"),
    "a truncated one": (dist.TruncatedNormal(0.3, 0.1, low=0.0, high=1.0), "said by numbers"),
}


@pytest.mark.parametrize("case", ACCEPTED)
def test_a_prior_is_read_rebuilt_and_shown(case):
    given, support, _ = ACCEPTED[case]
    prior = Prior.read(given)
    assert Prior.read(prior) is prior
    assert prior.distribution().log_prob(0.4) == pytest.approx(given.log_prob(0.4))
    assert type(given).__name__ in str(prior)
    prior.check("p", support)


@pytest.mark.parametrize("case", ACCEPTED)
def test_on_its_coordinate_it_is_a_density_with_the_moments_stated(case):
    given, support, inside = ACCEPTED[case]
    prior = Prior.read(given)
    grid = np.linspace(-12, 12, 20001)
    with jax.enable_x64(True):
        density = np.exp(np.asarray(prior.on_coordinate(support).log_prob(grid)))
    mass = integrate.trapezoid(density, grid)
    mean = integrate.trapezoid(density * grid, grid) / mass
    sd = np.sqrt(integrate.trapezoid(density * (grid - mean) ** 2, grid) / mass)
    stated_mean, stated_sd = prior.moments(support)
    assert mass == pytest.approx(inside, abs=0.002)
    assert stated_mean == pytest.approx(mean, abs=0.1)
    assert stated_sd == pytest.approx(sd, rel=0.1)


@pytest.mark.parametrize("case", REFUSED)
def test_what_does_not_cover_its_parameter_is_refused(case):
    given, support, fragment = REFUSED[case]
    with pytest.raises(ValueError, match=fragment) as caught:
        Prior.read(given).check("alpha", support)
    assert "'alpha'" in str(caught.value)
    assert SUPPORTS[support].described in str(caught.value)


@pytest.mark.parametrize("case", UNREADABLE)
def test_what_is_no_prior_is_refused(case):
    given, fragment = UNREADABLE[case]
    with pytest.raises(TypeError, match=fragment):
        Prior.read(given)
