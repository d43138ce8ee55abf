"""Every function of a formula: one meaning in NumPy, xarray and JAX, finite with its gradient far out, printable."""

import jax
import mpmath
import numpy as np
import pytest
import xarray as xr
from matplotlib.mathtext import MathTextParser
from scipy.optimize import brentq
from scipy.special import betaln, expit, log_expit

from scaling_bayes.laws import FUNCTIONS, read_formula
from scaling_bayes.laws.functions import compile_expression
from scaling_bayes.laws.notation import typeset
from scaling_bayes.laws.roles import is_positive_sum

POSITIVE_ONLY = {"log", "log2", "log10", "sqrt", "log_beta"}
OVERFLOWING = {"exp", "expm1"}
MEANING = {
    "exp": np.exp,
    "expm1": np.expm1,
    "log": np.log,
    "log1p": np.log1p,
    "log2": np.log2,
    "log10": np.log10,
    "sqrt": np.sqrt,
    "abs": np.abs,
    "tanh": np.tanh,
    "min": np.minimum,
    "max": np.maximum,
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
    "softplus": lambda x: np.log(1 + np.exp(x)),
    "log_beta": betaln,
    "skewed_sigmoid": np.vectorize(lambda t, a: expit(brentq(lambda v: log_expit(v) - a * log_expit(-v) - t, -99, 99))),
}
DIGITS = {"log_beta": 1e-13, "skewed_sigmoid": 1e-11}


def called(name, *arguments):
    row = FUNCTIONS[name]
    return f"{name}({', '.join(arguments[: row.count or 2])})"


def points(name):
    signs = [1.0] if name in POSITIVE_ONLY | {"log1p"} else [-1.0, 1.0]
    sizes = np.logspace(-8, 2 if name in OVERFLOWING else 6, 29)
    return np.concatenate([sign * sizes for sign in signs])


def test_the_table_of_meanings_is_complete():
    assert MEANING.keys() == FUNCTIONS.keys()


@pytest.mark.parametrize("name", FUNCTIONS)
def test_means_what_it_says(name):
    x, y = np.linspace(0.1, 9, 40), np.linspace(5, 0.2, 40)
    found = compile_expression(read_formula(called(name, "x", "y")), ["x", "y"])(x, y)
    arguments = (x, y)[: FUNCTIONS[name].count or 2]
    np.testing.assert_allclose(found, MEANING[name](*arguments), rtol=1e-14, atol=DIGITS.get(name, 0.0))


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_number_is_computed_as_a_value_would_be(name):
    folded = float(read_formula(called(name, "0.7", "0.2")))
    expected = MEANING[name](*(0.7, 0.2)[: FUNCTIONS[name].count or 2])
    np.testing.assert_allclose(folded, expected, rtol=1e-14, atol=DIGITS.get(name, 0.0))


@pytest.mark.parametrize("name", FUNCTIONS)
def test_value_and_gradient_are_finite_far_out_and_alike_in_numpy_and_jax(name):
    expression = read_formula(called(name, "x", "y"))
    x = points(name)
    with jax.enable_x64(True):
        function = compile_expression(expression, ["x", "y"], "jax.numpy")
        value, slope = jax.vmap(jax.value_and_grad(function), (0, None))(x, 0.5)
    assert np.isfinite(value).all()
    assert np.isfinite(slope).all()
    np.testing.assert_allclose(compile_expression(expression, ["x", "y"])(x, 0.5), value, rtol=1e-12)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_labels_survive(name):
    x = xr.DataArray(np.linspace(1, 2, 3), dims="run")
    y = xr.DataArray(np.linspace(1, 2, 4), dims="draw")
    found = compile_expression(read_formula(called(name, "x", "y")), ["x", "y"])(x, y)
    assert dict(found.sizes) == ({"run": 3} if FUNCTIONS[name].count == 1 else {"run": 3, "draw": 4})


@pytest.mark.parametrize("name", FUNCTIONS)
def test_is_printed_as_mathematics(name):
    for formula in (called(name, "x", "y_0"), f"{called(name, 'x/2', 'y')}**2"):
        MathTextParser("agg").parse(f"${typeset(formula)}$")


@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_sign_is_as_the_table_says(name):
    row, rng = FUNCTIONS[name], np.random.default_rng(0)
    assert is_positive_sum(read_formula(called(name, "x", "y"))) == (row.sign != "any")
    assert is_positive_sum(read_formula(called(name, "x-y", "y"))) == (row.sign == "positive")
    function = compile_expression(read_formula(called(name, "x", "y")), ["x", "y"])
    if row.sign != "any":
        assert (function(rng.exponential(size=50), rng.exponential(size=50)) > 0).all()
    if row.sign == "positive":
        assert (function(rng.normal(size=50), rng.normal(size=50)) > 0).all()


def test_small_arguments_keep_their_digits():
    x = 1e-12
    for name in ("log1p", "expm1"):
        assert compile_expression(read_formula(f"{name}(x)"), ["x"])(x) == pytest.approx(x, rel=1e-11)


def test_a_parameter_may_bear_the_name_of_any_array_function():
    expression = read_formula("max(amax, maximum) + reduce*logaddexp + E")
    names = ["amax", "maximum", "reduce", "logaddexp", "E"]
    assert compile_expression(expression, names)(1.0, 2.0, 3.0, 4.0, 5.0) == 19.0


@pytest.mark.parametrize("a", [1e-6, 0.5, 3.0, 1e4])
@pytest.mark.parametrize("k", [1.0, 1e3, 1e6, 1e12])
def test_the_beta_function_keeps_its_digits_far_out(a, k):
    found = compile_expression(read_formula("log_beta(a, k)"), ["a", "k"])(a, k)
    with mpmath.workdps(40):
        exact = mpmath.loggamma(a) + mpmath.loggamma(k) - mpmath.loggamma(mpmath.mpf(a) + mpmath.mpf(k))
    np.testing.assert_allclose(found, float(exact), rtol=1e-13, atol=1e-13)


@pytest.mark.parametrize("a", [1e-4, 0.3, 1.0, 2.5, 1e3])
def test_the_skewed_sigmoid_solves_its_equation_and_jax_differentiates_the_solution(a):
    t = np.linspace(-30, 30, 61)
    with jax.enable_x64(True):
        function = compile_expression(read_formula("skewed_sigmoid(t, a)"), ["t", "a"], "jax.numpy")
        u, slope = jax.vmap(jax.value_and_grad(function, (0, 1)), (0, None))(t, a)
        curvature = jax.vmap(jax.grad(jax.grad(function)), (0, None))(t, a)
    u, slope, curvature = np.asarray(u), np.asarray(slope), np.asarray(curvature)
    inside = (u > 1e-12) & (u < 1 - 1e-9)
    u, t, slope, curvature = u[inside], t[inside], slope[:, inside], curvature[inside]
    assert len(t) > 5
    np.testing.assert_allclose(np.log(u) - a * np.log1p(-u), t, atol=1e-6)
    spread = 1 - u + a * u
    np.testing.assert_allclose(slope[0], u * (1 - u) / spread, rtol=1e-6)
    np.testing.assert_allclose(slope[1], u * (1 - u) * np.log1p(-u) / spread, rtol=1e-6)
    bent = u * (1 - u) / spread**3 * ((1 - 2 * u) * spread - (a - 1) * u * (1 - u))
    np.testing.assert_allclose(curvature, bent, rtol=1e-5, atol=1e-12)
