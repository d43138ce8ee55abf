"""`fit`: a model and a sweep in, a checked posterior out."""

import json
import time
import warnings
from collections.abc import Sequence
from typing import Any

import jax
import numpy as np
import xarray as xr
from numpyro.infer import Predictive

from scaling_bayes.inference.gates import Gate, GateError, GateWarning, measure_gates
from scaling_bayes.inference.linearisation import linearise
from scaling_bayes.inference.posterior import assemble_posterior
from scaling_bayes.inference.provenance import state_provenance
from scaling_bayes.inference.sampler import MAX_TREE_DEPTH, sample
from scaling_bayes.model import Model
from scaling_bayes.model.binding import Binding
from scaling_bayes.sweeps import check_sweep

PRIOR_DRAWS = 1000
DEVICES = {"auto": "cpu", "cpu": "cpu", "gpu": "gpu"}
LEAST = {"chains": 1, "draws": 4, "warmup": 1}
"""Fewest that can be asked for; split R-hat needs two draws in each half of a chain."""


def fit(
    model: Model,
    sweep: xr.Dataset,
    *,
    seed: int,
    chains: int = 4,
    draws: int = 1000,
    warmup: int = 1000,
    device: str = "auto",
    strict: bool = False,
    progress: bool = True,
) -> xr.DataTree:
    """Sample the posterior of a model of a sweep with NUTS, in float64.

    Parameters
    ----------
    model : Model
    sweep : Dataset
        Dims run; see `as_sweep`.
    seed : int
        The same seed, data, model and versions give the same draws.
    chains, draws, warmup : int
        Chains, kept draws per chain, and iterations of warm-up per chain.
    device : {"auto", "cpu", "gpu"}
        ``"auto"`` is the CPU, which is faster for the small arrays of a sweep.
    strict : bool
        Raise if a sampler gate fails, instead of warning and marking the posterior.
    progress : bool
        Show a progress bar.

    Returns
    -------
    DataTree
        Groups ``posterior`` (law parameters in the paper's units, ``A_ref`` and the like at the reference, population,
        spreads, noise, drift), ``sample_stats``, ``log_likelihood``, ``prior``, ``observed_data``, ``constant_data``.
        Attributes hold the model, seed, versions, the sweep's hash and the verdicts of the gates.

    Raises
    ------
    TypeError
        If `model` is no Model.
    ModelError
        If the sweep cannot carry the model.
    GateError
        If a gate fails and `strict` is true.
    ValueError
        For an unknown or absent device, or too few chains, draws or iterations of warm-up.

    Warns
    -----
    GateWarning
        If a gate fails and `strict` is false.

    Examples
    --------
    >>> import scaling_bayes as sb
    >>> law, truth = sb.Law("A*N**-alpha"), {"A": 40.0, "alpha": 0.25}
    >>> sweep = sb.simulate_sweep(law, {"N": [1e6, 3e6, 1e7, 3e7, 1e8]}, truth=truth, seed=0)
    >>> model = sb.Model(law, noise=sb.Normal(), discrepancy=None)
    >>> posterior = fit(model, sweep, seed=0, draws=500, warmup=300, progress=False)
    >>> posterior["posterior"]["alpha"].mean().round(2).item()
    0.25
    """
    if not isinstance(model, Model):
        raise TypeError(f"model is a Model, for instance sb.Model(sb.law('chinchilla')); found {model!r}")
    check_sweep(sweep)
    _check_sizes(chains=chains, draws=draws, warmup=warmup)
    started = time.perf_counter()
    with jax.enable_x64(True), jax.default_device(_find_device(device)):
        binding = model.bind(sweep)
        program, design = binding.program, binding.design
        key, around = jax.random.key(seed), linearise(program, design)
        drawn = sample(program, design, around, key=key, chains=chains, warmup=warmup, draws=draws, progress=progress)
        prior = _draw_prior(binding, jax.random.fold_in(key, 2))
    tree = assemble_posterior(binding, sweep, drawn, prior)
    gates = measure_gates(tree["posterior"].to_dataset(), tree["sample_stats"].to_dataset(), MAX_TREE_DEPTH[1])
    seconds = time.perf_counter() - started
    tree.attrs |= state_provenance(sweep, seed=seed, device=DEVICES[device], seconds=seconds, gates=gates)
    tree.attrs |= {
        "model": model.to_json(),
        "sampler": json.dumps({"chains": chains, "draws": draws, "warmup": warmup}),
    }
    _judge(gates, strict)
    return tree


def _check_sizes(**given: int) -> None:
    for name, value in given.items():
        if value < LEAST[name]:
            raise ValueError(f"{name} is at least {LEAST[name]}, found {value}")


def _find_device(device: str) -> jax.Device:
    if device not in DEVICES:
        raise ValueError(f"device is one of {', '.join(DEVICES)}, found {device!r}")
    try:
        return jax.devices(DEVICES[device])[0]
    except RuntimeError:
        found = ", ".join(sorted({d.platform for d in jax.devices()}))
        raise ValueError(
            f"device={device!r}, but JAX finds only {found}; install scaling-bayes[cuda], or say device='auto'"
        ) from None


def _draw_prior(binding: Binding, key: jax.Array) -> dict[str, np.ndarray]:
    simulate = Predictive(binding.program, num_samples=PRIOR_DRAWS, parallel=True)
    return {name: np.asarray(value)[None] for name, value in simulate(key, binding.design).items()}


def _judge(gates: Sequence[dict[str, Any]], strict: bool) -> None:
    failed = [str(Gate(**gate)) for gate in gates if not gate["passed"]]
    if not failed:
        return
    message = (
        f"the posterior failed {len(failed)} of {len(gates)} sampler gates: {'; '.join(failed)}. Every answer from it "
        "is marked. More warmup= and draws= may mend it; they will not mend a law that the data cannot tell apart."
    )
    if strict:
        raise GateError(message)
    warnings.warn(message, GateWarning, stacklevel=3)
