"""Posteriors against exact answers, known truths, and themselves under what must not matter."""

import json

import jax
import numpy as np
import pytest
from scipy import stats

import scaling_bayes as sb
from scaling_bayes.inference import devices, sampler
from scaling_bayes.model.noise import SIGMA_FLOOR


def monte_carlo(draws):
    """Rough Monte Carlo error of a mean and of a standard deviation: 2000 draws count as 500."""
    return 4 * draws.std().item() / np.sqrt(500)


def test_groups_and_attributes(fitted):
    posterior = fitted("corpora")
    assert set(posterior.children) == {
        "posterior",
        "sample_stats",
        "log_likelihood",
        "prior",
        "observed_data",
        "constant_data",
    }
    assert posterior["posterior"]["E"].dims == ("chain", "draw", "corpus")
    assert posterior["log_likelihood"]["loss"].dims == ("chain", "draw", "run")
    assert posterior.attrs["seed"] == 0
    assert len(json.loads(posterior.attrs["gates"])) == 6
    assert {"jax", "numpyro", "scaling-bayes"} <= json.loads(posterior.attrs["versions"]).keys()


def test_the_gates_of_a_plain_fit_are_passed(fitted):
    assert all(gate["passed"] for gate in json.loads(fitted("corpora").attrs["gates"]))


def test_the_truth_is_inside(fitted, truth):
    draws = fitted("corpora")["posterior"].to_dataset()
    inside = []
    for name, true in truth.items():
        low, high = draws[name].quantile([0.025, 0.975], dim=("chain", "draw")).values
        wanted = [true[label] for label in draws["corpus"].values] if isinstance(true, dict) else np.full(3, true)
        inside += ((low < wanted) & (wanted < high)).tolist()
    assert len(inside) == 15
    assert all(inside)


def test_other_units_leave_predictions_alone(fitted):
    """The arrays agree to the last digits (tests/model/test_binding.py); a last digit is enough to part two chains."""
    at = {"N": [1e9, 1e11], "D": [2e10, 2e12]}
    plain = np.log(sb.predict(fitted("corpora"), at)["loss"])
    other = np.log(sb.predict(fitted("corpora in other units"), {**at, "N": [1e3, 1e5]})["loss"])
    over = ("chain", "draw")
    assert (abs(other.mean(over) - plain.mean(over)) < 4 * plain.std(over) / np.sqrt(500)).all()
    np.testing.assert_allclose(other.std(over), plain.std(over), rtol=0.2)


def test_names_of_groups_do_not_matter(fitted):
    """With books, code, web called x, z, y the blocks change places, so draws differ and quantiles agree."""
    plain, renamed = (fitted(name)["posterior"]["alpha"] for name in ("corpora", "corpora renamed"))
    for old, new in {"books": "x", "code": "z", "web": "y"}.items():
        before, after = plain.sel(corpus=old), renamed.sel(corpus=new)
        assert float(after.mean()) == pytest.approx(float(before.mean()), abs=monte_carlo(before))
        assert float(after.std()) == pytest.approx(float(before.std()), rel=0.2)


def test_noise_that_falls_with_scale_is_found_and_carried_on(fitted):
    posterior = fitted("noise that falls")
    slope = posterior["posterior"]["noise_slope"]
    assert abs(float(slope.mean()) + 0.5) < 3 * float(slope.std()) < 0.45
    near, far = (
        np.log(sb.predict(posterior, {"C": [1e17, 1e19]}, new_run=True)["loss"]).quantile(level, ("chain", "draw"))
        for level in (0.05, 0.95)
    )
    width = (far - near).values
    assert 5 < width[0] / width[1] < 18
    assert set(posterior["log_likelihood"].dims) == {"chain", "draw", "run"}


STRAY = {
    "double exponential": {"sigma": 0.01},
    "measured": {"sigma": 0.004},
    "of a network": {"sigma": 0.003, "within_spread": 0.03},
    "under-tuned": {"sigma": 0.003, "inefficiency": 0.05},
}


@pytest.mark.parametrize("case", STRAY)
def test_each_noise_finds_its_own(case, fitted):
    posterior = fitted(case)
    draws = posterior["posterior"].to_dataset()
    assert all(gate["passed"] for gate in json.loads(posterior.attrs["gates"]))
    for name, true in (STRAY[case] | {"A": 60.0, "alpha": 0.08}).items():
        low, high = draws[name].quantile([0.005, 0.995]).values
        assert low < true < high, name
    assert float(draws["sigma"].median()) == pytest.approx(STRAY[case]["sigma"], rel=0.5)


