"""Numbers of the allocation panel against `allocate`, and its costs."""

import numpy as np
import pytest

import scaling_bayes as sb
from scaling_bayes.explorer.allocation import SHOWN, Allocation
from scaling_bayes.explorer.splitting import COSTS

DRAWS = ("chain", "draw")
ENDS = {"_lower": 0.05, "": 0.5, "_upper": 0.95}


@pytest.fixture
def panel(subject):
    return Allocation(subject, groups=["web"])


def expect(found, wanted, names, rtol):
    for name in names:
        levels = wanted[name].quantile(list(ENDS.values()), DRAWS).values.ravel()
        np.testing.assert_allclose([found[f"{name}{end}"] for end in ENDS], levels, rtol=rtol, err_msg=name)


@pytest.mark.parametrize("cost", COSTS)
def test_the_best_split_is_that_of_allocate(panel, posterior, cost):
    panel.cost, panel.budget = cost, 1e22
    wanted = sb.allocate(posterior, 1e22, cost=panel.price(), at={"corpus": "web"})
    row = panel.answer().loc["web"]
    expect(row, wanted, [*SHOWN, "loss"], 5e-3)
    for name in ("N_low", "N_high", "extrapolation"):
        assert row[name] == pytest.approx(float(wanted[name].median()), rel=0.01)
    assert panel.price().name in panel.view["scene"]["summary"]


def test_the_region_follows_eps_and_serving_makes_networks_smaller(panel):
    narrow = panel.answer().loc["web"]
    panel.eps = 0.02
    wide = panel.answer().loc["web"]
    assert wide["N_low"] < narrow["N_low"] < narrow["N_opt"] < narrow["N_high"] < wide["N_high"]
    assert "within 2 % of the lowest" in str(panel.view["scene"]["legend"])
    names = [c["name"] for c in panel.view["scene"]["controls"]]
    panel.cost = "6 N D + serving"
    assert panel.answer().loc["web", "N_opt"] < narrow["N_opt"]
    assert "served" in [c["name"] for c in panel.view["scene"]["controls"]]
    assert "served" not in names


def test_what_is_seen_is_what_is_answered(panel):
    row, (left, right) = panel.answer().loc["web"], panel.view["scene"]["plots"]
    (optimum,) = [m for m in left["marks"] if m["kind"] == "points" and m["colour"] == "ink"]
    numbers = np.frombuffer(panel.view["data"], "<f4")
    assert numbers[optimum["x"][0]] == pytest.approx(row["N_opt"], rel=1e-6)
    assert numbers[optimum["y"][0]] == pytest.approx(row["loss"], rel=1e-2)
    (rule,) = [m for m in right["marks"] if m["kind"] == "rule"]
    assert (rule["drag"], rule["x"]) == ("budget", panel.budget)
    assert {ax.get_title() for ax in panel.figure().axes} == {"web"}


def test_a_moving_budget_is_thinned_and_all_draws_are_back_when_it_stops(panel, monkeypatch):
    monkeypatch.setattr("scaling_bayes.explorer.splitting.MOVING", 1)
    monkeypatch.setattr("scaling_bayes.explorer.splitting.LEAST", 10)
    panel.groups = ["code"]
    panel.asked = {"name": "budget", "value": 1e22, "moving": True}
    assert "Moving: 10 of all draws" in panel.view["scene"]["summary"]
    panel.asked = {"name": "budget", "value": 1e22, "moving": False}
    assert "Moving" not in panel.view["scene"]["summary"]


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("cost", "6ND", "cost='6ND' is none of the choices"),
        ("shown", "N_opts", "shown='N_opts' is none of these: did you mean 'N_opt'"),
        ("groups", ["wbe"], "'wbe' is no group of this posterior"),
        ("budget", -1.0, "budget is a positive number"),
    ],
)
def test_wrong_state_is_refused(panel, name, value, message):
    with pytest.raises(Exception, match=message):
        setattr(panel, name, value)
