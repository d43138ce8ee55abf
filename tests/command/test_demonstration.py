"""The demonstration: what it prints, what it writes, and how it ends."""

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

import scaling_bayes as sb
from scaling_bayes.command import demonstration as job
from scaling_bayes.command.application import app

CORPORA, KINDS = ["code", "web"], ["recurrence", "transformer"]
CELLS = [f"{corpus}, {kind}" for corpus in CORPORA for kind in KINDS]
DESIGN = {"N": [1e7, 3e7, 1e8, 3e8, 1e9], "D": [1e9, 1e10, 1e11], "corpus": CORPORA, "architecture": KINDS}
TRUTH = {"E": 1.7, "A": {"recurrence": 440.0, "transformer": 400.0}, "alpha": 0.34, "B": 410.0}
TRUTH |= {"beta": {"code": 0.30, "web": 0.28}}


@pytest.fixture(scope="module")
def sweep():
    return sb.simulate_sweep(sb.law("chinchilla"), DESIGN, truth=TRUTH, seed=0, noise=0.005)


@pytest.fixture(scope="module")
def parts(sweep):
    return sb.hold_out(sweep, along="C", top=1, within=job.GROUPS)


@pytest.fixture(scope="module")
def posteriors(parts):
    """Every method by a small bootstrap, whose fit takes a second."""
    habit = sb.baseline(sb.law("chinchilla"), parts[0], seed=0, by=job.GROUPS, bootstrap=20)
    return dict.fromkeys((job.WITH, job.WITHOUT, job.HABIT), habit)


def run(*arguments):
    return CliRunner().invoke(app, ["demo", *map(str, arguments)])


def test_tables_have_a_row_a_cell_and_one_for_all(posteriors, parts):
    scored, tables = job.score_all(posteriors, parts[1])
    assert list(scored) == list(tables) == [job.WITH, job.WITHOUT, job.HABIT]
    for table in tables.values():
        assert table.index.tolist() == [*CELLS, "all runs"]
        assert table["runs"].tolist() == [1, 1, 1, 1, 4]
        assert set(job.COLUMNS) <= set(table.columns)


def test_the_report_has_scores_gates_and_seconds(posteriors, parts, capsys):
    failing = posteriors[job.WITH].copy()
    failing.attrs["gates"] = '[{"name": "R-hat", "value": 1.2, "limit": 1.01, "passed": false}]'
    job.print_report(job.score_all(posteriors, parts[1])[1], posteriors | {job.WITH: failing}, parts[1])
    shown = capsys.readouterr().out
    assert parts[1].attrs["held_out_rule"] in shown
    assert all(text in shown for text in (job.WITH, job.WITHOUT, job.HABIT, "90% coverage", "RMSLE", *CELLS))
    assert "FAILED  R-hat: 1.2 (limit 1.01)" in shown


def test_architectures_are_contrasted_at_their_targets(posteriors, parts):
    table = job.contrast_targets(posteriors[job.WITH], parts[1])
    assert table.index.tolist() == CORPORA
    measured = parts[1]["loss"].values.reshape(2, 2)  # corpus, architecture
    assert table["measured"].values == pytest.approx(np.log(measured[:, 1] / measured[:, 0]))
    assert (table["lower"] < table["median"]).all()
    assert (table["median"] < table["upper"]).all()
    assert table["P(transformer better)"].between(0.5, 1).all()


def test_results_can_be_read_back(posteriors, parts, tmp_path):
    scored, tables = job.score_all(posteriors, parts[1])
    written = job.write_results(tmp_path, posteriors, scored, tables, parts[0])
    assert all(path.stat().st_size for path in written)
    assert {path.stem for path in written if path.suffix != ".nc"} == {"scores", "sweep", "extrapolation", "check"}
    for path in (path for path in written if path.suffix == ".nc"):
        assert sb.open_posterior(path).attrs["method"] == "huber"
    table = pd.read_csv(tmp_path / "scores.csv", index_col=["method", "corpus, architecture"])
    assert table.loc[(job.HABIT, "all runs"), "rmsle"] == pytest.approx(tables[job.HABIT].loc["all runs", "rmsle"])


@pytest.mark.parametrize(("passed", "code"), [("true", 0), ("false", 3)])
def test_the_exit_code_is_the_gates(posteriors, sweep, tmp_path, monkeypatch, passed, code):
    gated = posteriors[job.WITH].copy()
    gated.attrs["gates"] = f'[{{"name": "R-hat", "value": 1.0, "limit": 1.01, "passed": {passed}}}]'
    asked = {}

    def fit_all(fit_part, **settings):
        asked.update(settings)
        return posteriors | {job.WITH: gated}

    monkeypatch.setattr(sb, "load_sweep", lambda name: sweep)
    monkeypatch.setattr(job, "fit_all", fit_all)
    monkeypatch.setattr(job, "write_results", lambda folder, *answers: [folder / "scores.csv"])
    done = run("--output", tmp_path / "new" / "results", "--seed", 3, "--draws", 7)
    assert done.exit_code == code
    assert (asked["seed"], asked["draws"], asked["warmup"]) == (3, 7, 500)
    assert str(tmp_path / "new" / "results" / "scores.csv") in done.stdout
    assert (tmp_path / "new" / "results").is_dir()


def test_without_the_sweep_it_ends_with_one_clear_error(monkeypatch, tmp_path):
    def refuse(name):
        raise sb.SweepError(f"no {name} here; set SCALING_BAYES_MIRROR")

    monkeypatch.setattr(sb, "load_sweep", refuse)
    done = run("--output", tmp_path / "results")
    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr == "error: no bytelm here; set SCALING_BAYES_MIRROR\n"
    assert not (tmp_path / "results").exists()


def test_without_a_place_to_write_it_ends_before_fitting(sweep, monkeypatch, tmp_path):
    taken = tmp_path / "results"
    taken.write_text("a file")
    monkeypatch.setattr(sb, "load_sweep", lambda name: sweep)
    done = run("--output", taken)
    assert done.exit_code == 1
    assert done.stderr.startswith("error: ")


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::scaling_bayes.inference.gates.GateWarning")  # so few draws pass no gate
def test_the_methods_are_fitted_to_the_same_runs(parts):
    posteriors = job.fit_all(parts[0], seed=0, draws=25, warmup=50, resamples=20)
    assert list(posteriors) == [job.WITH, job.WITHOUT, job.HABIT]
    assert len({posterior.attrs["data_hash"] for posterior in posteriors.values()}) == 1
    assert "drift_own" in posteriors[job.WITH]["posterior"]
    assert "drift_own" not in posteriors[job.WITHOUT]["posterior"]
    scored, _ = job.score_all(posteriors, parts[1])
    assert all(float(scores["rmsle"]) < 0.1 for scores in scored.values())