@pytest.mark.parametrize("case", STRAY)
def test_each_noise_is_asked_and_saved_like_any_other(case, fitted, sweeps, tmp_path):
    saved = fitted(case)
    posterior = sb.open_posterior(sb.save_posterior(saved, tmp_path / "mine.nc"))
    assert posterior.identical(saved)
    mean, new = (np.log(sb.predict(posterior, {"C": 1e20}, new_run=new_run)["loss"]) for new_run in (False, True))
    assert float(new.std()) > 1.5 * float(mean.std())
    scored = sb.score(posterior, sweeps["stray"](case))
    assert scored["coverage"].sel(level=0.9) > 0.8
    density = posterior["log_likelihood"]["loss"]
    np.testing.assert_allclose(scored["log_score"], np.log(np.exp(density).mean(("chain", "draw"))), atol=1e-6)
    assert sb.check(posterior)["verdict"].values.tolist() == ["No finding."]


def off_the_truth(posterior, *, new_run=False):
    """Log of the predicted loss at 1e19 FLOP over that of the law behind `stray`."""
    curve = sb.predict(posterior, {"C": 1e19}, new_run=new_run)["loss"]
    return np.log(curve) - np.log(60.0 * 1e19**-0.08)


def test_under_tuned_runs_leave_the_frontier_where_it_is(fitted):
    frontier = off_the_truth(fitted("under-tuned"))
    assert abs(float(frontier.mean())) < 3 * float(frontier.std()) < 0.03
    new = off_the_truth(fitted("under-tuned"), new_run=True)
    assert float(new.mean() - frontier.mean()) == pytest.approx(0.05, abs=0.02)


@pytest.mark.slow
def test_under_tuned_runs_lift_a_law_through_their_middle(fitted):
    middle = off_the_truth(fitted("under-tuned, told by Student's t"))
    assert float(middle.mean()) > 3 * float(middle.std())


def test_counted_errors_of_zero_are_borne(fitted, sweeps):
    posterior, sweep, over = fitted("counted"), sweeps["counted"](), ("chain", "draw")
    assert (sweep["error"] == 0).any()
    assert all(gate["passed"] for gate in json.loads(posterior.attrs["gates"]))
    scales = {"C": [1e14, 1e18, 1e22], "trials": 100, "chance": 0.75}
    draws = sb.predict(posterior, scales)["error"]
    true = 0.75 * -np.expm1(-0.4 / 0.75 * (draws["C"].values / 1e18) ** -0.25)
    low, high = draws.quantile([0.01, 0.99], over).values
    assert ((low < true) & (true < high)).all()
    assert float(draws.max()) <= 0.75
    new = sb.predict(posterior, scales, new_run=True)["error"]
    counts = new * 101 - 0.5
    np.testing.assert_allclose(counts, counts.round(), atol=1e-6)
    scored = sb.score(posterior, sweep)
    density = posterior["log_likelihood"]["error"]
    np.testing.assert_allclose(scored["log_score"], np.log(np.exp(density).mean(over)), atol=1e-6)
    assert np.isfinite(scored["crps"]).all()
    assert scored["coverage"].sel(level=0.9) > 0.8
    assert 0.7 < sb.check(posterior)["residual"].std() < 1.3


def test_effects_of_runs_are_kept_by_name(fitted):
    draws = fitted("of a network")["posterior"].to_dataset()
    effect = draws["within_effect"]
    assert effect.dims == ("chain", "draw", "network")
    assert effect["network"].values.tolist() == list("abcdefgh")
    true = 0.03 * np.random.default_rng(8).standard_normal(48)[40:]
    apart = effect.mean(("chain", "draw")).values - true
    np.testing.assert_allclose(apart - apart.mean(), 0.0, atol=0.006)


def test_a_power_law_is_linear_regression(fitted, sweeps):
    sweep = sweeps["line"]()
    least = stats.linregress(np.log(sweep["C"].values), np.log(sweep["loss"].values))
    alpha = fitted("line")["posterior"]["alpha"]
    assert float(alpha.mean()) == pytest.approx(-least.slope, abs=monte_carlo(alpha) + 0.1 * least.stderr)
    assert float(alpha.std()) == pytest.approx(least.stderr * np.sqrt(10 / 8), rel=0.15)


