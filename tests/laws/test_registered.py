"""Functions of a user's own: laws as good as formulas, and never taken for another."""

import math
import pickle

import jax
import numpy as np
import pytest

import scaling_bayes as sb
from scaling_bayes.laws import FormulaError, Law, RoleError
from scaling_bayes.laws.functions import REGISTERED


@pytest.fixture(autouse=True)
def _own_functions(monkeypatch):
    monkeypatch.setattr("scaling_bayes.laws.registered._DIGESTS", {})
    yield
    REGISTERED.clear()


def solved(xp, N, E, A, alpha):
    """E + u with log u = log(A) - alpha*log(N) - u, by Newton's steps."""
    t = xp.log(A) - alpha * xp.log(N)
    u = xp.exp(xp.minimum(t, 0.0))
    for _ in range(8):
        u = u - u * (xp.log(u) + u - t) / (1 + u)
    return E + u


def test_is_a_law_like_any_other():
    law = Law.from_function(solved, name="solved")
    assert law.roles == {"E": "floor", "A": "level", "alpha": "exponent"}
    values = {"N": np.logspace(6, 9, 4), "E": 1.5, "A": 50.0, "alpha": 0.3}
    u = law.evaluate(values) - 1.5
    np.testing.assert_allclose(np.log(u), np.log(50.0) - 0.3 * np.log(values["N"]) - u, rtol=1e-12)
    with jax.enable_x64(True):
        slope = jax.grad(lambda A: law.jax(N=1e7, E=1.5, A=A, alpha=0.3))(50.0)
    u = law.evaluate({**values, "N": 1e7}) - 1.5
    assert slope == pytest.approx(u / (1 + u) / 50.0, rel=1e-9)
    assert law.latex.startswith(r"\mathrm{solved}\left(N, E, A")
    assert Law.from_dict(law.to_dict()) == law == pickle.loads(pickle.dumps(law))


def test_a_sweep_of_it_is_fitted_and_asked():
    law, truth = Law.from_function(solved), {"E": 1.5, "A": 50.0, "alpha": 0.3}
    design = {"N": np.geomspace(1e5, 1e9, 12).tolist()}
    sweep = sb.simulate_sweep(law, design, truth=truth, noise=1e-3, seed=0)
    posterior = sb.baseline(law, sweep, seed=0, bootstrap=20)
    assert posterior["estimate"]["alpha"].item() == pytest.approx(0.3, rel=0.1)
    predicted = sb.predict(posterior, {"N": [1e10]})["loss"].median().item()
    assert predicted == pytest.approx(law.evaluate({**truth, "N": 1e10}).item(), rel=0.02)


def test_may_be_part_of_a_formula():
    def bump(xp, D, kappa):
        return 1 + 0.1 * xp.exp(-((xp.log(D) - kappa) ** 2))

    Law.from_function(bump, roles={"kappa": "coefficient"})
    law = Law("E + A*N**-alpha*bump(D, kappa)", roles={"kappa": "coefficient"})
    assert law.roles["A"] == "level"
    assert law.scaled == ("N",)
    assert list(law.functions) == ["bump"]


def test_another_function_of_its_name_is_never_taken_for_it():
    first = Law.from_function(solved)
    saved = first.to_dict()

    def other(xp, N, E, A, alpha):
        return E + A / N**alpha

    other.__name__ = "solved"
    second = Law.from_function(other)
    assert first != second
    for asked in (lambda: first.compile(), lambda: Law.from_dict(saved)):
        with pytest.raises(FormulaError, match="whose code here is another"):
            asked()
    REGISTERED.clear()
    assert Law.from_function(solved) == first
    first.compile()


def test_an_unknown_function_is_asked_for():
    saved = Law.from_function(solved).to_dict() | {"formula": "absent(N, A)", "functions": {"absent": "0"}}
    with pytest.raises(FormulaError, match=r"calls 'absent'.*Law\.from_function"):
        Law.from_dict(saved)


def test_its_fits_are_not_kept():
    from scaling_bayes.inference.fingerprint import fingerprint

    model = sb.Model(Law.from_function(solved))
    sweep = sb.simulate_sweep(sb.Law("A*N**-alpha"), {"N": [1e6, 1e7]}, truth={"A": 9.0, "alpha": 0.2}, seed=0)
    assert fingerprint(model, sweep, devices=("cpu",), seed=0) is None


@pytest.mark.parametrize(
    ("function", "found"),
    [
        (lambda xp, N: N, "<lambda>"),
        (lambda: 1, "found"),
        (lambda xp, *rest: 1, r"\*rest"),
        (lambda xp, N, alpha=1: N, "alpha=1"),
        (lambda N, alpha: N, r"f\(xp, N, alpha\).*found <lambda>\(N, alpha\)"),
        (np.exp, "signature|found"),
    ],
)
def test_what_is_no_function_of_a_law_is_refused(function, found):
    with pytest.raises((FormulaError, ValueError), match=found):
        Law.from_function(function)


def test_a_parameter_without_a_role_is_refused():
    def own(xp, N, w):
        return w / N

    with pytest.raises(RoleError, match="w"):
        Law.from_function(own)


def through_numpy(xp, N, A, alpha):
    return A * np.exp(-alpha * np.log(np.asarray(N)))


def through_math(xp, N, A, alpha):
    return A * math.exp(-alpha * math.log(N))


def through_if(xp, N, A, alpha):
    return A * N**-alpha if N > 1 else A


@pytest.mark.parametrize("function", [through_numpy, through_math, through_if])
def test_a_function_that_jax_cannot_follow_is_refused_at_once(function):
    with pytest.raises(FormulaError, match=rf"JAX cannot follow {function.__name__!r}.*xp\.exp"):
        Law.from_function(function, roles={"A": "level"})
