"""The best split of a budget: algebra, search and published numbers agree, draw by draw."""

from dataclasses import replace

import numpy as np
import pytest
import xarray as xr

from scaling_bayes.inference.baseline import baseline
from scaling_bayes.laws import CATALOGUE, Law
from scaling_bayes.laws.axes import Axis
from scaling_bayes.laws.costs import gpu_hours, inference, memory_traffic, six_nd, transformer
from scaling_bayes.laws.record import Record
from scaling_bayes.questions.allocation import allocate, trace_isoflops
from scaling_bayes.questions.points import QuestionError
from scaling_bayes.questions.splits import Search, best_split, lay_range
from scaling_bayes.questions.summaries import summarise
from scaling_bayes.questions.surface import Surface, read_surface, total_drift
from scaling_bayes.sweeps import load_sweep

CHINCHILLA = "E + A*N**-alpha + B*D**-beta"
SEARCHED = replace(six_nd, per_pair=None)
DRAWS = ("chain", "draw")
NAMES = ("E", "A", "B", "alpha", "beta")
BESIROGLU = (1.8172, 482.01, 2085.43, 0.3478, 0.3658)
ALONG_C = Axis("C", reference=6e18, knots=(-3.0, 3.0, 6.0), median=0.005)
ALONG_RATIO = Axis("D/N", reference=100.0, knots=(-3.0, 3.0), median=0.005)


def surface_of(law: Law, values: dict[str, float], **more) -> Surface:
    """A law with one draw of known parameters."""
    record = Record(law, {}, "loss", "nats/token", "normal", {}, fitted={c: [1e8, 1e10] for c in law.covariates})
    draws = xr.Dataset({name: (DRAWS, [[value]]) for name, value in values.items() if name in law.parameters})
    return Surface(record, draws, {name: v for name, v in values.items() if name in law.covariates}, **more)


def split_of(law: Law, values: dict[str, float], C, cost=six_nd, **more):
    return best_split(surface_of(law, values, **more), np.atleast_1d(C), cost, ratios=(1e-3, 1e6), eps=0.0025)


@pytest.fixture(scope="module")
def wobbling(make_sweep, make_posterior):
    return make_posterior(make_sweep(CHINCHILLA), CHINCHILLA, wobble=0.02)


@pytest.fixture(scope="module")
def known(make_sweep, make_posterior):
    """A posterior whose draws are all the same, of given parameters."""
    posterior = make_posterior(make_sweep(CHINCHILLA), CHINCHILLA, shape=(1, 2))

    def of(values: tuple[float, ...]) -> xr.DataTree:
        draws = posterior["posterior"].to_dataset()
        fixed = {name: xr.full_like(draws[name], value) for name, value in zip(NAMES, values, strict=True)}
        return posterior.assign(posterior=xr.DataTree(draws.assign(fixed)))

    return of


def one(answer: xr.Dataset, name: str) -> np.ndarray:
    return answer[name].isel(chain=0, draw=0).values


# (E, A, B, alpha, beta) -> a, N* and D/N at 1e21, N* and D/N at 5.76e23, L* at 1e21
PUBLISHED = {
    "Hoffmann, printed": ((1.69, 406.4, 410.7, 0.34, 0.28), (0.4516, 1.824e9, 50.1, 3.219e10, 92.6, 2.3289)),
    "Hoffmann, TeX": ((1.6934, 406.4, 410.7, 0.3392, 0.2849), (0.4565, 2.215e9, 34.0, 4.031e10, 59.1, 2.2954)),
    "Besiroglu": (BESIROGLU, (0.5126, 2.778e9, 21.6, 7.225e10, 18.4, 2.3055)),
    "240 points": ((1.81720, 477.67, 2143.03, 0.34729, 0.36716), (0.51391, 2.792e9, 21.4, 7.320e10, 17.9, 2.3045)),
    "all points": ((1.89125, 495.33, 12835.3, 0.34927, 0.45301), (0.56466, 3.279e9, 15.5, 1.187e11, 6.8, 2.3077)),
}


