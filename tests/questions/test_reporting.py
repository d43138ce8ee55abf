"""The fit card: what it knows, what it asks for, and that every format says the same."""

import html
import json
import re

import numpy as np
import pytest
from jinja2 import PackageLoader

import scaling_bayes as sb
from scaling_bayes.questions.bibliography import write_bibtex
from scaling_bayes.questions.checklist import ABOUT, NOT_REPORTED, read_checklist
from scaling_bayes.questions.facts import FACTS

LAW = "E + A*N**-alpha + B*D**-beta"
GROUPS = ["code", "web"]
LINES = [line for lines in read_checklist().values() for line in lines]
ASKED = [line for line in LINES if line.part != ABOUT]
FORMATS = ("to_markdown", "to_latex", "to_html", "to_json", "_repr_html_", "_repr_markdown_")
STRANGE = r"50% of <b>runs</b> & $x_1$ | {a} \alpha"


@pytest.fixture(scope="module")
def posterior(make_posterior, make_sweep):
    return make_posterior(
        make_sweep("E + A*N**-alpha + B*D**-beta", corpus=["code", "web"]),
        "E + A*N**-alpha + B*D**-beta",
        groups=("corpus",),
    )


@pytest.fixture(scope="module")
def card(posterior):
    return sb.report(posterior)


def text_of(card, key):
    (line,) = (line for line in card.lines if line.key == key)
    return line.text


def test_the_checklist_has_the_four_parts_and_each_key_once():
    assert list(read_checklist()) == [ABOUT, "hypothesis", "training", "data", "fitting"]
    keys = [line.key for line in LINES]
    assert len(set(keys)) == len(keys)
    assert FACTS.keys() <= set(keys)


def test_what_the_posterior_knows_is_filled_in(card, posterior):
    known = {line.key: line.known for line in card.lines}
    assert known["law"] == "loss = E + A*N**-alpha + B*D**-beta"
    assert known["pooling"] == "E, A, alpha, B, beta: Partial(corpus)"
    assert known["runs"] == str(posterior["observed_data"].sizes["run"])
    assert known["groups"] == "corpus: code (18), web (18)"
    assert known["sizes"] == "1e+07 to 3e+09 parameters (6 distinct)"
    assert known["data_hash"] == "abc"
    assert known["flop_rule"].startswith("6ND")
    assert known["gates"] == "all 1 passed"


def test_only_the_author_can_say_the_rest(card):
    assert {"architecture", "optimizer", "hardware", "tuning", "evaluation", "purpose"} <= set(card.blanks)
    assert not {"law", "runs", "gates", "sizes"} & set(card.blanks)
    assert text_of(card, "optimizer") == NOT_REPORTED


@pytest.mark.parametrize("form", FORMATS)
def test_every_format_names_the_law_the_blanks_and_the_gates(card, form):
    text = html.unescape(getattr(card, form)())
    assert "Network sizes" in text
    assert "optimizer" in text or "Optimizer" in text
    assert "R-hat" in text
    assert form == "to_json" or NOT_REPORTED in text


@pytest.mark.parametrize("form", FORMATS)
def test_what_an_author_states_is_escaped(posterior, form):
    text = getattr(sb.report(posterior, {"optimizer": STRANGE, "title": STRANGE}), form)()
    if "html" in form:
        assert "<b>" not in text
        assert html.escape(STRANGE) in text
    elif form == "to_latex":
        assert r"50\% of \textless{}b\textgreater{}runs" in text
        assert r"\& \$x\_1\$ \textbar{} \{a\} \textbackslash{}alpha" in text
    elif form == "to_json":
        assert json.loads(text)["checklist"]["training"]["optimizer"]["added"] == STRANGE
    else:
        assert r"&lt;b&gt;" in text
        assert r"\|" in text


def test_json_is_whole(card):
    content = json.loads(card.to_json())
    assert content["format"] == "scaling_bayes fit card 1"
    assert content["blanks"] == list(card.blanks)
    assert {key for part in content["checklist"].values() for key in part} == {line.key for line in LINES}
    rows = content["tables"]["parameters"]["rows"]
    assert {row["parameter"] for row in rows} == {f"{p}[{g}]" for p in ("E", "A", "alpha", "B", "beta") for g in GROUPS}
    assert all(row["lower"] <= row["median"] <= row["upper"] for row in rows)


def test_both_units_of_a_level_are_there(card, posterior):
    draws = posterior["posterior"]
    for table, name in (("parameters", "A"), ("reference", "A_ref")):
        frame = card.tables[table].frame.set_index("parameter")
        assert frame.loc[f"{name}[web]", "median"] == pytest.approx(float(draws[name].sel(corpus="web").median()))


def test_metadata_from_a_file_may_stand_in_parts(posterior, tmp_path):
    path = tmp_path / "card.toml"
    path.write_text('title = "Mine"\n[training]\noptimizer = "AdamW"\nbatch = [64, 128]\n', encoding="utf-8")
    card = sb.report(posterior, path)
    assert card.title == "Mine"
    assert (text_of(card, "optimizer"), text_of(card, "batch")) == ("AdamW", "64, 128")


