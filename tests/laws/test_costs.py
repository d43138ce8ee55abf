"""Costs: what a budget buys is what costs that budget, whatever is counted."""

import numpy as np
import pytest
import xarray as xr

from scaling_bayes.laws.costs import (
    Cost,
    CostError,
    gmacs,
    gpu_hours,
    inference,
    measured,
    memory_traffic,
    six_nd,
    step_time,
    transformer,
    transformer_width,
)

HOURS = {"flop_per_second": 1e15, "utilisation": 0.4}
RUNS = {"N": [1e6, 1e8, 1e10], "D": [2e7, 2e9, 4e11], "C": [6.4e14, 4.1e18, 4.9e22]}
COSTS = {
    "6ND": six_nd,
    "GMAC": gmacs(),
    "GPU-hours": gpu_hours(**HOURS),
    "with inference": six_nd + inference(1e12),
    "with inference and memory": six_nd + inference(1e12) + memory_traffic(1e12, batch=64, cache_bytes=1e5),
    "hours of training and of inference": gpu_hours(**HOURS)
    + gpu_hours(inference(1e12), flop_per_second=1e15, utilisation=0.1),
    "seconds": step_time(batch=5e5, fixed=0.02, copies=lambda N: 3e4 * N**0.6, per_copy=1e-12, per_flop=1e-15),
    "transformer": transformer(),
    "transformer without embeddings": transformer(counting="non_embedding", context=8192, vocabulary=1e5),
    "measured": measured(RUNS, tolerance=0.5),
    "the user's own": Cost("squared", "euro", lambda N: 1e-18 * N**2, lambda N: 100.0 + 0 * N),
}
SIZES = np.geomspace(1e6, 1e12, 13)


@pytest.fixture(params=COSTS.values(), ids=COSTS.keys())
def cost(request):
    return request.param


def test_what_a_budget_buys_costs_the_budget(cost):
    D = np.array([1e9, 1e13])[:, None]
    np.testing.assert_allclose(cost.afford(SIZES, cost.spend(SIZES, D)), D * np.ones_like(SIZES), rtol=1e-9)


def test_cost_rises_with_size_and_with_data(cost):
    assert (np.diff(cost.spend(SIZES, 1e11)) > 0).all()
    assert (cost.spend(SIZES, 2e11) > cost.spend(SIZES, 1e11)).all()


def test_labels_are_kept(cost):
    N = xr.DataArray(SIZES, dims="point")
    assert cost.spend(N, xr.DataArray([1e9, 1e10], dims="budget")).sizes == {"point": 13, "budget": 2}


def test_a_cost_in_another_unit_is_a_multiple(cost):
    np.testing.assert_allclose(cost.times(2.0, "half").spend(SIZES, 1e10), 2 * cost.spend(SIZES, 1e10))
    assert cost.times(2.0, "half").unit == "half"


def test_a_pair_is_what_a_product_costs(cost):
    if cost.per_pair is not None:
        np.testing.assert_allclose(cost.spend(SIZES, 1e10), cost.per_pair * SIZES * 1e10)
    moved = cost.spend(2 * SIZES, 1e10) / cost.spend(SIZES, 2e10)
    assert (cost.per_pair is not None) == np.allclose(moved, 1.0, rtol=1e-9)


def test_a_transformer_is_counted_matrix_by_matrix():
    """Appendix F of Hoffmann et al., a sequence at a time, for 20 layers of width 2,560."""
    d, layers, heads, n, V = 2560, 20, 20, 2048, 32000
    embed, logits = 2 * n * V * d, 2 * n * d * V
    attention = 2 * 3 * n * d * d + 2 * n * n * d + 3 * heads * n * n + 2 * n * n * d + 2 * n * d * d
    dense = 2 * n * (d * 4 * d + 4 * d * d)
    by_hand = 3 * (embed + layers * (attention + dense) + logits) / n
    N = 12 * layers * d**2
    shape = {"aspect": d / layers, "context": n, "vocabulary": V}
    assert transformer(counting="non_embedding", **shape).spend(N, 1.0) == pytest.approx(by_hand)
    assert transformer(counting="total", **shape).spend(N + V * d, 1.0) == pytest.approx(by_hand)