@pytest.mark.parametrize("cost", [six_nd, SEARCHED], ids=["closed", "searched"])
@pytest.mark.parametrize("name", PUBLISHED)
def test_published_optima(known, name, cost):
    values, (exponent, N, ratio, N_far, ratio_far, loss) = PUBLISHED[name]
    answer = allocate(known(values), [1e21, 5.76e23], cost=cost)
    np.testing.assert_allclose(one(answer, "N_opt"), [N, N_far], rtol=5e-3)
    np.testing.assert_allclose(one(answer, "tokens_per_parameter"), [ratio, ratio_far], rtol=8e-3)
    assert one(answer, "loss")[0] == pytest.approx(loss, abs=6e-5)
    slope = np.diff(np.log(one(answer, "N_opt")))[0] / np.log(576)
    assert slope == pytest.approx(exponent, abs=1e-4)


def test_the_frontier_is_a_power_law_above_the_floor(known):
    E, A, B, alpha, beta = BESIROGLU
    G, gamma = (alpha * A / (beta * B)) ** (1 / (alpha + beta)), alpha * beta / (alpha + beta)
    K = A * G**-alpha * 6**gamma * (alpha + beta) / beta
    assert pytest.approx(2708.4975, rel=1e-7) == K
    C = np.array([1e21, 5.76e23])
    answer = allocate(known(BESIROGLU), C)
    np.testing.assert_allclose(one(answer, "loss"), [2.3055286, 1.9744411], atol=5e-8)
    np.testing.assert_allclose(one(answer, "loss"), E + K * C**-gamma, rtol=1e-12)
    N, D = one(answer, "N_opt"), one(answer, "D_opt")
    np.testing.assert_allclose(alpha * A * N**-alpha, beta * B * D**-beta)
    np.testing.assert_allclose(6 * N * D, C)


@pytest.mark.parametrize(("step", "excess", "quadratic"), [(0.2, 0.0012446, 0.0012426), (0.7, 0.0153651, 0.0152213)])
def test_a_wrong_size_costs_little(known, step, excess, quadratic):
    E, _, _, alpha, beta = BESIROGLU
    best = allocate(known(BESIROGLU), 1e21)
    N, loss = one(best, "N_opt")[0] * np.exp(step), one(best, "loss")[0]
    moved = Law(CHINCHILLA).evaluate({**dict(zip(NAMES, BESIROGLU, strict=True)), "N": N, "D": 1e21 / (6 * N)})
    assert moved - loss == pytest.approx(excess, abs=5e-8)
    assert 0.5 * alpha * beta * (loss - E) * step**2 == pytest.approx(quadratic, abs=5e-8)


def test_closed_form_and_search_agree_on_every_draw(wobbling):
    C = [1e19, 1e21, 5.76e23]
    closed, searched = allocate(wobbling, C), allocate(wobbling, C, cost=SEARCHED)
    assert (closed.attrs["closed_form"], searched.attrs["closed_form"]) == (1, 0)
    assert closed["N_opt"].std(DRAWS).min() > 1e7
    for name in ("N_opt", "D_opt", "tokens_per_parameter", "loss", "N_low", "N_high"):
        np.testing.assert_allclose(searched[name], closed[name], rtol=1e-6, err_msg=name)


BASE = {"E": 1.8, "A": 480.0, "B": 2085.0, "alpha": 0.35, "beta": 0.36}
# law -> parameters and held covariates; all but the last have a closed form
LAWS = {
    "chinchilla": BASE,
    "chinchilla_power": BASE | {"gamma": 0.9},
    "kaplan_E": {"E": 1.7, "A": 4e8, "alpha": 0.34, "beta": 0.3, "B": 1e9},
    "kaplan_joint": {"N_c": 6.4e13, "D_c": 1.8e13, "alpha_N": 0.076, "alpha_D": 0.103},
    "precision": BASE | {"gamma": 2.0, "bits": 4.0},
    "isoflop": {"E": 1.8, "A": 2700.0, "gamma": 0.18, "k": 0.02, "G": 0.06, "a": 0.51},
}


