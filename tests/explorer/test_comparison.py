"""Numbers of the comparison panel against `compare`, `crossover` and `multiplier`, and what may be chosen."""

import numpy as np
import pandas as pd
import pytest

import scaling_bayes as sb
from scaling_bayes.explorer.along import POINTS
from scaling_bayes.explorer.choosing import choose_place, list_choices, list_factors, list_places
from scaling_bayes.explorer.comparison import Comparison
from scaling_bayes.explorer.subject import Subject
from tests.explorer.test_extrapolation import array

DRAWS = ("chain", "draw")
ENDS = {"_lower": 0.05, "": 0.5, "_upper": 0.95}


@pytest.fixture(scope="module")
def crossed():
    """Three corpora, whose curves cross, and two architectures."""
    cells = [(c, a) for c in ("code", "web", "books") for a in ("dense", "sparse")]
    N = np.geomspace(1e7, 1e9, 5)
    table = pd.DataFrame(
        [{"N": n, "D": d, "corpus": c, "kind": a} for c, a in cells for n in N for d in (1e9, 1e10, 1e11)]
    )
    truth = {"E": 1.7, "A": {"code": 300.0, "web": 2000.0, "books": 500.0}, "B": 410.0, "beta": 0.28}
    truth["alpha"] = {"code": 0.32, "web": 0.44, "books": 0.34}
    sweep = sb.simulate_sweep(sb.law("chinchilla"), table, truth=truth, seed=0, noise=0.02)
    return sb.baseline(sb.law("chinchilla"), sweep, seed=0, bootstrap=40, by=["corpus", "kind"])


@pytest.fixture
def panel(crossed):
    return Comparison(Subject(crossed), factor="corpus", where={"kind": "dense"}, baseline="web")


def at(panel, x):
    return {"N": np.sqrt(x / (6 * panel.at["M"])), "D": np.sqrt(x * panel.at["M"] / 6), "C": x, "kind": "dense"}


def test_differences_and_probabilities_are_those_of_compare(panel, crossed):
    panel.budget = 1e22
    answer = sb.compare(crossed, "corpus", at=at(panel, 1e22), baseline="web", along=None).isel(point=0)
    table = panel.answer()
    for name in ("code", "books"):
        relative, row = answer["ratio"].sel(corpus=name) - 1, table.loc[name]
        found = [row[f"relative{end}"] for end in ENDS]
        np.testing.assert_allclose(found, relative.quantile(list(ENDS.values()), DRAWS), rtol=5e-3, atol=1e-4)
        assert row["p_better"] == pytest.approx(float((relative < 0).mean()), abs=1e-9)
    np.testing.assert_allclose(table["p_best"], answer["p_best"].sel(corpus=table.index), atol=1e-9)
    assert abs(table["p_best_new_run"] - answer["p_best_new_run"].sel(corpus=table.index)).max() < 0.2
    assert np.isnan(table.loc["web", "relative"])


def test_crossings_are_those_of_crossover(panel, crossed):
    pair, through = ("code", "web"), {n: v for n, v in at(panel, 1e20).items()}
    answer = sb.crossover(crossed, "corpus", between=pair, within=panel.ends(), at=through)
    row, levels = panel.answer().loc["code"], answer["crossing_quantile"].sel(quantile=list(ENDS.values()))
    assert [row[f"p_{k}"] for k in ("none", "one", "more")] == pytest.approx(
        [answer[f"p_{k}"].item() for k in ("none", "one", "more")], abs=0.02
    )
    assert row["p_one"] > 0.5
    np.testing.assert_allclose([row[f"crossing{end}"] for end in ENDS], levels, rtol=0.02)


@pytest.mark.parametrize("along", ["C", "N"])
def test_multipliers_are_those_of_multiplier(panel, crossed, along):
    panel.along, panel.budget = along, 1e21
    x = panel.cursor()
    point = at(panel, x) if along == "C" else {"N": x, "D": panel.at["D"], "kind": "dense"}
    answer = sb.multiplier(crossed, "corpus", baseline="web", at=point, along=along)["multiplier"]
    for name in ("code", "books"):
        wanted = answer.sel(corpus=name).quantile(list(ENDS.values()), DRAWS, method="inverted_cdf").values.ravel()
        found = panel.answer().loc[name, [f"multiplier{end}" for end in ENDS]]
        np.testing.assert_allclose(found.astype(float), wanted, rtol=2e-3)


