"""Stacks: weights go to what foretold best, less surely where few curves say so; answers are mixtures of draws."""

import json

import numpy as np
import pytest
import xarray as xr
from scipy import stats

import scaling_bayes as sb
from scaling_bayes.questions.mixture import _fill_shares, mix, read_weights
from scaling_bayes.questions.points import QuestionError
from scaling_bayes.questions.prediction import predict
from scaling_bayes.questions.scoring import score
from scaling_bayes.questions.stacking import EVIDENCE, stack, stacking_weights

CORPORA = ["code", "web", "books"]
CHINCHILLA = "E + A*N**-alpha + B*D**-beta"
AT = {"N": [1e10, 1e11], "corpus": ["web", "code"]}


@pytest.fixture(scope="module")
def held_out(make_sweep):
    return make_sweep(N=[5e9, 2e10], corpus=CORPORA, seed=4)


@pytest.fixture(scope="module")
def members(make_sweep, make_posterior):
    """The truth, one that is a tenth too high, and a pooled one with fewer draws and other groups."""
    sweep = make_sweep(corpus=CORPORA)
    right = make_posterior(sweep, groups=("corpus",), spread=0.002, prior=None, shape=(2, 500))
    high = right.copy()
    draws = high["posterior"].to_dataset()
    high["posterior"] = draws.assign(A=1.1 * draws["A"], E=1.1 * draws["E"])
    plain = make_posterior(sweep, prior=None, shape=(1, 300))
    return {"right": right, "high": high, "plain": plain}


@pytest.fixture(scope="module")
def stacked(members, held_out):
    return stack(members, held_out)


def weigh(stacked, **weights):
    """The same stack with weights that are given."""
    changed = stacked.copy()
    changed.attrs["weights"] = json.dumps(weights)
    return changed


def test_weights_go_to_what_foretold_best(members, held_out):
    two = {name: members[name] for name in ("right", "high")}
    plain, shrunk = (read_weights(stack(two, held_out, prior=prior)) for prior in (0.0, 1.0))
    assert plain["right"] == pytest.approx(1.0, abs=1e-4)
    assert shrunk["right"] == pytest.approx(4 / 5, abs=0.01)  # three curves and one of its own against one


def test_weights_on_simulated_sweeps_go_to_the_true_law():
    right, wrong = sb.Law("E + A*N**-alpha"), sb.Law("A*N**-alpha")
    truth = {"E": 1.8, "A": 400.0, "alpha": 0.35}
    design = {"N": [1e7, 3e7, 1e8, 3e8, 1e9, 1e10], "corpus": [f"c{k}" for k in range(10)]}
    sweep = sb.simulate_sweep(right, design, truth=truth, seed=1)
    fit_part, held_out = sb.hold_out(sweep, along="N", top=1)
    both = {name: sb.baseline(law, fit_part, seed=0, bootstrap=100) for name, law in (("a", right), ("b", wrong))}
    assert read_weights(stack(both, held_out))["a"] > 0.9


DENSITIES = np.random.default_rng(0).normal(size=(4, 30))
CURVES = np.arange(30) // 3


@pytest.mark.parametrize("prior", [0.0, 0.5, 1.0, 10.0])
def test_weights_maximise_the_objective(prior):
    weights = stacking_weights(DENSITIES, CURVES, prior=prior)

    def objective(w):
        return (np.log(w @ np.exp(DENSITIES)) / 3).sum() + (prior * np.log(w).sum() if prior else 0.0)

    assert weights.sum() == pytest.approx(1.0)
    others = stats.dirichlet(20 * weights + 1e-3).rvs(500, random_state=0)
    assert max(map(objective, np.clip(others, 1e-12, 1))) <= objective(weights) + 1e-7


@pytest.mark.parametrize("prior", [0.0, 1.0])
def test_weights_do_not_depend_on_order_and_are_equal_for_equals(prior):
    weights, turn = stacking_weights(DENSITIES, CURVES, prior=prior), [2, 0, 3, 1]
    np.testing.assert_allclose(stacking_weights(DENSITIES[turn], CURVES, prior=prior), weights[turn], atol=1e-5)
    np.testing.assert_allclose(stacking_weights(DENSITIES[[0, 0, 0]], CURVES, prior=prior), 1 / 3, atol=1e-6)
    assert stacking_weights(DENSITIES[:1], CURVES, prior=prior).tolist() == [1.0]


def test_weights_are_drawn_to_equal_ones_where_curves_are_few():
    ways = [stacking_weights(np.array([[0.0] * n, [-50.0] * n]), np.arange(n), prior=1.0)[0] for n in (1, 3, 30)]
    np.testing.assert_allclose(ways, [2 / 3, 4 / 5, 31 / 32], atol=1e-4)
    together = stacking_weights(np.array([[0.0] * 30, [-50.0] * 30]), np.zeros(30), prior=1.0)[0]
    assert together == pytest.approx(2 / 3, abs=1e-4)


