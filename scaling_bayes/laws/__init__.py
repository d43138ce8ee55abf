"""Scaling laws as formulas: read safely, written once, evaluated with NumPy, xarray and JAX."""

from scaling_bayes.laws.catalogue import CATALOGUE, law, list_laws
from scaling_bayes.laws.functions import FUNCTIONS
from scaling_bayes.laws.law import Law, Source
from scaling_bayes.laws.reader import FormulaError, read_formula
from scaling_bayes.laws.roles import ROLES, Role, RoleError

__all__ = [
    "CATALOGUE",
    "FUNCTIONS",
    "ROLES",
    "FormulaError",
    "Law",
    "Role",
    "RoleError",
    "Source",
    "law",
    "list_laws",
    "read_formula",
]
