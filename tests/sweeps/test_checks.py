"""What happens to bad input: one row a case, one check for all of them."""

import warnings

import numpy as np
import pandas as pd
import pytest

from scaling_bayes.sweeps import SweepError, SweepWarning, as_sweep
from scaling_bayes.sweeps.checks import say_rows

N, D = np.repeat([1e7, 3e7, 1e8, 3e8], 4), np.tile([2e9, 6e9, 2e10, 6e10], 4)
UNITS = {"N": "1", "D": "tokens", "loss": "nats/token"}


def table(**changes):
    """Sixteen healthy runs; a change is a column or {row: value}."""
    loss = 1.7 + 400 * N**-0.34 + 400 * D**-0.28
    columns = {"id": [f"r{i}" for i in range(16)], "N": N, "D": D, "loss": loss, "corpus": ["web"] * 8 + ["code"] * 8}
    for name, change in changes.items():
        if isinstance(change, dict):
            column = np.array(columns[name], dtype=object)
            for row, value in change.items():
                column[row] = value
            columns[name] = column.tolist()
        else:
            columns[name] = change
    return pd.DataFrame(columns)


def accuracy(**changes):
    return table(accuracy=np.linspace(0.3, 0.8, 16)).assign(**changes)


def copied(rows):
    return pd.concat([table(), table().iloc[list(rows)]], ignore_index=True)


def bits():
    return table(corpus=["a"] * 8 + ["b"] * 8, N=np.tile(N[:8], 2), D=np.tile(D[:8], 2)).assign(
        loss=lambda t: t["loss"].to_numpy()[np.tile(np.arange(8), 2)] * np.repeat([1, 1 / np.log(2)], 8)
    )


def rising():
    return table().assign(loss=lambda t: t["loss"] * np.where(t["D"] > 1e10, 1.2, 1))


LOSS = {"response": "loss", "covariates": ["N", "D"], "units": UNITS}
ACCURACY = {"response": "accuracy", "covariates": ["N", "D"], "units": {"N": "1", "D": "tokens", "accuracy": "1"}}
CORPUS = {"groups": ["corpus"]}