@pytest.mark.parametrize("name", LAWS)
def test_no_other_split_is_better(name):
    law, C = CATALOGUE[name], 1e21
    found = split_of(law, LAWS[name], C)
    assert found.closed == (name != "isoflop")
    assert not found.at_edge.any()
    N = found.N.item() * np.exp(np.array([0.0, -1e-3, 1e-3, -0.1, 0.1, -1.0, 1.0, -3.0, 3.0]))
    loss = law.evaluate({**LAWS[name], "N": N, "D": C / (6 * N), "C": C})
    assert (loss[1:] > loss[0]).all()
    searched = split_of(law, LAWS[name], C, SEARCHED)
    assert searched.N.item() == pytest.approx(found.N.item(), rel=1e-6)


def test_the_general_mean_has_the_exponent_of_its_inner_powers():
    found = split_of(CATALOGUE["kaplan_E"], LAWS["kaplan_E"], [1e20, 1e22])
    alpha, beta = LAWS["kaplan_E"]["alpha"], LAWS["kaplan_E"]["beta"]
    slope = np.diff(np.log(found.N.values.ravel()))[0] / np.log(100)
    assert slope == pytest.approx(beta / (alpha + beta), rel=1e-9)


def test_the_best_ratio_of_an_overtraining_law():
    law = Law("E + (a*M**eta + b*M**-eta)*C**-eta", roles={"a": "level", "b": "level", "eta": "exponent"})
    found = split_of(law, {"E": 1.8, "a": 200.0, "b": 900.0, "eta": 0.13}, [1e20, 1e22])
    np.testing.assert_allclose((found.D / found.N).values.ravel(), (900 / 200) ** (1 / 0.26), rtol=2e-6)


FARSEER = {
    **{"b_3": -0.091, "a_3": 0.021, "g_3": 0.169, "b_2": -6.287, "a_2": 88.01, "g_2": 0.1},
    **{"b_1": 0.424, "a_1": 0.124, "g_1": 0.123},
}


def test_a_law_whose_curve_has_two_valleys_gives_the_deeper_one():
    """The published constants of `farseer` at 1e21 FLOP, against every split of a fine grid."""
    found = split_of(CATALOGUE["farseer"], FARSEER, 1e20)
    N = np.geomspace(found.N.item() / 300, found.N.item() * 300, 20_001)
    loss = CATALOGUE["farseer"].evaluate({**FARSEER, "N": N, "D": 1e20 / (6 * N)})
    best = CATALOGUE["farseer"].evaluate({**FARSEER, "N": found.N.item(), "D": found.D.item()})
    inside = (1e20 / 6 / N**2 > 1e-3) & (1e20 / 6 / N**2 < 1e6)
    assert best <= loss[inside].min() * (1 + 1e-9)


@pytest.mark.parametrize("eps", [0.001, 0.01])
def test_the_region_ends_where_the_response_is_eps_worse(wobbling, eps):
    answer = allocate(wobbling, [1e20, 1e22], eps=eps)
    draws = wobbling["posterior"].to_dataset()
    for end in ("N_low", "N_high"):
        N = answer[end]
        loss = (
            draws["E"] + draws["A"] * N ** -draws["alpha"] + draws["B"] * (answer["budget"] / 6 / N) ** -draws["beta"]
        )
        np.testing.assert_allclose(loss / answer["loss"], 1 + eps, rtol=1e-8)
    assert ((answer["N_low"] < answer["N_opt"]) & (answer["N_opt"] < answer["N_high"])).all()


def test_serving_makes_networks_smaller_and_training_longer(wobbling):
    plain, served = (allocate(wobbling, 1e22, cost=c) for c in (six_nd, six_nd + inference(1e12)))
    assert (served["N_opt"] < plain["N_opt"]).all()
    assert (served["tokens_per_parameter"] > plain["tokens_per_parameter"]).all()
    draws, N, D = wobbling["posterior"].to_dataset(), served["N_opt"], served["D_opt"]
    np.testing.assert_allclose(6 * N * D + 2 * N * 1e12, 1e22)
    left = draws["alpha"] * draws["A"] * N ** -draws["alpha"]
    right = (1 + 1e12 / (3 * D)) * draws["beta"] * draws["B"] * D ** -draws["beta"]
    np.testing.assert_allclose(left, right, rtol=1e-5)


