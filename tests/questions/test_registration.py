"""Forecasts on file: scored as an answer would have been, refused when a byte of their meaning changed."""

import json

import numpy as np
import pytest
import xarray as xr
from scipy import stats

from scaling_bayes.questions.points import QuestionError
from scaling_bayes.questions.prediction import predict
from scaling_bayes.questions.registration import register, settle
from scaling_bayes.questions.scoring import score

CORPORA = ["code", "web"]
DAY = "2026-01-31"


@pytest.fixture(scope="module")
def posterior(make_sweep, make_posterior):
    return make_posterior(make_sweep(corpus=CORPORA), groups=("corpus",), prior=None, shape=(4, 2000))


@pytest.fixture(scope="module")
def runs(make_sweep):
    return make_sweep(N=[5e9, 2e10], corpus=CORPORA, seed=4)


@pytest.fixture(scope="module")
def foretold(posterior, runs):
    return predict(posterior, runs, new_run=True)


@pytest.fixture
def path(foretold, tmp_path):
    register(foretold, tmp_path / "forecast.json", date=DAY, note="before the run")
    return tmp_path / "forecast.json"


def test_a_file_is_scored_as_the_posterior_would_have_been(posterior, runs, path):
    settled, scored = settle(path, runs), score(posterior, runs)
    assert settled["N"].values.tolist() == runs["N"].values.tolist()
    for name, tolerance in {"log_error": 1e-3, "pit": 0.02, "crps": 3e-4, "interval_score": 0.02}.items():
        np.testing.assert_allclose(settled[name], scored[name], atol=tolerance, err_msg=name)
    np.testing.assert_allclose(settled["upper"], scored["upper"], rtol=2e-3)
    np.testing.assert_allclose(
        np.log(settled["upper"] / settled["lower"]), np.log(scored["upper"] / scored["lower"]), rtol=5e-3
    )
    np.testing.assert_allclose(settled["coverage"], scored["inside"].mean("run"), atol=0.26)


def test_a_file_says_what_when_and_from_what(path, foretold, posterior):
    content = json.loads(path.read_text())
    assert (content["date"], content["note"], content["new_run"]) == (DAY, "before the run", 1)
    assert (content["law"], content["data_hash"]) == ("E + A*N**-alpha", posterior.attrs["data_hash"])
    assert content["versions"].keys() == {"scaling-bayes", "numpy", "xarray"}
    assert len(content["forecasts"]) == 4
    first = content["forecasts"][0]
    assert (first["quantity"], first["unit"], first["N"]) == ("loss", "nats/token", 5e9)
    assert first["lower"] < first["median"] < first["upper"]
    assert len(path.read_text().splitlines()) == len(content) + 4 + 3
    settled = settle(path, {"loss": 2.0})
    assert settled.attrs["hash"] == content["hash"]
    assert settled.attrs["date"] == DAY


def test_the_same_draws_have_the_same_hash_and_others_another(foretold, tmp_path):
    first, again = (register(foretold, tmp_path / name, date=DAY) for name in ("a.json", "b.json"))
    other = register(foretold * 1.0001, tmp_path / "c.json", date=DAY)
    later = register(foretold, tmp_path / "d.json", date="2026-02-01")
    assert first == again
    assert len({first, other, later}) == 3
    draws = [json.loads((tmp_path / f"{name}.json").read_text())["draws_hash"] for name in "abd"]
    assert len(set(draws)) == 1


def test_a_forecast_is_not_replaced(foretold, path):
    before = path.read_bytes()
    with pytest.raises(FileExistsError, match="holds a forecast already, and is not replaced"):
        register(foretold, path, date=DAY)
    assert path.read_bytes() == before


def change(content, where):
    match where:
        case "date" | "note" | "law" | "draws_hash" | "hash":
            content[where] = "2025" + str(content[where])[4:]
        case "quantile":
            content["forecasts"][2]["quantiles"][7] *= 1.0001
        case "point":
            content["forecasts"][1]["N"] *= 2
        case "fewer":
            content["forecasts"].pop()
        case "more":
            content["more"] = 1


@pytest.mark.parametrize("where", ["date", "note", "law", "draws_hash", "hash", "quantile", "point", "fewer", "more"])
def test_a_changed_file_is_refused(path, runs, where):
    content = json.loads(path.read_text())
    change(content, where)
    path.write_text(json.dumps(content))
    with pytest.raises(QuestionError, match="was changed since it was written"):
        settle(path, runs)


def test_another_layout_of_the_same_content_is_the_same(path, runs):
    before = settle(path, runs)
    path.write_text(json.dumps(json.loads(path.read_text()), indent=4, sort_keys=True))
    assert settle(path, runs)["crps"].equals(before["crps"])


