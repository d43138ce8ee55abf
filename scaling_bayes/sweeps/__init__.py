"""Sweeps: what was trained and measured."""

from scaling_bayes.sweeps.catalogue import list_sweeps, load_sweep, missing_files
from scaling_bayes.sweeps.checks import SweepError, SweepWarning
from scaling_bayes.sweeps.derived import derive
from scaling_bayes.sweeps.grid import sweep_grid
from scaling_bayes.sweeps.perceptron import simulate_perceptron
from scaling_bayes.sweeps.readers import read_sweep
from scaling_bayes.sweeps.simulation import simulate_sweep
from scaling_bayes.sweeps.spectral import simulate_spectral, spectral_exponents
from scaling_bayes.sweeps.split import hold_out
from scaling_bayes.sweeps.sweep import (
    as_sweep,
    attr_list,
    check_sweep,
    compared_groups,
    has_own_errors,
    restore_attrs,
    sweep_hash,
)
from scaling_bayes.sweeps.units import accuracy_to_error, convert_loss, join_sweeps
from scaling_bayes.sweeps.zipf import simulate_zipf

__all__ = [
    "SweepError",
    "SweepWarning",
    "as_sweep",
    "attr_list",
    "check_sweep",
    "compared_groups",
    "accuracy_to_error",
    "convert_loss",
    "derive",
    "has_own_errors",
    "hold_out",
    "join_sweeps",
    "list_sweeps",
    "load_sweep",
    "missing_files",
    "read_sweep",
    "restore_attrs",
    "simulate_perceptron",
    "simulate_spectral",
    "simulate_sweep",
    "simulate_zipf",
    "spectral_exponents",
    "sweep_grid",
    "sweep_hash",
]
