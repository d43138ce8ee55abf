"""Every word has one meaning, one unit and one way to be printed."""

import pytest

from scaling_bayes import symbols
from scaling_bayes.symbols import COVARIATES, GROUPS, RESPONSES, UNITS, SweepError, latex, one_of, suggest, unit_factor

WORDS = {**COVARIATES, **RESPONSES, **GROUPS}


def test_no_word_is_in_two_tables():
    assert len(WORDS) == len(COVARIATES) + len(RESPONSES) + len(GROUPS)


@pytest.mark.parametrize("name", WORDS)
def test_every_word_is_complete(name):
    word = WORDS[name]
    assert word.name == name
    assert word.latex
    assert word.description
    assert "$" not in word.latex
    assert latex(name) == word.latex
    if word.kind == "label":
        assert word.unit == ""
    else:
        assert word.unit == unit_factor(word.unit, word.kind)[0], "the canonical unit is its own canonical unit"


@pytest.mark.parametrize(("kind", "unit"), [(kind, unit) for kind in UNITS for unit in UNITS[kind]])
def test_every_unit_leads_to_a_canonical_one(kind, unit):
    canonical, factor = unit_factor(unit, kind)
    assert factor > 0
    assert canonical == "1" or unit_factor(canonical, kind) == (canonical, 1.0)


@pytest.mark.parametrize(
    ("unit", "kind", "expected"),
    [
        ("1", "parameters", ("parameters", 1.0)),
        ("million", "parameters", ("parameters", 1e6)),
        ("B", "data", ("tokens", 1e9)),
        ("billion samples", "data", ("samples", 1e9)),
        ("PF-days", "compute", ("FLOP", 8.64e19)),
        ("GMACs", "compute", ("FLOP", 2e9)),
        ("bits per byte", "loss", ("bits/byte", 1.0)),
        ("nat/token", "loss", ("nats/token", 1.0)),
        ("%", "fraction", ("fraction", 0.01)),
        (" GFLOPs ", "compute", ("FLOP", 1e9)),
        ("not stated", "loss", ("not stated", 1.0)),
    ],
)
def test_units(unit, kind, expected):
    assert unit_factor(unit, kind) == expected


@pytest.mark.parametrize(
    ("unit", "kind", "fragments"),
    [
        ("nats/tokn", "loss", ["'nats/tokn'", "did you mean 'nats/token'", "'bits/byte'"]),
        ("nats", "loss", ["no unit of loss", "'nats/token'"]),
        ("gflop", "compute", ["did you mean 'GFLOP'"]),
        ("tokens", "compute", ["no unit of compute", "'FLOP'"]),
        ("tokens", "computation", ["kind of unit", "did you mean 'compute'"]),
    ],
)
def test_an_unknown_unit_says_what_is_known(unit, kind, fragments):
    with pytest.raises(SweepError) as error:
        unit_factor(unit, kind)
    assert all(fragment in str(error.value) for fragment in fragments), str(error.value)


@pytest.mark.parametrize(
    ("name", "printed"),
    [
        ("alpha", r"\alpha"),
        ("A", "A"),
        ("A_ref", r"A_{\mathrm{ref}}"),
        ("alpha_N", r"\alpha_{N}"),
        ("sigma_0", r"\sigma_{0}"),
        ("corpus", r"\mathrm{corpus}"),
        ("gain", r"\mathrm{gain}"),
        ("c0", "c_{0}"),
        ("lr_max", r"\eta_{\mathrm{max}}"),
        ("B_star", r"B_{\star}"),
        ("width_1", r"\mathrm{width\ 1}"),
        ("tokens_per_parameter", r"\mathrm{tokens\ per\ parameter}"),
        ("_", r"_"),
    ],
)
def test_latex_of_any_name(name, printed):
    assert latex(name) == printed


def test_suggestions_name_the_nearest_and_the_rest():
    assert suggest("Totl", ["total", "active"]) == "did you mean 'total'? Known: 'total', 'active'"
    assert suggest("zzz", ["total"]) == "Known: 'total'"
    with pytest.raises(SweepError, match="did you mean 'non_embedding'"):
        one_of("non-embedding", symbols.COUNTING, "counting")


def test_errors_are_value_errors_and_warnings_are_user_warnings():
    assert issubclass(SweepError, ValueError)
    assert issubclass(symbols.SweepWarning, UserWarning)
