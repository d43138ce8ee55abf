"""Imports go down the floors only, and `import scaling_bayes` stays light."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "scaling_bayes"
HEAVY = {"matplotlib", "seaborn", "ipywidgets", "anywidget", "numpyro", "jax"}

# floor -> the floors below that it may import; `__init__.py` and `__main__.py` of the package stand above them all.
BELOW = {
    "symbols": set(),
    "sweeps": {"symbols"},
    "laws": {"symbols"},
    "model": {"symbols", "sweeps", "laws"},
    "inference": {"symbols", "sweeps", "laws", "model"},
    "questions": {"symbols", "sweeps", "laws"},
    "figures": {"symbols", "sweeps", "laws", "questions"},
    "validation": {"symbols", "sweeps", "laws", "model", "inference", "questions"},
    "explorer": {"symbols", "sweeps", "laws", "model", "inference", "questions", "validation", "figures"},
    "gallery": {"symbols", "sweeps", "laws", "model", "inference", "questions", "validation", "figures"},
}
# The command line uses the package as its users do, by its public names.
BELOW["command"] = {"the package itself", *BELOW}
# library -> the only floors that may import it
RESERVED = {
    "jax": {"laws", "model", "inference", "questions"},
    "numpyro": {"model", "inference"},
    "matplotlib": {"figures", "explorer", "gallery"},
    "seaborn": {"figures", "explorer"},
    "ipywidgets": {"explorer"},
    "anywidget": {"explorer"},
    "typer": {"command"},
}


def imports(source: str, package: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """Dotted names that a module of `package` imports, at whatever depth of its code."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (tuple(alias.name.split(".")) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            named = tuple(node.module.split(".")) if node.module else ()
            yield from ((*base, *named, alias.name) for alias in node.names)


def refusal(floor: str, name: tuple[str, ...]) -> str | None:
    """Why a module on `floor` may not import `name`, or None where it may."""
    library, inner = name[0], (*name[1:], "the package itself")[0]
    if library != "scaling_bayes":
        foreign = floor == "symbols" and library not in sys.stdlib_module_names
        return f"{floor} imports {library}" if foreign or floor not in RESERVED.get(library, {floor}) else None
    if inner not in BELOW[floor] | {floor}:
        return f"{floor} imports {inner}"
    answers_only = floor == "figures" and inner == "questions"
    return f"figures import {'.'.join(name)}, no type" if answers_only and not name[-1][0].isupper() else None


def modules(floor: str) -> list[Path]:
    return [*PACKAGE.glob(f"{floor}.py"), *(PACKAGE / floor).rglob("*.py")]


def test_every_module_stands_on_a_floor():
    everything = {path for path in PACKAGE.rglob("*.py") if path.parent != PACKAGE}
    everything |= {path for path in PACKAGE.glob("*.py") if path.stem not in {"__init__", "__main__"}}
    assert everything == {path for floor in BELOW for path in modules(floor)}


@pytest.mark.parametrize("floor", BELOW)
def test_imports_go_down(floor):
    for path in modules(floor):
        package = path.relative_to(PACKAGE.parent).parent.parts
        refused = [reason for name in imports(path.read_text("utf-8"), package) if (reason := refusal(floor, name))]
        assert not refused, f"{path.relative_to(PACKAGE)}: {'; '.join(refused)}"


@pytest.mark.parametrize(
    ("floor", "line", "allowed"),
    [
        ("symbols", "import math", True),
        ("symbols", "import numpy", False),
        ("sweeps", "from ..laws import law", False),
        ("sweeps", "from . import checks", True),
        ("laws", "def f():\n    from .. import sweeps", False),
        ("laws", "import jax.numpy as jnp", True),
        ("model", "from ..inference.sampling import fit", False),
        ("inference", "import scaling_bayes as sb", False),
        ("questions", "from numpyro.infer import Predictive", False),
        ("questions", "from scaling_bayes.model import Model", False),
        ("inference", "from ..questions.scoring import score", False),
        ("inference", "from ..validation.folds import fold_scores", False),
        ("questions", "from ..validation.folds import fold_scores", False),
        ("validation", "from ..questions.scoring import score", True),
        ("validation", "from ..figures import plot_folds", False),
        ("figures", "from ..questions.reporting import Report", True),
        ("figures", "from ..questions import compare", False),
        ("explorer", "import ipywidgets", True),
        ("explorer", "from ..command.cards import write_report", False),
        ("command", "import scaling_bayes as sb", True),
        ("command", "from ..questions.points import read_record", True),
        ("command", "import matplotlib", False),
        ("questions", "import typer", False),
    ],
)
def test_rules_hold_where_they_should(floor, line, allowed):
    (name,) = imports(line, ("scaling_bayes", floor) if floor != "symbols" else ("scaling_bayes",))
    assert (refusal(floor, name) is None) == allowed


def test_importing_the_package_loads_nothing_heavy():
    script = f"import sys, scaling_bayes; print(*sorted({HEAVY} & set(sys.modules)))"
    loaded = subprocess.check_output([sys.executable, "-c", script], text=True, cwd=PACKAGE.parent)
    assert loaded.split() == []