@pytest.mark.parametrize(
    ("cost", "budget"),
    [
        (transformer(), 1e21),
        (gpu_hours(flop_per_second=1e15, utilisation=0.4), 1e4),
        (six_nd + inference(1e11) + memory_traffic(1e11, batch=8), 1e21),
        (transformer(counting="non_embedding") + inference(1e12), 1e22),
    ],
)
def test_the_budget_is_spent_whatever_it_counts(wobbling, cost, budget):
    answer = allocate(wobbling, budget, cost=cost)
    np.testing.assert_allclose(cost.spend(answer["N_opt"], answer["D_opt"]), budget)
    assert answer["budget"].attrs["units"] == cost.unit
    assert answer.attrs["cost"] == cost.name
    assert answer["at_edge"].sum() == 0


def test_hours_are_flop_in_another_unit(wobbling):
    hours = gpu_hours(flop_per_second=1e15, utilisation=0.5)
    by_hours, by_flop = allocate(wobbling, 1e21 / 1.8e18, cost=hours), allocate(wobbling, 1e21)
    np.testing.assert_allclose(by_hours["N_opt"], by_flop["N_opt"])


@pytest.mark.parametrize(("limit", "binds"), [(1e14, False), (2e10, True), (5e9, True)])
def test_scarce_data_make_networks_larger(wobbling, limit, binds):
    free, bound = allocate(wobbling, 1e22), allocate(wobbling, 1e22, data_limit=limit)
    ratio = bound["N_opt"] / free["N_opt"]
    assert (ratio > 1.01).all() if binds else np.allclose(ratio, 1.0, rtol=1e-6)
    assert ((bound["loss"] > free["loss"] * (1 + 1e-9)) == binds).all()


def test_without_worth_in_repetition_no_token_is_seen_twice(wobbling):
    bound = allocate(wobbling, 1e22, data_limit=2e10, R_star=1e-6)
    np.testing.assert_allclose(bound["D_opt"], 2e10, rtol=1e-4)


def test_a_law_of_repetition_is_the_effective_data_of_any_other():
    """`data_constrained` at its own unique tokens is `chinchilla` on effective data."""
    own = split_of(CATALOGUE["data_constrained"], BASE | {"R": 15.0}, 1e22, unique=2e10)
    other = split_of(CATALOGUE["chinchilla"], BASE, 1e22, unique=2e10, R_star=15.0)
    assert other.N.item() > split_of(CATALOGUE["chinchilla"], BASE, 1e22).N.item()
    assert own.N.item() == pytest.approx(other.N.item(), rel=1e-6)


CORPORA = ["code", "web"]


@pytest.fixture(scope="module")
def drifting(make_sweep, make_posterior):
    axes = (ALONG_C, ALONG_RATIO)
    return make_posterior(
        make_sweep(CHINCHILLA, corpus=CORPORA), CHINCHILLA, groups=("corpus",), axes=axes, drift=0.002
    )


@pytest.mark.parametrize(
    ("at", "dims"), [(None, (*DRAWS, "corpus", "budget")), ({"corpus": "web"}, (*DRAWS, "budget"))]
)
@pytest.mark.parametrize("C", [1e21, [1e20, 1e21, 1e22]])
def test_groups_that_are_not_named_are_dims(drifting, at, dims, C):
    answer = allocate(drifting, C, at=at)
    for name in ("N_opt", "D_opt", "tokens_per_parameter", "loss", "N_low", "N_high", "at_edge"):
        assert answer[name].dims == dims
        assert np.isfinite(answer[name]).all()
    assert answer.sizes["budget"] == np.size(C)


def test_a_named_group_is_its_place_along_the_dim(make_sweep, make_posterior):
    posterior = make_posterior(make_sweep(CHINCHILLA, corpus=CORPORA), CHINCHILLA, groups=("corpus",))
    every = allocate(posterior, 1e21)
    np.testing.assert_allclose(
        allocate(posterior, 1e21, at={"corpus": "web"})["N_opt"], every["N_opt"].sel(corpus="web")
    )
    unseen = allocate(posterior, 1e21, at={"corpus": "unseen"})["N_opt"]
    assert np.log(unseen).std() > 1.2 * np.log(every["N_opt"]).std(DRAWS).max()


