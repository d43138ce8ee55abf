"""The coordinates that are sampled and the parameters that they stand for."""

from dataclasses import dataclass, field

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from scaling_bayes.laws import ROLES, Law
from scaling_bayes.laws.coordinates import choose_coordinates

CHINCHILLA = "E + A*N**-alpha + B*D**-beta"


@dataclass(frozen=True)
class Case:
    """A law, what is asked of its coordinates, and their names."""

    formula: str
    names: str
    alone: tuple[str, ...] = ()
    fixed: dict[str, float] = field(default_factory=dict)
    alike: str | None = None
    roles: dict[str, str] = field(default_factory=dict)

    def choose(self):
        law = Law(self.formula, roles=self.roles)
        return choose_coordinates(
            law, self.alone, self.fixed, law.parameters if self.alike is None else self.alike.split()
        )


CASES = {
    "chinchilla": Case(CHINCHILLA, "log_total share_E share_A log_alpha log_beta"),
    "floor last in the text": Case("B*D**-beta + A*N**-alpha + E", "log_total share_E share_B log_beta log_alpha"),
    "one level": Case("A*N**-alpha", "log_total log_alpha"),
    "one term and a floor": Case("E + A*C**-alpha", "log_total share_E log_alpha"),
    "a prior of one's own": Case(CHINCHILLA, "log_E log_A log_alpha log_B log_beta", alone=("E",)),
    "a prior on an exponent": Case(CHINCHILLA, "log_total share_E share_A log_alpha log_beta", alone=("alpha",)),
    "a known exponent": Case(CHINCHILLA, "log_total share_E share_A log_beta", fixed={"alpha": 0.34}),
    "a known level": Case(CHINCHILLA, "log_E log_alpha log_B log_beta", fixed={"A": 406.4}),
    "both known": Case(CHINCHILLA, "log_E log_B log_beta", fixed={"A": 406.4, "alpha": 0.34}),
    "a known shift": Case("E + A*(C + B)**-alpha", "log_total share_E log_alpha", fixed={"B": 7e9}),
    "pooled differently": Case(CHINCHILLA, "log_E log_A log_alpha log_B log_beta", alike="E A"),
    "one level in two terms": Case("E + A*N**-alpha + A*D**-beta", "log_E log_A log_alpha log_beta"),
    "two levels in a term": Case("E + A*B*N**-alpha", "log_E log_A log_B log_alpha"),
    "no positive sum": Case("a - b*log(C)", "a b", roles={"a": "coefficient", "b": "coefficient"}),
    "fractions": Case(
        "c + (1 - c)*sigmoid(a*log(C) - b)",
        "logit_c a b",
        roles={"c": "fraction", "a": "coefficient", "b": "coefficient"},
    ),
}
REFERENCES = {"N": 3e8, "D": 2e10, "C": 5e19}

every_case = pytest.mark.parametrize("case", CASES.values(), ids=CASES)


def draws(coordinates, shape=(3, 4)):
    return np.random.default_rng(0).normal(0, 1, (*shape, len(coordinates.names)))


@every_case
def test_names(case):
    assert case.choose().names == tuple(case.names.split())


@every_case
def test_every_parameter_is_there_once(case):
    found = case.choose()
    fixed = [p for p, _ in found.fixed]
    assert sorted([*found.shares, *found.singles, *fixed]) == sorted(found.law.parameters)


@every_case
def test_names_owners_and_priors_have_one_length(case):
    found = case.choose()
    assert sorted(found.owners()) == sorted([*found.shares, *found.singles])
    for row in found.prior(log_response=1.0):
        assert row.shape == (len(found.names),)
        assert np.isfinite(row).all()
    _, width, spread = found.prior(log_response=1.0)
    assert (width > 0).all()
    assert (spread > 0).all()


@every_case
def test_parameters_lie_in_their_support(case):
    found = case.choose()
    values = found.parameters(draws(found), REFERENCES)
    assert values.keys() == set(found.law.parameters)
    for p, value in values.items():
        role = ROLES[found.law.roles[p]]
        assert np.isfinite(value).all()
        assert role.support == "real" or (value > 0).all()
        assert role.support != "unit" or (value < 1).all()


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if "log_total" in case.names])
def test_shares_sum_to_the_total_which_is_the_law_at_the_reference(name):
    found = CASES[name].choose()
    theta = draws(found)
    values = found.parameters(theta, REFERENCES)
    total = np.exp(theta[..., 0])
    np.testing.assert_allclose(sum(values[p] for p in found.shares), total)
    assert len(found.shares) == 1 or all((values[p] < total).all() for p in found.shares)
    if "shift" not in found.law.roles.values():  # a shift moves the law at the reference
        at_one = found.law.evaluate({**values, **dict.fromkeys(found.law.covariates, 1.0)})
        np.testing.assert_allclose(at_one, total)


@every_case
def test_known_values_come_out_as_given(case):
    found = case.choose()
    values = found.law.rescale(found.parameters(draws(found), REFERENCES), REFERENCES)
    for p, value in case.fixed.items():
        np.testing.assert_allclose(values[p], value, rtol=1e-12)


@every_case
def test_numpy_and_jax_agree_also_when_traced(case):
    found = case.choose()
    theta = draws(found)
    expected = found.parameters(theta, REFERENCES)
    with jax.enable_x64(True):
        traced = jax.jit(lambda theta, references: found.parameters(theta, references, jnp))(theta, REFERENCES)
    assert traced.keys() == expected.keys()
    for p, value in expected.items():
        np.testing.assert_allclose(traced[p], value, rtol=1e-12)


@every_case
def test_leading_dims_are_batches(case):
    found = case.choose()
    theta = draws(found)
    whole, one = found.parameters(theta, REFERENCES), found.parameters(theta[1, 2], REFERENCES)
    for p in {*found.shares, *found.singles}:
        assert whole[p].shape == (3, 4)
        np.testing.assert_allclose(whole[p][1, 2], one[p])


def test_extreme_coordinates_stay_finite():
    found = CASES["chinchilla"].choose()
    values = found.parameters(np.array([0.0, 800.0, -800.0, 0.0, 0.0]), {})
    assert values["E"] == 1.0
    assert all(np.isfinite(value) for value in values.values())


@pytest.mark.parametrize("log_response", [-3.0, 0.0, 1.2])
def test_the_prior_follows_the_response(log_response):
    found = CASES["chinchilla"].choose()
    mean, _, _ = found.prior(log_response)
    values = found.parameters(mean, {})
    assert sum(values[p] for p in "EAB") == pytest.approx(np.exp(log_response))
    assert values["E"] > values["A"] == pytest.approx(values["B"])
    assert values["alpha"] == pytest.approx(0.3)
