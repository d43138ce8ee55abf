"""Plans of stacks and chains: what a run teaches between laws and within them, by its loss and by its error."""

import json

import numpy as np
import pytest
import xarray as xr

import scaling_bayes as sb
from scaling_bayes.figures.planning import name_runs
from scaling_bayes.laws import Law
from scaling_bayes.laws.record import Record
from scaling_bayes.questions.mixture import STACK
from scaling_bayes.questions.planning import plan
from scaling_bayes.questions.points import QuestionError

CORPORA = ["code", "web"]
SIGMA, HEIGHT_SD, SLOPE_SD = 0.01, 0.02, 0.01
FAR = {"N": 1e11, "corpus": "web"}
KNOT, BEYOND = 1e8, 1e10
"""Where two laws say the same, and where they do not."""

SLOPES = {"steep": 0.30, "flat": 0.25}


def distance(N):
    return np.log(np.asarray(N) / KNOT)


def log_loss(posterior):
    return np.log(sb.predict(posterior, FAR)["loss"])


def losses(posterior):
    return sb.predict(posterior, {"N": 1e11})["loss"]


@pytest.fixture(scope="module")
def members(make_sweep, make_posterior):
    """Log loss = a - alpha log(N / 1e8), a and alpha normal: two laws that differ in the mean of alpha."""
    found = {}
    for seed, (name, centre) in enumerate(SLOPES.items()):
        sweep = make_sweep(corpus=CORPORA)
        posterior = make_posterior(sweep, groups=("corpus",), prior=None, sigma=SIGMA, shape=(4, 1500))
        draws, rng = posterior["posterior"].to_dataset(), np.random.default_rng(seed)
        dims, shape = draws["alpha"].dims, draws["alpha"].shape
        slope = centre + SLOPE_SD * rng.standard_normal(shape)
        height = 0.8 + HEIGHT_SD * rng.standard_normal(shape)
        values = {"alpha": slope, "A": np.exp(height + slope * np.log(KNOT)), "E": np.full(shape, 1e-300)}
        posterior["posterior"] = draws.assign({parameter: (dims, value) for parameter, value in values.items()})
        found[name] = posterior
    return found


def stack_of(members, **weights):
    tree = xr.DataTree(children={name: member.copy() for name, member in members.items()})
    tree.attrs = {"scaling_bayes": STACK, "weights": json.dumps(weights)}
    return tree


def gain_within(N):
    """Closed form for log loss at 1e11 if the law was known."""
    x, far = distance(N), distance(FAR["N"])
    covariance = HEIGHT_SD**2 + SLOPE_SD**2 * x * far
    return covariance**2 / (HEIGHT_SD**2 + (SLOPE_SD * x) ** 2 + SIGMA**2)


@pytest.fixture(scope="module")
def planned(members):
    stacked = stack_of(members, steep=0.7, flat=0.3)
    return plan(stacked, {"N": [KNOT, BEYOND], "corpus": "web"}, target=log_loss, cost="N", refine=2)


def test_what_is_open_lies_within_and_between_laws(planned):
    within = HEIGHT_SD**2 + (SLOPE_SD * distance(FAR["N"])) ** 2
    between = 0.7 * 0.3 * (0.05 * distance(FAR["N"])) ** 2
    assert planned.attrs["open_if_law_known"] == pytest.approx(within, rel=0.05)
    assert planned.attrs["open"] == pytest.approx(within + between, rel=0.05)


def test_a_run_that_tells_laws_apart_teaches_what_lies_between_them(planned):
    """Where the two say the same a run teaches within them only."""
    within = gain_within([KNOT, BEYOND])
    np.testing.assert_allclose(planned["gain_if_law_known"], within, atol=0.02 * planned.attrs["open"])
    between = planned.attrs["open"] - planned.attrs["open_if_law_known"]
    off = abs(planned["gain"] - within - np.array([0.0, between]))
    assert (off < 0.01 * planned.attrs["open"] + 3 * planned["gain_error"]).all()
    assert (planned["gain_error"] < 0.05 * planned.attrs["open"]).all()
    assert (planned["gain_linear"] >= planned["gain_if_law_known"]).all()
    assert planned["refined"].all()


def test_a_stack_of_one_is_its_member(members):
    given = {"target": log_loss, "cost": "N", "refine": 1}
    alone = plan(members["flat"], {"N": [KNOT, BEYOND]}, **given)
    for weights in ({"flat": 1.0}, {"flat": 1.0, "steep": 0.0}):
        of_stack = plan(stack_of(members, **weights), {"N": [KNOT, BEYOND]}, **given)
        xr.testing.assert_equal(of_stack, alone)
        assert json.loads(of_stack.attrs["weights"]) == weights
    assert alone.attrs["law"] in of_stack.attrs["law"]


