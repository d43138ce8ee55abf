"""Formulas are read, never run: what is refused, how fast, where the error points, and what good ones mean."""

import builtins
import re
import sys
import time

import numpy as np
import pytest

from scaling_bayes.laws import FormulaError, read_formula
from scaling_bayes.laws.functions import compile_expression
from scaling_bayes.laws.scaling import reference_scales

QUICK = 5.0
"""Seconds that reading may take on a busy machine; the bombs below would take hours."""

HOSTILE = {
    # what would run code, were it run
    "attribute": "N.__class__",
    "attribute of a number": "(1).real",
    "import": "__import__('builtins').boom()",
    "unlisted call": "boom()",
    "unlisted call of a covariate": "N(D)",
    "call of a call": "exp(N)(D)",
    "eval": "eval('boom()')",
    "call with keyword": "exp(x=N)",
    "call with star": "max(*N)",
    "call with double star": "exp(**N)",
    "lambda": "lambda: 0",
    "comprehension": "[x for x in N]",
    "generator": "max(x for x in N)",
    "subscript": "N[0]",
    "string": "'a'*3",
    "bytes": "b'a'*3",
    "f-string": "f'{boom()}'",
    "walrus": "(x := N)",
    "conditional": "N if D else 1",
    "comparison": "N < D",
    "boolean": "N and D",
    "not": "not N",
    "tuple": "(N, D)",
    "dict": "{N: D}",
    "await": "await N",
    "yield": "(yield N)",
    "ellipsis": "...",
    "assignment": "x = N",
    "two statements": "N; boom()",
    "newline": "N\nboom()",
    "comment": "N # + D",
    "continuation": "N + \\\n D",
    "null byte": "N\x00",
    # operators and constants outside the language
    "floor division": "N//2",
    "modulo": "N % 2",
    "matrix product": "N @ D",
    "shift": "1 << 1000",
    "caret": "N ^ 2",
    "invert": "~N",
    "True": "True + N",
    "None": "None",
    "complex": "1j*N",
    # names
    "dunder": "__builtins__",
    "inner dunder": "a__b*N",
    "leading underscore": "_x*N",
    "keyword": "lambda*N",
    "bare function": "exp*N",
    "jax": "jax*N",
    "numpy": "numpy*N",
    "np": "np*N",
    "Cyrillic A": "\u0410*N",
    "full-width N": "E + \uff2e",
    "mathematical alpha": "N**-\U0001d6fc",
    "minus sign": "N \u2212 D",
    # numbers that grow
    "tower": "9**9**9",
    "tower from the left": "(9**9)**9**9",
    "tower of exponentials": "N**exp(exp(exp(60)))",
    "exponential": "exp(10**9)",
    "huge exponent": "N**1000",
    "huge negative exponent": "N**-1000",
    "huge exponent in two steps": "(N**64)**64",
    "huge exponent from a logarithm": "exp(1000*log(N))",
    "huge number": "1e400*N",
    "huge integer": "1" + "0" * 1000 + "*N",
    "tiny number": "1e-300*N",
    "huge product": "10**30*10**30*10**30*N",
    "huge coefficient": "((((((10**30*N)**64)**64)**64)**64)**64)**64",
    "digits without size": "((((((1 + 10**-29)**64)**64)**64)**64)**64)*N",
    "huge exponential of a sum": "(exp(64)*N)**64",
    # no finite real value
    "division by zero": "1/0*N",
    "zero to a negative power": "0**-1 + N",
    "logarithm of zero": "log(0)*N",
    "logarithm of a negative": "log(-1)*N",
    "root of a negative": "sqrt(-1) + N",
    "power of a negative": "(-2)**0.5*N",
    "imaginary by simplification": "sqrt(-N**2)",
    "infinity": "inf_ - 1e999",
    "difference of infinities": "1/0 - 1/0",
    # shape
    "empty": "",
    "blank": " \t\n",
    "unfinished": "E + A*",
    "unbalanced": "(E + A",
    "too few arguments": "max(N)",
    "no arguments": "exp()",
    "too many arguments": "exp(N, D)",
    "very long": "N + " * 600 + "N",
    "very long name": "x" * 3000,
    "parentheses": "(" * 900 + "N" + ")" * 900,
    "minus signs": "-" * 1900 + "N",
    "powers": "N**" * 500 + "2",
    "calls": "exp(" * 300 + "N" + ")" * 300,
    "many terms": "+".join(["N"] * 300),
}

