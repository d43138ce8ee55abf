"""The field's words and units, and refusals that name what was probably meant."""

from scaling_bayes.symbols.units import MULTIPLIERS, UNITS, unit_factor
from scaling_bayes.symbols.words import (
    COUNTING,
    COVARIATES,
    FLOP_RULES,
    GROUPS,
    REPLICATE,
    RESPONSES,
    RISING,
    SAMPLE,
    UNSTATED,
    SweepError,
    SweepWarning,
    Symbol,
    latex,
    one_of,
    sense_of,
    suggest,
)

__all__ = [
    "COUNTING",
    "COVARIATES",
    "FLOP_RULES",
    "GROUPS",
    "MULTIPLIERS",
    "REPLICATE",
    "RESPONSES",
    "RISING",
    "SAMPLE",
    "UNITS",
    "UNSTATED",
    "SweepError",
    "SweepWarning",
    "Symbol",
    "latex",
    "one_of",
    "sense_of",
    "suggest",
    "unit_factor",
]
