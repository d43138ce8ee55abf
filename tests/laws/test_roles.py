"""What a parameter is for, told from its place in the formula, then from its name."""

import numpy as np
import pytest

from scaling_bayes.laws import ROLES, Law, RoleError, read_formula
from scaling_bayes.laws.roles import NAMES, is_positive_sum


@pytest.mark.parametrize("role", ROLES.values(), ids=ROLES)
def test_every_role_is_complete(role):
    assert ROLES[role.name] is role
    assert role.meaning
    assert role.support in {"positive", "real", "unit"}
    assert role.width > 0
    assert role.spread > 0
    assert np.isfinite(role.centre)


def test_names_lead_to_roles():
    assert set(NAMES.values()) <= ROLES.keys()


@pytest.mark.parametrize(
    ("formula", "roles"),
    [
        ("E + A*N**-alpha + B*D**-beta", "E floor, A level, alpha exponent, B level, beta exponent"),
        ("c + k*N**-p", "c floor, k level, p exponent"),
        ("k*N**-p", "k level, p exponent"),
        ("c + k/N", "c floor, k level"),
        ("c + k*exp(-N)", "c floor, k level"),
        ("c + k*sigmoid(N)", "c floor, k level"),
        ("E + A*(C + x)**-p", "E floor, A level, x shift, p exponent"),
        ("(x/N)**p", "x break, p exponent"),
        ("(N/x)**-p", "x break, p exponent"),
        ("E + A*exp(-k*D)", "E floor, A level, k rate"),
        ("E + A*exp(-D/x)", "E floor, A level, x break"),
        ("E + A/(x + D**p)", "E floor, A level, x shift, p exponent"),
        ("E + (A*N**(-alpha/beta) + x/D)**beta", "E floor, A level, alpha exponent, beta exponent, x break"),
        ("E + A*C**-p*(1 + (C/d)**(1/f))**(-q*f)", "E floor, A level, p exponent, d break, f exponent, q exponent"),
        ("E + max(A*N**-alpha, B*D**-beta)", "E floor, A level, alpha exponent, B level, beta exponent"),
        ("E_corpus + A_corpus*N**-alpha_1", "E_corpus floor, A_corpus level, alpha_1 exponent"),
    ],
)
def test_roles_from_place_and_name(formula, roles):
    assert Law(formula).roles == dict(pair.split() for pair in roles.split(", "))


@pytest.mark.parametrize(
    ("formula", "undecided"),
    [("a - b*log(C)", "a"), ("E - A*log(C)", "E"), ("E + A*N**-alpha + tanh(k)", "k"), ("tanh(x)*N", "x")],
)
def test_what_cannot_be_told_is_asked(formula, undecided):
    with pytest.raises(RoleError) as error:
        Law(formula)
    assert str(error.value).startswith(f"what {undecided!r} is for cannot be told")
    assert all(role in str(error.value) for role in ROLES)


def test_given_roles_come_first():
    law = Law("E + A*N**-alpha", roles={"E": "coefficient", "A": "ceiling"})
    assert law.roles == {"E": "coefficient", "A": "ceiling", "alpha": "exponent"}


@pytest.mark.parametrize(
    ("formula", "positive"),
    [
        ("E + A*N**-alpha", True),
        ("(A/N + B/D)**beta", True),
        ("2*A + 0.5", True),
        ("E + exp(-k*N)", True),
        ("log1p(N) + tanh(D)*softplus(a - b)", True),
        ("E - A", False),
        ("E + log(N)", False),
        ("E + log1p(N - D)", False),
        ("-E", False),
        ("E + A*N - 0.1", False),
    ],
)
def test_positive_sums(formula, positive):
    assert is_positive_sum(read_formula(formula)) == positive
