"""Every derived size: equal for numbers, arrays and labelled draws; rising where it should; refusing what it must."""

from functools import partial
from types import SimpleNamespace

import numpy as np
import pytest
import xarray as xr

from scaling_bayes.sweeps import SweepError, derived


def case(function, data, parameters, *, rises, falls=(), equals=None, bad):
    """A function, data at which it is asked, its parameters, in which of all these it rises or falls, a known value."""
    return SimpleNamespace(
        function=function, data=data, parameters=parameters, rises=rises, falls=falls, equals=equals, bad=bad
    )


CASES = {
    "effective_data": case(
        derived.effective_data,
        {"D": 4e9, "U": 1e9},
        {"R_star": 10.0},
        rises=("D", "U", "R_star"),
        equals=1e9 * (1 + 10 * (1 - np.exp(-0.3))),
        bad={"D": 0.0, "U": -1.0, "R_star": 0.0},
    ),
    "effective_parameters": case(
        derived.effective_parameters,
        {"N": 3e9, "U_N": 1e9},
        {"R_star": 5.0},
        rises=("N", "U_N", "R_star"),
        equals=1e9 * (1 + 5 * (1 - np.exp(-0.4))),
        bad={"N": 0.0, "U_N": np.nan, "R_star": -1.0},
    ),
    "matched_parameters": case(
        derived.matched_parameters,
        {"D": 1e10},
        {"A": 400.0, "alpha": 0.5, "B": 100.0, "beta": 0.25},
        rises=("D", "A"),
        falls=("B",),
        equals=64 * 1e5,
        bad={"D": 0.0, "A": -1.0, "alpha": 0.0, "B": 0.0, "beta": 0.0},
    ),
    "halflife_data": case(
        derived.halflife_data,
        {"D": 3e9, "U": 1e9},
        {"half_life": 2.0, "pools": 1.5},
        rises=("D", "U", "half_life", "pools"),
        equals=1e9 * sum(0.5 ** (k / 3) for k in range(3)),
        bad={"D": 0.0, "U": 0.0, "half_life": 0.0, "pools": 0.0},
    ),
    "fading_data": case(
        derived.fading_data,
        {"D": 3e9, "U": 1e9},
        {"half_life": 2.0, "pools": 1.5},
        rises=("D", "U", "half_life", "pools"),
        equals=1e9 * 2 ** (0.5 ** (1 / 3)) * 1.5 ** (0.5 ** (2 / 3)),
        bad={"D": 0.0, "U": 0.0, "half_life": 0.0, "pools": 0.0},
    ),
    "effective_experts": case(
        derived.effective_experts,
        {"experts": 64.0},
        {"E_start": 2.0, "E_max": 200.0},
        rises=("experts", "E_start", "E_max"),
        equals=1 / (1 / (63 + 1 / (0.5 - 0.005)) + 0.005),
        bad={"experts": 0.0, "E_start": 0.0, "E_max": 2.0},
    ),
    "effective_activation": case(
        derived.effective_activation,
        {"activated": 0.05},
        {"A_start": 0.02, "A_max": 2.0},
        rises=("activated", "A_start", "A_max"),
        equals=1 / (1 / (0.05 + 1 / (50 - 0.5)) + 0.5),
        bad={"activated": 1.5, "A_start": 0.0, "A_max": 0.02},
    ),
    "stream_parameters": case(
        derived.stream_parameters,
        {"N": 1e9, "P": 4.0},
        {"k": 0.4},
        rises=("N", "P", "k"),
        equals=1e9 * (1 + 0.4 * np.log(4)),
        bad={"N": 0.0, "P": 0.5, "k": -0.1},
    ),
    "format_capacity": case(
        derived.format_capacity,
        {"error": 1 / 16},
        {"ceiling": 0.9, "rate": 0.5, "power": 1.5},
        rises=("ceiling", "rate", "power"),
        falls=("error",),
        equals=0.9 * np.tanh(0.5 * 2**1.5),
        bad={"error": 0.0, "ceiling": 1.1, "rate": 0.0, "power": 0.0},
    ),
    "precision_capacity": case(
        derived.precision_capacity,
        {"bits": 4.0},
        {"gamma": 2.0},
        rises=("bits",),
        falls=("gamma",),
        equals=1 - np.exp(-2),
        bad={"bits": 0.0, "gamma": 0.0},
    ),
    "critical_batch": case(
        derived.critical_batch,
        {},
        {"S_min": 1e4, "E_min": 1e10},
        rises=("E_min",),
        falls=("S_min",),
        equals=1e6,
        bad={"S_min": 0.0, "E_min": 0.0},
    ),
    "steps_to_target": case(
        derived.steps_to_target,
        {"batch": 5e5},
        {"S_min": 1e4, "B_crit": 1e6},
        rises=("S_min", "B_crit"),
        falls=("batch",),
        equals=3e4,
        bad={"batch": 0.0, "S_min": 0.0, "B_crit": 0.0},
    ),
    "tokens_to_target": case(
        derived.tokens_to_target,
        {"batch": 5e5},
        {"E_min": 1e10, "B_crit": 1e6},
        rises=("batch", "E_min"),
        falls=("B_crit",),
        equals=1.5e10,
        bad={"batch": 0.0, "E_min": 0.0, "B_crit": 0.0},
    ),
    "adamw_timescale": case(
        derived.adamw_timescale,
        {"batch": 1e6, "lr": 1e-3, "weight_decay": 0.1, "D": 1e11},
        {},
        rises=("batch",),
        falls=("lr", "weight_decay", "D"),
        equals=0.1,
        bad={"batch": 0.0, "lr": 0.0, "weight_decay": 0.0, "D": 0.0},
    ),
    "tokens_per_parameter": case(
        derived.tokens_per_parameter,
        {"N": 1e9, "D": 2e10},
        {},
        rises=("D",),
        falls=("N",),
        equals=20.0,
        bad={"N": 0.0, "D": 0.0},
    ),
    "tokens_per_byte": case(
        derived.tokens_per_byte,
        {"N": 1e9, "D": 2e10, "bits": 4.0},
        {},
        rises=("D",),
        falls=("N", "bits"),
        equals=40.0,
        bad={"N": 0.0, "D": 0.0, "bits": 0.0},
    ),
}
OTHER = {"annealing_areas", "multi_power_drop", "warmup_area", "derive", "compressed_parameters", "pooled_utility"}
SCHEDULES = {"constant", "cosine", "wsd", "multi_step"}
each = pytest.mark.parametrize("name", CASES)


