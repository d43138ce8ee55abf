"""Priors that are moved: draws, curves and the model that comes of them."""

import numpy as np
import pytest

import scaling_bayes as sb
from scaling_bayes.explorer.priors import QUANTILES, SOME, Priors
from scaling_bayes.explorer.unfitted import Unfitted
from tests.explorer.test_extrapolation import array


@pytest.fixture
def panel(split):
    model = sb.Model(sb.law("chinchilla"), pool=dict.fromkeys(("E", "A", "B"), "corpus"), discrepancy=None)
    return Priors(Unfitted(*split, model=model))


def test_a_slider_gives_the_parameter_its_own_prior_and_fits_nothing(panel):
    before = panel.draws()
    panel.asked = {"name": "centre", "value": 0.5, "moving": False}
    assert list(panel.priors) == ["alpha"]
    after = panel.draws()
    assert np.median(after.group["alpha"]) == pytest.approx(0.5, rel=1e-3)
    np.testing.assert_allclose(after.group["beta"], before.group["beta"])
    panel.asked = {"name": "width", "value": 0.1, "moving": False}
    assert np.std(np.log(panel.draws().group["alpha"])) == pytest.approx(0.1, rel=1e-2)
    assert str(panel.model.priors["alpha"]) == "LogNormal(loc=-0.693147, scale=0.1)"
    assert "sb.fit(panel.model, sweep)" in panel.view["scene"]["summary"]
    panel.asked = {"name": "reset", "value": 1, "moving": False}
    np.testing.assert_allclose(panel.draws().group["alpha"], before.group["alpha"])


def test_bands_on_screen_are_quantiles_of_the_law(panel):
    panel.priors = {"alpha": (0.4, 0.2)}
    plot = panel.view["scene"]["plots"][0]
    band = next(m for m in plot["marks"] if m["kind"] == "band")
    x = array(panel.view, band["x"]).astype(float)
    M = np.median(panel.subject.covariates.fitted["M"])
    columns = {"N": np.sqrt(x / (6 * M)), "D": np.sqrt(x * M / 6)}
    q = np.quantile(panel.draws().curves(columns, SOME), [QUANTILES[0], QUANTILES[-1]], axis=0)
    np.testing.assert_allclose(np.stack([array(panel.view, band[end]) for end in ("low", "high")]), q, rtol=1e-4)


def test_a_moving_prior_is_drawn_with_fewer_draws(panel):
    panel.asked = {"name": "centre", "value": 0.5, "moving": True}
    moving = panel.view
    panel.asked = {"name": "centre", "value": 0.5, "moving": False}
    assert panel.view["data"] != moving["data"]


def test_a_floor_with_its_own_prior_is_the_models(panel):
    panel.parameter = "E"
    panel.asked = {"name": "centre", "value": 2.0, "moving": False}
    assert np.median(panel.draws().population["E"]) == pytest.approx(2.0, rel=1e-3)
    assert panel.answer().loc["E", "prior"].startswith("LogNormal")


@pytest.mark.parametrize(
    ("state", "message"),
    [
        ({"parameter": "alhpa"}, "'alhpa' is no parameter here: did you mean 'alpha'"),
        ({"priors": {"gamma": (1, 1)}}, "'gamma' is no prior here"),
        ({"priors": {"alpha": (-1, 1)}}, "cannot have the centre -1"),
    ],
)
def test_wrong_state_is_refused(panel, state, message):
    with pytest.raises(sb.QuestionError, match=message):
        Priors(panel.subject, **state)


def test_a_sweep_without_a_model_has_no_prior(split):
    with pytest.raises(sb.QuestionError, match=r"sb.explore\(sweep, model="):
        Priors(Unfitted(split[0]))


def test_page_before_a_fit(panel, tmp_path):
    assert "Prior of E + A*N**-alpha" in panel.to_html(tmp_path / "page.html").read_text("utf-8")
    assert panel.priors == {}
    assert len(panel.figure().axes) == 6
