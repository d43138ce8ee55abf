"""Every notebook runs from top to bottom: with few draws, and as it stands, which is how its outputs were made."""

import ast
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

NOTEBOOKS = sorted((Path(__file__).parents[1] / "notebooks").glob("*.ipynb"))
TABLES = {
    "01_from_sweep_to_extrapolation": ("chinchilla", "loss-to-loss"),
    "03_the_catalogue": ("parscale", "datablations"),
    "04_which_corpus": ("datadecide", "laion-runs"),
    "05_allocation": ("chinchilla", "porian"),
    "10_figures_of_the_paper": ("chinchilla", "porian", "loss-to-loss", "laion-runs", "overtraining", "datablations"),
}
DRAWING = ("sns.relplot(", "sns.heatmap(", "sb.figures.plot_")
"""Calls that end a cell with a picture, ours and seaborn's."""

FAST = {"draws": 20, "warmup": 30, "resamples": 40, "discrepancy": None, "figures": "figures"}
WHOLE = {"figures": "figures"}
"""What stands in for values of the cell tagged ``parameters``."""

LARGE = ("10_figures_of_the_paper",)
"""Notebooks that `make test` leaves out: ten fits in all."""


@pytest.fixture
def run_notebook(requires_table, tmp_path, monkeypatch):
    """Execute every cell in order; `values` replace those of its parameters that have their names."""
    monkeypatch.delenv("MPLBACKEND", raising=False)  # the kernel's own: pictures in the cells

    def run(path, values):
        for table in TABLES.get(path.stem, ()):
            requires_table(table)
        notebook = nbformat.read(path, as_version=4)
        (chosen,) = [cell for cell in notebook.cells if "parameters" in cell.metadata.get("tags", [])]
        known = {node.id for node in ast.walk(ast.parse(chosen.source)) if isinstance(node, ast.Name)}
        chosen.source += "".join(f"\n{name} = {value!r}" for name, value in values.items() if name in known)
        NotebookClient(notebook, timeout=1800, resources={"metadata": {"path": str(tmp_path)}}).execute()
        drawn = [cell for cell in notebook.cells if any(word in cell.source for word in DRAWING)]
        assert all("image/png" in cell.outputs[-1].get("data", {}) for cell in drawn)

    return run


@pytest.mark.parametrize("path", [p for p in NOTEBOOKS if p.stem not in LARGE], ids=lambda path: path.stem)
def test_notebook_runs_with_few_draws(path, run_notebook):
    run_notebook(path, FAST)


@pytest.mark.slow
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_runs_as_it_stands(path, run_notebook):
    run_notebook(path, WHOLE)


def test_there_are_notebooks():
    assert NOTEBOOKS
