"""What a posterior says of where it comes from: data, seed, versions, device, time and gates."""

import json
from collections.abc import Sequence
from importlib.metadata import version
from typing import Any

import xarray as xr

from scaling_bayes.sweeps import sweep_hash

PACKAGES = ("scaling-bayes", "jax", "numpyro", "arviz-stats", "xarray", "numpy")


def state_provenance(
    sweep: xr.Dataset, *, seed: int, device: str, seconds: float, gates: Sequence[dict[str, Any]] = ()
) -> dict[str, Any]:
    """Attributes of a posterior; text and numbers only, so that any file keeps them.

    Parameters
    ----------
    sweep : Dataset
        Dims run.
    seed : int
    device : str
    seconds : float
        That it took.
    gates : sequence of dict
        From `measure_gates`.

    Returns
    -------
    dict
        ``gates``, ``versions`` and ``measured`` (the sweep's data variables) as JSON; ``seed``, ``device``,
        ``seconds``, ``data_hash``, ``data_title``.

    Examples
    --------
    >>> stated = state_provenance(xr.Dataset(attrs={"title": "mine"}), seed=0, device="cpu", seconds=1.234)
    >>> stated["data_title"], stated["seconds"], stated["gates"]
    ('mine', 1.23, '[]')
    """
    return {
        "gates": json.dumps(list(gates)),
        "seed": seed,
        "device": device,
        "seconds": round(seconds, 2),
        "versions": json.dumps({name: version(name) for name in PACKAGES}),
        "measured": json.dumps(sorted(map(str, sweep.data_vars))),
        "data_hash": sweep_hash(sweep),
        "data_title": str(sweep.attrs.get("title", "")),
    }
