"""LaTeX from draws: digits, escapes, names of macros, marks of failed gates."""

import re

import numpy as np
import pandas as pd
import pytest
import xarray as xr

import scaling_bayes as sb
from scaling_bayes.questions.digits import round_interval, round_number
from scaling_bayes.questions.typesetting import escape_latex


def answer(low: float, high: float, *, failed: str = "", name: str = "loss") -> xr.Dataset:
    """Draws whose 90% interval is (low, high) and whose median is in the middle."""
    wide = (high - low) / 0.9
    draws = np.linspace(low - 0.05 * wide, high + 0.05 * wide, 2001)[None]
    return xr.Dataset({name: (("chain", "draw"), draws)}, attrs={"failed_gates": failed, "law": "E + A*N**-alpha"})


@pytest.mark.parametrize(
    ("numbers", "shown"),
    [
        ((2.5, 2.0, 3.0), ("2.5", "2.0", "3.0")),
        ((2.504, 2.4987, 2.5093), ("2.504", "2.499", "2.509")),
        ((12345.0, 12000.0, 12690.0), ("12340", "12000", "12690")),
        ((0.0, -0.1, 0.1), ("0.00", "-0.10", "0.10")),
        ((5e-5, 4e-5, 6e-5), ("5.0e-05", "4.0e-05", "6.0e-05")),
        ((1.5e9, 1.4e9, 1.6e9), ("1.50e+09", "1.40e+09", "1.60e+09")),
        ((1e21, 1e19, np.inf), ("1.0e+21", "1.0e+19", "inf")),
        ((3.0, 3.0, 3.0), ("3", "3", "3")),
        ((np.nan, np.nan, np.nan), ("nan", "nan", "nan")),
    ],
)
def test_digits_follow_the_interval(numbers, shown):
    assert round_interval(*numbers) == shown


@pytest.mark.parametrize(("low", "high"), [(1.0, 1.001), (1e-6, 2e-6), (-3.0, 5.0), (7.1e20, 7.3e20), (99.6, 100.4)])
def test_rounding_keeps_an_interval_to_a_twentieth_of_its_width(low, high):
    median, lower, upper = map(float, round_interval((low + high) / 2, low, high))
    assert [median, lower, upper] == pytest.approx([(low + high) / 2, low, high], abs=(high - low) / 18)
    assert lower < median < upper


@pytest.mark.parametrize(("value", "shown"), [(0.0, "0"), (1980.5, "1980"), (1e-9, "1e-09"), (-np.inf, "-inf")])
def test_plain_numbers(value, shown):
    assert round_number(value) == shown


def test_a_macro_holds_median_and_interval():
    lines = sb.latex_macros({"TargetLoss": answer(2.0, 3.0)}).splitlines()
    assert lines[0].startswith(r"\newcommand{\TargetLoss}{$2.5\;[2.0, 3.0]$}% 90% interval, loss, law E")
    assert lines[1:] == [
        r"\newcommand{\TargetLossMedian}{$2.5$}",
        r"\newcommand{\TargetLossLower}{$2.0$}",
        r"\newcommand{\TargetLossUpper}{$3.0$}",
    ]


def test_failed_gates_are_marked_on_macros_and_tables():
    failing = answer(2.0, 3.0, failed="R-hat")
    macros = sb.latex_macros({"Loss": failing}).splitlines()
    assert all(r"^{\dagger}$}" in line for line in macros)
    assert "SAMPLER GATES FAILED: R-hat" in macros[0]
    assert "SAMPLER GATES FAILED: R-hat" in sb.to_latex(failing)


def test_draws_without_end_are_infinite():
    never = answer(1.0, 2.0).assign(loss=(("chain", "draw"), np.full((1, 10), np.inf)))
    assert r"\newcommand{\NeverMedian}{$\infty$}" in sb.latex_macros({"Never": never})


def test_numbers_and_texts_are_macros_too():
    made = sb.latex_macros({"Runs": 40, "Compute": 1.5e21, "Law": "E + A_1 & 5%"}).splitlines()
    assert made == [
        r"\newcommand{\Runs}{$40$}",
        r"\newcommand{\Compute}{$1.5 \times 10^{21}$}",
        r"\newcommand{\Law}{E + A\_1 \& 5\%}",
    ]


@pytest.mark.parametrize(
    ("numbers", "said"),
    [
        ({"Loss2": 1.0}, "letters alone, found 'Loss2'"),
        ({"": 1.0}, "letters alone"),
        ({"Loss": answer(1, 2), "LossMedian": 3}, "two numbers make the macro 'LossMedian'"),
        ({"Loss": answer(1, 2).expand_dims(point=3)}, "holds 3 numbers"),
        ({"Loss": xr.Dataset({"loss": 1.0})}, "no draws"),
    ],
)
def test_what_no_macro_can_be_is_refused(numbers, said):
    with pytest.raises(sb.QuestionError, match=said):
        sb.latex_macros(numbers)


def test_special_characters_are_escaped():
    text = escape_latex("\\ & % $ # _ { } ~ ^ < > |")
    assert not re.search(r"(?<!\\)[&%#_]", text)
    assert text.startswith(r"\textbackslash{} \& \% \$ \# \_ \{ \}")


def test_a_table_is_booktabs_with_labels_escaped_and_parameters_as_mathematics():
    answer_by_group = xr.concat([answer(2, 3), answer(3, 4)], xr.Variable("corpus", ["c", "web_1"]))
    text = sb.to_latex(answer_by_group.assign(N_opt=answer_by_group["loss"] * 1e9), caption="Two", label="tab:two")
    assert text.startswith("\\begin{table}\n\\centering\n\\caption{Two}\n\\label{tab:two}\n\\begin{tabular}{llc}")
    assert all(rule in text for rule in (r"\toprule", r"\midrule", r"\bottomrule", r"\end{table}"))
    assert r"loss & c & $2.5\;[2.0, 3.0]$ \\" in text
    assert r"$N_{\mathrm{opt}}$ & web\_1 & $3.5\;[3.0, 4.0] \times 10^{9}$ \\" in text


def test_other_tables_are_written_as_they_are():
    table = pd.DataFrame({"rmsle": [0.01234], "passed": [True], "runs": [40]}, index=pd.Index(["all"], name="set"))
    assert "all & $0.0123$ & yes & $40$" in sb.to_latex(table)
    with pytest.raises(TypeError, match="found list"):
        sb.to_latex([1, 2])


def test_a_comparison_is_set_as_it_is_ranked():
    law, truth = sb.Law("E + A*N**-alpha"), {"E": 1.8, "A": {"code": 300.0, "web": 400.0}, "alpha": 0.35}
    design = {"N": [1e7, 3e7, 1e8, 3e8, 1e9], "corpus": ["code", "web"]}
    fitted = sb.baseline(law, sb.simulate_sweep(law, design, truth=truth, seed=0), seed=0, bootstrap=20, by="corpus")
    compared = sb.compare(fitted, "corpus", at={"N": 1e8})
    text = sb.to_latex(compared)
    assert text == sb.to_latex(sb.rank(compared)).replace("[interval]", r"[90\% interval]")
    assert text.count("code") == text.count("web") == 1
    assert r"p_{\mathrm{best}}" in text