def test_an_author_adds_to_what_is_known(posterior):
    assert text_of(sb.report(posterior, {"runs": "two were lost"}), "runs") == "36; two were lost"


@pytest.mark.parametrize(
    ("metadata", "said"),
    [
        ({"optimiser": "AdamW"}, "'optimiser', no line of the checklist: did you mean 'optimizer'"),
        ({"training": {"purpose": "x"}}, "'purpose', no line"),
        ({"trainin": {"batch": 1}}, "'trainin', no part of the checklist: did you mean 'training'"),
        ({"batch": None}, "None for 'batch'"),
    ],
)
def test_unknown_metadata_is_refused(posterior, metadata, said):
    with pytest.raises(sb.QuestionError, match=said):
        sb.report(posterior, metadata)


def test_a_file_of_metadata_that_is_none_is_named(posterior, tmp_path):
    with pytest.raises(FileNotFoundError, match=r"nowhere\.toml"):
        sb.report(posterior, tmp_path / "nowhere.toml")
    (tmp_path / "bad.toml").write_text("title = ", encoding="utf-8")
    with pytest.raises(sb.QuestionError, match="is no TOML"):
        sb.report(posterior, tmp_path / "bad.toml")


def test_a_complete_card_has_no_blanks(posterior, card):
    stated = dict.fromkeys(card.blanks, "said")
    assert sb.report(posterior, stated, complete=True).blanks == ()
    del stated["batch"]
    with pytest.raises(sb.QuestionError, match=r"1 lines of the card are blank.*batch \(how it was chosen"):
        sb.report(posterior, stated, complete=True)


def test_failed_gates_are_said_first(make_posterior, make_sweep):
    failing = sb.report(make_posterior(make_sweep(), gates=(("R-hat", False),)))
    for form in ("to_markdown", "to_html", "to_latex"):
        text = getattr(failing, form)()
        assert "SAMPLER GATES FAILED: R-hat" in text[: text.index("Hypothesis")]


def test_scores_alternatives_and_answers(posterior, make_posterior, make_sweep):
    sweep = make_sweep(LAW, corpus=GROUPS, seed=1)
    other = make_posterior(make_sweep(corpus=GROUPS), groups=("corpus",))
    other.attrs["data_hash"] = "other"
    at = {"N": 1e10, "D": 1e11, "corpus": "web"}
    answer = sb.predict(posterior, at)
    others = {"power": other}
    card = sb.report(
        posterior, scores=sb.score(posterior, sweep), alternatives=others, at=at, answers={"target": answer}
    )
    assert text_of(card, "validation").startswith("36 held-out runs")
    assert text_of(card, "other_laws") == text_of(card, "other_rows") == "see Other fits: power"
    frame = card.tables["alternatives"].frame
    assert frame["fit"].tolist() == ["this fit", "power"]
    assert frame["median"][0] == pytest.approx(float(np.median(answer["loss"])))
    assert card.tables["answers"].frame["median"].tolist() == [frame["median"][0]]
    shared = sb.report(posterior, alternatives=others).tables["alternatives"].frame
    assert set(shared["parameter"]) == {f"{p}[{g}]" for p in ("E", "A", "alpha") for g in GROUPS}


def test_latex_is_balanced(posterior):
    text = sb.report(posterior, {"optimizer": STRANGE}).to_latex()
    plain = re.sub(r"\\\\|\\[{}]", "", text)
    assert plain.count("{") == plain.count("}")
    opened, closed = (re.findall(rf"\\{word}\{{(\w+)\}}", text) for word in ("begin", "end"))
    assert sorted(opened) == sorted(closed)


def test_html_needs_no_other_file(card):
    with sb.figures.canvas.new_figure(1.0, 1.0) as fig:
        fig.add_subplot()
    text = card.to_html({"Nothing <at> all": fig})
    assert text.count("data:image/png;base64,") == 1
    assert "Nothing &lt;at&gt; all" in text
    assert not re.search(r'(?:src|href)="(?!data:)', text)
    assert "<math" in text


def test_a_card_is_the_same_twice(posterior, card):
    assert sb.report(posterior).to_json() == card.to_json()


def test_bibtex_names_the_paper_of_a_catalogued_law():
    data = {"citation": "A & B (2024), arXiv:2404.10102", "title": "50% of it", "source": "https://example.org/x"}
    bibtex = write_bibtex("chinchilla", "NUTS", {"numpy": "2.0"}, data)
    keys = re.findall(r"^@\w+\{(\w+),$", bibtex, re.MULTILINE)
    assert keys[:2] == ["hoffmann2022", "fitteddata"]
    assert {"nuts", "numpy", "survey"} <= set(keys)
    assert "jax" not in keys
    assert r"author = {{A \& B}}" in bibtex
    assert "year = {2024}" in bibtex
    assert "note = {arXiv:2404.10102}" in bibtex
    assert "version 2.0" in bibtex
    assert len(set(keys)) == len(keys)
    assert bibtex.count("{") == bibtex.count("}")


def test_templates_ship_with_the_package():
    names = PackageLoader("scaling_bayes.questions").list_templates()
    assert {"card.md.j2", "card.tex.j2", "card.html.j2", "card_body.html.j2"} <= set(names)
