"""The device is chosen by predicted seconds; what is predicted is tested with made-up costs."""

import jax
import numpy as np
import pytest

import scaling_bayes as sb
from scaling_bayes.inference import devices
from scaling_bayes.inference.devices import Choice, Cost, choose_cheapest, choose_device, list_devices, measure_cost

POWER = sb.law("power")
MODEL = sb.Model(POWER, noise=sb.Normal(), discrepancy=None)


class Device:
    def __init__(self, platform):
        self.platform = self.device_kind = platform


CPU, GPU, TPU = Device("cpu"), Device("gpu"), Device("tpu")

# case -> (cost on the CPU, cost on the GPU, iterations, chosen)
COSTS = {
    "starting kernels costs most": (Cost(5, 1e-4), Cost(10, 3e-3), 2000, "cpu"),
    "many rows": (Cost(5, 2e-2), Cost(10, 3e-3), 2000, "gpu"),
    "many rows, few draws": (Cost(5, 2e-2), Cost(10, 3e-3), 10, "cpu"),
    "compiled for the GPU before": (Cost(50, 1e-4), Cost(0, 1e-3), 2000, "gpu"),
    "equal": (Cost(5, 1e-3), Cost(5, 1e-3), 2000, "cpu"),
}


@pytest.mark.parametrize("case", COSTS)
def test_the_one_done_first_is_chosen_and_both_are_said(case):
    cpu, gpu, iterations, wanted = COSTS[case]
    name, why = choose_cheapest({"cpu": cpu, "gpu": gpu}, iterations)
    assert name == wanted
    assert why.startswith("predicted seconds: cpu ")
    assert f"gpu {gpu.predict(iterations):.3g}" in why


# what JAX finds (its default first), what is asked -> what is considered
FOUND = {
    "only a CPU": ([CPU], "auto", [CPU]),
    "a GPU too": ([GPU, CPU], "auto", [CPU, GPU]),
    "a GPU that is not the default": ([CPU, GPU], "auto", [CPU]),
    "a TPU, which has no float64": ([TPU, CPU], "auto", [CPU]),
    "the CPU is asked for": ([GPU, CPU], "cpu", [CPU]),
    "the GPU is asked for": ([CPU, GPU], "gpu", [GPU]),
}


def pretend(monkeypatch, found):
    def find(platform=None):
        chosen = [device for device in found if platform in (None, device.platform)]
        if not chosen:
            raise RuntimeError(f"Unknown backend: {platform!r}")
        return chosen

    monkeypatch.setattr(devices.jax, "devices", find)


@pytest.mark.parametrize("case", FOUND)
def test_what_is_considered(case, monkeypatch):
    found, asked, wanted = FOUND[case]
    pretend(monkeypatch, found)
    assert list_devices(asked) == wanted


@pytest.mark.parametrize(
    ("asked", "fragment"), [("gpu", "finds only cpu"), ("tpu", "auto, cpu, gpu"), ("", "found ''")]
)
def test_what_cannot_be_is_refused(asked, fragment, monkeypatch):
    pretend(monkeypatch, [CPU])
    with pytest.raises(ValueError, match=fragment):
        list_devices(asked)


def test_a_single_device_is_not_timed(monkeypatch):
    monkeypatch.setattr(devices, "measure_cost", pytest.fail)
    assert choose_device([CPU], MODEL, None, chains=4, iterations=2000) == Choice(CPU, "the only one considered")


def test_several_devices_are_timed_and_the_cheapest_is_taken(monkeypatch):
    costs = {"cpu": Cost(9, 1e-2), "gpu": Cost(1, 1e-4)}
    monkeypatch.setattr(devices, "measure_cost", lambda model, sweep, device, chains: costs[device.platform])
    choice = choose_device([CPU, GPU], MODEL, None, chains=4, iterations=2000)
    assert choice == Choice(GPU, "predicted seconds: cpu 409, gpu 5")


def test_the_gradients_of_a_model_are_timed():
    truth = {"A": 60.0, "alpha": 0.08}
    sweep = sb.simulate_sweep(POWER, {"C": np.geomspace(1e17, 1e21, 12)}, truth=truth, seed=3)
    cost = measure_cost(MODEL, sweep, jax.devices("cpu")[0], chains=2)
    assert 0 < cost.step < cost.compilation
    assert not jax.config.jax_enable_x64
