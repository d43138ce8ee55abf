"""`fingerprint`: everything that decides a fit, as one short text."""

import hashlib
import json
import os
import platform
import sys
from collections.abc import Sequence
from functools import cache
from importlib import import_module
from pathlib import Path

import jax
import xarray as xr

from scaling_bayes.inference.provenance import PACKAGES
from scaling_bayes.model import Model
from scaling_bayes.sweeps import sweep_hash

PACKAGE = Path(__file__).parents[1]
SOURCES = ("symbols/**/*.py", "sweeps/**/*.py", "laws/**/*.py", "model/**/*.py", "inference/**/*.py")
"""Files from which a posterior is made; questions and figures are free to change."""

ALSO = ("jaxlib", "optimistix", "lineax", "equinox")
"""Packages that make numbers, beside those that a posterior names."""

SETTINGS = ("jax_default_prng_impl", "jax_threefry_partitionable", "jax_default_matmul_precision")


def fingerprint(model: Model, sweep: xr.Dataset, *, devices: Sequence[str], **sampling: int) -> str | None:
    """Hash of a fit's model, sweep, seed and sizes, of the devices it may run on, of versions, and of this code.

    Parameters
    ----------
    model : Model
    sweep : Dataset
        Dims run; its attributes count too, since a posterior carries them.
    devices : sequence of str
        Kinds of device among which the fit chooses.
    **sampling : int
        Seed, chains, draws and the like.

    Returns
    -------
    str or None
        32 hexadecimal digits; None where the law calls a function of the user's, and where the code in memory may not
        be the code on disk, because a source file changed after the package was imported.
    """
    if model.law.functions:
        return None
    code = hash_sources(PACKAGE, since=vars(sys.modules["scaling_bayes"])["IMPORTED"])
    if code is None:
        return None
    told = {
        "sweep": [sweep_hash(sweep), sweep.to_dict(data=False)],
        "model": model.to_json(),
        "sampling": sampling,
        "devices": [*devices, platform.machine(), os.environ.get("XLA_FLAGS", "")],
        "settings": [str(getattr(jax.config, name)) for name in SETTINGS],
        "versions": {name: loaded_version(name) for name in (*PACKAGES, *ALSO)},
        "code": code,
    }
    return hashlib.sha256(json.dumps(told, default=repr).encode()).hexdigest()[:32]


def hash_sources(package: Path, *, since: float) -> str | None:
    """Hash of the source files of floors 0 to 3; None if one changed after `since`, or there are none.

    Examples
    --------
    >>> len(hash_sources(PACKAGE, since=float("inf")))
    64
    >>> hash_sources(PACKAGE, since=0.0) is None
    True
    """
    files = sorted(path for pattern in SOURCES for path in package.glob(pattern))
    changed = [max(path.stat().st_mtime, path.stat().st_ctime) for path in files]
    return _hash_files(tuple(files)) if files and max(changed) <= since else None


@cache
def _hash_files(files: tuple[Path, ...]) -> str:
    digest = hashlib.sha256()
    for path in files:
        content = path.read_bytes()
        digest.update(f"{path.name} {len(content)}\n".encode() + content)
    return digest.hexdigest()


def loaded_version(package: str) -> str:
    """Version of the module in memory, which an upgrade on disk does not change.

    Examples
    --------
    >>> loaded_version("scaling-bayes") == import_module("scaling_bayes").__version__
    True
    """
    return str(import_module(package.replace("-", "_")).__version__)
