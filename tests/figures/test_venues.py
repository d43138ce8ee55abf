"""Width, letters and sizes by venue; the house style comes back."""

import pytest

from scaling_bayes.figures import list_venues, plot_laws, save_figure, venue
from scaling_bayes.figures.canvas import new_figure
from scaling_bayes.figures.venues import HOUSE, page


@pytest.mark.parametrize("name", list_venues())
def test_every_venue_has_a_width_and_letters(name):
    with venue(name) as made:
        assert 4.5 < made.inches < 7.5 or name == "tue_ai_thesis"
        assert 0.8 < made.scale < 1.7
    assert page() == HOUSE


@pytest.mark.parametrize(
    ("name", "column", "width", "ticks"),
    [("neurips2024", False, 5.5, 7.0), ("icml2024", False, 6.75, 6.0), ("icml2024", True, 3.25, 6.0)],
)
def test_a_figure_has_the_venues_size(name, column, width, ticks, tmp_path):
    with venue(name, column=column):
        fig = plot_laws(["chinchilla"])
        with new_figure(2.0) as other:
            ax = other.add_subplot()
            ax.set_xlabel("compute")
    assert fig.get_size_inches()[0] == other.get_size_inches()[0] == pytest.approx(width)
    assert ax.get_xticklabels()[0].get_fontsize() == pytest.approx(ticks)
    assert ax.xaxis.label.get_fontfamily() == ["STIXGeneral"]
    (pdf,) = save_figure(other, tmp_path / "figure", kinds=["pdf"])
    assert b"STIXGeneral" in pdf.read_bytes()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"name": "neurips2042"}, "no venue 'neurips2042'"),
        ({"name": "neurips2024", "column": True}, "has one column"),
        ({"name": "icml2024", "family": "gothic"}, "sans, serif"),
    ],
)
def test_what_is_unknown_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message), venue(**arguments):
        pass
    assert page() == HOUSE


def test_the_house_style_returns_after_an_error():
    with pytest.raises(RuntimeError), venue("icml2024"):
        raise RuntimeError
    assert page() == HOUSE
