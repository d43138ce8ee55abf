r"""Which device samples: the one that was predicted to be done first, never just the one that is there.

.. math:: \text{seconds} = \text{compilation} + (\text{warm-up} + \text{draws}) \times 20 \times \text{step}

Compilation and step are timed on each device for one small program: gradients of this very model in a loop that asks
after every step whether to go on, as NUTS does, since on an accelerator starting kernels costs more than arithmetic on
the arrays of a sweep. The 20 steps a draw are those of the default parametrisation (15 to 22, measured on CPUs), and
depend on the model, not on the device. No GPU was at hand when this was written: no number here stands for one, and the
choice that these predictions make there has not been checked against whole fits.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import xarray as xr
from numpyro.infer.util import potential_energy

from scaling_bayes.inference.guesses import guess_sites
from scaling_bayes.inference.linearisation import linearise
from scaling_bayes.inference.transport import ConditionalLaplace, is_uncertain
from scaling_bayes.model import Model

DEVICES = ("auto", "cpu", "gpu")
STEPS_PER_DRAW = 20
TIMED_STEPS = 30
TIMES = 2
STEP_SIZE = 1e-6
"""So small that positions stay where the gradient costs what it costs."""


@dataclass(frozen=True)
class Cost:
    """What a device was seen to need.

    Attributes
    ----------
    compilation : float
        Seconds until the timed program was done for the first time.
    step : float
        Seconds of one gradient of all chains.
    """

    compilation: float
    step: float

    def predict(self, iterations: int) -> float:
        """Seconds of a fit.

        Examples
        --------
        >>> Cost(compilation=2.0, step=1e-3).predict(2000)
        42.0
        """
        return self.compilation + iterations * STEPS_PER_DRAW * self.step


@dataclass(frozen=True)
class Choice:
    """A device, and why it was chosen, for the posterior's attrs."""

    device: jax.Device
    why: str


def list_devices(asked: str) -> list[jax.Device]:
    """Devices that `asked` may mean: one where it names one, or where there is only a CPU; the CPU comes first.

    Raises
    ------
    ValueError
        For an unknown or absent device.

    Examples
    --------
    >>> [device.platform for device in list_devices("cpu")]
    ['cpu']
    """
    if asked not in DEVICES:
        raise ValueError(f"device is one of {', '.join(DEVICES)}, found {asked!r}")
    default = jax.devices()[0]
    try:
        if asked == "auto":
            return [jax.devices("cpu")[0], *([default] if default.platform == "gpu" else [])]
        return [jax.devices(asked)[0]]
    except RuntimeError:
        found = ", ".join(sorted({d.platform for d in jax.devices()}))
        raise ValueError(
            f"device={asked!r}, but JAX finds only {found}; install scaling-bayes[cuda], or say device='auto'"
        ) from None


def choose_device(
    devices: Sequence[jax.Device], model: Model, sweep: xr.Dataset, *, chains: int, iterations: int
) -> Choice:
    """Choose among `devices`; they are timed only where there are several.

    Examples
    --------
    >>> from scaling_bayes.laws import law
    >>> sweep = xr.Dataset()  # not looked at where there is nothing to choose
    >>> choose_device(list_devices("cpu"), Model(law("power")), sweep, chains=4, iterations=2000).why
    'the only one considered'
    """
    if len(devices) == 1:
        return Choice(devices[0], "the only one considered")
    costs = {device.platform: measure_cost(model, sweep, device, chains) for device in devices}
    name, why = choose_cheapest(costs, iterations)
    return Choice(next(device for device in devices if device.platform == name), why)


def choose_cheapest(costs: Mapping[str, Cost], iterations: int) -> tuple[str, str]:
    """Name of the device that is predicted to be done first, the first of equals, and what was predicted of each.

    Examples
    --------
    >>> costs = {"cpu": Cost(1.0, 1e-4), "gpu": Cost(9.0, 5e-4)}
    >>> choose_cheapest(costs, iterations=2000)
    ('cpu', 'predicted seconds: cpu 5, gpu 29')
    """
    predicted = {name: cost.predict(iterations) for name, cost in costs.items()}
    said = ", ".join(f"{name} {seconds:.3g}" for name, seconds in predicted.items())
    return min(predicted, key=lambda name: predicted[name]), f"predicted seconds: {said}"


def measure_cost(model: Model, sweep: xr.Dataset, device: jax.Device, chains: int) -> Cost:
    """Time gradients of a model of a sweep on a device."""
    with jax.enable_x64(True), jax.default_device(device):
        binding = model.bind(sweep)
        program, design = binding.program, binding.design
        around = linearise(program, design)
        starts = {name: jnp.stack([g.centre] * chains) for name, g in guess_sites(program, design, around).items()}

        def potential(position: dict[str, jax.Array], *data: Any) -> jax.Array:
            return potential_energy(program, data, {}, position)

        timed = jax.jit(jax.vmap(_descend(potential), (0, None, None)))
        transport = ConditionalLaplace(around, program, is_uncertain(program, design, around))
        seconds = [_time(timed, starts, design, transport) for _ in range(1 + TIMES)]
    return Cost(compilation=seconds[0], step=min(seconds[1:]) / TIMED_STEPS)


def _descend(potential: Any) -> Any:
    """Function that goes down a potential, step by step, as long as it is finite."""

    def descend(start: Any, *data: Any) -> Any:
        def step(state: Any) -> Any:
            count, position, _ = state
            energy, slope = jax.value_and_grad(potential)(position, *data)
            return count + 1, jax.tree.map(lambda z, g: z - STEP_SIZE * g, position, slope), energy

        def goes_on(state: Any) -> jax.Array:
            return (state[0] < TIMED_STEPS) & jnp.isfinite(state[2])

        return jax.lax.while_loop(goes_on, step, (0, start, jnp.zeros(())))

    return descend


def _time(function: Any, *arguments: Any) -> float:
    started = time.perf_counter()
    jax.block_until_ready(function(*arguments))
    return time.perf_counter() - started
