"""Checks: what they find where something is wrong, and that they find nothing where nothing is."""

import numpy as np
import pytest
import xarray as xr

from scaling_bayes.laws import Law
from scaling_bayes.laws.axes import Axis
from scaling_bayes.questions.checking import check
from scaling_bayes.questions.points import QuestionError
from scaling_bayes.sweeps import as_sweep

CHINCHILLA = "E + A*N**-alpha + B*D**-beta"
MANY = np.geomspace(1e7, 1e10, 40).tolist()
SIGN_CHANGES, TOP_SLOPE, RATIO, LARGEST = (
    "number of sign changes along the scale",
    "slope in the top octave",
    "correlation with log D/N",
    "largest residual",
)
SEEDS = "distance between seeds"


def seeds_of(make_sweep, noise):
    """Three seeds of every size; the first six runs have the same one."""
    sweep = make_sweep(place=["0", "1", "2"], noise=noise).rename(place="seed")
    return sweep.sortby("seed").assign_attrs(groups=["seed"])


@pytest.fixture(scope="module")
def check_after(make_sweep, make_posterior):
    """`check_after(change)`: check the truth against a sweep whose loss was changed."""

    def check_changed(change=lambda runs: runs["loss"], formula="E + A*N**-alpha", **options):
        runs = make_sweep(formula, N=MANY if formula != CHINCHILLA else [1e7, 1e8, 1e9, 1e10])
        posterior = make_posterior(runs, formula, wobble=0.0003, **options)
        posterior["observed_data"] = xr.DataTree(posterior["observed_data"].to_dataset().assign(loss=change(runs)))
        return check(posterior)

    return check_changed


def verdicts(found):
    return " ".join(found["verdict"].values.tolist())


def test_nothing_is_found_where_nothing_is_wrong(check_after):
    found = check_after()
    assert found["verdict"].values.tolist() == ["No finding."]
    assert found.attrs["passed"] == 1
    assert (abs(found["residual"]) < 4).all()
    assert abs(found["pit"].mean() - 0.5) < 0.15


def p_value(found, statistic):
    return found["p_value"].sel(statistic=statistic).item()


def test_a_bent_law_changes_sign_seldom(check_after):
    found = check_after(lambda runs: runs["loss"] * (runs["N"] / 3e8) ** 0.01)
    assert p_value(found, SIGN_CHANGES) > 0.975
    assert "number of sign changes" in verdicts(found)


def test_a_turn_at_the_top_is_seen_there(check_after):
    found = check_after(lambda runs: runs["loss"] * (runs["N"] / 5e9).clip(min=1.0) ** 0.08)
    assert p_value(found, TOP_SLOPE) < 0.025
    assert "slope in the top octave" in verdicts(found)


@pytest.mark.parametrize(("power", "low"), [(0.004, True), (-0.004, False)])
def test_a_trend_along_tokens_per_parameter_is_seen(check_after, power, low):
    found = check_after(lambda runs: runs["loss"] * (runs["D"] / runs["N"] / 100) ** power, CHINCHILLA)
    p = p_value(found, RATIO)
    assert p < 0.025 if low else p > 0.975
    assert "correlation with log D/N" in verdicts(found)