REFUSED = {
    "NaN response": (table(loss={3: np.nan}), LOSS, ["'loss'", "row 3", "nan", "drop=True"]),
    "infinite covariate": (table(D={5: np.inf}), LOSS, ["'D'", "row 5", "inf", "drop=True"]),
    "NaN in two columns": (table(loss={1: np.nan}, N={2: np.nan}), LOSS, ["'loss' in row 1", "'N' in row 2"]),
    "nothing left": (table(loss=[np.nan] * 16), {**LOSS, "drop": True}, ["every one of the 16 rows"]),
    "text for a number": (table(N={4: "seven"}), LOSS, ["'N'", "'seven'", "row 4", "expected a number"]),
    "no units": (table(), {**LOSS, "units": None}, ["units are a mapping", "'N'", "found None"]),
    "groups of nothing": (table(), {**LOSS, "groups": None}, ["a list of names", "found None"]),
    "two columns of one name": (
        pd.concat([table(), table()[["loss"]]], axis=1),
        LOSS,
        ["several columns of one name", "['loss']"],
    ),
    "one column for two covariates": (
        table(),
        {**LOSS, "covariates": {"N": "N", "D": "N"}},
        ["['N'] is the column of several covariates"],
    ),
    "negative loss": (table(loss={2: -1.0}), LOSS, ["'loss'", "-1", "row 2", "above zero"]),
    "zero loss": (table(loss={2: 0.0}), LOSS, ["'loss' is 0", "row 2"]),
    "zero size": (table(N={7: 0.0}), LOSS, ["'N' is 0", "row 7", "log scale"]),
    "accuracy above one": (accuracy(accuracy=73.0), ACCURACY, ["73", "between 0 and 1", "percent", "and 8 more"]),
    "accuracy below zero": (accuracy(accuracy=-0.1), ACCURACY, ["-0.1", "between 0 and 1"]),
    "chance above one": (
        accuracy(),
        {**ACCURACY, "chance": 25.0},
        ["'chance' is 25", "between 0 and 1", "0.25 for one answer of four"],
    ),
    "zero standard error": (table(se=[0.0] * 16), {**LOSS, "response_se": "se"}, ["'loss_se' is 0", "certainty"]),
    "shared errors of nothing": (table(), {**LOSS, "response_se_shared": True}, ["no response_se"]),
    "many duplicates without run id": (copied([0, 1]), LOSS, ["2 of 18", "rows 16, 17", "run="]),
    "contradicting run id": (table(id={1: "r0"}, D={1: 2e9}), {**LOSS, "run": "id"}, ["'r0'", "rows 0, 1", "task"]),
    "missing group label": (table(corpus={6: None}), {**LOSS, **CORPUS}, ["'corpus'", "row 6", "'web'", "'code'"]),
    "empty group label": (table(corpus={6: " "}), {**LOSS, **CORPUS}, ["'corpus'", "row 6"]),
    "missing run id": (table(id={6: None}), {**LOSS, "run": "id"}, ["'run'", "row 6"]),
    "missing units": (table(), {**LOSS, "units": {"N": "1"}}, ["['D', 'loss']", "billion tokens", "nats/token"]),
    "unit of nothing": (table(), {**LOSS, "units": {**UNITS, "C": "FLOP"}}, ["['C']", "'D'"]),
    "unknown unit": (table(), {**LOSS, "units": {**UNITS, "loss": "nats"}}, ["'nats'", "'nats/token'", "'bits/byte'"]),
    "mixed units": (
        table(),
        {**LOSS, "units": {**UNITS, "loss": ["nats/token"] * 14 + ["bits/token"] * 2}},
        ["mixes units", "'bits/token' in rows 14, 15", "convert_loss"],
    ),
    "missing column": (table(), {**LOSS, "covariates": {"N": "n_params", "D": "D"}}, ["'n_params'", "'corpus'"]),
    "misspelt column": (table(), {**LOSS, "response": {"loss": "lose"}}, ["'lose'", "did you mean 'loss'"]),
    "checkpoint column": (
        table(checkpoint=[True] * 4 + [False] * 12),
        LOSS,
        ["4 of 16", "not final", "rows 0, 1, 2, 3", "learning-rate schedule", "checkpoints='drop'"],
    ),
    "final column": (
        table(done=[False, True] * 8),
        {**LOSS, "final": "done"},
        ["8 of 16", "checkpoints='keep'"],
    ),
    "one run at several D": (
        table(id=np.repeat(["a", "b", "c", "d"], 4)),
        {**LOSS, "run": "id"},
        ["16 of 16", "share a run id", "final="],
    ),
    "final with a third value": (table(done=["yes"] * 16), {**LOSS, "final": "done"}, ["'yes'", "rows 0,", "True"]),
    "unknown choice for checkpoints": (table(), {**LOSS, "checkpoints": "dorp"}, ["did you mean 'drop'"]),
    "unknown counting": (table(), {**LOSS, "counting": "nonembedding"}, ["did you mean 'non_embedding'"]),
    "unknown FLOP rule": (table(), {**LOSS, "flop_rule": "6DN"}, ["'6ND'"]),
    "two responses": (table(), {**LOSS, "response": ["loss", "N"]}, ["one response"]),
    "one name, two parts": (table(), {**LOSS, "groups": ["N"]}, ["['N']", "two parts"]),
    "no covariate": (table(), {**LOSS, "covariates": []}, ["needs a covariate"]),
    "reserved name": (table(flag=1.0), {**LOSS, "keep": ["flag"]}, ["['flag']", "own names"]),
    "no rows": (table().iloc[:0], LOSS, ["no rows", "'loss'"]),
    "no table": ([1, 2], LOSS, ["list", "DataFrame"]),
}