def test_an_answer_says_what_it_is(drifting):
    answer = allocate(drifting, 1e21)
    assert answer["loss"].attrs["units"] == "nats/token"
    assert {answer[n].attrs["units"] for n in ("N_opt", "N_low", "N_high")} == {"parameters"}
    assert answer["D_opt"].attrs["units"] == "tokens"
    assert answer.attrs["law"] == CHINCHILLA
    assert answer.attrs["failed_gates"] == ""
    np.testing.assert_allclose(answer["extrapolation"], 1e21 / (6 * 3e9 * 1e11), rtol=1e-9)
    assert {"N_opt", "loss", "at_edge"} <= set(summarise(answer).index.get_level_values("quantity"))


@pytest.mark.parametrize("cost", [six_nd, six_nd + inference(1.0)], ids=["closed", "searched"])
def test_ratios_bind_every_search(make_sweep, make_posterior, cost):
    posterior = make_posterior(make_sweep(CHINCHILLA), CHINCHILLA)
    answer = allocate(posterior, 1e21, cost=cost, ratios=(100.0, 200.0))
    np.testing.assert_allclose(answer["tokens_per_parameter"], 100.0, rtol=1e-3)
    assert (answer["at_edge"] == 1).all()


def test_seeds_reproduce(drifting):
    first, again, other = (allocate(drifting, 1e23, seed=seed) for seed in (1, 1, 2))
    assert first.identical(again)
    assert (first["N_opt"] != other["N_opt"]).any()


def test_drift_along_compute_moves_the_loss_and_not_the_split(make_sweep, make_posterior):
    sweep = make_sweep(CHINCHILLA)
    still, moved = (make_posterior(sweep, CHINCHILLA, axes=axes, drift=0.01) for axes in ((), (ALONG_C,)))
    plain, drifted = allocate(still, [1e19, 1e23]), allocate(moved, [1e19, 1e23])
    assert drifted.attrs["closed_form"] == 1
    np.testing.assert_allclose(drifted["N_opt"], plain["N_opt"])
    spread = np.log(drifted["loss"] / plain["loss"]).std(DRAWS)
    assert spread[1] > 5 * spread[0] > 0
    searched = allocate(moved, [1e19, 1e23], cost=SEARCHED)
    np.testing.assert_allclose(searched["N_opt"], plain["N_opt"], rtol=1e-6)


def test_drift_along_the_ratio_has_a_say(make_sweep, make_posterior):
    """With the law known, the optimum is where the drift's path says; without drift it is the law's."""
    sweep = make_sweep(CHINCHILLA)
    posterior = make_posterior(sweep, CHINCHILLA, axes=(ALONG_RATIO,), drift=0.004, wobble=0.0)
    law, both = allocate(posterior, 1e21, drift=False), allocate(posterior, 1e21)
    assert np.log(law["N_opt"]).std() < 1e-9
    assert np.log(both["N_opt"]).std() > 0.05
    assert both["loss"].mean() < law["loss"].mean()
    tiny = make_posterior(sweep, CHINCHILLA, axes=(ALONG_RATIO,), drift=1e-9, wobble=0.0)
    np.testing.assert_allclose(allocate(tiny, 1e21)["N_opt"], law["N_opt"].isel(draw=slice(0, 200)), rtol=1e-4)


@pytest.mark.parametrize("cost", [six_nd, six_nd + inference(1e12)], ids=["plain", "serving"])
def test_no_split_of_a_fine_grid_beats_a_drifting_optimum(drifting, cost):
    """The law and its drifts as the search sees them, at every split of a fine grid."""
    budget = np.array([1e20, 1e22])
    surface = read_surface(drifting, None, np.random.default_rng(0), cost=cost)
    where = lay_range(surface, budget, cost, np.random.default_rng(0), ratios=None)
    search = Search(surface, budget, cost, where.ratios, where.moving)
    found, closed = search.best()
    assert not closed
    low, high = search.range
    rows, columns = np.arange(len(found.x)), np.arange(2)
    fine = low[:, None] + (high - low)[:, None] * np.linspace(0, 1, 1001)
    values = search.curve(fine, rows[:, None, None], columns[:, None])
    missed = found.value - values.min(axis=2)
    assert (missed < 1e-9).mean() > 0.99
    assert missed.max() < 1e-3
    np.testing.assert_allclose(found.value, search.curve(found.x, rows[:, None], columns), rtol=1e-12)
    inside = (values.argmin(axis=2) > 0) & (values.argmin(axis=2) < 1000)
    assert (found.at_edge != inside).mean() > 0.99


