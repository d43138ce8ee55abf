"""What a model says of itself and what it refuses before any data."""

import json
from dataclasses import fields, replace

import numpy as np
import numpyro.distributions as dist
import pytest

from scaling_bayes.laws import Law, law
from scaling_bayes.model import (
    BetaBinomial,
    Discrepancy,
    Fixed,
    Laplace,
    Model,
    Normal,
    Partial,
    Separate,
    Shared,
    StudentT,
)

REFUSED = {
    "a law by name": (lambda: Model("chinchilla"), TypeError, ["sb.law('chinchilla')"]),
    "an axis without its name": (lambda: Normal("C"), TypeError, ["positional"]),
    "a word for measured": (lambda: Normal(measured="yes"), ValueError, ["'auto', True or False", "'yes'"]),
    "no questions": (lambda: BetaBinomial(0), ValueError, ["number of questions", "0"]),
    "chance above one": (lambda: BetaBinomial(10, chance=1.5), ValueError, ["error of guessing", "1.5"]),
    "a measured count": (lambda: BetaBinomial(10, measured=True), ValueError, ["leave measured out"]),
    "an empty within": (lambda: Laplace(within=""), ValueError, ["name of a coordinate", "''"]),
    "a pool without parameters": (lambda: Model(law("power"), pool="corpus"), TypeError, ["mapping", "'corpus'"]),
    "priors without parameters": (lambda: Model(law("power"), priors=[1]), TypeError, ["priors is a mapping", "[1]"]),
    "a noise by name": (lambda: Model(law("power"), noise="normal"), TypeError, ["StudentT()", "'normal'"]),
    "an unknown discrepancy": (lambda: Model(law("power"), discrepancy="yes"), ValueError, ["'auto'", "'yes'"]),
    "a pooled stranger": (lambda: Model(law("power"), pool={"E": "corpus"}), ValueError, ["['E']", "A, alpha"]),
    "a prior of a stranger": (
        lambda: Model(law("power"), priors={"E": dist.Normal(0.0, 1.0)}),
        ValueError,
        ["['E']", "A, alpha"],
    ),
    "a prior that is a number": (lambda: Model(law("power"), priors={"A": 1.0}), TypeError, ["numpyro.distributions"]),
    "a prior with walls": (
        lambda: Model(law("power"), priors={"alpha": dist.Uniform(0.1, 0.5)}),
        ValueError,
        ["'alpha'", "wall", "LogNormal"],
    ),
    "fixed and with a prior": (
        lambda: Model(law("power"), pool={"alpha": 0.5}, priors={"alpha": dist.LogNormal(-1.0, 1.0)}),
        ValueError,
        ["['alpha']", "fixed"],
    ),
    "an exponent below 0": (lambda: Model(law("power"), pool={"alpha": -0.5}), ValueError, ["-0.5", "exponent"]),
    "a share above 1": (
        lambda: Model(Law("p*N**-alpha", roles={"p": "fraction"}), pool={"p": 1.5}),
        ValueError,
        ["1.5", "fraction"],
    ),
    "an unknown part": (lambda: Discrepancy(parts=("mine",)), ValueError, ["common", "mine"]),
    "no part": (lambda: Discrepancy(parts=()), ValueError, ["common"]),
    "a spread of 0": (lambda: Discrepancy(spread=0.0), ValueError, ["above 0"]),
    "an axis twice": (lambda: Discrepancy(along=("C", "C")), ValueError, ["distinct"]),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_model_is_refused_with_what_was_found(case):
    make, error, fragments = REFUSED[case]
    with pytest.raises(error) as caught:
        make()
    for fragment in fragments:
        assert fragment in str(caught.value)


def test_the_table_shows_role_prior_and_pooling():
    model = Model(
        law("chinchilla"),
        pool={"E": "corpus", "A": Separate("corpus"), "beta": 0.3},
        priors={"alpha": dist.LogNormal(-1.0, 0.2)},
    )
    table = model.table()
    assert list(table.index) == ["E", "A", "alpha", "B", "beta"]
    assert table["pooling"].to_dict() == {
        "E": "Partial(corpus)",
        "A": "Separate(corpus)",
        "alpha": "Shared()",
        "B": "Shared()",
        "beta": "Fixed(0.3)",
    }
    assert table.loc["alpha", "prior"] == "LogNormal(loc=-1, scale=0.2)"
    assert table.loc["beta", "prior"] == "none"
    assert table.loc["E", "role"] == "floor"


def test_a_model_is_a_value():
    model = Model(law("power"), pool={"A": "corpus"}, priors={"alpha": dist.LogNormal(-1.0, 0.2)})
    assert model == Model(law("power"), pool={"A": Partial("corpus"), "alpha": Shared()}, priors=model.priors)
    changed = replace(model, noise=Normal(), discrepancy=None)
    assert (changed.pool, changed.priors) == (model.pool, model.priors)
    assert changed != model


MODELS = {
    "the default": Model(law("chinchilla")),
    "the baseline's": Model(law("power"), noise=Normal(), discrepancy=None),
    "every pooling": Model(
        law("chinchilla"),
        pool={"E": ("corpus", "architecture"), "A": Separate("corpus"), "B": "corpus", "alpha": Shared(), "beta": 0.3},
    ),
    "a switched-off floor": Model(law("power_offset"), pool={"E": 0}),
    "priors": Model(law("power"), priors={"alpha": dist.LogNormal(-1.0, 0.1 + 0.2), "A": dist.Gamma(2.0, 1 / 3)}),
    "noise along an axis": Model(law("power"), noise=StudentT(along="C")),
    "one spread": Model(law("power"), noise=StudentT(along=None)),
    "a named drift": Model(law("chinchilla"), discrepancy=Discrepancy(along=("C", "D/N"), parts=["own"])),
    "a drift's spread": Model(law("power"), discrepancy=Discrepancy(spread=np.float32(0.02))),
    "a formula with roles": Model(
        Law("a + b*x**-c", roles={"a": "floor", "b": "level", "c": "exponent"}, covariates="x")
    ),
}


@pytest.mark.parametrize("name", MODELS)
def test_a_model_comes_back_from_its_text(name):
    model = MODELS[name]
    again = Model.from_json(model.to_json())
    assert again == model
    assert again.to_json() == model.to_json()
    assert again.law.roles == model.law.roles


def test_the_text_holds_every_field_of_a_model():
    assert json.loads(MODELS["the default"].to_json()).keys() == {field.name for field in fields(Model)}


def test_models_that_differ_have_texts_that_differ():
    assert len({model.to_json() for model in MODELS.values()}) == len(MODELS)


FORGED = {
    "a pooling": (lambda s: s["pool"]["A"].update(kind="eval"), ValueError, "the kind 'eval'"),
    "a noise": (lambda s: s["noise"].update(kind="eval"), ValueError, "the kind 'eval'"),
    "a prior": (lambda s: s["priors"].update(A={"name": "constraints", "arguments": {}}), TypeError, "'constraints'"),
    "a formula": (lambda s: s["law"].update(formula="__import__('os')"), ValueError, "column"),
}


@pytest.mark.parametrize("case", FORGED)
def test_a_forged_text_is_refused(case):
    change, error, fragment = FORGED[case]
    saved = json.loads(MODELS["the baseline's"].to_json())
    change(saved)
    with pytest.raises(error, match=fragment):
        Model.from_json(json.dumps(saved))


def test_a_term_may_be_switched_off():
    assert Model(law("chinchilla"), pool={"E": 0}).pool["E"] == Fixed(0.0)


def test_one_axis_may_be_named_without_a_tuple():
    assert Discrepancy(along="D/N") == Discrepancy(along=("D/N",))