def test_one_member_returns_its_own_answers(members, held_out):
    alone = stack({"right": members["right"]}, held_out)
    for ask in (lambda p: predict(p, AT, new_run=True), lambda p: score(p, held_out)):
        found, own = ask(alone), ask(members["right"])
        xr.testing.assert_equal(found.drop_attrs(), own.drop_attrs())


@pytest.mark.parametrize("weight", [0.0, 0.3, 0.75])
def test_a_mixture_has_the_weighted_mean_and_every_draw_is_of_a_member(stacked, members, weight):
    answer = predict(weigh(stacked, right=1 - weight, high=weight, plain=0.0), AT)["loss"]
    right, high = (predict(members[name], AT)["loss"] for name in ("right", "high"))
    assert answer.dims == right.dims
    assert answer.shape == right.shape
    expected = (1 - weight) * right.mean(("chain", "draw")) + weight * high.mean(("chain", "draw"))
    np.testing.assert_allclose(answer.mean(("chain", "draw")), expected, rtol=3e-4)
    share = (answer > 1.05 * right.mean(("chain", "draw"))).mean()
    assert share == pytest.approx(weight, abs=0.001)
    by_chain = (answer > 1.05 * right.mean(("chain", "draw"))).mean(("draw", "point"))
    np.testing.assert_allclose(by_chain, weight, atol=0.01)


def test_two_questions_agree_draw_by_draw(stacked):
    near, far = (predict(stacked, {"N": N, "corpus": "web"})["loss"].values.ravel() for N in (2e10, 3e10))
    assert np.corrcoef(near, far)[0, 1] > 0.98


def test_a_member_without_groups_answers_for_all(stacked):
    every = predict(weigh(stacked, right=0.5, high=0.0, plain=0.5), {"N": 1e10})["loss"]
    assert every.dims == ("chain", "draw", "corpus", "point")
    assert sorted(every["corpus"].values.tolist()) == sorted(CORPORA)
    named = predict(weigh(stacked, right=0.5, high=0.0, plain=0.5), {"N": 1e10, "corpus": "web"})["loss"]
    np.testing.assert_allclose(named.isel(point=0), every.sel(corpus="web").isel(point=0))


def test_the_log_score_is_that_of_the_mixture(stacked, members, held_out):
    half = weigh(stacked, right=0.5, high=0.5, plain=0.0)
    parts = [score(members[name], held_out)["log_score"].values for name in ("right", "high")]
    np.testing.assert_allclose(score(half, held_out)["log_score"], np.logaddexp(*parts) - np.log(2), atol=0.05)
    sb.score_table(score(half, held_out), by="corpus")


def test_what_has_no_draws_is_averaged(stacked):
    answer = mix(
        weigh(stacked, right=0.25, high=0.75, plain=0.0),
        lambda p: xr.Dataset({"p": ("x", [predict(p, AT)["loss"].mean().item() > 1.95])}).astype(float),
    )
    np.testing.assert_allclose(answer["p"], [0.75])


def test_answers_say_what_was_mixed(stacked, members, held_out):
    failed = members["high"].copy()
    failed.attrs["gates"] = json.dumps([{"name": "R-hat", "passed": False}])
    answer = predict(stack(members | {"high": failed}, held_out), AT)
    assert answer.attrs["failed_gates"] == "high: R-hat"
    assert "plain: E + A*N**-alpha" in answer.attrs["law"]
    assert json.loads(answer.attrs["weights"]).keys() == members.keys()
    assert answer.attrs["units"] == "nats/token"


def test_a_stack_is_saved_and_opened(stacked, held_out, tmp_path):
    opened = sb.open_posterior(sb.save_posterior(stacked, tmp_path / "stack.nc"))
    assert opened[EVIDENCE]["log_score"].dims == ("member", "run")
    for ask in (lambda p: predict(p, AT, new_run=True), lambda p: score(p, held_out)):
        assert ask(opened).identical(ask(stacked))
    assert predict(opened["right"], AT).identical(predict(stacked["right"], AT))


def test_folds_weigh_members_that_were_fitted_to_all_runs():
    law, truth = sb.Law("A*N**-alpha"), {"A": 40.0, "alpha": 0.25}
    design = {"N": [1e6, 2e6, 4e6, 8e6, 16e6, 32e6], "corpus": CORPORA}
    sweep = sb.simulate_sweep(law, design, truth=truth, seed=0)
    members = {m: sb.baseline(law, sweep, seed=0, bootstrap=50, method=m) for m in ("huber", "least_squares")}
    folds = {name: sb.fold_scores(member, octaves=[1, 2]) for name, member in members.items()}
    weights = read_weights(stack(members, folds))
    assert sum(weights.values()) == pytest.approx(1.0, abs=1e-5)
    with pytest.raises(QuestionError, match=r"fold_scores of every member; those of 'least_squares' lack"):
        stack(members, {"huber": folds["huber"]})
    with pytest.raises(QuestionError, match="other runs than 'huber'"):
        stack(members, folds | {"least_squares": sb.fold_scores(members["least_squares"], octaves=[1])})


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({}, "is a mapping such as"),
        ({"a/b": "right"}, "'a/b' cannot name a member"),
        ({EVIDENCE: "right"}, "cannot name a member"),
        ({"right": "right", "other": "bits"}, "'other' has the unit 'bits/token' and 'right' 'nats/token'"),
        ({"right": "right", "other": "elsewhere"}, "have no corpus in common"),
    ],
)
def test_members_that_do_not_mix_are_refused(members, held_out, make_sweep, make_posterior, changed, says):
    bits = members["right"].copy()
    bits.attrs["record"] = bits.attrs["record"].replace("nats/token", "bits/token")
    elsewhere = make_posterior(make_sweep(corpus=["x", "y"]), groups=("corpus",), prior=None, shape=(1, 50))
    known = members | {"bits": bits, "elsewhere": elsewhere}
    with pytest.raises(QuestionError, match=says):
        stack({name: known[member] for name, member in changed.items()}, held_out)


