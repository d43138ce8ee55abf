"""One formula, written once: the same value everywhere, finite with its gradient, invariant to units, kept as text."""

import json
import pickle
import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import xarray as xr
from matplotlib.mathtext import MathTextParser

from scaling_bayes.laws import CATALOGUE, ROLES, FormulaError, Law, RoleError, law
from scaling_bayes.laws.roles import is_positive_sum

LAWS = {
    **{name: law(name) for name in ("power", "power_offset", "chinchilla")},
    "gadre": Law("E + (a*M**eta + b*M**-eta)*C**-eta", roles={"a": "level", "b": "level"}),
    "kaplan": Law("((N_c/N)**(alpha_N/alpha_D) + D_c/D)**alpha_D"),
    "kaplan_E": Law("E + (A*N**(-alpha/beta) + B/D)**beta"),
    "nezhurina": Law("E + A*(C + B)**-alpha"),
    "log_linear": Law("a - b*log(C)", roles={"a": "coefficient", "b": "coefficient"}),
    "bnsl": Law("E + A*C**-c0*(1 + (C/d)**(1/f))**(-c1*f)", roles={"f": "sharpness"}),
    "rectified": Law("E + B/(D_l + D**beta)"),
    "sigmoid_compute": Law("R0 + (A - R0)/(1 + (C_mid/C)**B)", roles={"R0": "fraction", "A": "fraction"}),
    "logistic": Law(
        "c + (1 - c)*sigmoid(a + b*log(C))", roles={"a": "coefficient", "b": "coefficient", "c": "fraction"}
    ),
    "parscale": Law("E + (A/(N*(1 + k*log1p(P))))**alpha", roles={"k": "rate"}),
    "data_constrained": Law(
        "E + A*N**-alpha + B*(U*(1 + R*(1 - exp(-max(epochs - 1, 0)/R))))**-beta",
        roles={"E": "floor", "A": "level", "B": "level", "R": "break"},
    ),
    "interaction": Law("E + A*N**-alpha + B*D**(-beta - k*log(N))", roles={"k": "coefficient"}),
    "bottleneck": Law("E + max(A*N**-alpha, B*D**-beta)"),
    "exchange": Law("E + A*(N**-alpha + (k/D)**beta)"),
    "stretched": Law("E + A*exp(-(D/D_s)**kappa)", roles={"D_s": "break"}),
    "square_root": Law("E + A/sqrt(N) + B*N/D**2"),
    "own_covariate": Law("E + A*tokens_seen**-alpha", covariates=("tokens_seen",)),
}
DECADES = np.logspace(-5, 5, 41)
INVERSE = {"positive": np.exp, "unit": lambda x: 1 / (1 + np.exp(-x)), "real": lambda x: x}

every_law = pytest.mark.parametrize("entry", LAWS.values(), ids=LAWS)


def typical(entry, rng=None):
    """Parameters at the reference: in the middle of each role's prior, or near it."""
    width = 0.0 if rng is None else 0.3
    normal = np.zeros(len(entry.parameters)) if rng is None else rng.normal(size=len(entry.parameters))
    roles = [ROLES[entry.roles[p]] for p in entry.parameters]
    return {
        p: INVERSE[r.support](r.centre + width * z) for p, r, z in zip(entry.parameters, roles, normal, strict=True)
    }


@every_law
def test_names_and_roles_are_complete(entry):
    assert entry.roles.keys() == set(entry.parameters)
    assert set(entry.roles.values()) <= ROLES.keys()
    assert {s.name for s in entry.expression.free_symbols} == {*entry.covariates, *entry.parameters}
    assert not set(entry.covariates) & set(entry.parameters)
    assert set(entry.scaled) <= set(entry.covariates)


@every_law
def test_value_and_gradient_are_finite_over_ten_decades_and_alike_in_numpy_and_jax(entry):
    parameters = typical(entry)
    with jax.enable_x64(True):

        def at(scale, theta):
            return entry.jax(**theta, **dict.fromkeys(entry.covariates, scale))

        value, gradient = jax.vmap(jax.value_and_grad(at, argnums=(0, 1)), (0, None))(DECADES, parameters)
    assert np.isfinite(value).all()
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(gradient))
    assert any(np.abs(leaf).max() > 0 for leaf in jax.tree.leaves(gradient))
    expected = entry.evaluate({**parameters, **dict.fromkeys(entry.covariates, DECADES)})
    np.testing.assert_allclose(value, expected, rtol=1e-12)
    if is_positive_sum(entry.expression):
        assert (expected > 0).all()