def test_three_parameters_by_quadrature(fitted, sweeps):
    """Mean and standard deviation of every parameter, priors included, on a grid."""
    sweep, draws = sweeps["line"](), fitted("line")["posterior"].to_dataset()
    y, u = np.log(sweep["loss"].values), np.log(sweep["C"].values)
    u = u - u.mean()
    level = np.linspace(y.mean() - 0.05, y.mean() + 0.05, 61)
    alpha, sigma = np.linspace(0.06, 0.1, 81), SIGMA_FLOOR + np.geomspace(0.006, 0.08, 81)
    a, b, s = np.meshgrid(level, alpha, sigma, indexing="ij")
    log_density = stats.norm.logpdf(a, y.mean(), 0.5) + stats.norm.logpdf(np.log(b), np.log(0.3), 0.7) - np.log(b)
    log_density += stats.norm.logpdf(np.log(s - SIGMA_FLOOR), np.log(0.01), 1.0)  # the grid is even in log sigma
    log_density += sum(stats.norm.logpdf(yi, a - b * ui, s) for yi, ui in zip(y, u, strict=True))
    weight = np.exp(log_density - log_density.max())
    weight /= weight.sum()
    for name, grid in {"alpha": b, "sigma": s, "A_ref": np.exp(a)}.items():
        mean = (weight * grid).sum()
        sd = np.sqrt((weight * (grid - mean) ** 2).sum())
        assert float(draws[name].mean()) == pytest.approx(mean, abs=monte_carlo(draws[name]))
        assert float(draws[name].std()) == pytest.approx(sd, rel=0.15)


def test_the_seed_decides(fitted):
    first, again, other = (
        fitted(name)["posterior"].to_dataset() for name in ("line", "line again", "line, another seed")
    )
    assert first.identical(again)
    assert not first.equals(other)
    assert float(other["alpha"].mean()) == pytest.approx(float(first["alpha"].mean()), abs=monte_carlo(first["alpha"]))


def test_a_fixed_value_comes_out_exactly_and_a_prior_pulls(fitted):
    draws = fitted("told")["posterior"].to_dataset()
    np.testing.assert_allclose(draws["beta"].values, 0.29, rtol=1e-14)
    assert float(draws["alpha"].std()) == pytest.approx(0.34 * 0.01, rel=0.1)
    record = json.loads(fitted("told").attrs["record"])
    assert record["priors"]["alpha"].startswith("LogNormal(loc=-1.07881, scale=0.01)")
    assert record["pooling"]["beta"] == {"kind": "Fixed", "groups": [], "value": 0.29}


def test_the_prior_group_has_the_moments_declared(fitted):
    prior = fitted("told")["prior"].to_dataset()
    logs = np.log(prior["alpha"])
    assert float(logs.mean()) == pytest.approx(np.log(0.34), abs=0.002)
    assert float(logs.std()) == pytest.approx(0.01, rel=0.1)
    assert float(np.log(prior["sigma"]).mean()) == pytest.approx(np.log(0.01), abs=0.15)
    assert float(np.log(prior["sigma"]).std()) == pytest.approx(1.0, rel=0.1)
    assert float(prior["nu"].mean()) == pytest.approx(22.0, rel=0.1)


@pytest.mark.slow
def test_separate_equals_separate_fits(fitted):
    """Up to what the groups share, the noise."""
    together = fitted("lines together")["posterior"].to_dataset()
    for label in ("code", "web"):
        alone = fitted(f"line of {label}")["posterior"].to_dataset()
        for name in ("A_ref", "alpha"):
            mine = together[name].sel(corpus=label)
            assert float(mine.mean()) == pytest.approx(float(alone[name].mean()), abs=0.3 * float(alone[name].std()))


@pytest.mark.slow
def test_crossed_groups_are_recovered(fitted):
    posterior = fitted("crossed")
    level = posterior["posterior"]["A_ref"]
    assert level.dims == ("chain", "draw", "corpus", "architecture")
    ratio = np.log(level.sel(architecture="sparse") / level.sel(architecture="dense"))
    low, high = ratio.isel(corpus=0).quantile([0.025, 0.975]).values
    assert low < np.log(0.8) < high
    assert high - low < 0.05
    corpora = np.log(level.sel(corpus="web") / level.sel(corpus="code")).isel(architecture=0)
    low, high = corpora.quantile([0.025, 0.975]).values
    assert low < np.log(75 / 45) < high


