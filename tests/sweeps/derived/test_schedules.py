"""Schedules begin with warm-up, reach their peak and end where they should."""

import numpy as np
import pandas as pd
import pytest

from scaling_bayes.sweeps import SweepError
from scaling_bayes.sweeps.derived import constant, cosine, multi_step, wsd

PEAK, STEPS, WARMUP = 3e-4, 2000, 200
SCHEDULES = {
    "constant": (constant(PEAK, STEPS, warmup=WARMUP), PEAK),
    "cosine": (cosine(PEAK, STEPS, warmup=WARMUP, final=3e-5), 3e-5),
    "cosine to zero": (cosine(PEAK, STEPS, warmup=WARMUP), 0.0),
    "wsd": (wsd(PEAK, STEPS, warmup=WARMUP, decay=400), 0.0),
    "wsd linear": (wsd(PEAK, STEPS, warmup=WARMUP, decay=400, shape="linear", final=1e-5), 1e-5),
    "wsd exponential": (wsd(PEAK, STEPS, warmup=WARMUP, decay=400, shape="exponential", final=1e-5), 1e-5),
    "wsd, decay only": (wsd(PEAK, STEPS, warmup=WARMUP, decay=STEPS - WARMUP, shape="linear"), 0.0),
    "multi-step": (multi_step(PEAK, STEPS, warmup=WARMUP, drops={1600: 0.316, 1800: 0.1}), 3e-5),
}
each = pytest.mark.parametrize("name", SCHEDULES)


@each
def test_promises_of_a_schedule(name):
    rates, final = SCHEDULES[name]
    assert rates.dims == ("step",)
    assert rates["step"].values.tolist() == list(range(1, STEPS + 1))
    np.testing.assert_allclose(rates[:WARMUP], PEAK * np.arange(1, WARMUP + 1) / WARMUP, rtol=1e-12)
    assert float(rates[WARMUP - 1]) == float(rates.max()) == pytest.approx(PEAK)
    assert (np.diff(rates[WARMUP:]) <= 1e-20).all()
    assert float(rates[-1]) == pytest.approx(final, abs=1e-18)
    assert rates.attrs["schedule"]
    assert rates.attrs["units"] == "1"


def test_shapes_at_the_middle_of_the_decay():
    middle = {shape: wsd(1.0, 100, decay=40, final=0.01, shape=shape).sel(step=80).item() for shape in
              ("linear", "1-sqrt", "exponential")}  # fmt: skip
    assert middle["linear"] == pytest.approx(0.505)
    assert middle["1-sqrt"] == pytest.approx(0.01 + 0.99 * (1 - np.sqrt(0.5)))
    assert middle["exponential"] == pytest.approx(0.1)


def test_a_schedule_without_decay_is_constant():
    np.testing.assert_array_equal(wsd(1.0, 10, decay=0), constant(1.0, 10))
    np.testing.assert_array_equal(multi_step(1.0, 10, drops={}), constant(1.0, 10))
    assert constant(1.0, 3, warmup=3).values.tolist() == pytest.approx([1 / 3, 2 / 3, 1.0])


@pytest.mark.parametrize(
    ("name", "schedule"),
    [
        ("cosine_24000", lambda: cosine(3e-4, 24000, warmup=2160, final=3e-5)),
        ("cosine_72000", lambda: cosine(3e-4, 72000, warmup=2160, final=3e-5)),
        ("wsd_20000_24000", lambda: wsd(3e-4, 24000, decay=4000, warmup=2160, final=3e-5, shape="exponential")),
        ("wsdld_20000_24000", lambda: wsd(3e-4, 24000, decay=4000, warmup=2160, final=3e-5, shape="linear")),
    ],
)
def test_published_schedules_are_ours(name, schedule, mirror):
    path = mirror / "multipowerlaw" / "csv_25" / f"{name}.csv"
    if not path.is_file():
        pytest.skip(f"{path.name} is not among the public tables")
    published = pd.read_csv(path)
    published = published[published["step"] <= schedule().sizes["step"]]
    np.testing.assert_allclose(schedule().sel(step=published["step"].to_numpy()), published["lr"], rtol=1e-12)


@pytest.mark.parametrize(
    ("make", "fragment"),
    [
        (lambda: constant(0.0, 10), "peak is 0"),
        (lambda: constant(1.0, 0), "steps is 0"),
        (lambda: constant(1.0, 10, warmup=11), "warmup=11"),
        (lambda: constant(1.0, 10, warmup=-1), "warmup is -1"),
        (lambda: cosine(1.0, 10, final=2.0), "final is 2"),
        (lambda: wsd(1.0, 10, decay=8, warmup=3), "take more than the 10 steps"),
        (lambda: wsd(1.0, 10, decay=5, shape="exponential"), "never reaches zero"),
        (lambda: wsd(1.0, 10, decay=5, shape="sqrt"), "1-sqrt"),
        (lambda: multi_step(1.0, 10, drops={11: 0.5}), "drop 11"),
        (lambda: multi_step(1.0, 10, drops={5: 1.5}), r"drops\[5\] is 1.5"),
        (lambda: multi_step(1.0, 10, drops={1: 0.5}, warmup=2), "between warm-up and end"),
    ],
)
def test_refused(make, fragment):
    with pytest.raises(SweepError, match=fragment):
        make()
