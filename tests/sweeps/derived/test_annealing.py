"""Areas under schedules are the double sums of the papers, and known in closed form for simple schedules."""

import numpy as np
import pytest
import xarray as xr

from scaling_bayes.sweeps import SweepError
from scaling_bayes.sweeps.derived import (
    annealing_areas,
    constant,
    cosine,
    multi_power_drop,
    multi_step,
    warmup_area,
    wsd,
)

LAW = {"B": 400.0, "C": 2.0, "beta": 0.6, "gamma": 0.65}
SCHEDULES = {
    "constant": constant(1e-3, 60),
    "cosine": cosine(1e-3, 60),
    "cosine after warm-up": cosine(1e-3, 60, warmup=15),
    "wsd": wsd(1e-3, 60, decay=20, warmup=5),
    "steps": multi_step(1e-3, 60, drops={20: 0.3, 40: 0.1}),
    "up again": xr.DataArray(np.repeat([1e-3, 0.0, 5e-4], 20), dims="step"),
}
each = pytest.mark.parametrize("name", SCHEDULES)


def double_sum(rates, decay, warmup=0):
    """S2 at every step, as it is written in the paper."""
    eta = np.concatenate([rates[:1], rates])
    drop = [eta[k - 1] - eta[k] if k > warmup else 0.0 for k in range(1, len(eta))]
    inner = [sum(drop[k] * decay ** (i - k) for k in range(i + 1)) for i in range(len(drop))]
    return np.cumsum(inner)


def single_drops(rates, B, C, beta, gamma, warmup=0):
    """The multi-power drop at the last step, term by term."""
    eta, total = np.concatenate([rates[:1], rates]), 0.0
    for k in range(warmup + 1, len(eta)):
        if eta[k] > 0:
            ahead = eta[k:].sum()
            total += B * (eta[k - 1] - eta[k]) * (1 - (1 + C * eta[k] ** -gamma * ahead) ** -beta)
    return total


@each
@pytest.mark.parametrize("decay", [0.0, 0.5, 0.99, 1.0])
@pytest.mark.parametrize("warmup", [0, 15])
def test_areas_are_the_sums(name, decay, warmup):
    rates = SCHEDULES[name]
    areas = annealing_areas(rates, decay=decay, warmup=warmup)
    np.testing.assert_allclose(areas["S1"], np.cumsum(rates.values), rtol=1e-12)
    np.testing.assert_allclose(areas["S2"], double_sum(rates.values, decay, warmup), rtol=1e-10, atol=1e-16)


@each
@pytest.mark.parametrize("warmup", [0, 15])
def test_the_drop_is_the_sum(name, warmup):
    rates = SCHEDULES[name]
    found = multi_power_drop(rates, **LAW, warmup=warmup, at=[20, 35, 60])
    expected = [single_drops(rates.values[:s], **LAW, warmup=warmup) for s in (20, 35, 60)]
    np.testing.assert_allclose(found, expected, rtol=1e-10, atol=1e-14)
    np.testing.assert_allclose(multi_power_drop(SCHEDULES[name], **LAW, warmup=warmup), expected[-1], atol=1e-14)


def test_a_constant_rate_anneals_nothing():
    areas = annealing_areas(constant(2e-4, 50), decay=0.999)
    assert (areas["S2"] == 0).all()
    np.testing.assert_allclose(areas["S1"], 2e-4 * np.arange(1, 51))
    assert float(multi_power_drop(constant(2e-4, 50), **LAW)) == 0
    assert float(multi_power_drop(constant(2e-4, 50, warmup=10), **LAW, warmup=10)) == 0


@pytest.mark.parametrize("decay", [0.5, 0.9, 0.999])
def test_one_drop_is_a_geometric_series(decay):
    """m steps after a drop of h, S2 = h (1 - decay^m) / (1 - decay)."""
    areas = annealing_areas(multi_step(1.0, 300, drops={100: 0.25}), decay=decay)
    after = np.arange(1, 201)
    np.testing.assert_allclose(areas["S2"][100:], 0.75 * (1 - decay**after) / (1 - decay), rtol=1e-10)
    assert (areas["S2"][:100] == 0).all()


