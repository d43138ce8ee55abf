"""Prior draws by quantiles of fixed normals, against those that the program itself makes."""

import jax
import numpy as np
import numpyro.distributions as dist
import pytest
from numpyro.infer import Predictive
from scipy import stats

import scaling_bayes as sb
from scaling_bayes.laws import ROLES
from scaling_bayes.model.prior_draws import describe_centre, draw_prior, make_prior

LAW = sb.law("chinchilla")
TRUTH = {"E": 1.7, "A": 400.0, "alpha": 0.34, "B": 410.0, "beta": 0.28}
DESIGN = {"N": [1e7, 1e8, 1e9], "D": [1e9, 1e10, 1e11], "corpus": ["code", "web"]}
LEVELS = ("E", "A", "B")
MODELS = {
    "shared": {},
    "pooled": {"pool": dict.fromkeys(LEVELS, "corpus")},
    "separate": {"pool": dict.fromkeys(LAW.parameters, sb.Separate("corpus"))},
    "fixed": {"pool": {"beta": 0.3}},
    "own prior": {"priors": {"alpha": dist.LogNormal(np.log(0.5), 0.2)}, "pool": {"alpha": "corpus"}},
    "own prior, cut off": {"priors": {"E": dist.Normal(1.0, 0.7)}},
}


@pytest.fixture(scope="module")
def sweep():
    return sb.simulate_sweep(LAW, DESIGN, truth=TRUTH, seed=0)


@pytest.mark.parametrize("name", MODELS)
def test_draws_are_those_of_the_program(name, sweep):
    model = sb.Model(LAW, discrepancy=None, **MODELS[name])
    binding = model.bind(sweep)
    with jax.enable_x64(True):
        sites = Predictive(binding.program, num_samples=2000)(jax.random.key(1), binding.design)
    theta = np.asarray(sites["theta"])[:, 0, 0]
    program = binding.program.coordinates.parameters(theta, binding.references)
    mapped = draw_prior(binding, model.priors).group
    unsampled = {p for p in model.priors if not binding.program.sampled[0]}
    for p in LAW.parameters:
        if np.ptp(mapped[p]) == 0:
            np.testing.assert_allclose(mapped[p], np.broadcast_to(program[p], 2000)[0], rtol=1e-6)
        elif p not in unsampled:
            assert stats.ks_2samp(np.log(mapped[p]), np.log(program[p])).pvalue > 1e-3, p


@pytest.mark.parametrize(
    ("support", "centre", "width"), [("positive", 0.3, 0.5), ("unit", 0.3, 0.2), ("real", -1.0, 2.0)]
)
def test_a_prior_has_the_centre_and_width_that_were_asked_for(support, centre, width):
    found = describe_centre(support, make_prior(support, centre, width).simulate(support))
    assert found == pytest.approx((centre, width), rel=0.06)
    assert {role.support for role in ROLES.values()} == {"positive", "unit", "real"}


def test_a_wider_prior_moves_every_draw_outwards(sweep):
    narrow, wide = (
        draw_prior(
            sb.Model(LAW, priors={"alpha": prior.distribution()}, discrepancy=None).bind(sweep), {"alpha": prior}
        ).group["alpha"]
        for prior in (make_prior("positive", 0.3, 0.2), make_prior("positive", 0.3, 0.4))
    )
    np.testing.assert_allclose(np.log(wide / 0.3), 2 * np.log(narrow / 0.3), rtol=1e-6)


def test_curves_are_the_law_in_the_units_of_the_sweep(sweep):
    model = sb.Model(LAW, discrepancy=None)
    draws = draw_prior(model.bind(sweep), {}, size=50)
    references = draws.binding.references
    paper = LAW.rescale({p: v.astype(float) for p, v in draws.group.items()}, references)
    columns = {"N": np.array([1e8, 1e10]), "D": np.array([1e10, 1e12])}
    expected = LAW.numpy(**{p: v[:, None] for p, v in paper.items()}, **columns)
    np.testing.assert_allclose(draws.curves(columns), expected, rtol=1e-8)