NOT_TEXT = [None, 3, 1.5, b"N", ["N"], {"formula": "N"}]

INTRICATE = {
    "softplus in softplus": "softplus(" * 30 + "N" + ")" * 30,
    "sigmoid in sigmoid": "sigmoid(" * 30 + "N" + ")" * 30,
    "min in max": "min(N**a, max(D**b, " * 15 + "N" + "))" * 15,
    "wide max": "max(" + ", ".join(f"N**a{i}" for i in range(200)) + ")",
    "absolute power": "abs((N**a + D**b + log(N) + log(D))**60)",
    "power of sums": "N**-((a + b + c + d + f + g)**64)",
    "product of sums": "N**-(" + "*".join(["(a + b + c)"] * 30) + ")",
    "power of powers": "N" + "**(a+b)" * 35,
    "powers of a power": "(" * 30 + "N" + "**(a + b))" * 30,
    "Horner": "A*(" + "".join(f"a{i} + N*(" for i in range(18)) + "N" + ")" * 19,
    "logarithms of many": "A" + "".join(f" + a{i}*log(x{i})" for i in range(20)),
    "root of a large number": "(10**29 + 7)**(1/3)*N",
    "power near one": "7**(1 + 10**-29)*N",
    "large power of a parameter": "10**(10**29*a)*N",
    "large number in a sum": "(10**29 + 10**28*N)**60",
}


@pytest.fixture
def sentinel(monkeypatch):
    """A builtin that tells whether anybody called it."""
    calls = []
    monkeypatch.setattr(builtins, "boom", lambda: calls.append("called"), raising=False)
    return calls


@pytest.mark.parametrize("formula", HOSTILE.values(), ids=HOSTILE)
def test_what_is_not_a_formula_is_refused_quickly_and_not_run(formula, sentinel):
    modules = set(sys.modules)
    start = time.process_time()
    with pytest.raises(FormulaError) as error:
        read_formula(formula)
    assert time.process_time() - start < QUICK
    assert sentinel == []
    assert set(sys.modules) == modules
    assert re.match(r"column \d+: ['\w]+ |a formula (is|has) ", str(error.value))


@pytest.mark.parametrize("formula", NOT_TEXT, ids=repr)
def test_what_is_not_text_is_refused(formula):
    with pytest.raises(FormulaError, match="a formula is a text"):
        read_formula(formula)


@pytest.mark.parametrize("formula", INTRICATE.values(), ids=INTRICATE)
def test_an_intricate_formula_is_read_rescaled_and_compiled_or_refused_quickly(formula):
    start = time.process_time()
    try:
        expression = read_formula(formula)
    except FormulaError:
        pass
    else:
        names = sorted(expression.free_symbols, key=str)
        covariates = [s for s in names if s.name in {"N", "D", "C"} or s.name.startswith("x")]
        reference_scales(expression, covariates, set(names) - set(covariates))
        compile_expression(expression, [s.name for s in names])
    assert time.process_time() - start < QUICK


