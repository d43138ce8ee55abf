"""Predictions: labelled, computed by the law on each draw, wider where less is known."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from scaling_bayes.laws import Law
from scaling_bayes.laws.wiener import wiener_basis
from scaling_bayes.questions.points import QuestionError, QuestionWarning
from scaling_bayes.questions.prediction import predict

CHINCHILLA = "E + A*N**-alpha + B*D**-beta"
CORPORA = ["code", "web"]
DRAWS = ("chain", "draw")


@pytest.fixture(scope="module")
def pooled(make_sweep, make_posterior):
    return make_posterior(make_sweep(corpus=CORPORA), groups=("corpus",))


@pytest.fixture(scope="module")
def drifting(make_sweep, make_posterior, along_n):
    return make_posterior(make_sweep(corpus=CORPORA), groups=("corpus",), axes=(along_n,), shape=(2, 1000))


def spread_of(answer, response="loss"):
    return np.log(answer[response]).std(DRAWS)


@pytest.mark.parametrize(
    ("at", "dims"),
    [
        ({"N": 1e10}, (*DRAWS, "corpus", "point")),
        ({"N": [1e10, 1e11]}, (*DRAWS, "corpus", "point")),
        ({"N": [1e10, 1e11], "corpus": "web"}, (*DRAWS, "point")),
        ({"N": 1e10, "corpus": ["web", "code"]}, (*DRAWS, "point")),
        (pd.DataFrame({"N": [1e10, 1e11]}), (*DRAWS, "corpus", "point")),
        (pd.DataFrame({"N": [1e10, 1e11], "corpus": CORPORA, "note": ["x", "y"]}), (*DRAWS, "point")),
        (xr.Dataset(coords={"N": ("run", [1e10, 1e11]), "corpus": ("run", CORPORA)}), (*DRAWS, "run")),
    ],
)
def test_groups_that_are_not_named_are_dims(pooled, at, dims):
    assert predict(pooled, at)["loss"].dims == dims


def test_an_answer_says_what_it_is(pooled):
    answer = predict(pooled, {"N": [3e9, 3e10], "corpus": "web"})
    assert answer["loss"].attrs["units"] == answer.attrs["units"] == "nats/token"
    assert answer.attrs["law"] == "E + A*N**-alpha"
    assert answer.attrs["failed_gates"] == ""
    np.testing.assert_allclose(answer["extrapolation"], [1.0, 10.0])
    assert answer["corpus"].values.tolist() == ["web", "web"]


def test_runs_keep_their_names(pooled, make_sweep):
    runs = make_sweep(corpus=CORPORA).isel(run=[3, 1])
    assert predict(pooled, runs)["run"].values.tolist() == runs["run"].values.tolist()


def test_failed_gates_are_carried(make_sweep, make_posterior):
    posterior = make_posterior(make_sweep(), gates=(("R-hat", False), ("E-BFMI", True), ("bulk ESS", False)))
    assert predict(posterior, {"N": 1e10}).attrs["failed_gates"] == "R-hat, bulk ESS"


def test_the_law_is_evaluated_on_each_draw(pooled):
    draws, answer = pooled["posterior"].to_dataset(), predict(pooled, {"N": [1e8, 1e11]})["loss"]
    by_hand = [draws["E"] + draws["A"] * size ** -draws["alpha"] for size in (1e8, 1e11)]
    for point, expected in enumerate(by_hand):
        np.testing.assert_allclose(answer.isel(point=point), expected.transpose(*DRAWS, "corpus"), rtol=1e-12)


def test_a_named_group_is_the_same_as_its_place_along_the_dim(pooled):
    every = predict(pooled, {"N": [1e10, 1e11]})["loss"]
    named = predict(pooled, {"N": [1e10, 1e11], "corpus": ["web", "code"]})["loss"]
    for point, label in enumerate(["web", "code"]):
        np.testing.assert_array_equal(named.isel(point=point), every.isel(point=point).sel(corpus=label))


def test_several_covariates(make_sweep, make_posterior):
    posterior = make_posterior(make_sweep(CHINCHILLA), CHINCHILLA)
    draws = posterior["posterior"].to_dataset()
    expected = Law(CHINCHILLA).evaluate({**draws.data_vars, "N": 1e10, "D": 2e11})
    np.testing.assert_allclose(predict(posterior, {"N": 1e10, "D": 2e11})["loss"].isel(point=0), expected)


def test_seeds_reproduce(drifting):
    at = {"N": [1e10, 1e11], "corpus": ["web", "unseen"]}
    first, again, other = (predict(drifting, at, new_run=True, seed=seed)["loss"] for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert (first != other).all()


def test_compute_is_derived_only_where_the_sweep_counts_it_as_6nd(make_sweep, make_posterior):
    sweep = make_sweep(CHINCHILLA)
    at = {"N": [1e9, 1e10], "D": 1e10}
    derived = predict(make_posterior(sweep, CHINCHILLA), at)
    np.testing.assert_allclose(derived["C"], [6e19, 6e20])
    with pytest.raises(QuestionError, match=r"'N'.* 2 values.*3"):
        predict(make_posterior(sweep, CHINCHILLA), at | {"D": [1e9, 1e10, 1e11]})
    measured = make_posterior(sweep.assign_attrs(flop_rule="measured"), CHINCHILLA)
    np.testing.assert_array_equal(predict(measured, at | {"C": 1e21})["C"], [1e21, 1e21])
    with pytest.raises(QuestionError, match="lacks C; this posterior needs N, D, C"):
        predict(measured, at)


@pytest.mark.parametrize(
    ("at", "says"),
    [
        ({}, "mapping such as"),
        ([1e9], "mapping such as"),
        ({"corpus": "web"}, "lacks N"),
        ({"N": []}, "no points"),
        ({"N": -1e9}, r"'N'.*positions \[0\].*-1000000000"),
        ({"N": [1e9, 0.0]}, r"positions \[1\]"),
        ({"N": [1e9, float("nan")]}, r"positions \[1\]"),
        ({"N": [1e9, float("inf")]}, r"positions \[1\]"),
        ({"N": ["1e9", "many"]}, r"positions \[1\].*many"),
        ({"N": [1e9, None]}, r"positions \[1\]"),
        ({"N": [1e9, 1e10, 1e11], "corpus": CORPORA}, "2 values.*3"),
        ({"N": [1e9, 1e10], "corpus": ["web", ""]}, r"no label at positions \[1\]"),
        ({"N": [1e9, 1e10], "corpus": ["web", None]}, r"no label at positions \[1\]"),
        ({"N": 1e9, "corpsu": "web"}, "did you mean 'corpus'"),
        (pd.DataFrame({"N": [1e9], "Corpus": ["web"]}), "column 'Corpus'.*if 'corpus' is meant"),
    ],
)
def test_bad_points_are_refused(pooled, at, says):
    with pytest.raises(QuestionError, match=says):
        predict(pooled, at)


def test_a_known_group_in_another_spelling_is_told_from_a_new_one(pooled):
    for label in ("Web", " web", "we-b", "webb"):
        with pytest.warns(QuestionWarning, match="not fitted and is answered as a new group; if 'web' is meant"):
            predict(pooled, {"N": 1e9, "corpus": label})
    for label in ("web2", "new"):
        assert predict(pooled, {"N": 1e9, "corpus": label})["loss"].sizes["point"] == 1


@pytest.mark.parametrize("thing", [None, {"posterior": 1}, xr.DataTree(), xr.Dataset()])
def test_only_a_posterior_is_asked(thing):
    with pytest.raises(QuestionError, match=r"sb\.fit"):
        predict(thing, {"N": 1e9})


def test_a_new_run_is_wider_than_the_mean_by_the_noise(pooled):
    at = {"N": [1e10], "corpus": "web"}
    mean, new = spread_of(predict(pooled, at)), spread_of(predict(pooled, at, new_run=True))
    np.testing.assert_allclose((new**2 - mean**2) ** 0.5, 0.01, rtol=0.1)


def test_noise_has_the_tails_of_its_distribution(make_sweep, make_posterior):
    heavy = make_posterior(make_sweep(), nu=2.5, shape=(4, 2000), wobble=0.0)
    left = np.log(predict(heavy, {"N": 1e9}, new_run=True)["loss"] / predict(heavy, {"N": 1e9})["loss"])
    assert (abs(left) > 0.05).mean() == pytest.approx(0.0227, abs=0.006)  # 2 P(t_2.5 > 5)


def test_a_new_run_is_less_efficient_than_the_frontier(make_sweep, make_posterior):
    posterior = make_posterior(make_sweep(), inefficiency=0.04, shape=(4, 2000), wobble=0.0)
    frontier, new = (np.log(predict(posterior, {"N": 1e9}, new_run=new)["loss"]) for new in (False, True))
    np.testing.assert_allclose(np.exp(frontier), 1.7 + 400 * 1e9**-0.34)
    assert float((new - frontier).mean()) == pytest.approx(0.04, abs=0.002)


def test_a_prediction_has_no_measured_error(make_sweep, make_posterior):
    sweep = make_sweep()
    given = sweep.assign(loss_se=sweep["loss"] * 0.2)
    own, none = (make_posterior(given, measured=measured, wobble=0.0) for measured in (True, False))
    assert predict(own, given, new_run=True).equals(predict(none, given, new_run=True))


RUNS = {"a": 0.2, "b": -0.1}


@pytest.fixture(scope="module")
def of_networks(make_sweep, make_posterior):
    return make_posterior(make_sweep(), effects=RUNS, sigma=1e-6, wobble=0.0, shape=(4, 1000))


def ask_runs(posterior, **at):
    """Log loss of new runs over that of the mean curve, shape (chain, draw, point)."""
    new, mean = (predict(posterior, {"N": [1e9, 3e9], **at}, new_run=new)["loss"] for new in (True, False))
    return np.log(new / mean).values


def test_a_fitted_run_has_its_own_effect_and_the_mean_curve_none(of_networks):
    np.testing.assert_allclose(ask_runs(of_networks, network=["b", "a"])[0, 0], [-0.1, 0.2], atol=1e-5)
    plain = predict(of_networks, {"N": [1e9], "network": ["a"]})["loss"]
    np.testing.assert_allclose(plain, 1.7 + 400 * 1e9**-0.34)


@pytest.mark.parametrize(
    ("labels", "together"), [({"network": ["new", "new"]}, True), ({"network": ["x", "y"]}, False), ({}, False)]
)
def test_a_run_never_fitted_draws_an_effect(of_networks, labels, together):
    first, second = np.moveaxis(ask_runs(of_networks, **labels), -1, 0)
    assert first.std() == pytest.approx(0.05, rel=0.06)
    assert np.corrcoef(first.ravel(), second.ravel())[0, 1] == pytest.approx(float(together), abs=0.07)


@pytest.mark.parametrize("drifts", [False, True])
def test_a_group_never_seen_is_wider(make_sweep, make_posterior, along_n, drifts):
    sweep = make_sweep(corpus=CORPORA)
    axes = (along_n,) if drifts else ()
    posterior = make_posterior(sweep, groups=("corpus",), axes=axes, drift=0.005, shape=(2, 500))
    band = spread_of(predict(posterior, {"N": 3e9, "corpus": [*CORPORA, "unseen"]}))
    assert band[2] > 1.2 * band[:2].max()


def test_known_groups_do_not_change_beside_a_new_one(pooled):
    alone = predict(pooled, {"N": [1e10], "corpus": ["web"]})["loss"].isel(point=0)
    beside = predict(pooled, {"N": 1e10, "corpus": ["unseen", "web"]})["loss"].isel(point=1)
    np.testing.assert_allclose(alone, beside)


def test_one_new_group_is_one_group_at_every_scale(pooled):
    loss = np.log(predict(pooled, {"N": [1e9, 2e9], "corpus": "unseen"})["loss"])
    assert np.corrcoef(loss.isel(point=0).values.ravel(), loss.isel(point=1).values.ravel())[0, 1] > 0.95


@pytest.mark.parametrize("method", ["separate", "baseline"])
def test_without_a_population_a_new_group_is_refused(make_sweep, make_posterior, method):
    posterior = make_posterior(make_sweep(corpus=CORPORA), groups=("corpus",), kind="Separate")
    if method == "baseline":
        draws = posterior["posterior"].to_dataset()
        posterior["posterior"] = xr.DataTree(draws.drop_vars(["population", "effect_corpus", "spread_corpus"]))
    with pytest.raises(QuestionError, match=r"corpus unseen was not fitted.*E, A, alpha.*code, web"):
        predict(posterior, {"N": 1e10, "corpus": ["web", "unseen"]})


@pytest.mark.parametrize("steps", [3e9 * 4.0 ** np.arange(5), 1e7 / 4.0 ** np.arange(5)], ids=["up", "down"])
def test_drift_widens_with_distance_in_both_directions(drifting, steps):
    ratio = predict(drifting, {"N": steps})["loss"] / evaluate(drifting, steps)
    width = np.log(ratio).std(DRAWS).transpose("point", "corpus").values
    assert (np.diff(width, axis=0) > 0).all()


def evaluate(posterior, sizes):
    """The law without its drift."""
    draws = posterior["posterior"].to_dataset()
    return draws["E"] + draws["A"] * xr.DataArray(sizes, dims="point") ** -draws["alpha"]


def test_drift_at_the_knots_is_the_fitted_one(drifting, along_n):
    knots = np.array(along_n.knots)
    sizes = along_n.reference * np.exp(knots)
    found = np.log(predict(drifting, {"N": sizes})["loss"] / evaluate(drifting, sizes))
    draws = drifting["posterior"].to_dataset()
    weights = draws["drift_common"] + draws["drift_own"]
    expected = weights @ xr.DataArray(wiener_basis(knots, knots), dims=("point", "knot"))
    assert abs(expected).mean() > 0.01
    np.testing.assert_allclose(found, expected.transpose(*found.dims), atol=1e-4)


def test_drift_is_zero_at_its_reference(drifting):
    here = [1e8]
    ratio = predict(drifting, {"N": here})["loss"] / evaluate(drifting, here)
    np.testing.assert_allclose(ratio, 1.0, atol=1e-12)


def test_points_of_a_group_lie_on_one_path(drifting):
    """Fresh drift is common to close points, and differs between groups beyond what is common."""
    sizes = [3e11, 3.1e11, 3e11]
    ratio = predict(drifting, {"N": sizes, "corpus": ["web", "web", "code"]})["loss"].values
    ratio = np.log(ratio / predict(drifting, {"N": 3e9, "corpus": ["web", "web", "code"]})["loss"].values)
    correlation = np.corrcoef(ratio.reshape(-1, 3).T)
    assert correlation[0, 1] > 0.99
    assert correlation[0, 2] < 0.8


@pytest.fixture(scope="module")
def crossed(make_sweep, make_posterior, along_n):
    """Two groupings, of which the combination code x dense never occurred."""
    sweep = make_sweep(corpus=CORPORA, architecture=["dense", "sparse"])
    sweep = sweep.isel(run=((sweep["corpus"] == "web") | (sweep["architecture"] == "sparse")).values)
    return make_posterior(sweep, groups=("corpus", "architecture"), axes=(along_n,), shape=(2, 1000))


@pytest.mark.parametrize(
    ("named", "dims"),
    [
        ({}, ("corpus", "architecture", "point")),
        ({"corpus": "web"}, ("architecture", "point")),
        ({"architecture": "unseen"}, ("corpus", "point")),
        ({"corpus": "code", "architecture": "dense"}, ("point",)),
        ({"corpus": "unseen", "architecture": "unseen"}, ("point",)),
    ],
)
def test_crossed_groups(crossed, named, dims):
    answer = predict(crossed, {"N": [1e9, 1e11], **named})["loss"]
    assert answer.dims == (*DRAWS, *dims)
    assert np.isfinite(answer).all()


def test_an_unseen_combination_is_wider_than_seen_ones(crossed):
    """Its law is the sum of its groups' effects; only its own drift is unknown."""
    band = spread_of(predict(crossed, {"N": 3e9})).isel(point=0)
    drift = crossed["posterior"].to_dataset()["drift_spread_own"].mean().item()
    assert float(band.sel(corpus="code", architecture="dense")) > drift
    law = crossed["posterior"].to_dataset()["E"]
    assert law.sel(corpus="code", architecture="dense").std() < 1.5 * law.sel(corpus="web", architecture="dense").std()
    at = {"N": 3e9, "corpus": ["code", "code"], "architecture": ["dense", "unseen"]}
    unseen = spread_of(predict(crossed, at))
    assert unseen[1] > unseen[0]


def test_many_points_with_levels_of_their_own(drifting):
    sizes = np.geomspace(1e7, 1e12, 300)
    answer = predict(drifting, {"N": sizes, "corpus": np.resize(CORPORA, 300)}, new_run=True)["loss"]
    assert answer.shape == (2, 1000, 300)
    assert np.isfinite(answer).all()
