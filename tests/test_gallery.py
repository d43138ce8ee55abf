"""The gallery shows every kind of figure, and says what each is."""

from pathlib import Path

import pytest

from scaling_bayes import figures, gallery

FOLDER = Path(__file__).parents[1] / "docs" / "figures"


@pytest.mark.parametrize("plot", [name for name in figures.__all__ if name.startswith("plot_")])
def test_every_kind_of_figure_is_shown(plot):
    assert f"figures.{plot}(" in Path(gallery.builds.__file__).read_text("utf-8")


@pytest.mark.parametrize("name", gallery.BUILDS)
def test_every_figure_has_a_caption_on_the_page(name):
    assert f"## {name}\n\n{gallery.BUILDS[name].__doc__}" in gallery.write_page()


def test_the_page_in_the_repository_is_in_step_and_small():
    page = FOLDER / "README.md"
    assert page.read_text("utf-8") == gallery.write_page(), "run python -m scaling_bayes.gallery docs/figures"
    pictures = {path.stem: path.stat().st_size for path in FOLDER.glob("*.png")}
    assert pictures.keys() == gallery.BUILDS.keys()
    assert sum(pictures.values()) < 3e6


@pytest.mark.parametrize("name", gallery.BUILDS)
def test_the_call_of_a_figure_is_on_the_page(name):
    assert gallery.read_call(gallery.BUILDS[name]).startswith("figures.plot_")


def test_a_figure_is_written_with_its_numbers_and_its_source(tmp_path):
    written = gallery.write_gallery(tmp_path / "figures", ["sweep"])
    assert [path.name for path in written] == ["sweep.pdf", "sweep.png", "sweep.csv", "sweep.json"]


def test_an_unknown_figure_is_refused(tmp_path):
    with pytest.raises(figures.FigureError, match="no figure portrait"):
        gallery.write_gallery(tmp_path, ["portrait"])
