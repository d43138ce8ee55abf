"""The picture of the catalogue: a panel a law, its curves where the law says, coloured by what is known."""

import numpy as np
import pytest

from scaling_bayes.figures import FigureError, plot_laws
from scaling_bayes.figures.laws import COLOURS, EXPLAINED
from scaling_bayes.laws import CATALOGUE, law
from scaling_bayes.laws.catalogue import read_entries
from scaling_bayes.laws.catalogue.illustration import PRIOR, illustrate, span


def test_a_panel_shows_the_law_at_three_values_of_its_second_covariate():
    (ax,) = plot_laws(["chinchilla"]).axes
    numbers = law("chinchilla").reported["Hoffmann et al. 2022"]
    assert len(ax.lines) == 3
    for line, D in zip(ax.lines, (2e9, 2e10, 2e11), strict=True):
        N, loss = line.get_data()
        assert loss == pytest.approx(law("chinchilla").evaluate({**numbers, "N": N, "D": D}))
    assert ax.get_xscale() == "log"
    assert ax.get_xlabel() == "$N$; $D$"


@pytest.mark.parametrize(("name", "kind"), [("farseer", "reported"), ("distillation", "memory"), ("qat", PRIOR)])
def test_colour_and_legend_say_what_is_known(name, kind):
    fig = plot_laws([name])
    assert {line.get_color() for line in fig.axes[0].lines} == {COLOURS[kind]}
    assert [text.get_text() for text in fig.legends[0].get_texts()] == [EXPLAINED[kind]]


@pytest.mark.parametrize("entry", read_entries().values(), ids=read_entries())
def test_every_law_can_be_shown(entry):
    shown = illustrate(entry)
    x = {c: span(entry, c) for c in shown.law.covariates}
    assert shown.parameters.keys() == set(shown.law.parameters)
    assert set(entry.show) <= set(shown.law.covariates)
    assert set(entry.example) <= (set(shown.law.parameters) if shown.trust == PRIOR else set())
    value = shown.law.evaluate({**shown.parameters, **x})
    assert np.isfinite(value).all()
    assert np.ptp(value) > 1e-3 * np.abs(value).max()


def test_an_unknown_law_is_named():
    with pytest.raises(FigureError, match="did you mean 'chinchilla'"):
        plot_laws(["chinchila"])


@pytest.mark.slow
def test_the_whole_catalogue_fits_one_page():
    fig = plot_laws()
    assert [ax.get_title() for ax in fig.axes] == list(CATALOGUE)
    assert fig.get_size_inches()[1] < 9
