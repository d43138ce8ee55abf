"""Least squares against published fits, recomputed to every digit given."""

import numpy as np
import pandas as pd
import pytest

import scaling_bayes as sb
from scaling_bayes.inference.least_squares import Rows, minimise
from scaling_bayes.laws.coordinates import choose_coordinates

CHINCHILLA = sb.law("chinchilla")
DIGITISED = {
    "published_fit": {
        "E": 1.8172,
        "A": 477.8,
        "B": 2143.4,
        "alpha": 0.34731,
        "beta": 0.36717,
        "objective": 1.018274e-3,
    },
    None: {"E": 1.8913, "A": 495.7, "B": 12846, "alpha": 0.34931, "beta": 0.45305, "objective": 1.826011e-3},
}
CORPORA = {
    "smollm-corpus": (2439.8, 6916.0, 1.5515, 0.4477, 0.4436),
    "slimpajama-chunk1": (2048.4, 6018.8, 2.0068, 0.4409, 0.4385),
    "fineweb-100b": (1636.6, 4198.6, 2.1472, 0.4267, 0.4212),
    "fineweb-edu-100b": (2517.5, 7160.6, 2.0022, 0.4540, 0.4495),
    "proof-pile-2": (3770.8, 3588.1, 1.3300, 0.5071, 0.4349),
    "starcoder": (7753.6, 4189.6, 0.8626, 0.5468, 0.4387),
}


@pytest.mark.needs_table("chinchilla")
@pytest.mark.parametrize("subset", DIGITISED)
def test_chinchilla(subset):
    sweep = sb.load_sweep("chinchilla", **({"subset": subset} if subset else {}))
    fit = sb.baseline(CHINCHILLA, sweep, seed=0, bootstrap=200)
    for name, expected in DIGITISED[subset].items():
        assert float(fit["estimate"][name]) == pytest.approx(expected, rel=1e-4)
    assert 0.01 < float(fit["posterior"]["alpha"].std()) < 0.025


@pytest.mark.needs_table("loss-to-loss")
def test_each_corpus_by_itself():
    fit = sb.baseline(CHINCHILLA, sb.load_sweep("loss-to-loss"), seed=0, bootstrap=2, by="corpus")
    for corpus, expected in CORPORA.items():
        found = fit["estimate"].to_dataset().sel(corpus=corpus)
        values = [float(found[name]) for name in ("A", "B", "E", "alpha", "beta")]
        assert values == pytest.approx(expected, rel=1e-3)


def test_padding_changes_nothing():
    rng = np.random.default_rng(0)
    u, law = rng.uniform(0.1, 10.0, 9), sb.Law("E + A*N**-alpha")
    y = np.log(1.5 + 0.5 * u**-0.4) + 0.01 * rng.standard_normal(9)
    found = []
    for padding in (0, 6):
        rows = Rows({"N": np.append(u, np.full(padding, 7.0))}, np.append(y, np.zeros(padding)), 9)
        coordinates = choose_coordinates(law, (), {}, law.parameters)
        stream = np.random.default_rng(1)
        found.append(minimise(coordinates, rows, method="least_squares", bootstrap=30, rng=stream))
    plain, padded = found
    np.testing.assert_allclose(padded.theta, plain.theta, atol=1e-3)
    assert padded.objective == pytest.approx(plain.objective, rel=1e-4)
    close = np.abs(padded.resamples - plain.resamples).max(axis=1) < 0.02
    assert close.mean() > 0.8


@pytest.mark.parametrize("method", ["huber", "least_squares"])
def test_without_noise_the_truth_comes_out(method):
    truth = {"E": 1.7, "A": 400.0, "alpha": 0.34}
    sweep = sb.simulate_sweep(
        sb.Law("E + A*N**-alpha"), {"N": np.geomspace(1e6, 1e10, 8)}, truth=truth, seed=0, noise=0
    )
    fit = sb.baseline(sb.Law("E + A*N**-alpha"), sweep, seed=0, method=method, bootstrap=2)
    for name, value in truth.items():
        assert float(fit["estimate"][name]) == pytest.approx(value, rel=1e-3)


def test_a_group_by_itself_is_the_fit_of_its_runs(sweeps):
    sweep = sweeps["corpora"]()
    together = sb.baseline(CHINCHILLA, sweep, seed=0, bootstrap=2, by="corpus")["estimate"].to_dataset()
    web = sweep.isel(run=sweep["corpus"].values == "web")
    alone = sb.baseline(CHINCHILLA, web, seed=1, bootstrap=2)["estimate"].to_dataset()
    assert together["E"].dims == ("corpus",)
    for name in ("E", "alpha", "beta"):
        assert float(together[name].sel(corpus="web")) == pytest.approx(float(alone[name]), rel=1e-3)


