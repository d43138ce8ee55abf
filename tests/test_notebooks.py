"""Every notebook runs from top to bottom, with few draws; the committed outputs are made with the values it shows."""

from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

NOTEBOOKS = sorted((Path(__file__).parents[1] / "notebooks").glob("*.ipynb"))
TABLES = {
    "01_from_sweep_to_extrapolation": ("chinchilla", "loss-to-loss"),
    "03_the_catalogue": ("parscale", "datablations"),
    "04_which_corpus": ("datadecide", "laion-runs"),
    "10_figures_of_the_paper": ("chinchilla", "porian", "loss-to-loss", "laion-runs", "overtraining", "datablations"),
}
DRAWING = ("sns.relplot(", "sns.heatmap(", "sb.figures.plot_")
"""Calls that end a cell with a picture, ours and seaborn's."""

FAST = {"draws": 60, "warmup": 100, "resamples": 100, "figures": repr("figures")}
"""What stands in for the values of the cell tagged ``parameters``."""

LARGE = (
    "02_a_sweep_done_right",
    "04_which_corpus",
    "05_allocation",
    "06_what_to_train_next",
    "10_figures_of_the_paper",
)
"""Notebooks that `make test-all` runs; the fast tests keep within their minutes without them."""


@pytest.mark.parametrize(
    "path",
    [pytest.param(p, marks=[pytest.mark.slow] if p.stem in LARGE else [], id=p.stem) for p in NOTEBOOKS],
)
def test_notebook_runs(path, requires_table, tmp_path, monkeypatch):
    monkeypatch.delenv("MPLBACKEND", raising=False)  # the kernel's own: pictures in the cells
    for table in TABLES.get(path.stem, ()):
        requires_table(table)
    notebook = nbformat.read(path, as_version=4)
    (chosen,) = [cell for cell in notebook.cells if "parameters" in cell.metadata.get("tags", [])]
    chosen.source = "\n".join(f"{name} = {value}" for name, value in FAST.items() if name in chosen.source)
    NotebookClient(notebook, timeout=900, resources={"metadata": {"path": str(tmp_path)}}).execute()
    drawn = [cell for cell in notebook.cells if any(word in cell.source for word in DRAWING)]
    assert all("image/png" in cell.outputs[-1].get("data", {}) for cell in drawn)


def test_there_are_notebooks():
    assert NOTEBOOKS