def test_the_table_is_complete():
    assert set(derived.__all__) == CASES.keys() | OTHER | SCHEDULES


@each
def test_the_value_is_the_formula_s(name):
    c = CASES[name]
    assert float(c.function(**c.data, **c.parameters)) == pytest.approx(c.equals, rel=1e-12)


@each
def test_rises_and_falls_where_it_should(name):
    c = CASES[name]
    given = {**c.data, **c.parameters}
    for changed in (*c.rises, *c.falls):
        more, less = (float(c.function(**given | {changed: given[changed] * factor})) for factor in (1.01, 0.99))
        assert (more > less) == (changed in c.rises), changed


@each
def test_arrays_give_what_numbers_give(name):
    c = CASES[name]
    factors = np.array([0.9, 0.95, 1.0])
    given = {**c.data, **c.parameters}
    found = c.function(**{key: value * factors for key, value in given.items()})
    single = [float(c.function(**{key: value * factor for key, value in given.items()})) for factor in factors]
    np.testing.assert_allclose(found, single, rtol=1e-14)


@each
def test_labelled_draws_meet_labelled_runs(name):
    c = CASES[name]
    runs, draws = xr.DataArray([0.9, 1.0], dims="run"), xr.DataArray([[0.97, 1.0, 1.01]], dims=("chain", "draw"))
    data = {key: value * runs for key, value in c.data.items()}
    parameters = {key: value * draws for key, value in c.parameters.items()}
    found = c.function(**data, **parameters)
    assert set(found.dims) == ({"run"} if data else set()) | ({"chain", "draw"} if parameters else set())
    last = c.function(**c.data, **{key: value * 1.01 for key, value in c.parameters.items()})
    assert float(found.isel({dim: -1 for dim in found.dims})) == pytest.approx(float(last), rel=1e-14)


