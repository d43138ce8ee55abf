"""What the page of checks shows of an answer whose numbers are known."""

import numpy as np
import pytest

import scaling_bayes as sb
from scaling_bayes.figures import FigureError, plot_check
from scaling_bayes.figures.style import BAD, GOOD, INK

RESIDUALS, PIT, FIRST, SECOND, CONTRACTION, TABLE, FINDINGS = range(7)


@pytest.fixture(scope="module")
def page(checked):
    return plot_check(checked)


def words(ax):
    return [text.get_text() for text in ax.texts]


def test_residuals_are_drawn_run_by_run(page, checked):
    ax = page.axes[RESIDUALS]
    drawn = np.concatenate([line.get_ydata() for line in ax.lines if line.get_label() in ("code", "web")])
    assert np.sort(drawn) == pytest.approx(np.sort(checked["residual"].values))
    assert ax.get_xlabel() == "training compute $C$ (FLOP)"
    assert [t.get_text() for t in page.legends[0].get_texts()][:2] == ["code", "web"]


def test_flagged_runs_are_ringed(checked):
    flags = np.where(checked["residual"].values > 8, "diverged", "")
    fig = plot_check(checked.assign_coords(flag=("run", flags)))
    rings = [line for line in fig.axes[RESIDUALS].lines if line.get_label() == "flagged"]
    assert sum(len(ring.get_xdata()) for ring in rings) == (flags != "").sum() > 0
    assert "flagged" in [text.get_text() for text in fig.legends[0].get_texts()]


@pytest.mark.parametrize(("power", "outside"), [(1.0, False), (6.0, True)])
def test_pit_outside_its_band_is_vermilion(checked, power, outside):
    values = np.linspace(0.01, 0.99, checked.sizes["run"]) ** power
    ax = plot_check(checked.assign(pit=("run", values))).axes[PIT]
    bars = [patch for patch in ax.patches if patch.get_y() == 0 and patch.get_width() < 0.5]
    assert sum(bar.get_height() for bar in bars) == checked.sizes["run"]
    assert any(np.allclose(bar.get_facecolor()[:3], hex_colour(BAD)) for bar in bars) == outside


def hex_colour(colour):
    return tuple(int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))


def test_statistics_say_p_and_colour_the_extreme(page, checked):
    for ax, p, colour in zip(page.axes[FIRST : SECOND + 1], checked["p_value"].values, (GOOD, BAD), strict=True):
        (said,) = [text for text in ax.texts if text.get_text().startswith("p =")]
        assert said.get_text() == f"p = {p:.3f}"
        assert said.get_color() == colour
    assert page.axes[FIRST].get_title().replace("\n", " ") == "sign changes along the scale"


def test_a_fixed_parameter_has_no_contraction(checked):
    values = np.where(np.arange(checked.sizes["quantity"]) == 0, np.nan, checked["contraction"].values)
    ax = plot_check(checked.assign(contraction=("quantity", values))).axes[CONTRACTION]
    assert np.isfinite(ax.get_xlim()).all()


def test_contraction_is_a_dot_for_each_parameter_and_group(page):
    ax = page.axes[CONTRACTION]
    dots = {(line.get_label(), round(line.get_ydata()[0])): line.get_xdata()[0] for line in ax.lines[:4]}
    assert dots == {("code", 0): 0.9, ("web", 0): 0.3, ("code", 1): 0.8, ("web", 1): 0.7}
    assert [label.get_text() for label in ax.get_yticklabels()] == ["$E$", r"$\alpha$"]
    assert 0.5 in [line.get_xdata()[0] for line in ax.lines[4:]]


def test_gates_are_a_table(page, checked):
    said = words(page.axes[TABLE])
    assert said[:4] == ["sampler gate", "value", "limit", "passed"]
    assert said[8:12] == ["bulk ESS", "120", "400", "NO"]
    colours = {text.get_text(): text.get_color() for text in page.axes[TABLE].texts}
    assert (colours["R-hat"], colours["bulk ESS"]) == (INK, BAD)


def test_findings_are_written_out(page):
    assert words(page.axes[FINDINGS]) == ["• The sampler failed its gates: bulk ESS."]


@pytest.mark.parametrize("findings", [1, 4, 12])
def test_there_is_room_for_any_number_of_findings(checked, findings):
    fig = plot_check(checked.isel(finding=[0] * findings))  # a layout that collapses warns
    boxes = [ax.get_position() for ax in fig.axes]
    assert all(box.width > 0.1 and box.height > 0.02 for box in boxes)
    assert boxes[RESIDUALS].x1 < boxes[PIT].x0
    assert boxes[RESIDUALS].y0 > boxes[FIRST].y1 > boxes[CONTRACTION].y1 > boxes[FINDINGS].y1


def test_baseline_says_what_it_does_not_have(posterior):
    fig = plot_check(sb.check(posterior))
    said = [word for ax in fig.axes for word in words(ax)]
    assert "no sampler, so no gates" in said
    assert "no prior was saved: contraction is not known" in said


def test_unknown_group_is_refused(checked):
    with pytest.raises(FigureError, match="did you mean 'corpus'"):
        plot_check(checked, hue="corpsu")
