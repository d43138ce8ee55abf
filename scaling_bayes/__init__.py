"""Hierarchical Bayesian scaling laws: from a sweep of trained networks to a checked extrapolation.

>>> import scaling_bayes as sb
>>> sb.law("chinchilla").formula
'E + A*N**-alpha + B*D**-beta'
"""

import time
from importlib import import_module
from importlib.metadata import version
from typing import Any

_PUBLIC = {
    "scaling_bayes.sweeps": (
        "SweepError SweepWarning accuracy_to_error as_sweep convert_loss derive hold_out join_sweeps list_sweeps "
        "load_sweep read_sweep simulate_perceptron simulate_spectral simulate_sweep simulate_zipf "
        "spectral_exponents sweep_grid"
    ),
    "scaling_bayes.laws.costs": "Cost CostError",
    "scaling_bayes.laws": "FormulaError Law RoleError law list_laws",
    "scaling_bayes.model": (
        "BetaBinomial Chain Discrepancy Fixed Frontier Laplace Model ModelError Normal Partial Separate Shared "
        "StudentT recommend_pool"
    ),
    "scaling_bayes.inference.fit": "fit fit_many",
    "scaling_bayes.inference.gates": "GateError GateWarning",
    "scaling_bayes.inference.baseline": "baseline",
    "scaling_bayes.inference.cache_folder": "clear_cache",
    "scaling_bayes.inference.refits": "refit_without",
    "scaling_bayes.inference.storage": "open_posterior save_posterior",
    "scaling_bayes.questions.points": "QuestionError QuestionWarning",
    "scaling_bayes.questions.prediction": "predict",
    "scaling_bayes.questions.comparison": "compare",
    "scaling_bayes.questions.ranking": "rank",
    "scaling_bayes.questions.crossing": "crossover",
    "scaling_bayes.questions.multiplier": "multiplier",
    "scaling_bayes.questions.exponents": "exponents",
    "scaling_bayes.questions.scoring": "score score_table",
    "scaling_bayes.questions.planning": "plan plan_table",
    "scaling_bayes.questions.stacking": "stack",
    "scaling_bayes.questions.registration": "register settle",
    "scaling_bayes.questions.checking": "check",
    "scaling_bayes.questions.influence": "influence",
    "scaling_bayes.questions.allocation": "allocate trace_isoflops",
    "scaling_bayes.questions.requirements": "require",
    "scaling_bayes.questions.frontiers": "fit_envelope fit_isoflops",
    "scaling_bayes.questions.parameters": "parameters",
    "scaling_bayes.questions.tuning": "tune",
    "scaling_bayes.questions.multiverse": "multiverse",
    "scaling_bayes.questions.reporting": "report",
    "scaling_bayes.questions.summaries": "summarise",
    "scaling_bayes.questions.typesetting": "latex_macros to_latex",
    "scaling_bayes.validation.folds": "fold_scores",
    "scaling_bayes.explorer.explore": "explore",
    "scaling_bayes.command.cards": "write_report",
}
_MODULES = {
    "costs": "scaling_bayes.laws.costs",
    "derived": "scaling_bayes.sweeps.derived",
    "figures": "scaling_bayes.figures",
}
_HOME = {name: module for module, names in _PUBLIC.items() for name in names.split()}

__version__ = version("scaling-bayes")
IMPORTED = time.time()
"""When this code was read; a source file that is younger is not what runs."""
__all__ = ["__version__", *_MODULES, *_HOME]


def __getattr__(name: str) -> Any:
    """Load a public name from its module when it is first used, so that importing the package is fast."""
    if name in _MODULES:
        return import_module(_MODULES[name])
    if name not in _HOME:
        raise AttributeError(f"module 'scaling_bayes' has no attribute {name!r}")
    value = getattr(import_module(_HOME[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