ASKED = {
    "compare": lambda p: sb.compare(p, "corpus", at={"N": [1e10, 1e11]}),
    "crossover": lambda p: sb.crossover(p, "corpus", between=["web", "code"], along="N", within=(1e6, 1e12)),
    "multiplier": lambda p: sb.multiplier(p, "corpus", baseline="web", at={"N": 1e9}, along="N"),
    "exponents": lambda p: sb.exponents(p, {"N": 1e9}),
}


@pytest.mark.parametrize("name", ASKED)
def test_every_question_takes_a_stack(stacked, members, name):
    ask, two = ASKED[name], stacked.drop_nodes("plain")
    alone = {member: ask(members[member]) for member in ("right", "high")}
    xr.testing.assert_allclose(ask(weigh(two, right=1.0, high=0.0)).drop_attrs(), alone["right"].drop_attrs())
    both = ask(weigh(two, right=0.5, high=0.5))
    assert both.sizes == alone["right"].sizes
    for column in (c for c in both.data_vars if str(c).startswith("p_")):
        low, high = (
            xr.concat([a[column] for a in alone.values()], "member").reduce(f, "member") for f in (np.min, np.max)
        )
        assert ((both[column] >= low - 0.05) & (both[column] <= high + 0.05)).all(), column


@pytest.mark.parametrize(
    "ask", [lambda p: sb.allocate(p, 1e21), lambda p: sb.require(p, loss=2.5)], ids=["N_opt", "required"]
)
def test_optima_take_a_stack(make_sweep, make_posterior, ask, request):
    sweep = make_sweep(CHINCHILLA)
    two = {name: make_posterior(sweep, CHINCHILLA, seed=seed) for seed, name in enumerate(("one", "other"))}
    both, alone = ask(stack(two, sweep)), [ask(member) for member in two.values()]
    column = request.node.callspec.id
    known = np.concatenate([np.ravel(each[column]) for each in alone])
    assert both[column].shape == alone[0][column].shape
    assert np.isin(np.ravel(both[column]), known).all()


def test_other_questions_say_whom_to_ask(stacked):
    with pytest.raises(QuestionError, match=r"ask it of one member, stack\[name\]"):
        sb.check(stacked)
    with pytest.raises(QuestionError, match="0 or more; found -1"):
        stacking_weights(DENSITIES, CURVES, prior=-1.0)


def test_members_share_the_sizes_of_isoflop_curves(make_sweep, make_posterior):
    sweep = make_sweep(CHINCHILLA)
    two = {name: make_posterior(sweep, CHINCHILLA, seed=seed, wobble=0.1) for seed, name in enumerate(("one", "other"))}
    curves = sb.trace_isoflops(stack(two, sweep), 1e20, sizes=5)
    heaviest = max(read_weights(stack(two, sweep)).items(), key=lambda item: item[1])[0]
    np.testing.assert_allclose(curves["N"], sb.trace_isoflops(two[heaviest], 1e20, sizes=5)["N"])


def test_members_that_answer_along_different_scales_are_refused(make_sweep, make_posterior):
    groups = {"groups": ("corpus",), "prior": None}
    sweep = make_sweep(CHINCHILLA, corpus=CORPORA)
    two = {"both": make_posterior(sweep, CHINCHILLA, **groups), "size": make_posterior(sweep, **groups)}
    mixed = stack(two, sweep)
    with pytest.raises(QuestionError, match="members answer with different along="):
        sb.exponents(mixed, {"N": 1e9, "D": 2e10, "C": 1.2e20})
    assert sb.exponents(mixed, {"N": 1e9, "D": 2e10, "C": 1.2e20}, along="N").attrs["along"] == "N"


def test_members_without_undefined_draws_say_so():
    """The share of a mixture is then known, whichever member has some."""
    whole = xr.Dataset({"p_best": ("corpus", [0.2, 0.8])})
    torn = whole.assign(p_undefined=("corpus", [0.1, 0.3]))
    filled = _fill_shares([whole, torn])
    assert [each["p_undefined"].values.tolist() for each in filled] == [[0.0, 0.0], [0.1, 0.3]]
    assert all("p_undefined" not in each for each in _fill_shares([whole, whole]))
