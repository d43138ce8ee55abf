"""Formulas are printed as their authors write them, and as what they say."""

import pytest
from matplotlib.mathtext import MathTextParser

from scaling_bayes.laws import CATALOGUE, read_formula
from scaling_bayes.laws.notation import typeset
from scaling_bayes.symbols import latex

PRINTED = {
    "E + A*N**-alpha": r"E + A N^{-\alpha}",
    "B + A + C": "B + A + C",
    "A - (B - C)": r"A - \left(B - C\right)",
    "A + -B*C": "A - B C",
    "-A*-B": "A B",
    "-(A + B)": r"-\left(A + B\right)",
    "A/B/C": r"\frac{\frac{A}{B}}{C}",
    "-A/B*C": r"-\frac{A}{B} C",
    "A**B**C": "A^{B^{C}}",
    "(A**B)**C": r"\left(A^{B}\right)^{C}",
    "(-A)**2": r"\left(-A\right)^{2}",
    "(A*B)**2": r"\left(A B\right)^{2}",
    "A*2**-x": r"A \cdot 2^{-x}",
    "3.1e8*A": r"3.1 \cdot 10^{8} A",
    "N/1e9": r"\frac{N}{10^{9}}",
    "1e-6 + 0.5*A": r"10^{-6} + 0.5 A",
    "0*A": "0 A",
    "+A": "A",
    "A*years": r"A \, \mathrm{years}",
    "log(N)**2": r"\log^{2}\left(N\right)",
    "max(A, B)**c": r"\left(\max\left(A, B\right)\right)^{c}",
    "exp(-A*x)": "e^{-A x}",
    "exp(k*log(x))": "x^{k}",
    "exp(log(x))": "x",
    "exp(-log(x))": "x^{-1}",
    "exp(-log(x)/f)": "x^{-1 / f}",
    "exp(k*log1p(-p))": r"\left(1 - p\right)^{k}",
    "exp(-k*softplus(x))": r"\left(1 + e^{x}\right)^{-k}",
    "softplus(x)": r"\log\left(1 + e^{x}\right)",
    "-expm1(-x)": "1 - e^{-x}",
    "1 - R*expm1(-x)": r"1 + R \left(1 - e^{-x}\right)",
    "expm1(x) - A*expm1(y)*B": r"e^{x} - 1 + A \left(1 - e^{y}\right) B",
    "sqrt(N + 1)*abs(-N)": r"\sqrt{N + 1} \left|-N\right|",
}  # fmt: skip


@pytest.mark.parametrize(("formula", "printed"), PRINTED.items())
def test_as_a_paper_prints_it(formula, printed):
    assert typeset(formula) == printed
    read_formula(formula)
    MathTextParser("agg").parse(f"${printed}$")


@pytest.mark.parametrize("name", CATALOGUE)
def test_no_name_is_lost(name):
    law = CATALOGUE[name]
    assert all(latex(each) in law.latex for each in law.names)
    assert law.latex.count("{") == law.latex.count("}")
    assert law.latex.count(r"\left") == law.latex.count(r"\right")