@pytest.mark.parametrize(
    ("formula", "column", "fragment"),
    [
        ("E + N.shape", 5, "attribute access"),
        ("E + A*f(N)", 7, "only these functions are known: exp, expm1"),
        ("E + A*exp(N, D)", 7, "exp takes 1 argument, found 2"),
        ("E + max(N)", 5, "max takes two or more arguments, found 1"),
        ("E + 'a'", 5, "expected a number, found 'a'"),
        ("E + a__b", 5, "single underscores, found 'a__b'"),
        ("E + exp*N", 5, "'exp' is a function or reserved"),
        ("E + N**65", 5, "at most 64"),
        ("E + 1e31", 5, "between 1e-30 and 1e+30"),
        ("E + N//2", 5, "expected numbers, names"),
        ("E + A*N^-alpha", 1, "a power is written **"),
        ("E + \u0410*N", 5, "'\u0410'"),
        ("E + A*", 7, "does not parse as arithmetic"),
        ("(E + A", 1, "does not parse as arithmetic"),
        ("E + lambda*N", 5, "'lambda' is a word of Python, choose another name, such as lambda_"),
        ("  E   +  N[0]", 5, "expected numbers, names"),
    ],
)
def test_an_error_points_at_the_column(formula, column, fragment):
    with pytest.raises(FormulaError) as error:
        read_formula(formula)
    head, source, marker = str(error.value).splitlines()
    assert fragment in head
    if not formula.startswith("E + lambda"):  # where Python stops in a lambda is Python's choice
        assert head.startswith(f"column {column}:")
        assert marker.index("^") - 4 == column - 1
    assert source.strip() == " ".join(formula.split())


GOOD = {
    "E + A*N**-alpha": lambda E, A, N, alpha: E + A * N**-alpha,
    "E + A/N**alpha": lambda E, A, N, alpha: E + A / N**alpha,
    "A*N**-alpha**2": lambda A, N, alpha: A * N ** -(alpha**2),
    "-N**2": lambda N: -(N**2),
    "(-N)**2": lambda N: N**2,
    "2**-N": lambda N: 2.0**-N,
    "N - D - C": lambda N, D, C: N - D - C,
    "N/D/C": lambda N, D, C: N / D / C,
    "N**D**C": lambda N, D, C: N ** (D**C),
    "+N - -D": lambda N, D: N + D,
    "1/3*N": lambda N: N / 3,
    ".5e1*N + 1_000": lambda N: 5 * N + 1000,
    "10**12*N + 10**20": lambda N: 1e12 * N + 1e20,
    "N/10**20": lambda N: N / 1e20,
    "sqrt(8)*N": lambda N: np.sqrt(8) * N,
    "\tE\n + N": lambda E, N: E + N,
    "E*sqrt(N) + log(D)": lambda E, N, D: E * np.sqrt(N) + np.log(D),
    "max(N, D, C, 0.5) - min(N, 1)": lambda N, D, C: (
        np.maximum(np.maximum(N, D), np.maximum(C, 0.5)) - np.minimum(N, 1)
    ),
    "sigmoid(N - D)": lambda N, D: 1 / (1 + np.exp(D - N)),
    "lambda_*N + in_*D": lambda lambda_, N, in_, D: lambda_ * N + in_ * D,
    "beta + gamma + zeta + pi + I + S + Q + O": lambda beta, gamma, zeta, pi, I, S, Q, O: (  # noqa: E741
        beta + gamma + zeta + pi + I + S + Q + O
    ),
}


@pytest.mark.parametrize("module", ["numpy", "jax.numpy"])
@pytest.mark.parametrize("formula", GOOD)
def test_a_good_formula_means_what_it_says(formula, module):
    meaning = GOOD[formula]
    names = meaning.__code__.co_varnames[: meaning.__code__.co_argcount]
    expression = read_formula(formula)
    assert {s.name for s in expression.free_symbols} == set(names)
    values = np.random.default_rng(0).uniform(0.2, 3.0, (len(names), 20))
    exact = module == "numpy"
    found = compile_expression(expression, names, module)(*(values if exact else values.astype(np.float32)))
    np.testing.assert_allclose(found, meaning(*values), rtol=1e-13 if exact else 1e-4)


def test_one_name_is_one_symbol():
    (left,) = read_formula("N + 1").free_symbols
    assert left in read_formula("E*N").free_symbols
