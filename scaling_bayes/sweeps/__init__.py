"""Sweeps: what was trained and measured."""

from .catalogue import list_sweeps, load_sweep, missing_files
from .checks import SweepError, SweepWarning
from .grid import sweep_grid
from .readers import read_sweep
from .simulation import simulate_sweep
from .split import hold_out
from .sweep import as_sweep, attr_list, check_sweep, restore_attrs, sweep_hash
from .units import convert_loss, join_sweeps

__all__ = [
    "SweepError",
    "SweepWarning",
    "as_sweep",
    "attr_list",
    "check_sweep",
    "convert_loss",
    "hold_out",
    "join_sweeps",
    "list_sweeps",
    "load_sweep",
    "missing_files",
    "read_sweep",
    "restore_attrs",
    "simulate_sweep",
    "sweep_grid",
    "sweep_hash",
]