WARNED = {
    "duplicate of a run": (copied([4]), {**LOSS, "run": "id"}, ["1 exact duplicate", "left out", "row 16"]),
    "rare duplicate": (
        pd.concat([table().assign(N=N * (1 + i / 100)) for i in range(8)] + [table().iloc[:1]], ignore_index=True),
        LOSS,
        ["1 exact duplicate kept", "row 128"],
    ),
    "N in millions": (table(N=N / 1e6), LOSS, ["median N is 65", "below 100000", "'million'"]),
    "N given as millions": (table(N=N * 1e6), LOSS, ["median N is 6", "above 1e+13", "'parameters'"]),
    "some of N in millions": (
        table(N=np.where(np.arange(16) < 5, N / 1e6, N)),
        LOSS,
        ["no N lies between", "rows 0, 1, 2, 3, 4", "another unit"],
    ),
    "some of C in another unit": (
        table(C=6 * N * D * np.where(np.arange(16) == 5, 1e-3, 1.0)),
        {**LOSS, "covariates": ["N", "D", "C"], "units": {**UNITS, "C": "FLOP"}, "flop_rule": "6ND"},
        ["C / (6 N D) is 0.001 in row 5 and 1 in the middle"],
    ),
    "labels of one spelling": (
        table(corpus=["FineWeb", "fine-web"] * 8),
        {**LOSS, **CORPUS},
        ["'FineWeb', 'fine-web' of corpus", "make them one"],
    ),
    "D in billions": (table(D=D / 1e9), LOSS, ["median D is 13", "below 1e+06"]),
    "C per token": (
        table(C=6 * N),
        {**LOSS, "covariates": ["N", "D", "C"], "units": {**UNITS, "C": "FLOP"}},
        ["C / (6 N D)", "outside [0.3, 3]"],
    ),
    "bits against nats": (bits(), {**LOSS, **CORPUS}, ["1.443", "'b'", "corpus", "bits"]),
    "loss above start": (table(loss={9: 12.0}), {**LOSS, "start_loss": 10.8}, ["1 run looks diverged", "row 9"]),
    "outlier": (table(loss={9: 5.0}), LOSS, ["diverged", "kept", "row 9"]),
    "rises with D": (rising(), LOSS, ["worse with scale", "broken law"]),
}

ACCEPTED = {
    "integers": (table(N=N.astype(int), D=D.astype(int)), LOSS, {"dropped": 0}),
    "dropped NaN": (table(loss={3: np.nan}, N={4: np.inf}), {**LOSS, "drop": True}, {"dropped": 2}),
    "dropped checkpoints": (
        table(done=[False] * 6 + [True] * 10),
        {**LOSS, "final": "done", "checkpoints": "drop"},
        {"dropped": 6, "dropped_why": ["6: checkpoints in the middle of a schedule"]},
    ),
    "kept checkpoints": (
        table(id=np.repeat(["a", "b", "c", "d"], 4)),
        {**LOSS, "run": "id", "checkpoints": "keep"},
        {"dropped": 0},
    ),
    "one run on several tasks": (
        table(id=["a", "a"] + [f"r{i}" for i in range(14)], D={1: 2e9}, corpus=["t1", "t2"] * 8),
        {**LOSS, "run": "id", "groups": {"task": "corpus"}},
        {"dropped": 0, "groups": ["task"]},
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused(case):
    given, arguments, fragments = REFUSED[case]
    with pytest.raises(SweepError) as error:
        as_sweep(given, **arguments)
    message = str(error.value)
    assert [fragment for fragment in fragments if fragment not in message] == [], message
    assert message.endswith("."), "one whole sentence"


def test_labels_that_only_look_alike_are_not_noted():
    labels = ["C", "C++", "C#", "1.5B", "15B", "1e-3", "1e3", "x"] * 2
    assert as_sweep(table(corpus=labels), **LOSS, **CORPUS).attrs["notes"] == []


@pytest.mark.parametrize("case", WARNED)
def test_warned(case):
    given, arguments, fragments = WARNED[case]
    with pytest.warns(SweepWarning) as caught:
        sweep = as_sweep(given, **arguments)
    message = " | ".join(str(warning.message) for warning in caught)
    assert [fragment for fragment in fragments if fragment not in message] == [], message
    assert sweep.attrs["notes"] == [str(warning.message) for warning in caught]
    assert sweep.sizes["run"] == len(given) - sweep.attrs["dropped"]


@pytest.mark.parametrize("case", ACCEPTED)
def test_accepted(case):
    given, arguments, attrs = ACCEPTED[case]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        sweep = as_sweep(given, **arguments)
    assert {key: sweep.attrs[key] for key in attrs} == attrs
    assert sweep.sizes["run"] == len(given) - sweep.attrs["dropped"]
    assert {sweep[name].dtype for name in ("N", "D", "C", "loss")} == {np.dtype("float64")}


def test_flags_mark_the_rows_and_drop_none():
    with pytest.warns(SweepWarning, match="diverged"):
        sweep = as_sweep(table(loss={9: 5.0}), **LOSS)
    assert np.flatnonzero(sweep["flag"] == "diverged").tolist() == [9]
    assert sweep["loss"].values[9] == 5.0


def test_rows_keep_their_number_when_others_are_dropped():
    with pytest.raises(SweepError, match="row 9"):
        as_sweep(table(loss={2: np.nan, 9: -1.0}), drop=True, **LOSS)


def test_say_rows_is_short():
    assert say_rows(range(1000)).endswith("and 992 more")