@each
def test_what_is_out_of_range_is_named(name):
    c = CASES[name]
    given = {**c.data, **c.parameters}
    assert c.bad.keys() == given.keys()
    for changed, value in c.bad.items():
        with pytest.raises(SweepError, match=r"expected .* because"):
            c.function(**given | {changed: value})
    changed, value = next(iter(c.bad.items()))
    with pytest.raises(SweepError, match=f"{changed} is .* in 1 of 2 values"):
        c.function(**given | {changed: np.array([given[changed], value])})


def test_what_is_no_number_is_named():
    with pytest.raises(SweepError, match="D is 'many'; expected numbers, because tokens are counted"):
        derived.effective_data("many", 1e9, R_star=3.0)


def test_data_seen_once_count_in_full():
    D = np.geomspace(1e6, 1e9, 7)
    for effective in (
        partial(derived.effective_data, R_star=15.0),
        partial(derived.halflife_data, half_life=3.0),
        partial(derived.fading_data, half_life=3.0),
    ):
        np.testing.assert_allclose(effective(D, 1e9), D, rtol=1e-14)
    np.testing.assert_allclose(derived.effective_parameters(D, 1e9, R_star=5.0), D, rtol=1e-14)


def test_repeated_for_ever_data_are_worth_a_multiple():
    assert derived.effective_data(1e15, 1e9, R_star=15.387756) == pytest.approx(16.387756e9, rel=1e-12)
    assert derived.halflife_data(1e13, 1e9, half_life=3.0) == pytest.approx(1e9 / (1 - 0.5 ** (1 / 3)), rel=1e-12)


def test_four_passes_are_almost_free():
    assert derived.effective_data(4e9, 1e9, R_star=15.387756) / 4e9 == pytest.approx(0.93, abs=0.01)


def test_half_passes_lie_on_the_chord():
    halves = derived.halflife_data(np.array([2.0, 2.5, 3.0]), 1.0, half_life=2.0)
    assert halves[1] == pytest.approx((halves[0] + halves[2]) / 2, rel=1e-14)


def test_the_product_over_three_epochs():
    """Error of the first epoch, then each epoch by its fading exponent, as in Goyal et al. (2024)."""
    A, b, tau, U = 0.9, -0.2, 1.7, 2.5e6
    delta = 0.5 ** (1 / tau)
    error = A * U**b
    for epoch in (2, 3):
        error *= (epoch / (epoch - 1)) ** (b * delta ** (epoch - 1))
    assert A * derived.fading_data(3 * U, U, half_life=tau) ** b == pytest.approx(error, rel=1e-14)
    halfway = derived.fading_data(2.5 * U, U, half_life=tau)
    assert halfway == pytest.approx(U * 2**delta * 1.25 ** (delta**2), rel=1e-14)


def test_exponents_that_do_not_fade_count_every_epoch():
    D = np.array([0.5, 1.0, 2.5, 40.0])
    np.testing.assert_allclose(derived.fading_data(D, 1.0, half_life=1e9), D, rtol=1e-6)
    assert derived.fading_data(1e12, 1.0, half_life=1.0) == derived.fading_data(1e9, 1.0, half_life=1.0)


def test_the_data_constrained_law_is_the_authors():
    """Loss of the two best allocations for 25 billion unique tokens, by the constants in the authors' code."""
    lnA, lnB, lnE, alpha, R_D, R_N = 6.255414, 7.3049974, 0.6254804, 0.3526596, 15.387756, 5.309743
    A, B = np.exp(lnA), np.exp(lnB)
    U_N = derived.matched_parameters(25e9, A=A, alpha=alpha, B=B, beta=alpha)
    for N, D, loss in ((6.34e9, 242e9, 2.2256440889984477), (8.67e9, 178e9, 2.2269634075087867)):
        effective_N = derived.effective_parameters(N, U_N, R_star=R_N)
        effective_D = derived.effective_data(D, 25e9, R_star=R_D)
        found = np.exp(lnE) + A * effective_N**-alpha + B * effective_D**-alpha
        assert float(found) == pytest.approx(loss, rel=1e-14)


