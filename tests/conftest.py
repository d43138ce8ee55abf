"""Public tables for tests that need them: found on this machine or the test is skipped, never fetched."""

import os
import tomllib
from collections.abc import Callable
from pathlib import Path

import pooch
import pytest

os.environ["MPLBACKEND"] = "Agg"  # figures are drawn without a screen, also in the notebooks' kernels

CARDS = Path(__file__).parents[1] / "data"
MIRROR = "SCALING_BAYES_MIRROR"

LONGEST = ("test_notebooks.py", "test_readme.py", "test_transport.py")
"""Files that begin first, so that no process is left alone with one of them in the end."""


def why_absent(name: str) -> str | None:
    """Say which files of catalogue entry `name` are not on this machine, or None where all are."""
    card = tomllib.loads((CARDS / name / "card.toml").read_text("utf-8"))
    places = [CARDS / name, pooch.os_cache("scaling_bayes")]
    if mirror := os.environ.get(MIRROR):
        places.append(Path(mirror))
    needed = [entry["name"] for entry in card.get("files", ())]
    absent = [file for file in needed if not any((place / file).is_file() for place in places)]
    if not absent:
        return None
    return f"public table {name!r}: {', '.join(absent)} is neither below ${MIRROR} nor in the download cache"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: item.path.name not in LONGEST)


def pytest_runtest_setup(item: pytest.Item) -> None:
    for mark in item.iter_markers("needs_table"):
        if reason := why_absent(*mark.args):
            pytest.skip(reason)


@pytest.fixture(scope="session")
def requires_table() -> Callable[[str], None]:
    """`requires_table(name)` skips the test where the marker `needs_table(name)` comes too early to know the name."""

    def skip_where_absent(name: str) -> None:
        if reason := why_absent(name):
            pytest.skip(reason)

    return skip_where_absent


@pytest.fixture(scope="session")
def mirror() -> Path:
    """The folder that holds the public tables, one folder for each."""
    folder = Path(os.environ.get(MIRROR) or "-")
    if not folder.is_dir():
        pytest.skip(f"${MIRROR} names no folder of public tables")
    return folder
