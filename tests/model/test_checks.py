"""Sweeps that cannot carry a model are refused with the way out; those that tell little are flagged."""

import numpy as np
import pytest

from scaling_bayes.laws import Law, law
from scaling_bayes.model import (
    BetaBinomial,
    Discrepancy,
    Frontier,
    Model,
    ModelError,
    Normal,
    Partial,
    Separate,
    StudentT,
)
from scaling_bayes.model.checks import check_binding

N, D = np.geomspace(1e7, 1e9, 8), 10 ** np.array([9.1, 10.3, 9.4, 10.9, 9.2, 10.1, 9.9, 10.6])
CORPUS = np.repeat(["web", "code"], 4)
CHINCHILLA = law("chinchilla")
RISING = Law("E - A*N**-alpha", roles={"E": "floor", "A": "level"})
ANNEALED = Law("E + A*N**-alpha - c*S2", covariates=("N", "S2"), roles={"c": "coefficient", "E": "floor", "A": "level"})


def tokenized(sweep, tokenizers, unit="nats/token"):
    """The sweep with these tokenizers and this unit of loss."""
    sweep = sweep.assign_coords(tokenizer=("run", np.resize(tokenizers, sweep.sizes["run"])))
    sweep["loss"].attrs["units"] = unit
    return sweep


def spoilt(sweep, rows, value, name="loss"):
    """The sweep with `value` in some rows."""
    values = sweep[name].values.copy()
    values[rows] = value
    return sweep.assign({name: ("run", values, sweep[name].attrs)})


def annealed(sweep, values):
    """A sweep in N with these annealing areas."""
    sweep = sweep(N=N, D=D)
    return sweep.assign_coords(S2=("run", np.resize(values, sweep.sizes["run"]), {"units": "1"}))


def scored(sweep, values):
    """The sweep with an accuracy for its loss."""
    values = np.resize(values, sweep.sizes["run"])
    sweep = sweep.drop_vars("loss").assign(accuracy=("run", values, {"units": "fraction"}))
    return sweep.assign_attrs(response="accuracy")


def counted(sweep, error, **columns):
    """The sweep with an error for its loss."""
    values = np.resize(error, sweep.sizes["run"])
    sweep = sweep.drop_vars("loss").assign(error=("run", values, {"units": "fraction"})).assign_attrs(response="error")
    return sweep.assign_coords({name: ("run", np.resize(column, len(values))) for name, column in columns.items()})


