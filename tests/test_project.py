"""The project's own shape: packages, commands, notebooks, sizes and the shop window."""

import doctest
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from types import ModuleType

import nbformat
import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

import scaling_bayes

ROOT = Path(__file__).parents[1]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
CONDA_NAMES = {"matplotlib": "matplotlib-base", "seaborn": "seaborn-base"}  # the same library without a GUI toolkit
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
MODULES = sorted((ROOT / "scaling_bayes").rglob("*.py"))


def relative(path: Path) -> str:
    return str(path.relative_to(ROOT))


def requirements(*extras: str) -> list[Requirement]:
    project = PYPROJECT["project"]
    listed = [*project["dependencies"], *(line for extra in extras for line in project["optional-dependencies"][extra])]
    return [Requirement(line) for line in listed]


# Packages


def test_conda_environment_is_in_step():
    listed = yaml.safe_load((ROOT / "environment.yml").read_text("utf-8"))["dependencies"]
    needs = [Requirement(line) for line in listed if isinstance(line, str)]
    conda = {need.name: need.specifier for need in needs}
    expected = {CONDA_NAMES.get(need.name, need.name): need.specifier for need in requirements("test", "lint")}
    expected["python"] = Requirement(f"python{PYPROJECT['project']['requires-python']}").specifier
    expected["pip"] = SpecifierSet()
    assert len(needs) == len(conda)
    assert conda == expected
    assert [line["pip"] for line in listed if isinstance(line, dict)] == [["-e ."]]


LOCK = (ROOT / "requirements.lock").read_text("utf-8")
LOCKED = re.findall(r"^(\S+)==(\S+)(.*(?:\n    --hash=.*)*)", LOCK, flags=re.MULTILINE)


def test_lock_holds_only_pinned_hashed_requirements():
    pins = [line for line in LOCK.splitlines() if line and not line.startswith((" ", "#"))]
    assert len(LOCKED) == len(pins) > 100
    assert [name for name, _, rest in LOCKED if not re.search(r"--hash=sha256:[0-9a-f]{64}\b", rest)] == []


def test_lock_names_no_address():
    assert "://" not in LOCK


@pytest.mark.parametrize(
    "need",
    [*requirements("test", "lint"), *map(Requirement, PYPROJECT["dependency-groups"]["build"])],
    ids=lambda need: need.name,
)
def test_lock_meets_every_bound(need):
    versions = [Version(version) for name, version, _ in LOCKED if name == canonicalize_name(need.name)]
    assert versions, f"{need} is not in requirements.lock: run `make lock`"
    assert all(version in need.specifier for version in versions), f"locked {need.name} {versions} does not meet {need}"


def test_build_backend_is_locked_for_the_offline_build():
    assert set(PYPROJECT["build-system"]["requires"]) <= set(PYPROJECT["dependency-groups"]["build"])


# Commands

MAKEFILE = (ROOT / "Makefile").read_text("utf-8")
TARGETS = set(re.findall(r"^([a-z-]+):.* ## \S", MAKEFILE, flags=re.MULTILINE))


def test_every_command_of_the_makefile_is_explained():
    phony = re.search(r"^\.PHONY: (.+)", MAKEFILE, flags=re.MULTILINE)
    assert {"run", "test"} <= TARGETS == set(phony[1].split())


def test_readme_names_only_commands_that_exist():
    code = "\n".join(re.findall(r"```.*?```|`[^`\n]+`", (ROOT / "README.md").read_text("utf-8"), flags=re.DOTALL))
    assert set(re.findall(r"(?:^|[`$;&] ?)make ([a-z-]+)", code, flags=re.MULTILINE)) <= TARGETS


needs_make = pytest.mark.skipif(not shutil.which("make") or os.name != "posix", reason="needs make and a POSIX shell")


def make_on_a_bare_machine(folder: Path, interpreters: dict[str, str]) -> subprocess.CompletedProcess:
    """Run `make run` where PATH holds `make` and nothing but `interpreters` (name -> shell script)."""
    for name in ("Makefile", "pyproject.toml", "requirements.lock"):
        shutil.copy(ROOT / name, folder)
    tools = folder / "bin"
    tools.mkdir()
    (tools / "make").symlink_to(str(shutil.which("make")))
    for name, script in interpreters.items():
        (tools / name).write_text(f"#!/bin/sh\n{script}\n")
        (tools / name).chmod(0o755)
    bare = {"PATH": str(tools), "HOME": str(folder)}
    return subprocess.run(["make", "run"], cwd=folder, env=bare, capture_output=True, text=True, check=False)


@needs_make
def test_no_usable_python_is_said_in_one_sentence(tmp_path):
    done = make_on_a_bare_machine(
        tmp_path, {"python3.12": "echo 'pyenv: not found' >&2; exit 127", "python3": "exit 1"}
    )
    said = [line for line in done.stderr.splitlines() if not line.startswith("make")]
    assert done.returncode != 0
    assert len(said) == 1
    assert said[0].startswith("No Python >= 3.12")


@needs_make
def test_first_python_that_runs_is_taken_whatever_its_name(tmp_path):
    working = f'[ "$1" = -m ] && {{ echo "made by $0: $*"; exit 1; }}; exec "{sys.executable}" "$@"'
    done = make_on_a_bare_machine(tmp_path, {"python3.13": "exit 127", "python3.12": "exit 127", "python3": working})
    assert re.search(r"made by \S*python3: -m venv --clear \.venv", done.stdout), done.stderr


# Files


@pytest.mark.parametrize("path", MODULES, ids=relative)
def test_module_is_short(path):
    assert len(path.read_text("utf-8").splitlines()) <= 350
    assert path.stem not in {"utils", "helpers", "common", "misc"}


@pytest.mark.parametrize("path", NOTEBOOKS, ids=relative)
def test_notebook_is_saved_in_order_and_holds_calls_only(path):
    cells = [cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    assert [output.ename for cell in cells for output in cell.outputs if output.output_type == "error"] == []
    assert [cell.source for cell in cells if re.search(r"^\s*(async def|def|class)\b", cell.source, re.MULTILINE)] == []
    assert max((len(cell.source.splitlines()) for cell in cells), default=0) <= 15
    assert path.stat().st_size < 1_000_000


@pytest.mark.parametrize("name", getattr(scaling_bayes, "__all__", ()))
def test_public_name_is_documented_with_an_example(name):
    thing = getattr(scaling_bayes, name)
    if name.startswith("__"):
        pytest.skip("a constant of the package, such as its version")
    assert thing.__doc__, f"scaling_bayes.{name} has no docstring"
    if not (isinstance(thing, ModuleType) or (isinstance(thing, type) and issubclass(thing, Exception))):
        assert "Examples\n" in thing.__doc__, f"scaling_bayes.{name} has no Examples section"
        assert doctest.DocTestParser().get_examples(thing.__doc__), f"the example of scaling_bayes.{name} does not run"