@pytest.mark.parametrize("options", [{"inefficiency": 0.03}, {"effects": {"a": 0.1, "b": -0.1}}])
def test_residuals_are_told_in_scales_of_all_noise(make_sweep, make_posterior, options):
    runs, rng = make_sweep(N=MANY), np.random.default_rng(0)
    more = rng.exponential(0.03, 40) if "inefficiency" in options else np.repeat(0.05 * rng.standard_normal(20), 2)
    runs = runs.assign(loss=runs["loss"] * np.exp(more)).assign_coords(network=("run", np.arange(40) // 2))
    found = check(make_posterior(runs, wobble=0.0003, **options))
    assert 0.6 < found["residual"].std() < 1.4
    assert abs(found["residual"].mean()) < 0.5
    assert verdicts(found) == "No finding."


def test_an_outlier_is_named(check_after):
    name = "17"
    found = check_after(lambda runs: runs["loss"].where(runs["run"].astype(str) != name, runs["loss"] * 1.3))
    assert p_value(found, LARGEST) < 0.025
    assert f"8 scales from the law, kept: {name}." in verdicts(found)


def test_no_ratio_without_two_covariates_or_at_a_fixed_ratio(check_after, make_posterior):
    assert RATIO not in check_after()["statistic"].values
    table = {"N": np.geomspace(1e7, 1e9, 6), "D": 20 * np.geomspace(1e7, 1e9, 6)}
    runs = Law(CHINCHILLA).evaluate(table | {"E": 1.7, "A": 400.0, "alpha": 0.34, "B": 410.0, "beta": 0.28})
    units = {"N": "parameters", "D": "tokens", "loss": "nats/token"}
    sweep = as_sweep(
        {**table, "loss": runs}, response="loss", covariates=["N", "D"], units=units, counting="total", run=None
    )
    assert RATIO not in check(make_posterior(sweep, CHINCHILLA))["statistic"].values


@pytest.mark.parametrize(("noise", "too_close"), [(0.01, False), (0.001, True)])
def test_misfit_called_noise_is_told_by_seeds_that_lie_closer(make_sweep, make_posterior, noise, too_close):
    sweep = seeds_of(make_sweep, noise)
    found = check(make_posterior(sweep, sigma=0.01))
    assert (p_value(found, SEEDS) > 0.975) == too_close
    assert ("distance between seeds" in verdicts(found)) == too_close


def test_runs_that_differ_in_more_than_their_seed_are_no_replicates(make_sweep, make_posterior):
    assert SEEDS not in check(make_posterior(make_sweep(corpus=["code", "web"])))["statistic"].values
    lone = seeds_of(make_sweep, 0.01).isel(run=slice(0, 6))
    assert SEEDS not in check(make_posterior(lone))["statistic"].values


def test_replicated_statistics_keep_their_draws(check_after):
    found = check_after(shape=(2, 150))
    assert found["statistic_observed"].dims == found["statistic_replicated"].dims == ("chain", "draw", "statistic")
    assert dict(found.sizes)["chain"] == 2


@pytest.mark.parametrize(
    ("gates", "passed", "says"),
    [
        ((("R-hat", True), ("E-BFMI", True)), 1, ""),
        ((("R-hat", False), ("E-BFMI", True)), 0, "The sampler failed its gates: R-hat."),
        ((), 0, ""),
    ],
)
def test_passed_needs_a_sampler_and_all_its_gates(check_after, gates, passed, says):
    found = check_after(gates=gates)
    assert found.attrs["passed"] == passed
    assert found["gate"].values.tolist() == [name for name, _ in gates]
    assert says in verdicts(found)


def test_contraction_of_every_parameter_and_group(make_sweep, make_posterior):
    sweep = make_sweep(corpus=["code", "web"])
    found = check(make_posterior(sweep, groups=("corpus",)))
    assert found["quantity"].values[:3].tolist() == ["E[code]", "E[web]", "A_ref[code]"]
    assert (found["contraction"] > 0.9).all()


def test_a_floor_that_the_data_do_not_reach_is_not_identified(make_sweep, make_posterior):
    """Prior and posterior alike, as in a sweep far above its floor."""
    found = check(make_posterior(make_sweep(), wobble=0.5, prior=0.5))
    assert found["contraction"].sel(quantity="E") < 0.5
    assert "E is not identified by these data" in verdicts(found)
    assert "alpha is not" not in verdicts(found)


def test_groups_whose_floor_is_not_identified_share_a_sentence(make_sweep, make_posterior):
    posterior = make_posterior(make_sweep(corpus=["code", "web"]), groups=("corpus",), wobble=0.5, prior=0.5)
    said = [text for text in check(posterior)["verdict"].values if "identified" in text]
    assert len(said) == 1
    assert "E[code], E[web]" in said[0]


def test_a_fit_without_a_prior_has_no_contraction(make_sweep, make_posterior):
    found = check(make_posterior(make_sweep(), prior=None, gates=()))
    assert found.sizes["quantity"] == 0
    assert found.attrs["passed"] == 0


@pytest.mark.parametrize("width", [0.0, 1.0])
def test_a_parameter_that_is_known_has_no_contraction(make_sweep, make_posterior, width):
    posterior = make_posterior(make_sweep(), prior=width, wobble=0.0)
    contraction = check(posterior)["contraction"]
    assert contraction.isnull().all() if width == 0 else (contraction == 1).all()


@pytest.mark.parametrize(
    ("flags", "says"),
    [
        ({"prior_dominated": True}, "fewer runs than parameters"),
        ({"lone_groups": ["corpus=code"]}, "corpus=code has a single run"),
        ({"prior_dominated": False, "lone_groups": []}, "No finding."),
    ],
)
def test_what_the_data_could_not_tell_is_said(check_after, flags, says):
    assert says in verdicts(check_after(flags=flags))


@pytest.mark.parametrize(("flag", "says"), [("diverged", "look diverged"), ("non_monotone", "get worse with scale")])
def test_flagged_runs_are_named(make_sweep, make_posterior, flag, says):
    sweep = make_sweep(N=MANY)
    flags = np.where(np.isin(np.arange(40), [3, 11]), flag, "")
    found = check(make_posterior(sweep.assign_coords(flag=("run", flags))))
    assert says in verdicts(found)
    assert "3, 11." in verdicts(found)
    assert found["flag"].values.tolist() == flags.tolist()


@pytest.mark.parametrize(("nu", "says"), [(4.0, "Student-t noise bears them"), (None, "they may bend the law")])
def test_what_noise_does_with_a_diverged_run_is_said(make_sweep, make_posterior, nu, says):
    sweep = make_sweep(N=MANY).assign_coords(flag=("run", np.full(40, "diverged")))
    assert says in verdicts(check(make_posterior(sweep, nu=nu)))


def test_fitted_runs_are_held_against_the_drift_that_was_fitted(make_sweep, make_posterior):
    """Between its knots a drift was not free in the fit, however wide its spread is."""
    axis = Axis("N", reference=1e8, knots=(-4.0, 4.0), median=0.02)
    posterior = make_posterior(make_sweep(N=MANY), axes=(axis,))
    wide, draws = posterior.copy(), posterior["posterior"].to_dataset()
    wide["posterior"] = xr.DataTree(draws.assign(drift_spread_common=100 * draws["drift_spread_common"]))
    np.testing.assert_array_equal(check(posterior)["residual"], check(wide)["residual"])


def test_many_runs_are_counted(make_sweep, make_posterior):
    sweep = make_sweep(N=MANY).assign_coords(flag=("run", np.full(40, "diverged")))
    assert "0, 1, 2, 3, 4, 5, 6, 7 and 32 more." in verdicts(check(make_posterior(sweep)))


@pytest.fixture
def guessing(make_posterior, make_sweep):
    """A posterior of scores that approach the level of guessing as networks get smaller."""

    def build(response, values, **columns):
        runs = make_sweep(N=[1e7, 1e8, 1e9, 1e10]).rename(loss=response)
        runs = runs.assign({response: ("run", values, {"units": "fraction"})}).assign_attrs(response=response)
        posterior = make_posterior(
            runs.assign_coords(chance=("run", np.full(4, 0.25 if response == "accuracy" else 0.75)))
        )
        fitted = posterior["constant_data"].to_dataset().assign({n: ("run", v) for n, v in columns.items()})
        posterior["constant_data"] = xr.DataTree(fitted)
        return posterior

    return build


@pytest.mark.parametrize(
    ("response", "values", "columns", "expected"),
    [
        ("accuracy", [0.20, 0.252, 0.30, 0.6], {}, [True, True, False, False]),
        ("accuracy", [0.20, 0.252, 0.30, 0.6], {"accuracy_se": [0.03] * 4}, [True, True, True, False]),
        ("error", [0.80, 0.748, 0.70, 0.4], {}, [True, True, False, False]),
        ("accuracy", [0.3, 0.4, 0.5, 0.6], {}, [False] * 4),
    ],
)
def test_runs_at_chance_are_not_judged(guessing, response, values, columns, expected):
    found = check(guessing(response, values, **columns))
    assert found["at_chance"].values.tolist() == expected
    says = f"{sum(expected)} of 4 runs are within noise of chance, where no power law can be judged"
    assert (says in verdicts(found)) == any(expected)


def test_seeds_reproduce(make_sweep, make_posterior):
    posterior = make_posterior(make_sweep())
    xr.testing.assert_identical(check(posterior, seed=1), check(posterior, seed=1))
    assert (check(posterior, seed=1)["statistic_replicated"] != check(posterior)["statistic_replicated"]).any()


def test_only_a_posterior_is_checked():
    with pytest.raises(QuestionError, match=r"sb\.fit"):
        check(xr.DataTree())