@pytest.mark.parametrize("along", ["C", "N"])
def test_multiplier_curves_pass_through_the_multipliers_that_are_read(panel, along):
    panel.along, panel.below = along, "multiplier"
    plot = panel.view["scene"]["plots"][1]
    lines = [m for m in plot["marks"] if m["kind"] == "line"]
    line = lines[panel.others.index("code")]
    x, median = (array(panel.view, line[name]) for name in ("x", "y"))
    for place in (5, 15):
        panel.asked = {"name": "cursor", "value": float(x[place]), "moving": False}
        assert median[place] == pytest.approx(panel.answer().loc["code", "multiplier"], rel=0.02)
    assert any(f"{along} that web needs" in ax.get_ylabel() for ax in panel.figure().axes)


def test_what_is_seen_is_what_is_answered(panel):
    row, summary = panel.answer().loc["code"], panel.view["scene"]["summary"]
    assert f"{100 * row['relative']:+.3g} %".replace("-", "\u2212") in summary
    assert f"needs {row['multiplier']:.2g} (" in summary
    upper, lower = panel.view["scene"]["plots"]
    assert upper["title"] == "loss relative to web: below the line is better"
    lines = [m for m in lower["marks"] if m["kind"] == "line"]
    assert len(lines) == 6
    assert all(m["x"][1] == POINTS for m in lines)
    panel.labels = ["code", "web"]
    assert panel.view["scene"]["plots"][1]["y"]["label"] == "P(code better)"


def test_what_is_compared_follows_what_is_chosen(panel):
    panel.asked = {"name": "factor", "value": "kind", "moving": False}
    assert (panel.labels, panel.baseline, panel.where) == (["dense", "sparse"], "dense", {"corpus": "books"})
    controls = {c["name"]: c for c in panel.view["scene"]["controls"]}
    assert controls["where.corpus"]["options"] == ["books", "code", "web"]
    panel.asked = {"name": "where.corpus", "value": "web", "moving": False}
    assert panel.shown() == ["web, dense", "web, sparse"]
    panel.factor = "corpus, kind"
    panel.labels = ["books, dense", "web, sparse"]
    assert panel.others == ["web, sparse"]
    assert panel.where == {}
    fig = panel.figure()
    assert {ax.get_ylabel() for ax in fig.axes} >= {"loss, relative to books, dense (%)"}
    drawn = {line.get_label(): line.get_color() for ax in fig.axes for line in ax.lines}
    assert drawn["web, sparse"] == panel.colours()["web, sparse"], "a label has one colour on the page and on paper"


def test_only_what_was_trained_is_offered():
    rows = [("books", "dense"), ("code", "dense"), ("code", "sparse"), ("web", "dense")]
    cells = {", ".join(row): dict(zip(("corpus", "kind"), row, strict=True)) for row in rows}
    assert list_factors(cells) == ["corpus", "kind", "corpus, kind"]
    assert list_places(cells, "corpus") == [{"kind": "dense"}]
    assert choose_place(cells, "kind", {}) == {"corpus": "code"}
    assert list_choices(cells, "kind", {"corpus": "code"}) == {"dense": "code, dense", "sparse": "code, sparse"}
    with pytest.raises(sb.QuestionError, match="holds no two labels of kind"):
        choose_place(cells, "kind", {"corpus": "web"})


@pytest.mark.parametrize(
    ("state", "message"),
    [
        ({"factor": "corpsu"}, "factor='corpsu' is none that can be compared here: did you mean 'corpus'"),
        ({"labels": ["web"]}, "compare at least two of"),
        ({"labels": ["web", "coed"]}, "labels='coed' is none that can be compared here: did you mean 'code'"),
        ({"below": "multiplyer"}, "below='multiplyer' is none of these: did you mean 'multiplier'"),
        ({"baseline": "news"}, "baseline='news' is none that can be compared here"),
        ({"where": {"kind": "tall"}}, "holds no two labels of corpus"),
        ({"where": {"depth": "12"}}, "nothing is held beside corpus"),
    ],
)
def test_wrong_state_is_refused(panel, state, message):
    before = panel.state()
    for name, value in state.items():
        with pytest.raises(sb.QuestionError, match=message):
            setattr(panel, name, value)
    assert panel.state() == before