def test_matched_parameters_are_compute_optimal():
    """The best N at C = 1e21 by the constants of Besiroglu et al. goes with D = C / 6N tokens."""
    found = derived.matched_parameters(1e21 / 6 / 2.7776e9, A=482.01, alpha=0.3478, B=2085.43, beta=0.3658)
    assert float(found) == pytest.approx(2.778e9, rel=1e-3)


def test_experts_start_late_and_saturate():
    parameters = {"E_start": 2.07, "E_max": 239.0}
    assert derived.effective_experts(1, **parameters) == pytest.approx(2.07, rel=1e-13)
    assert derived.effective_experts(1e15, **parameters) == pytest.approx(239.0, rel=1e-12)
    between = derived.effective_experts(np.arange(1, 513), **parameters)
    assert (np.diff(between) > 0).all()
    assert (np.diff(between, 2) < 0).all()
    assert derived.effective_activation(0.0, A_start=0.0163, A_max=1e16) == pytest.approx(0.0163, rel=1e-13)


def test_a_plain_network_counts_as_itself():
    assert derived.stream_parameters(1e9, 1, k=0.4) == 1e9
    assert derived.compressed_parameters(1e9) == 1e9
    assert derived.compressed_parameters(1e9, 1.0, 1.0) == 1e9


def test_capacities_of_composed_formats_multiply():
    sparse, coarse = xr.DataArray([0.5, 0.8], dims="draw"), 0.9
    both = derived.compressed_parameters(1e9, sparse, coarse)
    one = derived.compressed_parameters(derived.compressed_parameters(1e9, sparse), coarse)
    xr.testing.assert_allclose(both, one)
    with pytest.raises(SweepError, match=r"capacity 1 is 1\.2"):
        derived.compressed_parameters(1e9, 0.5, 1.2)


def test_four_bits_of_an_ideal_quantiser_count_as_four():
    errors = 4.0 ** -np.arange(5)
    found = derived.format_capacity(errors, ceiling=1.0, rate=0.1, power=1.0)
    np.testing.assert_allclose(np.arctanh(found), 0.1 * np.arange(5), rtol=1e-12, atol=1e-15)


def test_mixed_pools_tire_as_late_as_there_are_pools():
    utility = xr.DataArray([0.3, 0.1], dims="pool")
    half_life = xr.DataArray([2.0, 4.0], dims="pool")
    k = np.arange(5)
    found = derived.pooled_utility(xr.DataArray(k, dims="epoch"), utility, half_life=half_life)
    np.testing.assert_allclose(found, (0.3 * 0.5 ** (k / 4) + 0.1 * 0.5 ** (k / 8)) / 2, rtol=1e-13)
    alone = derived.pooled_utility(2, utility[:1], half_life=2.0)
    assert float(alone) == pytest.approx(0.15)
    with pytest.raises(SweepError, match="no dim 'pool'"):
        derived.pooled_utility(0, utility.rename(pool="source"), half_life=2.0)


def test_steps_and_tokens_trade_on_a_hyperbola():
    batch, S_min, E_min = np.geomspace(1e3, 1e9, 13), 1e4, 1e10
    critical = derived.critical_batch(S_min=S_min, E_min=E_min)
    steps = derived.steps_to_target(batch, S_min=S_min, B_crit=critical)
    tokens = derived.tokens_to_target(batch, E_min=E_min, B_crit=critical)
    np.testing.assert_allclose(steps * batch, tokens, rtol=1e-13)
    np.testing.assert_allclose((steps / S_min - 1) * (tokens / E_min - 1), 1.0, rtol=1e-6)
    assert derived.steps_to_target(critical, S_min=S_min, B_crit=critical) == pytest.approx(2 * S_min)