@pytest.mark.slow
def test_a_drift_widens_with_distance(fitted):
    curve = sb.predict(fitted("drift"), {"C": [1e21, 1e22, 1e23]})["loss"]
    plain = sb.predict(fitted("line"), {"C": [1e21, 1e22, 1e23]})["loss"]
    width, without = (np.log(each).std(("chain", "draw")).values for each in (curve, plain))
    assert (np.diff(width) > 0).all()
    assert width[-1] > 1.5 * without[-1]


def test_a_hopeless_fit_is_marked(sweeps):
    with pytest.warns(sb.GateWarning, match="ESS") as caught:
        posterior = sb.fit(
            sb.Model(sb.law("power"), noise=sb.Normal(), discrepancy=None),
            sweeps["line"](),
            seed=0,
            warmup=10,
            draws=20,
            progress=False,
        )
    assert "Every answer from it is marked" in str(caught[0].message)
    failed = [gate["name"] for gate in json.loads(posterior.attrs["gates"]) if not gate["passed"]]
    assert "bulk ESS" in failed
    assert "bulk ESS" in sb.predict(posterior, {"C": [1e22]}).attrs["failed_gates"]


def test_strict_raises(sweeps):
    model = sb.Model(sb.law("power"), noise=sb.Normal(), discrepancy=None)
    with pytest.raises(sb.GateError, match="bulk ESS"):
        sb.fit(model, sweeps["line"](), seed=0, warmup=10, draws=20, strict=True, progress=False)


REFUSED = {
    "a law for a model": (lambda s: sb.fit(sb.law("power"), s, seed=0), TypeError, "sb.Model"),
    "an unknown device": (
        lambda s: sb.fit(sb.Model(sb.law("power")), s, seed=0, device="tpu"),
        ValueError,
        "auto, cpu",
    ),
    "no chains": (lambda s: sb.fit(sb.Model(sb.law("power")), s, seed=0, chains=0), ValueError, "chains is at least 1"),
    "few draws": (lambda s: sb.fit(sb.Model(sb.law("power")), s, seed=0, draws=2), ValueError, "draws is at least 4"),
    "no table": (lambda s: sb.fit(sb.Model(sb.law("power")), s["loss"].values, seed=0), sb.SweepError, "as_sweep"),
    "no runs": (lambda s: sb.fit(sb.Model(sb.law("power")), s.isel(run=[]), seed=0), sb.SweepError, "no runs"),
    "a word for a seed": (lambda s: sb.fit(sb.Model(sb.law("power")), s, seed="a"), TypeError, "whole number.*'a'"),
    "half a seed": (lambda s: sb.fit(sb.Model(sb.law("power")), s, seed=0.5), TypeError, "whole number.*0.5"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_arguments_are_checked_before_anything_is_compiled(case, sweeps):
    call, error, fragment = REFUSED[case]
    with pytest.raises(error, match=fragment):
        call(sweeps["line"]())


def test_an_absent_device_is_named(sweeps, monkeypatch):
    def no_such(platform=None):
        if platform == "gpu":
            raise RuntimeError("Unknown backend: 'gpu'")
        return [jax.local_devices()[0]]

    monkeypatch.setattr(devices.jax, "devices", no_such)
    with pytest.raises(ValueError, match="finds only cpu"):
        sb.fit(sb.Model(sb.law("power")), sweeps["line"](), seed=0, device="gpu")


def test_an_interrupted_fit_leaves_nothing_behind(fitted, sweeps, monkeypatch):
    before = fitted("line")["posterior"].to_dataset()
    compiled = sampler.compile_chains

    def interrupted(*program, **kind):
        def advance(*_):
            raise KeyboardInterrupt

        return compiled(*program, **kind)[0], advance

    model = sb.Model(sb.law("power"), noise=sb.Normal(), discrepancy=None)
    monkeypatch.setattr(sampler, "compile_chains", interrupted)
    with pytest.raises(KeyboardInterrupt):
        sb.fit(model, sweeps["line"](), seed=0, warmup=300, draws=500, progress=False)
    monkeypatch.undo()
    assert not jax.config.jax_enable_x64
    again = sb.fit(model, sweeps["line"](), seed=0, warmup=300, draws=500, progress=False)
    assert again["posterior"].to_dataset().identical(before)
