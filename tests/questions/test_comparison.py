"""Comparisons: closed forms where there are some, and what must hold for every posterior and every place."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from scipy.stats import norm

from scaling_bayes.questions import choices as choices_module
from scaling_bayes.questions.comparison import compare
from scaling_bayes.questions.points import QuestionError, QuestionWarning, read_record
from scaling_bayes.questions.prediction import predict
from scaling_bayes.questions.ranking import rank
from scaling_bayes.questions.summaries import summarise

CHINCHILLA = "E + A*N**-alpha + B*D**-beta"
CORPORA = ["books", "code", "web"]
DRAWS = ("chain", "draw")
CROSSED = ("corpus", "architecture", "task")


@pytest.fixture(scope="module")
def posteriors(make_sweep, make_posterior, along_n):
    sweep = make_sweep(corpus=CORPORA)
    crossed = make_sweep(corpus=CORPORA, architecture=["dense", "sparse"], task=["qa", "vision"])
    joint = make_sweep(CHINCHILLA, corpus=CORPORA)
    made = {
        "plain": make_posterior(sweep, groups=("corpus",), wobble=0.05, spread=0.02),
        "drift": make_posterior(sweep, groups=("corpus",), axes=(along_n,), spread=0.01),
        "crossed": make_posterior(crossed, groups=CROSSED, axes=(along_n,), spread=0.02, shape=(2, 50)),
        "joint": make_posterior(joint, CHINCHILLA, groups=("corpus",), nu=4.0, spread=0.02),
    }
    errors = make_posterior(sweep, groups=("corpus",), spread=0.02)
    made["accuracy"] = rename_response(errors, "accuracy")
    return made


def rename_response(posterior, name):
    renamed = posterior.copy()
    renamed.attrs["record"] = replace(read_record(posterior), response=name, unit="fraction").to_json()
    return renamed


ASKED = {
    "one point": ("plain", "corpus", {"at": {"N": 1e9}}),
    "a range with drift": ("drift", "corpus", {"at": {"N": [1e9, 1e10, 1e12]}}),
    "some of them": ("drift", "corpus", {"at": {"N": 1e10}, "among": ["web", "books"]}),
    "one never seen": ("drift", "corpus", {"at": {"N": 1e10}, "among": ["web", "books", "unseen"]}),
    "other groups fixed": ("crossed", "corpus", {"at": {"N": 1e10, "task": "qa", "architecture": ["dense", "sparse"]}}),
    "other groups kept": ("crossed", "corpus", {"at": {"N": 1e10}}),
    "averaged": ("crossed", "corpus", {"at": {"N": 1e10}, "average": ("task", "architecture")}),
    "crossed": ("crossed", ("corpus", "architecture"), {"at": {"N": 1e10}, "average": "task"}),
    "crossed, some": ("crossed", ("task", "corpus"), {"at": {"N": 1e10}, "among": [("qa", "web"), ("vision", "new")]}),
    "along compute": ("joint", "corpus", {"at": {"C": [1e20, 1e22]}, "tokens_per_parameter": 20}),
    "distinct paths": ("joint", "corpus", {"at": {"N": [1e9, 1e9], "D": [1e10, 1e11]}, "along": "D"}),
    "more is better": ("accuracy", "corpus", {"at": {"N": 1e9}}),
}


@pytest.fixture(scope="module")
def ask(posteriors):
    return lambda name, **more: compare(posteriors[ASKED[name][0]], ASKED[name][1], **{**ASKED[name][2], **more})


@pytest.fixture(scope="module", params=ASKED)
def answer(request, ask):
    return ask(request.param)


def swap(array, dim):
    """The same array with the two choices of each pair exchanged."""
    return array.rename({dim: "keep", f"{dim}_other": dim}).rename(keep=f"{dim}_other").transpose(*array.dims)


def test_a_pair_is_its_mirror_image(answer):
    dim = answer.attrs["group"]
    np.testing.assert_allclose(answer["difference"], -swap(answer["difference"], dim), atol=1e-15)
    np.testing.assert_allclose(answer["ratio"] * swap(answer["ratio"], dim), 1.0)
    for name in ("p_better", "p_better_new_run"):
        np.testing.assert_allclose(answer[name] + swap(answer[name], dim), 1.0)


def test_the_best_is_one(answer):
    for name in ("p_best", "p_best_new_run"):
        np.testing.assert_allclose(answer[name].sum(answer.attrs["group"]), 1.0)


def test_regret_is_what_the_best_would_have_saved(answer):
    dim, sign = answer.attrs["group"], {"lower": 1, "higher": -1}[answer.attrs["better"]]
    regret, factor = answer["regret"], answer["regret_factor"]
    assert (regret >= 0).all()
    np.testing.assert_array_equal(regret.min(dim), 0.0)
    np.testing.assert_allclose(regret, (sign * answer["difference"]).max(f"{dim}_other"), atol=1e-15)
    assert (factor >= 1).all()
    assert (factor.values[regret.values == 0] == 1).all()
    np.testing.assert_allclose(answer["p_unattained"], (factor == np.inf).mean(DRAWS))


def test_an_answer_says_what_it_is(answer):
    assert {"law", "failed_gates", "data_hash", "scale", "better", "along"} <= set(answer.attrs)
    assert answer["extrapolation"].dims == ("point",)
    assert answer["difference"].attrs["units"] == answer.attrs["units"]
    assert list(answer["difference"].dims[:2]) == list(DRAWS)
    assert not answer.isnull().any().to_array().any()


def test_tables_can_be_made_of_it(answer):
    table = rank(answer)
    assert table["p_best"].notna().all()
    assert (
        table.groupby(table.index.names[:-1] or (lambda _: 0))["regret"]
        .apply(lambda r: r.is_monotonic_increasing)
        .all()
    )
    size = answer["p_best"].size
    assert len(table) == size
    assert len(summarise(answer)) == size * (3 + 2 * answer.sizes[f"{answer.attrs['group']}_other"])


def test_a_permutation_of_the_labels_permutes_the_answer(posteriors):
    labels = ["web", "books", "code"]
    at = {"N": [1e9, 1e10]}
    straight = compare(posteriors["plain"], "corpus", at=at)
    turned = compare(posteriors["plain"], "corpus", at=at, among=labels)
    there = straight.sel(corpus=labels, corpus_other=labels)
    for name in ("loss", "difference", "regret", "regret_factor", "p_best", "p_better"):
        np.testing.assert_allclose(turned[name], there[name], rtol=1e-12)


def test_the_response_is_the_predicted_one(posteriors):
    """Without drift beyond the data there is nothing to draw, so that both are the same numbers."""
    at = {"N": [1e9, 1e10]}
    found = compare(posteriors["plain"], "corpus", at=at)["loss"]
    np.testing.assert_allclose(found, predict(posteriors["plain"], at)["loss"].transpose(*found.dims))


def test_what_groups_have_in_common_cancels(posteriors):
    """Common drift shifts all curves by one factor a draw, however far: the ratio does not know of it."""
    at = {"N": [1e9, 1e12]}
    before = compare(posteriors["drift"], "corpus", at=at)
    changed = posteriors["drift"].copy()
    draws = changed["posterior"].to_dataset()
    draws["drift_common"] = draws["drift_common"] * 10 + 0.3
    draws["drift_spread_common"] = draws["drift_spread_common"] * 20
    changed["posterior"] = xr.DataTree(draws)
    after = compare(changed, "corpus", at=at)
    assert np.log(after["loss"]).std() > 3 * np.log(before["loss"]).std()
    np.testing.assert_allclose(after["ratio"], before["ratio"], rtol=1e-10)
    np.testing.assert_allclose(after["p_best"], before["p_best"])


def test_what_is_common_cancels_between_named_choices_too(posteriors, set_parameters):
    alone = set_parameters(posteriors["drift"], drift_own=0.0, drift_spread_own=0.0)
    found = compare(alone, "corpus", at={"N": [1e12]}, among=["web", "books"])["ratio"]
    draws, size = alone["posterior"].to_dataset(), 1e12
    curve = draws["E"] + draws["A"] * size ** -draws["alpha"]
    expected = curve.sel(corpus="web") / curve.sel(corpus="books")
    np.testing.assert_allclose(found.sel(corpus="web", corpus_other="books").squeeze("point"), expected, rtol=1e-10)


def test_new_runs_of_two_choices_have_effects_of_their_own(make_sweep, make_posterior, set_parameters):
    """Spread 0.05 of each: the log ratio of two new runs has that times the root of two."""
    posterior = make_posterior(
        make_sweep(corpus=["code", "web"]), groups=("corpus",), effects={"a": 0.2}, sigma=1e-6, shape=(4, 2000)
    )
    known = set_parameters(posterior, E=0.0, A={"code": 40.0, "web": 42.0}, alpha=0.25)
    found = compare(known, "corpus", at={"N": 1e9})["p_better_new_run"].sel(corpus="code", corpus_other="web")
    assert found.item() == pytest.approx(norm.cdf(np.log(1.05) / (0.05 * 2**0.5)), abs=0.012)


def test_own_drift_does_not_cancel(posteriors):
    spread = np.log(compare(posteriors["drift"], "corpus", at={"N": [1e8, 1e12]})["ratio"]).std(DRAWS)
    pair = spread.sel(corpus="web", corpus_other="code")
    assert pair[1] > 20 * pair[0]


@pytest.mark.parametrize("drift", ["plain", "drift"])
def test_blocks_of_draws_change_nothing_but_the_random_numbers(posteriors, monkeypatch, drift):
    at = {"N": [1e9, 1e10]}
    whole = compare(posteriors[drift], "corpus", at=at)
    monkeypatch.setattr(choices_module, "BLOCK", 5000)
    blocks = compare(posteriors[drift], "corpus", at=at)
    if drift == "plain":
        xr.testing.assert_allclose(whole[["loss", "ratio", "regret"]], blocks[["loss", "ratio", "regret"]])
    assert whole.sizes == blocks.sizes
    np.testing.assert_allclose(whole["p_better"], blocks["p_better"], atol=0.12)


def test_seeds_reproduce(ask):
    name = "a range with drift"
    xr.testing.assert_identical(ask(name), ask(name))
    assert not ask(name, seed=1)["ratio"].equals(ask(name)["ratio"])


@pytest.fixture(scope="module")
def known(make_sweep, make_posterior, set_parameters):
    """Power laws of one exponent without floor: web needs 2 ** (1 / alpha) = 16 times the size of code."""
    posterior = make_posterior(make_sweep(corpus=["code", "web"]), groups=("corpus",), shape=(4, 2000), sigma=0.2)
    return set_parameters(posterior, E=0.0, A={"code": 40.0, "web": 80.0}, alpha=0.25)


def test_closed_forms_of_a_power_law(known):
    answer = compare(known, "corpus", at={"N": [1e8, 1e10]}).sel(corpus="web")
    best = 40.0 * np.array([1e8, 1e10]) ** -0.25
    np.testing.assert_allclose(answer["regret"].isel(chain=0, draw=0), best)
    np.testing.assert_allclose(answer["ratio"].sel(corpus_other="code"), 2.0)
    np.testing.assert_allclose(answer["regret_factor"], 16.0, rtol=1e-9)
    np.testing.assert_array_equal(answer["p_best"], 0.0)


def test_one_new_run_is_less_sure_by_its_noise(known):
    found = compare(known, "corpus", at={"N": 1e9})["p_better_new_run"].sel(corpus="code", corpus_other="web")
    assert found.item() == pytest.approx(norm.cdf(np.log(2) / (0.2 * 2**0.5)), abs=0.005)


def test_one_that_leads_in_all_draws_has_no_regret(known):
    table = rank(compare(known, "corpus", at={"N": 1e9}))
    assert table.index.tolist() == ["code", "web"]
    assert table.loc["code", ["p_best", "regret", "regret_factor", "p_unattained"]].tolist() == [1.0, 0.0, 1.0, 0.0]
    assert table.loc["web", "regret_factor"] == pytest.approx(16.0)


def test_a_floor_above_the_best_is_never_passed(known, set_parameters):
    floors = set_parameters(known, E={"code": 0.0, "web": 1.0})
    answer = compare(floors, "corpus", at={"N": 1e9}).sel(corpus="web")
    assert (answer["regret_factor"] == np.inf).all()
    assert answer["p_unattained"].item() == 1.0
    assert rank(compare(floors, "corpus", at={"N": 1e9})).loc["web", "regret_factor"] == np.inf


def test_of_accuracies_more_is_better(known, set_parameters):
    """An accuracy that rises: the other is better, and it needs its own multiple."""
    rising = rename_response(set_parameters(known, A={"code": 0.01, "web": 0.02}, alpha=-0.125), "accuracy")
    answer = compare(rising, "corpus", at={"N": 1e6})
    assert answer.attrs["better"] == "higher"
    np.testing.assert_array_equal(answer["p_best"].squeeze(), [0.0, 1.0])
    np.testing.assert_allclose(answer["regret"].sel(corpus="code"), 0.01 * 1e6**0.125)
    np.testing.assert_allclose(answer["regret_factor"].sel(corpus="code"), 2**8, rtol=1e-9)


def test_draws_whose_law_is_negative_are_left_out_and_counted(known):
    draws = known["posterior"].to_dataset()
    spoilt = known.copy()
    spoilt["posterior"] = xr.DataTree(draws.assign(E=draws["E"].where(draws["chain"] > 0, -1e6)))
    with pytest.warns(QuestionWarning, match="in up to 25 % of the draws at 1 of 1 points"):
        answer = compare(spoilt, "corpus", at={"N": 1e9}, along=None)
    np.testing.assert_array_equal(answer["p_undefined"], 0.25)
    assert "p_undefined" not in compare(known, "corpus", at={"N": 1e9}, along=None)
    assert answer["p_better"].sel(corpus="code", corpus_other="web").item() == 1.0
    assert answer["p_better"].sel(corpus="web", corpus_other="code").item() == 0.0
    np.testing.assert_array_equal(answer["p_best"].squeeze(), [1.0, 0.0])


def test_ties_are_shared(known, set_parameters):
    same = set_parameters(known, A=40.0)
    answer = compare(same, "corpus", at={"N": 1e9})
    np.testing.assert_array_equal(answer["p_better"], 0.5)
    np.testing.assert_array_equal(answer["p_best"], 0.5)
    np.testing.assert_array_equal(answer["regret_factor"], 1.0)


def test_against_one_there_are_no_pairs_of_draws(known):
    every, one = (compare(known, "corpus", at={"N": 1e9}, baseline=label) for label in (None, "web"))
    assert one["difference"].dims == (*DRAWS, "corpus", "point")
    assert one.attrs["baseline"] == "web"
    np.testing.assert_array_equal(one["difference"], every["difference"].sel(corpus_other="web"))
    xr.testing.assert_equal(one["p_better"], every["p_better"])


def test_an_average_is_over_responses(posteriors):
    at = {"N": [1e9, 1e10]}
    kept, averaged = (compare(posteriors["crossed"], "corpus", at=at, average=names) for names in ((), "task"))
    assert averaged["loss"].dims == (*DRAWS, "architecture", "corpus", "point")
    np.testing.assert_allclose(averaged["loss"], kept["loss"].mean("task"))
    assert averaged["p_best"].dims == ("architecture", "corpus", "point")


def test_crossed_choices_carry_their_labels(ask):
    answer = ask("crossed")
    assert answer["choice"].values[:3].tolist() == ["books, dense", "books, sparse", "code, dense"]
    assert answer["corpus"].values[:3].tolist() == ["books", "books", "code"]
    assert answer["architecture"].dims == ("choice",)


def test_tables_and_sweeps_are_places_too(posteriors):
    at = {"N": [1e9, 1e10]}
    expected = compare(posteriors["plain"], "corpus", at=at)
    runs = xr.Dataset(coords={"N": ("run", at["N"]), "run": ["a", "b"]})
    for given, dim in ((pd.DataFrame(at), "point"), (runs, "run")):
        found = compare(posteriors["plain"], "corpus", at=given)
        assert found["loss"].dims == (*DRAWS, "corpus", dim)
        np.testing.assert_array_equal(found["p_best"], expected["p_best"])
    assert found["run"].values.tolist() == ["a", "b"]


def test_no_factor_without_a_scale(ask):
    assert "regret_factor" not in ask("one point", along=None)


@pytest.mark.parametrize(
    ("name", "more", "says"),
    [
        ("one point", {"group": "corpsu"}, "does not vary over 'corpsu'.*did you mean 'corpus'"),
        ("one point", {"among": ["web"]}, "two different choices or more"),
        ("one point", {"among": "web"}, "among= is a list of labels"),
        ("one point", {"among": ["web", "web"]}, "two different choices or more"),
        ("one point", {"among": [("web", "dense"), ("code", "dense")]}, "needs a label of corpus"),
        ("one point", {"at": {"N": 1e9, "corpus": "web"}}, "at= names corpus.*among="),
        ("one point", {"baseline": "wbe"}, "did you mean 'web'"),
        ("one point", {"along": "D"}, "along='D' is no covariate"),
        ("one point", {"average": "task"}, "average= names 'task'"),
        ("averaged", {"at": {"N": 1e9, "task": "qa"}}, "leave out one of the two"),
        ("along compute", {"tokens_per_parameter": None}, "tokens_per_parameter=20"),
        ("one point", {"at": {"N": np.geomspace(1e9, 1e10, 40_000)}}, r"3\.2 GB.*baseline="),
    ],
)
def test_bad_questions_are_refused(posteriors, name, more, says):
    posterior, group, given = ASKED[name]
    with pytest.raises(QuestionError, match=says):
        compare(posteriors[posterior], **{"group": group, **given, **more})


@pytest.mark.parametrize("thing", [None, xr.Dataset({"loss": 1.0})])
def test_only_a_comparison_is_ranked(thing):
    with pytest.raises(QuestionError, match=r"rank needs the answer of sb\.compare"):
        rank(thing)