def test_a_decision_on_which_laws_differ(members, set_parameters):
    """One law says that web is better, the other that code is; a run of web tells which."""
    apart = {}
    for name, shift in (("steep", -0.2), ("flat", 0.2)):
        height = members[name]["posterior"]["A"] * xr.DataArray([1.0, np.exp(shift)], dims="corpus")
        apart[name] = set_parameters(members[name], A=height)
    stacked = stack_of(apart, steep=0.5, flat=0.5)
    at = {"N": [BEYOND, KNOT], "corpus": ["web", "code"]}
    answer = plan(stacked, at, target=losses, choose="corpus", cost="N", refine=2)
    assert answer.attrs["open_if_law_known"] < 0.05 * answer.attrs["open"]
    told, untold = answer["share"].values
    assert told > 0.9
    assert untold < 0.1
    batch = plan(stacked, at, target=losses, choose="corpus", cost="N", refine=0, runs=2)
    assert batch["choice"].values[0] == 0


K_SD, KAPPA, ERROR_SD = 0.03, 1.5, 0.02


@pytest.fixture(scope="module")
def chain(members):
    """Log error = log K + 1.5 log loss, K lognormal and independent of the first stage."""
    first = members["steep"]
    size = tuple(first["posterior"].sizes[d] for d in ("chain", "draw"))
    rng = np.random.default_rng(9)
    draws = {"K": 0.1 * np.exp(K_SD * rng.standard_normal(size)), "kappa": np.full(size, KAPPA)}
    draws["sigma"] = np.full(size, ERROR_SD)
    second = xr.Dataset({name: (("chain", "draw"), values) for name, values in draws.items()})
    second = second.assign_coords({d: first["posterior"][d] for d in ("chain", "draw")})
    record = Record(
        law=Law("K*loss**kappa", covariates=("loss",)),
        references={"loss": 1.0},
        response="error",
        unit="fraction",
        noise="normal",
        pooling={p: {"kind": "Shared", "groups": [], "value": None} for p in ("K", "kappa")},
        fitted={"loss": [1.5, 4.0], "N": [1e7, 3e9]},
        scale="N",
    )
    tree = xr.DataTree.from_dict({"posterior": second, "constant_data": first["constant_data"].to_dataset()})
    tree["first"] = first.copy()
    tree.attrs = {"scaling_bayes": "posterior", "record": record.to_json(), "gates": "[]"}
    return tree


def log_error(posterior):
    return np.log(sb.predict(posterior, FAR)["error"])


@pytest.mark.parametrize("replicates", [1, 4])
def test_a_run_of_a_chain_teaches_by_its_loss_and_by_its_error(chain, replicates):
    answer = plan(chain, {"N": [KNOT, BEYOND]}, target=log_error, cost="N", replicates=replicates, refine=1, seed=3)
    x, far = distance([KNOT, BEYOND]), distance(FAR["N"])
    covariance = HEIGHT_SD**2 + SLOPE_SD**2 * x * far
    by_loss = KAPPA**2 * covariance**2 / (HEIGHT_SD**2 + (SLOPE_SD * x) ** 2 + SIGMA**2 / replicates)
    by_error = K_SD**4 / (K_SD**2 + ERROR_SD**2 / replicates)
    total = KAPPA**2 * (HEIGHT_SD**2 + (SLOPE_SD * far) ** 2) + K_SD**2
    assert answer.attrs["open"] == pytest.approx(total, rel=0.05)
    web = answer["corpus"].values == "web"
    np.testing.assert_allclose(answer["gain_linear"].values[web] / total, (by_loss + by_error) / total, atol=0.03)
    np.testing.assert_allclose(answer["gain_linear"].values[~web] / total, by_error / total, atol=0.03)
    refined = answer["refined"].values
    np.testing.assert_allclose(answer["gain"].values[refined], answer["gain_linear"].values[refined], rtol=0.12)
    expected = np.exp(0.8 - 0.3 * x)
    np.testing.assert_allclose(answer["expected_loss"].values[web], expected, rtol=0.002)


def test_a_run_of_a_chain_far_from_the_fitted_losses_says_so(chain):
    answer = plan(chain, {"N": [1e3, KNOT], "corpus": "web"}, target=log_error, cost="N", refine=0)
    assert answer["outside_along"].values.tolist() == ["N", ""]
    assert answer.attrs["units"] == "fraction"
    assert not any("expected" in name for name in name_runs(answer))


def test_drifts_of_both_stages_are_one_path_at_target_and_run(chain, along_n, make_sweep, make_posterior):
    """A run at the target leaves little, though both stages drift there."""
    drifting = make_posterior(
        make_sweep(corpus=CORPORA), groups=("corpus",), axes=(along_n,), prior=None, shape=(4, 1500), sigma=1e-3
    )
    tree = chain.copy()
    tree["first"] = drifting
    at_target, below = plan(
        tree, {"N": [FAR["N"], 1e6], "corpus": "web"}, target=log_error, cost="N", refine=0, replicates=100
    )["share"].values
    assert at_target > 0.95
    assert below < 0.6


def losses_of_any(posterior):
    return log_loss(posterior.children.get("first", posterior))


def test_members_that_measure_different_responses_are_refused(members, chain):
    mixed = stack_of({"a": chain, "b": members["flat"]}, a=0.5, b=0.5)
    with pytest.raises(QuestionError, match=r"different responses: 'a' \['loss', 'error'\], 'b' \['loss'\]"):
        plan(mixed, {"N": [1e9], "corpus": "web"}, target=losses_of_any, cost="N")
