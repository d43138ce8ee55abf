"""The README's examples run as they stand, with few draws."""

import functools
import re
import shlex
import warnings
from pathlib import Path

import pandas as pd
from typer.testing import CliRunner

import scaling_bayes as sb
from scaling_bayes.command.application import app
from scaling_bayes.inference import choice
from scaling_bayes.inference.sampler import Settings

README = (Path(__file__).parents[1] / "README.md").read_text()
BLOCKS = re.findall(r"```python\n(.*?)```", README, flags=re.DOTALL)


def test_ten_lines_and_the_explorer(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(choice, "SETTINGS", Settings(chains=1, warmup=50, draws=50))
    monkeypatch.setattr(sb, "fit", functools.partial(sb.fit, draws=60, warmup=100, progress=False))
    names: dict[str, object] = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", sb.GateWarning)
        exec(BLOCKS[0], names)
        exec(BLOCKS[1], names)
        exec(BLOCKS[2], names)
    assert set(names["posterior"]["posterior"].dims) >= {"chain", "draw", "corpus", "architecture"}
    assert names["held_out"].sizes["run"] == 8
    assert set(names["answer"]["architecture"].values) == {"recurrence", "transformer"}
    assert names["explorer"].extrapolation.budget == 1e17
    assert (tmp_path / "bytelm.html").stat().st_size > 100_000


def test_own_sweep(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    table = {"params": [1, 2, 4], "tokens": [1, 1, 2], "data": ["web", "code", "web"], "val_loss": [4.0, 3.9, 3.4]}
    pd.DataFrame(table).to_csv("runs.csv")
    names: dict[str, object] = {"sb": sb}
    exec(BLOCKS[3], names)
    assert names["sweep"]["N"].max() == 4e6


def test_the_command_declares_its_table(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    table = {"params": [1e8, 2e8, 4e8], "tokens": [4e9, 2e10, 3e9], "data": ["web", "code", "web"]}
    pd.DataFrame({**table, "val_loss": [3.4, 3.1, 3.0]}).to_csv("runs.csv", index=False)
    fitted = []
    monkeypatch.setattr(sb, "fit", lambda model, sweep, **settings: fitted.append(sweep))
    command = re.search(r"scaling-bayes (fit .*?)\n```", README, flags=re.DOTALL)
    CliRunner().invoke(app, shlex.split(command[1].replace("\\\n", " ")))
    assert fitted[0].sizes["run"] == 2
    assert fitted[0]["loss"].attrs["units"] == "nats/token"


def test_every_block_is_tried():
    assert len(BLOCKS) == 4