def test_runs_are_found_by_their_labels_and_those_not_measured_wait(path, runs):
    every, part = settle(path, runs), settle(path, runs.isel(run=[3, 1]))
    assert part["run"].values.tolist() == runs["run"].values[[1, 3]].tolist()
    np.testing.assert_array_equal(part["pit"], every["pit"].values[[1, 3]])
    waiting = runs.assign(loss=runs["loss"].where(runs["N"] > 1e10))
    assert settle(path, waiting).sizes["run"] == 2


def test_other_quantities_are_scored_on_their_own_scale(tmp_path):
    rng = np.random.default_rng(0)
    draws = {"difference": (("chain", "draw", "point"), rng.normal(-0.1, 0.02, (4, 5000, 1)))}
    draws["loss"] = (("chain", "draw"), np.exp(rng.normal(0.7, 0.01, (4, 5000))))
    answer = xr.Dataset(draws | {"p_better": ("point", [0.9])}, attrs={"response": "loss"})
    register(answer, tmp_path / "forecast.json", date=DAY)
    settled = settle(tmp_path / "forecast.json", {"difference": [-0.13], "loss": np.exp(0.705)})
    assert settled["quantity"].values.tolist() == ["difference", "loss"]
    np.testing.assert_allclose(settled["observed"], [-0.13, np.exp(0.705)])
    np.testing.assert_allclose(settled["median"], [-0.1, np.exp(0.7)], rtol=0.01)
    np.testing.assert_allclose(settled["pit"], stats.norm.cdf([-1.5, 0.5]), atol=0.02)
    z, sd = np.array([-1.5, 0.5]), np.array([0.02, 0.01])
    crps = sd * (z * (2 * stats.norm.cdf(z) - 1) + 2 * stats.norm.pdf(z) - 1 / np.sqrt(np.pi))
    np.testing.assert_allclose(settled["crps"], crps, rtol=0.03)


@pytest.mark.parametrize(
    ("observed", "says"),
    [
        ({"loss": [2.0, 2.1]}, "4 numbers of 'loss' were foretold, and 2 are given"),
        ({"los": 2.0}, "'los' was not foretold: did you mean 'loss'"),
        ({"loss": np.nan}, "nothing that was foretold was measured; it was loss"),
        ({"loss": -1.0}, "must be positive"),
    ],
)
def test_observations_that_do_not_fit_are_refused(path, observed, says):
    with pytest.raises(QuestionError, match=says):
        settle(path, observed)


@pytest.mark.parametrize(
    ("answer", "date", "says"),
    [
        (xr.Dataset({"p": 1.0}), DAY, "dims chain and draw is written down"),
        (xr.Dataset({"k": (("chain", "draw"), [[1.0, np.inf]])}), DAY, "some draws of k are not finite"),
        (xr.Dataset({"k": (("chain", "draw"), [[1.0, 2.0]])}), "today", "a day such as"),
        (xr.Dataset({"k": (("chain", "draw"), [[1.0, 2.0]])}), None, "a day such as"),
    ],
)
def test_bad_answers_are_not_written(answer, date, says, tmp_path):
    with pytest.raises(QuestionError, match=says):
        register(answer, tmp_path / "forecast.json", date=date)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("text", ["", "{", "[]", '{"format": "other"}'])
def test_only_a_forecast_is_settled(tmp_path, text):
    (tmp_path / "file.json").write_text(text)
    with pytest.raises(QuestionError, match="no forecast that register wrote"):
        settle(tmp_path / "file.json", {"loss": 2.0})
    with pytest.raises(FileNotFoundError, match="no forecast at"):
        settle(tmp_path / "nowhere.json", {"loss": 2.0})


def test_what_was_measured_in_another_unit_is_refused(path, runs):
    bits = runs.assign(loss=(runs["loss"] / np.log(2)).assign_attrs(units="bits/token"))
    with pytest.raises(QuestionError, match="foretold in 'nats/token' and measured in 'bits/token'"):
        settle(path, bits)


def test_numbers_of_two_kinds_have_no_common_mean_error(posterior, runs, tmp_path):
    foretold = predict(posterior, runs, new_run=True)
    both = foretold.assign(N_opt=(1e9 * foretold["loss"]).assign_attrs(units="parameters"))
    register(both, tmp_path / "both.json", date=DAY)
    settled = settle(tmp_path / "both.json", {"loss": runs["loss"].values, "N_opt": 1e9 * runs["loss"].values})
    assert "mae" not in settled
    assert 0 < float(settled["rmsle"]) < 1


def test_one_quantity_needs_no_name(tmp_path, foretold):
    register(foretold, tmp_path / "forecast.json", date=DAY)
    named = settle(tmp_path / "forecast.json", {"loss": 2.4})
    assert settle(tmp_path / "forecast.json", 2.4).identical(named)
    both = foretold.assign(other=foretold["loss"])
    register(both, tmp_path / "two.json", date=DAY)
    with pytest.raises(QuestionError, match=r"2 quantities were foretold: give .* of \['loss', 'other'\]"):
        settle(tmp_path / "two.json", 2.4)