# what is wrong -> (sweep from the simulator, model, what the error says)
REFUSED = {
    "an accuracy that rises under a law that falls": (
        lambda s: scored(s(N=N, D=D), np.linspace(0.3, 0.7, 8)),
        Model(CHINCHILLA),
        [
            "the accuracy rises with N, D (rank correlation 0.",
            "can only fall; fit the error, sb.accuracy_to_error(sweep)",
        ],
    ),
    "constant D": (
        lambda s: s(N=N, D=np.full(8, 1e10)),
        Model(CHINCHILLA),
        ["D is 1e+10 in all 8 runs", "B/D**beta", "sb.Law('E + A/N**alpha')"],
    ),
    "constant C in a law of one term": (
        lambda s: s(N=N, D=1e18 / (6 * N)),
        Model(law("power")),
        ["C is 1e+18 in all 8 runs", "runs at several values"],
    ),
    "a frontier of accuracies": (
        lambda s: s(N=N, D=D).rename(loss="accuracy").assign_attrs(response="accuracy"),
        Model(law("power"), noise=Frontier()),
        ["of accuracy more is better", "sb.accuracy_to_error(sweep)"],
    ),
    "collinear N and D": (
        lambda s: s(N=N, D=20 * N),
        Model(CHINCHILLA),
        ["log N and log D", "1.00000", "fixed ratio of D to N", "sb.law('power_offset')", "fix one exponent"],
    ),
    "missing covariate": (
        lambda s: s(N=N, D=D).drop_vars("D").assign_attrs(covariates=["N", "C"]),
        Model(CHINCHILLA),
        ["['D']", "the sweep has ['N', 'C']", "as_sweep"],
    ),
    "missing grouping": (
        lambda s: s(N=N, D=D, corpus=CORPUS),
        Model(CHINCHILLA, pool={"E": "architecture"}),
        ["pool['E']", "['architecture']", "['corpus']"],
    ),
    "a covariate as grouping": (
        lambda s: s(N=N, D=D, corpus=CORPUS),
        Model(CHINCHILLA, pool={"E": "N"}),
        ["pool['E']", "['N']", "['corpus']"],
    ),
    "loss of 0": (lambda s: spoilt(s(N=N, D=D), [2], 0.0), Model(CHINCHILLA), ["loss", "rows [2] hold [0.0]"]),
    "loss below 0": (
        lambda s: spoilt(s(N=N, D=D), [1, 5], -1.0),
        Model(CHINCHILLA),
        ["above 0", "rows [1, 5] hold [-1.0, -1.0]", "sb.accuracy_to_error"],
    ),
    "an annealing area that is the same everywhere": (
        lambda s: annealed(s, 0.0),
        Model(ANNEALED),
        ["S2 is 0 in all 8 runs", "S2*c"],
    ),
    "an annealing area that is no number": (lambda s: annealed(s, np.nan), Model(ANNEALED), ["S2 must be finite"]),
    "N of 0": (lambda s: spoilt(s(N=N, D=D), [3], 0.0, "N"), Model(CHINCHILLA), ["N enters", "rows [3]"]),
    "a group of one run with parameters of its own": (
        lambda s: s(N=N, D=D, corpus=np.repeat(["web", "code"], [7, 1])),
        Model(CHINCHILLA, pool={"A": Separate("corpus")}),
        ["corpus ['code'] has a single run", "['A']", "sb.Partial('corpus')"],
    ),
    "a loss counted": (
        lambda s: s(N=N, D=D),
        Model(CHINCHILLA, noise=BetaBinomial(100)),
        ["loss is none", "sb.accuracy_to_error"],
    ),
    "an error above 1": (
        lambda s: counted(s(N=N, D=D), [0.0, 1.2]),
        Model(CHINCHILLA, noise=BetaBinomial(100)),
        ["share from 0 to 1", "rows [1, 3, 5, 7]"],
    ),
    "an error of 0 on the log": (
        lambda s: counted(s(N=N, D=D), [0.0, 0.2]),
        Model(CHINCHILLA),
        ["above 0", "sb.BetaBinomial(trials)"],
    ),
    "trials that are not there": (
        lambda s: counted(s(N=N, D=D), [0.1], questions=[100]),
        Model(CHINCHILLA, noise=BetaBinomial("question")),
        ["trials='question' is no coordinate", "'questions'"],
    ),
    "trials below 1": (
        lambda s: counted(s(N=N, D=D), [0.1], questions=[100, 0]),
        Model(CHINCHILLA, noise=BetaBinomial("questions")),
        ["rows [1, 3, 5, 7]", "cannot be"],
    ),
    "chance above 1": (
        lambda s: counted(s(N=N, D=D), [0.1], chance=[1.5]),
        Model(CHINCHILLA, noise=BetaBinomial(10, chance="chance")),
        ["chance='chance'", "1.5"],
    ),
    "measured errors that are not there": (
        lambda s: s(N=N, D=D),
        Model(CHINCHILLA, noise=Normal(measured=True)),
        ["no loss_se", "as_sweep(response_se=...)"],
    ),
    "runs told by what the sweep lacks": (
        lambda s: s(N=N, D=D, corpus=CORPUS),
        Model(CHINCHILLA, noise=StudentT(within="korpus")),
        ["within='korpus' is no coordinate", "did you mean 'corpus'"],
    ),
    "runs of one row": (
        lambda s: s(N=N, D=D),
        Model(CHINCHILLA, noise=StudentT(within="run")),
        ["all 8 labels are distinct", "its noise"],
    ),
    "one run": (
        lambda s: s(N=N, D=D, corpus=np.full(8, "web")),
        Model(CHINCHILLA, noise=Frontier(within="corpus")),
        ["all rows have one label", "the law"],
    ),
    "runs that parameters differ by": (
        lambda s: s(N=N, D=D, corpus=CORPUS),
        Model(CHINCHILLA, pool={"A": "corpus"}, noise=Normal(within="corpus")),
        ["['A'] differ by corpus already"],
    ),
    "floors pooled over tokenizers": (
        lambda s: tokenized(s(N=N, D=D, corpus=CORPUS), ["bpe", "bytes"]),
        Model(CHINCHILLA, pool={"E": "corpus"}),
        ["['bpe', 'bytes']", "nats/token", "sb.convert_loss", "Separate"],
    ),
    "floors separate, but not by tokenizer": (
        lambda s: tokenized(s(N=N, D=D, corpus=CORPUS), ["bpe", "bytes"]),
        Model(CHINCHILLA, pool={"E": Separate("corpus")}),
        ["['bpe', 'bytes']"],
    ),
}

