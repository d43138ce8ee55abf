"""The gallery shows every kind of figure, and says what each is."""

from pathlib import Path

import pytest

from scaling_bayes import figures, gallery


@pytest.mark.parametrize("plot", [name for name in figures.__all__ if name.startswith("plot_")])
def test_every_kind_of_figure_is_shown(plot):
    assert f"figures.{plot}(" in Path(gallery.__file__).read_text("utf-8")


@pytest.mark.parametrize("name", gallery.BUILDS)
def test_every_figure_has_a_caption_on_the_page(name):
    assert f"## {name}\n\n{gallery.BUILDS[name].__doc__}" in gallery.write_page()


def test_a_figure_is_written_with_its_numbers_and_its_source(tmp_path):
    written = gallery.write_gallery(tmp_path / "figures", ["sweep"])
    assert [path.name for path in written] == ["sweep.pdf", "sweep.png", "sweep.csv", "sweep.json"]


def test_an_unknown_figure_is_refused(tmp_path):
    with pytest.raises(figures.FigureError, match="no figure portrait"):
        gallery.write_gallery(tmp_path, ["portrait"])