def test_one_place_for_all_rows_is_looked_up_as_one_for_each(drifting):
    surface = read_surface(drifting, None, np.random.default_rng(0))
    where = lay_range(surface, np.array([1e21]), six_nd, np.random.default_rng(0), ratios=None)
    search = Search(surface, np.array([1e21]), six_nd, where.ratios, where.moving)
    x, rows = np.linspace(*search.range, 7)[:, 0], np.arange(5)[:, None]
    every = search.curve(x, rows, np.zeros(1, dtype=int))
    apart = [[search.curve(x[[k]], rows[i], np.zeros(1, dtype=int))[0] for k in range(7)] for i in range(5)]
    np.testing.assert_allclose(every, apart, rtol=1e-12)


def test_a_drift_that_undoes_the_law_leaves_the_optimum_of_both(make_sweep, make_posterior):
    """Knots of a smooth known path: the optimum is the root of the sum of both slopes."""
    posterior = make_posterior(make_sweep(CHINCHILLA), CHINCHILLA, axes=(ALONG_RATIO,), drift=0.003, wobble=0.0)
    answer = allocate(posterior, 1e20)
    curves = trace_isoflops(posterior, 1e20, around=20.0, sizes=401)
    lowest = curves["N"].isel(size=curves["loss"].argmin("size"))
    near = abs(np.log(lowest / answer["N_opt"])).median()
    assert near < 0.15


def test_no_split_far_from_the_fitted_ratios_is_looked_at_where_a_drift_decides(make_sweep, make_posterior):
    sweep = make_sweep(CHINCHILLA)
    wild = make_posterior(sweep, CHINCHILLA, axes=(ALONG_RATIO,), drift=0.05)
    fitted = sweep["D"] / sweep["N"]
    ratio = allocate(wild, 1e22)["tokens_per_parameter"]
    assert fitted.min() / 3 * 0.999 < ratio.min()
    assert ratio.max() < fitted.max() * 3 * 1.001
    assert ratio.max() > fitted.max()


def test_the_probability_of_an_edge(wobbling):
    inside = allocate(wobbling, 1e21)["tokens_per_parameter"]
    half = float(inside.median())
    for cost in (six_nd, SEARCHED):
        edge = allocate(wobbling, 1e21, cost=cost, ratios=(1e-3, half))["at_edge"]
        assert edge.mean() == pytest.approx(0.5, abs=0.01)
    stopped = allocate(wobbling, 1e21, cost=SEARCHED, ratios=(1e-3, half))["tokens_per_parameter"]
    np.testing.assert_allclose(stopped.max(), half)


@pytest.mark.parametrize(
    ("ask", "says"),
    [
        (lambda p: allocate(p, 0.0), r"C is one or more budgets in FLOP, above 0.*0\.0"),
        (lambda p: allocate(p, []), "C is one or more budgets"),
        (lambda p: allocate(p, [1e21, np.nan]), "C is one or more budgets"),
        (lambda p: allocate(p, 1.0, cost=gpu_hours(flop_per_second=1e15, utilisation=-1)), "utilisation"),
        (lambda p: allocate(p, 1e21, at={"N": 1e9}), "at= fixes N, which the answer chooses"),
        (lambda p: allocate(p, 1e21, at={"corpus": CORPORA}), r"at\['corpus'\] has 2 values; give one"),
        (lambda p: allocate(p, 1e21, at={"corpsu": "web"}), "names 'corpsu'"),
        (lambda p: allocate(p, 1e21, eps=0.0), "eps is above 0, found 0"),
        (lambda p: allocate(p, 1e21, data_limit=-1.0), "data_limit is above 0"),
        (lambda p: allocate(p, np.geomspace(1e18, 1e24, 30_000)), "1 GB is the limit; ask for fewer budgets at once"),
        (lambda p: allocate(xr.DataTree(), 1e21), r"sb\.fit"),
        (lambda p: allocate(p, 1e21, cost="6ND"), r"costs\.six_nd; found '6ND'"),
    ],
)
def test_what_cannot_be_answered_is_refused(drifting, ask, says):
    with pytest.raises(ValueError, match=says):
        ask(drifting)