@every_law
def test_rescaling_changes_the_units_and_nothing_else(entry):
    rng = np.random.default_rng(1)
    parameters = typical(entry, rng)
    references = {c: 10 ** rng.uniform(3, 12) for c in entry.scaled}
    x = {c: references.get(c, 1.0) * 10 ** rng.uniform(-2, 2, 30) for c in entry.covariates}
    at_reference = {c: x[c] / references.get(c, 1.0) for c in entry.covariates}
    papers = entry.rescale(parameters, references)
    assert papers.keys() == set(entry.parameters)
    found, expected = entry.evaluate({**papers, **x}), entry.evaluate({**parameters, **at_reference})
    np.testing.assert_allclose(found, expected, rtol=1e-12)


@every_law
def test_factors_hold_references_and_parameters_that_keep_their_value(entry):
    keep = {p for p in entry.parameters if entry.scales[p] == 1}
    for factor in entry.scales.values():
        assert {s.name for s in factor.free_symbols} <= {*entry.scaled, *keep}


@every_law
def test_factors_may_be_traced(entry):
    values = {**typical(entry), **dict.fromkeys(entry.scaled, 2.0)}
    for p in entry.parameters:
        traced = jax.jit(lambda values, p=p: entry.factor(p, values))(values)
        np.testing.assert_allclose(traced, entry.factor(p, values), rtol=1e-5)


@pytest.mark.parametrize(
    ("name", "scaled"),
    [
        ("chinchilla", "N D"),
        ("nezhurina", "C"),
        ("gadre", "M C"),
        ("kaplan", "N D"),
        ("log_linear", ""),
        ("parscale", "N"),
        ("data_constrained", "N U"),
        ("interaction", ""),
        ("bottleneck", "N D"),
        ("square_root", "N D"),
    ],
)
def test_which_covariates_can_be_rescaled(name, scaled):
    assert LAWS[name].scaled == tuple(scaled.split())


@pytest.mark.parametrize(
    ("name", "parameter", "factor"),
    [
        ("chinchilla", "A", "N**alpha"),
        ("chinchilla", "E", "1"),
        ("nezhurina", "A", "C**alpha"),
        ("nezhurina", "B", "C"),
        ("kaplan", "N_c", "N"),
        ("kaplan_E", "A", "N**(alpha/beta)"),
        ("rectified", "B", "D**beta"),
        ("rectified", "D_l", "D**beta"),
        ("exchange", "A", "N**alpha"),
        ("exchange", "k", "D/N**(alpha/beta)"),
        ("square_root", "A", "sqrt(N)"),
        ("square_root", "B", "D**2/N"),
    ],
)
def test_factors_by_hand(name, parameter, factor):
    assert str(LAWS[name].scales[parameter]) == factor


@every_law
def test_latex_is_mathematics_that_can_be_drawn(entry):
    assert "$" not in entry.latex
    MathTextParser("agg").parse(f"${entry.latex}$")


def test_latex_prints_covariates_as_the_field_does():
    assert Law("E + A*lr**-alpha").latex == r"E + A \eta^{-\alpha}"


@every_law
def test_a_law_survives_text_pickle_and_use_as_a_key(entry):
    entry.evaluate({**typical(entry), **dict.fromkeys(entry.covariates, 2.0)})  # compiled functions must not stick
    copies = [Law.from_dict(json.loads(json.dumps(entry.to_dict()))), pickle.loads(pickle.dumps(entry))]
    for copy in copies:
        assert copy == entry
        assert hash(copy) == hash(entry)
        assert {entry: 1}[copy] == 1
        assert (copy.parameters, copy.scales, copy.latex) == (entry.parameters, entry.scales, entry.latex)


def test_all_laws_differ():
    assert len(set(LAWS.values())) == len(LAWS)


@pytest.mark.parametrize(
    "other",
    [
        Law("E + A*D**-alpha"),
        Law("E + A*N**-alpha", roles={"A": "ceiling"}),
        Law("E + A*N**-alpha", name="power"),
        Law("E + A*N**-alpha", covariates=("N", "A"), roles={"E": "floor"}),
    ],
)
def test_what_tells_laws_apart(other):
    assert other != Law("E + A*N**-alpha")


def test_an_equal_law_is_compiled_once():
    traced = []

    def loss(x, law):
        traced.append(law)
        return law.jax(N=x, E=1.0, A=1.0, alpha=0.3)

    jitted = jax.jit(loss, static_argnames="law")
    for _ in range(3):
        jitted(jnp.ones(4), law=Law("E + A*N**-alpha"))
    assert len(traced) == 1