# what tells little or is well -> (sweep, model, flags)
FINE = {"prior_dominated": False, "lone_groups": []}
ALLOWED = {
    "collinear N and D with one exponent known": (
        lambda s: s(N=N, D=20 * N),
        Model(CHINCHILLA, pool={"beta": 0.28}),
        FINE,
    ),
    "constant D in a term that is known": (
        lambda s: s(N=N, D=np.full(8, 1e10)),
        Model(CHINCHILLA, pool={"B": 410.0, "beta": 0.28}),
        FINE,
    ),
    "a fixed ratio under a law along C": (lambda s: s(N=N, D=20 * N), Model(law("power_offset")), FINE),
    "errors of 0 and of 1, counted": (
        lambda s: counted(s(N=N, D=D), [0.0, 1.0, 0.3]),
        Model(CHINCHILLA, noise=BetaBinomial(10, chance=0.75)),
        FINE,
    ),
    "fewer runs than parameters": (
        lambda s: s(N=N[:4], D=D[:4]),
        Model(CHINCHILLA),
        {"prior_dominated": True, "lone_groups": []},
    ),
    "a group of one run, pooled": (
        lambda s: s(N=N, D=D, corpus=np.repeat(["web", "code"], [7, 1])),
        Model(CHINCHILLA, pool={"E": Partial("corpus")}),
        {"prior_dominated": False, "lone_groups": ["corpus=code"]},
    ),
    "tokenizers under a loss per byte": (
        lambda s: tokenized(s(N=N, D=D), ["bpe", "bytes"], "nats/byte"),
        Model(CHINCHILLA),
        FINE,
    ),
    "a floor for each tokenizer": (
        lambda s: tokenized(s(N=N, D=D), ["bpe", "bytes"]),
        Model(CHINCHILLA, pool={"E": Separate("tokenizer")}),
        FINE,
    ),
    "tokenizers under a law without floor": (
        lambda s: tokenized(s(N=N, D=D), ["bpe", "bytes"]),
        Model(law("power")),
        FINE,
    ),
    "an annealing area of 0 that the law multiplies": (lambda s: annealed(s, [0.0, 0.1]), Model(ANNEALED), FINE),
    "an accuracy that falls": (lambda s: scored(s(N=N, D=D), np.linspace(0.7, 0.3, 8)), Model(CHINCHILLA), FINE),
    "an accuracy under a law that may rise": (
        lambda s: scored(s(N=N, D=D), np.linspace(0.3, 0.7, 8)),
        Model(RISING),
        FINE,
    ),
    "one tokenizer": (lambda s: tokenized(s(N=N, D=D), ["bpe"]), Model(CHINCHILLA), FINE),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_told_is_refused(case, simulate):
    make, model, fragments = REFUSED[case]
    sweep = make(simulate)
    with pytest.raises(ModelError) as caught:
        model.bind(sweep)
    for fragment in fragments:
        assert fragment in str(caught.value)


@pytest.mark.parametrize("case", ALLOWED)
def test_what_tells_little_is_flagged(case, simulate):
    make, model, flags = ALLOWED[case]
    sweep = make(simulate)
    assert check_binding(model.law, model.pool, sweep) == flags
    assert dict(model.bind(sweep).flags) == flags


def test_a_drift_along_an_axis_that_is_absent_is_refused(simulate):
    with pytest.raises(ValueError, match="'epochs'"):
        Model(CHINCHILLA, discrepancy=Discrepancy(along="epochs")).bind(simulate(N=N, D=D))


def test_the_law_offered_instead_is_a_law(simulate):
    with pytest.raises(ModelError) as caught:
        Model(CHINCHILLA).bind(simulate(N=N, D=np.full(8, 1e10)))
    offered = str(caught.value).split("sb.Law('")[1].split("'")[0]
    assert Law(offered).covariates == ("N",)