def test_large_transformers_cost_about_6nd():
    ratio = transformer().spend(np.array([1e8, 1e12]), 1.0) / six_nd.spend(np.array([1e8, 1e12]), 1.0)
    assert ratio[0] > 1.2
    assert ratio[1] == pytest.approx(1.0, abs=0.02)


def test_time_is_steps_times_the_line_through_timed_steps():
    def copies(N):
        return 3e4 * N**0.6

    line, batch, D = (0.02, 2e-9, 3e-15), 5e5, 1e10
    timed = np.array([line[0] + line[1] * copies(N) + line[2] * 6 * N * batch for N in SIZES])
    seconds = step_time(batch=batch, fixed=line[0], copies=copies, per_copy=line[1], per_flop=line[2])
    np.testing.assert_allclose(seconds.spend(SIZES, D), D / batch * timed)
    np.testing.assert_allclose(seconds.afford(SIZES, 86400.0) / batch, 86400.0 / timed)


@pytest.mark.parametrize("vocabulary", [0.0, 1e3, 1e5])
def test_the_width_gives_the_size_back(vocabulary):
    d = transformer_width(SIZES, aspect=100.0, vocabulary=vocabulary)
    np.testing.assert_allclose(12 * d**3 / 100 + vocabulary * d, SIZES, rtol=1e-9)


@pytest.mark.parametrize("counted", [six_nd, transformer(), transformer(context=64)], ids=lambda cost: cost.name)
def test_a_measured_cost_is_what_the_runs_cost(counted):
    N, D = np.geomspace(1e8, 1e10, 7), np.geomspace(1e12, 1e9, 7)
    C = counted.spend(N, D)
    np.testing.assert_allclose(measured({"N": N, "D": D, "C": C}).spend(N, D), C, rtol=0.1)
    of_one_size = measured({"N": N[:1], "D": D[:1], "C": C[:1]})
    np.testing.assert_allclose(of_one_size.spend(2 * N[0], 3 * D[0]), 6 * C[0], rtol=1e-9)


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: measured({"N": [1e6], "D": [1e9]}), "lack C"),
        (lambda: measured({**RUNS, "D": [2e7, 0.0, 4e11]}), "D of runs holds"),
        (lambda: measured({**RUNS, "N": [1e6]}), "one length.* found 1, 3 and 3"),
        (lambda: measured({"N": [], "D": [], "C": []}), "at least 1; found 0"),
        (
            lambda: measured({"N": [1e6, 1e6], "D": [1e9, 1e9], "C": [6e15, 9e15]}),
            "differs by up to 22%.*one architecture",
        ),
        (lambda: six_nd + gmacs(), "in FLOP and .* in GMAC.*times"),
        (lambda: gpu_hours(gmacs(), **HOURS), "in GMAC; give a cost in FLOP"),
        (lambda: gpu_hours(flop_per_second=1e15, utilisation=40), "at most 1; found 40"),
        (lambda: gpu_hours(flop_per_second=0, utilisation=0.4), "flop_per_second is above 0"),
        (lambda: inference(-1.0), "tokens is above 0"),
        (lambda: memory_traffic(1e9, batch=float("nan")), "batch is above 0"),
        (lambda: memory_traffic(1e9, batch=1, cache_bytes=-1), "cache_bytes"),
        (lambda: step_time(batch=1e6, fixed=-1.0, copies=lambda N: N, per_copy=1e-12), "fixed is 0 or above"),
        (lambda: transformer(counting="active"), "'total' or 'non_embedding', found 'active'"),
        (lambda: six_nd.times(0.0, "nothing"), "factor is above 0"),
    ],
)
def test_what_is_no_cost_is_refused(make, says):
    with pytest.raises(CostError, match=says):
        make()


def test_only_costs_are_added():
    with pytest.raises(TypeError):
        six_nd + 1.0
