"""`fit`: a model and a sweep in, a checked posterior out."""

import json
import time
import warnings
from importlib.metadata import version
from typing import Any

import jax
import numpy as np
import xarray as xr
from numpyro.infer import Predictive

from scaling_bayes.inference.gates import Gate, GateError, GateWarning, measure_gates
from scaling_bayes.inference.linearisation import linearise
from scaling_bayes.inference.posterior import label_draws, label_likelihood, make_record
from scaling_bayes.inference.sampler import MAX_TREE_DEPTH, sample
from scaling_bayes.model import Model
from scaling_bayes.model.binding import Binding
from scaling_bayes.sweeps import check_sweep, sweep_hash

PRIOR_DRAWS = 1000
PACKAGES = ("scaling-bayes", "jax", "numpyro", "arviz-stats", "xarray", "numpy")
DEVICES = {"auto": "cpu", "cpu": "cpu", "gpu": "gpu"}


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
    ModelError
        If the sweep cannot carry the model.
    GateError
        If a gate fails and `strict` is true.

    Warns
    -----
    GateWarning
        If a gate fails and `strict` is false.

    Examples
    --------
    >>> import scaling_bayes as sb
    >>> truth = {"E": 1.8, "A": 400.0, "alpha": 0.35}
    >>> sweep = sb.simulate_sweep(sb.Law("E + A*N**-alpha"), {"N": [1e7, 3e7, 1e8, 3e8, 1e9]}, truth=truth, seed=0)
    >>> posterior = sb.fit(sb.Model(sb.Law("E + A*N**-alpha")), sweep, seed=0, progress=False)  # doctest: +SKIP
    """
    check_sweep(sweep)
    if device not in DEVICES:
        raise ValueError(f"device is one of {', '.join(DEVICES)}, found {device!r}")
    started = time.perf_counter()
    with jax.enable_x64(True), jax.default_device(jax.devices(DEVICES[device])[0]):
        binding = model.bind(sweep)
        program, design = binding.program, binding.design
        key = jax.random.key(seed)
        around = linearise(program, design)
        drawn = sample(program, design, around, key=key, chains=chains, warmup=warmup, draws=draws, progress=progress)
        prior = _prior(binding, jax.random.fold_in(key, 2))
    tree = _assemble(binding, sweep, drawn, prior)
    seconds = time.perf_counter() - started
    gates = measure_gates(tree["posterior"].to_dataset(), tree["sample_stats"].to_dataset(), MAX_TREE_DEPTH[1])
    tree.attrs |= provenance(sweep, seed, DEVICES[device], gates, seconds)
    _judge(gates, strict)
    return tree


def _prior(binding: Binding, key: jax.Array) -> dict[str, np.ndarray]:
    simulate = Predictive(binding.program, num_samples=PRIOR_DRAWS, parallel=True)
    return {name: np.asarray(value)[None] for name, value in simulate(key, binding.design).items()}


def _assemble(binding: Binding, sweep: xr.Dataset, drawn: Any, prior: dict[str, np.ndarray]) -> xr.DataTree:
    record = make_record(binding, sweep)
    response = sweep[[record.response]].reset_coords(drop=True).assign_coords(run=sweep["run"])
    groups = {
        "posterior": label_draws(drawn.values, binding, record),
        "sample_stats": xr.Dataset({name: (("chain", "draw"), value) for name, value in drawn.stats.items()}),
        "log_likelihood": label_likelihood(drawn, binding, record, sweep),
        "prior": label_draws(prior, binding, record),
        "observed_data": response,
        "constant_data": sweep.drop_vars(record.response).reset_coords(),
    }
    tree = xr.DataTree.from_dict(groups)
    tree.attrs = {"scaling_bayes": "posterior", "method": "NUTS", "record": record.to_json()}
    return tree


def provenance(
    sweep: xr.Dataset, seed: int, device: str, gates: list[dict[str, Any]], seconds: float
) -> dict[str, Any]:
    return {
        "gates": json.dumps(gates),
        "seed": seed,
        "device": device,
        "seconds": round(seconds, 2),
        "versions": json.dumps({name: version(name) for name in PACKAGES}),
        "data_hash": sweep_hash(sweep),
        "data_title": str(sweep.attrs.get("title", "")),
    }


def _judge(gates: list[dict[str, Any]], strict: bool) -> None:
    failed = [str(Gate(**gate)) for gate in gates if not gate["passed"]]
    if not failed:
        return
    message = (
        f"the posterior failed {len(failed)} of {len(gates)} sampler gates: {'; '.join(failed)}. Every answer from it is marked. "
        "More warmup= and draws= may mend it; a law that the data cannot tell apart will not be mended by more."
    )
    if strict:
        raise GateError(message)
    warnings.warn(message, GateWarning, stacklevel=3)