def test_a_law_without_a_choice_is_refused(make_sweep, make_posterior):
    with pytest.raises(QuestionError, match=r"in N does not say how a budget is best split.*sb\.law\('chinchilla'\)"):
        allocate(make_posterior(make_sweep()), 1e21)


def test_isoflop_curves_are_lowest_at_the_optimum(wobbling):
    C = [1e20, 1e22]
    curves, best = trace_isoflops(wobbling, C, sizes=81, around=20.0), allocate(wobbling, C)
    assert curves["loss"].dims == (*DRAWS, "budget", "size")
    np.testing.assert_allclose(6 * curves["N"] * curves["D"], np.broadcast_to(np.array(C)[:, None], (2, 81)))
    assert (curves["loss"].min("size") >= best["loss"] - 1e-12).all()
    assert (curves["loss"].min("size") < best["loss"] * 1.0005).all()


def test_isoflop_curves_end_where_serving_alone_takes_the_budget(wobbling):
    cost = six_nd + inference(1e13)
    curves = trace_isoflops(wobbling, 1e22, cost=cost)
    affordable = cost.afford(curves["N"], 1e22) > 0
    np.testing.assert_array_equal(np.isfinite(curves["loss"]).all(DRAWS), affordable)
    assert 0 < affordable.sum() < affordable.size


@pytest.fixture(scope="session")
def of_table(requires_table):
    requires_table("chinchilla")
    sweep = load_sweep("chinchilla", subset="published_fit")
    return baseline(CATALOGUE["chinchilla"], sweep, seed=0, bootstrap=300)


def test_chinchilla_tokens_per_parameter(of_table):
    ratio = allocate(of_table, 5.76e23)["tokens_per_parameter"]
    low, middle, high = ratio.quantile([0.05, 0.5, 0.95]).values
    assert low < 17.9 < 21.0 < high
    assert 14.0 < middle < 23.0
    assert high / low > 2.0


def test_chinchilla_closed_form_equals_search(of_table):
    closed, searched = (allocate(of_table, [1e21, 5.76e23], cost=cost)["N_opt"] for cost in (six_nd, SEARCHED))
    np.testing.assert_allclose(searched, closed, rtol=1e-6)


@pytest.mark.parametrize(
    "noise", [{}, {"noise": "beta_binomial", "trials": 200, "chance": 0.5}], ids=["loss", "counted"]
)
def test_a_search_follows_law_and_drift_as_other_answers_have_them(drifting, noise):
    """What guessing bends is law and drift together."""
    posterior = drifting.copy()
    posterior.attrs["record"] = replace(Record.from_json(drifting.attrs["record"]), **noise).to_json()
    budget = np.array([1e21])
    surface = read_surface(posterior, None, np.random.default_rng(0))
    where = lay_range(surface, budget, six_nd, np.random.default_rng(0), ratios=None)
    search = Search(surface, budget, six_nd, where.ratios, where.moving)
    x = np.linspace(*(float(end[0]) for end in search.range), 9)
    N = xr.DataArray(np.exp(x), dims="size")
    covariates = surface.split(N, six_nd.afford(N, budget[0]))
    expected = surface.log_mean(covariates, total_drift(where.moving, covariates)).transpose(..., "size")
    rows = np.arange(expected.size // len(x))
    found = search.curve(x, rows[:, None], np.zeros(1, dtype=int))
    np.testing.assert_allclose(found, expected.values.reshape(-1, len(x)), rtol=1e-6)