def test_limits_of_the_decay():
    rates = cosine(1.0, 80)
    forgotten, kept = (annealing_areas(rates, decay=decay)["S2"] for decay in (0.0, 1.0))
    np.testing.assert_allclose(forgotten, rates[0] - rates, rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose(kept, (rates[0] - rates).cumsum("step"), rtol=1e-12, atol=1e-15)


def test_draws_of_the_decay_and_stacked_schedules_broadcast():
    stacked = xr.concat([SCHEDULES["cosine"], SCHEDULES["steps"]], dim="run")
    decay = xr.DataArray([[0.9, 0.99]], dims=("chain", "draw"))
    areas = annealing_areas(stacked, decay=decay)
    assert set(areas["S2"].dims) == {"run", "chain", "draw", "step"}
    for run in (0, 1):
        for draw in (0, 1):
            alone = annealing_areas(stacked.isel(run=run), decay=float(decay[0, draw]))
            np.testing.assert_allclose(areas["S2"].isel(run=run, chain=0, draw=draw), alone["S2"], rtol=1e-12)
    assert areas["S1"].dims == ("run", "step")


def test_draws_of_the_multi_power_law_broadcast():
    stacked = xr.concat([SCHEDULES["cosine"], SCHEDULES["constant"]], dim="run")
    draws = {name: value * xr.DataArray([0.9, 1.0, 1.1], dims="draw") for name, value in LAW.items()}
    found = multi_power_drop(stacked, **draws, at=[30, 60])
    assert set(found.dims) == {"run", "draw", "step"}
    np.testing.assert_allclose(
        found.isel(run=0, draw=1), multi_power_drop(SCHEDULES["cosine"], **LAW, at=[30, 60]), rtol=1e-12
    )
    assert (found.isel(run=1) == 0).all()


def test_later_and_deeper_drops():
    """A drop takes away more the deeper it is, and the longer ago it was made."""
    shallow, deep = (multi_power_drop(multi_step(1e-3, 100, drops={50: f}), **LAW) for f in (0.5, 0.1))
    assert float(deep) > float(shallow) > 0
    growing = multi_power_drop(multi_step(1e-3, 100, drops={50: 0.1}), **LAW, at=np.arange(50, 101))
    assert (growing.diff("step") > 0).all()


def test_the_warm_up_is_a_triangle():
    rates = constant(3e-4, 500, warmup=120)
    assert float(warmup_area(rates, warmup=120)) == pytest.approx(3e-4 * 121 / 2)
    assert float(annealing_areas(rates)["S1"].sel(step=120)) == pytest.approx(3e-4 * 121 / 2)
    assert float(annealing_areas(rates)["S2"][-1]) < 0 == float(annealing_areas(rates, warmup=120)["S2"][-1])


@pytest.mark.parametrize(
    ("ask", "fragment"),
    [
        (lambda: annealing_areas(np.ones(5)), "DataArray along 'step', found ndarray"),
        (lambda: annealing_areas(xr.DataArray(np.ones(5), dims="time")), r"found \('time',\)"),
        (lambda: annealing_areas(xr.DataArray([1.0, -1.0], dims="step")), "rates is -1 in 1 of 2"),
        (lambda: annealing_areas(constant(1.0, 5), decay=1.5), "decay is 1.5"),
        (lambda: annealing_areas(constant(1.0, 5), warmup=6), "warmup is 6"),
        (lambda: multi_power_drop(constant(1.0, 5), **LAW, at=[3, 9]), r"at=\[9\].* 1 to 5"),
        (lambda: multi_power_drop(constant(1.0, 5), **LAW | {"B": 0.0}), "B is 0"),
        (lambda: multi_power_drop(constant(1.0, 5), **LAW | {"gamma": 1.2}), "gamma is 1.2"),
        (lambda: warmup_area(constant(1.0, 5), warmup=9), "warmup is 9"),
    ],
)
def test_refused(ask, fragment):
    with pytest.raises(SweepError, match=fragment):
        ask()