def test_crossed_groups_are_fitted_combination_by_combination(sweeps):
    sweep = sweeps["crossed"]()
    factors = {g: sorted(set(sweep[g].values)) for g in ("corpus", "architecture")}
    together = sb.baseline(sb.law("power"), sweep, seed=0, method="least_squares", bootstrap=20, by=tuple(factors))
    estimate = together["estimate"].to_dataset()
    assert estimate["A"].dims == together["posterior"]["A"].dims[2:] == ("corpus", "architecture")
    cell = {g: labels[-1] for g, labels in factors.items()}
    mine = np.logical_and.reduce([sweep[g].values == label for g, label in cell.items()])
    alone = sb.baseline(sb.law("power"), sweep.isel(run=mine), seed=1, method="least_squares", bootstrap=2)["estimate"]
    assert float(estimate["alpha"].sel(cell)) == pytest.approx(float(alone["alpha"]), rel=1e-3)
    ahead = sb.predict(together, {"C": [1e22], **{g: [label] for g, label in cell.items()}})
    assert ahead["loss"].dims == ("chain", "draw", "point")
    with pytest.raises(sb.ModelError, match=f"no run of {', '.join(cell.values())}"):
        sb.baseline(sb.law("power"), sweep.isel(run=~mine), seed=0, bootstrap=2, by=tuple(factors))


def test_shape_and_seed(sweeps):
    first, again, other = (
        sb.baseline(CHINCHILLA, sweeps["corpora"](), seed=seed, bootstrap=20, by="corpus") for seed in (0, 0, 1)
    )
    assert first["posterior"]["alpha"].dims == ("chain", "draw", "corpus")
    assert dict(first["posterior"].sizes) == {"chain": 1, "draw": 20, "corpus": 3}
    assert first["posterior"].to_dataset().identical(again["posterior"].to_dataset())
    assert not first["posterior"].to_dataset().equals(other["posterior"].to_dataset())
    assert (first.attrs["scaling_bayes"], first.attrs["method"]) == ("baseline", "huber")


REFUSED = {
    "an unknown method": ({"method": "ridge"}, ValueError, "huber, least_squares"),
    "one resample": ({"bootstrap": 1}, ValueError, "at least 2"),
    "an unknown grouping": ({"by": "task"}, sb.ModelError, "'task'"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_refused(case, sweeps):
    choices, error, fragment = REFUSED[case]
    with pytest.raises(error, match=fragment):
        sb.baseline(CHINCHILLA, sweeps["corpora"](), seed=0, **choices)


def test_a_schedule_is_fitted_and_asked_by_its_areas():
    """Along three schedules of one network, the areas under them give back the law that drew the losses."""
    schedules = {
        "constant": sb.derived.constant(1e-3, 4000),
        "cosine": sb.derived.cosine(1e-3, 4000),
        "wsd": sb.derived.wsd(1e-3, 4000, decay=800),
    }
    areas = {name: sb.derived.annealing_areas(rates).sel(step=[500, 1000, 2000, 3000, 3600, 4000])
             for name, rates in schedules.items()}  # fmt: skip
    frame = pd.concat([found.to_dataframe().assign(schedule=name) for name, found in areas.items()]).reset_index()
    frame["loss"] = 2.6 + 0.4 * frame["S1"] ** -0.5 - 0.4 * frame["S2"]
    units = {"step": "steps", "S1": "1", "S2": "1", "loss": "nats/token"}
    sweep = sb.as_sweep(frame, response="loss", covariates=["step", "S1", "S2"], groups="schedule", units=units)
    roles = {"L0": "floor", "A": "level", "alpha": "exponent", "c": "coefficient"}
    law = sb.Law("L0 + A*S1**-alpha - c*S2", covariates=("S1", "S2"), roles=roles)
    fit = sb.baseline(law, sweep, method="least_squares", seed=0, bootstrap=2)
    found = [float(fit["estimate"][name]) for name in roles]
    assert found == pytest.approx([2.6, 0.4, 0.5, 0.4], rel=1e-4)
    answer = sb.predict(fit, {"S1": [2.0, 3.0], "S2": [0.0, 0.1]})["loss"].mean(("chain", "draw"))
    np.testing.assert_allclose(answer, [2.6 + 0.4 * 2**-0.5, 2.6 + 0.4 * 3**-0.5 - 0.04], rtol=1e-3)
    with pytest.raises(sb.QuestionError, match="no positive finite number"):
        sb.predict(fit, {"S1": 0.0, "S2": 0.0})