def test_labelled_draws_broadcast_by_dim():
    rng = np.random.default_rng(0)
    draws = {p: xr.DataArray(rng.uniform(0.2, 2, (4, 5)), dims=("chain", "draw")) for p in ("E", "A", "alpha")}
    runs = xr.DataArray([1, 10, 100], dims="run", coords={"run": ["a", "b", "c"]})
    entry = Law("E + A*N**-alpha")
    found = entry.evaluate({**draws, "N": runs, "corpus": "web"})
    assert dict(found.sizes) == {"chain": 4, "draw": 5, "run": 3}
    assert found.dtype == np.float64
    assert found.run.values.tolist() == ["a", "b", "c"]
    one = {p: float(v[1, 2]) for p, v in draws.items()}
    assert float(found.sel(run="c")[1, 2]) == pytest.approx(entry.evaluate({**one, "N": 100}))


def test_integers_do_not_overflow():
    assert Law("A*N**2").evaluate({"A": 1, "N": 10**11}) == 1e22
    big = Law("A*N/10**12 + B*10**12/N")
    np.testing.assert_allclose(big.jax(A=1.0, N=jnp.asarray([1e12]), B=1.0), 2.0, rtol=1e-6)


@pytest.mark.parametrize(("name", "loss"), [("Hoffmann et al. 2022", 2.3289), ("Besiroglu et al. 2024", 2.3055)])
def test_reported_numbers_give_the_published_optimum(name, loss):
    chinchilla, C = law("chinchilla"), 1e21
    N = np.logspace(8, 11, 3001)
    best = chinchilla.evaluate({**chinchilla.reported[name], "N": N, "D": C / (6 * N)}).min()
    assert best == pytest.approx(loss, abs=2e-4)


def test_a_law_in_one_covariate_runs_along_another():
    moved = law("power_offset", along="D")
    assert (moved.covariates, moved.roles) == (("D",), law("power_offset").roles)
    assert law("power_offset", along="C") is CATALOGUE["power_offset"]
    assert law("power", along="gain").covariates == ("gain",)


def test_parameters_become_covariates_where_the_sweep_has_them():
    entry = Law("E + A*N**-alpha + k*gain", roles={"k": "coefficient", "gain": "coefficient"})
    assert entry.with_covariates(["N", "gain", "seed"]).covariates == ("N", "gain")
    assert "gain" not in entry.with_covariates(["gain"]).roles
    assert entry.with_covariates(["N", "seed"]) is entry


def test_a_role_makes_a_parameter_of_a_covariate():
    entry = Law("E + S*N**-alpha", roles={"S": "level"})
    assert (entry.covariates, entry.parameters) == (("N",), ("E", "S", "alpha"))


@pytest.mark.parametrize(
    ("make", "error", "fragments"),
    [
        (lambda: Law("E + A*n**-alpha"), RoleError, ["no covariate", "N, D, C", "covariates=(...)"]),
        (lambda: Law("5"), RoleError, ["no covariate"]),
        (lambda: Law("A*N", covariates=("X",)), RoleError, ["X named", "has A, N"]),
        (lambda: Law("A*N", roles={"Z": "level"}), RoleError, ["Z named", "has A, N"]),
        (lambda: Law("A*N", covariates=("N",), roles={"N": "level"}), RoleError, ["N named both"]),
        (lambda: Law("A*N", roles={"A": "slope"}), RoleError, ["'A'", "'slope'", "coefficient (any real number)"]),
        (lambda: Law("A*N[0]"), FormulaError, ["column 3"]),
        (lambda: Law("A*N").evaluate({"N": 1}), KeyError, ["needs values for A"]),
        (lambda: law("chinchila"), KeyError, ["did you mean 'chinchilla' or", "sb.list_laws()"]),
        (lambda: law("chinchilla", along="C"), ValueError, ["covariates N, D", "laws in one"]),
        (lambda: Law.from_dict({**law("power").to_dict(), "formula": "boom()"}), FormulaError, ["only these"]),
    ],
)
def test_errors_say_what_was_found_and_what_to_do(make, error, fragments):
    with pytest.raises(error) as caught:
        make()
    assert all(fragment in str(caught.value) for fragment in fragments), str(caught.value)


def test_reading_and_evaluating_a_law_needs_neither_jax_nor_pandas():
    script = (
        "import sys; from scaling_bayes.laws import Law;"
        "Law('E + A*N**-alpha').evaluate(dict(E=1, A=1, alpha=1, N=1)); print({'jax', 'pandas'} & set(sys.modules))"
    )
    assert subprocess.check_output([sys.executable, "-c", script], text=True).strip() == "set()"
