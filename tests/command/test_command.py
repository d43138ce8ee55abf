"""The command line: results on stdout, the rest on stderr, exit codes, files that are never replaced unasked."""

import json
import re
import subprocess
import sys

import pandas as pd
import pytest
from typer.testing import CliRunner

import scaling_bayes as sb
from scaling_bayes.command.application import COMMANDS, app

DESIGN = {"N": [1e7, 3e7, 1e8, 3e8, 1e9], "D": [1e9, 5e9, 2e10, 1e11], "corpus": ["code", "web"]}
TRUTH = {"E": 1.7, "A": {"code": 300.0, "web": 400.0}, "alpha": 0.34, "B": 410.0, "beta": 0.28}
NAMED = ["--response", "loss=val", "--covariates", "N=params_M,D=tok_B", "--groups", "corpus=dataset"]
UNITS = ["--units", "N=million,D=billion tokens,loss=nats/token"]


def run(*arguments, code=0):
    """Run a command; its exit code is as expected, and no error is shown as a traceback."""
    done = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert done.exit_code == code, done.output
    assert "Traceback" not in done.output
    return done


def as_json(*arguments, code=0):
    return json.loads(run(*arguments, "--json", code=code).stdout)


@pytest.fixture(scope="module")
def sweep():
    return sb.simulate_sweep(sb.law("chinchilla"), DESIGN, truth=TRUTH, seed=0, noise=0.005)


@pytest.fixture(scope="module")
def table(sweep, tmp_path_factory):
    """A user's CSV of 40 runs, with names and units of their own."""
    columns = {
        "params_M": sweep["N"] / 1e6,
        "tok_B": sweep["D"] / 1e9,
        "dataset": sweep["corpus"],
        "val": sweep["loss"],
    }
    path = tmp_path_factory.mktemp("user") / "runs.csv"
    pd.DataFrame({name: column.values for name, column in columns.items()}).to_csv(path, index=False)
    return path


@pytest.fixture(scope="module")
def posterior(sweep):
    return sb.baseline(sb.law("chinchilla"), sweep, seed=0, by="corpus", bootstrap=20)


@pytest.fixture(scope="module")
def saved(posterior, tmp_path_factory):
    return sb.save_posterior(posterior, tmp_path_factory.mktemp("saved") / "posterior.nc")


@pytest.fixture(scope="module")
def failed(posterior, tmp_path_factory):
    marked = posterior.copy()
    marked.attrs["gates"] = '[{"name": "R-hat", "value": 1.2, "limit": 1.01, "passed": false}]'
    return sb.save_posterior(marked, tmp_path_factory.mktemp("failed") / "posterior.nc")


@pytest.fixture
def fits(monkeypatch, posterior):
    """What `fit` was asked for; a bootstrap stands for the fit."""
    asked = []

    def fit(model, runs, **settings):
        asked.append((model, runs, settings))
        return posterior

    monkeypatch.setattr(sb, "fit", fit)
    return asked


def test_the_module_is_the_command_line():
    shown = subprocess.check_output([sys.executable, "-m", "scaling_bayes", "--help"], text=True)
    assert "python -m scaling_bayes" in shown
    assert all(re.search(rf"\b{name}\b", shown) for name in COMMANDS if name != "explore")
    assert "Exit codes: 0 done; 1" in shown


@pytest.mark.parametrize("name", [name for name in COMMANDS if name != "explore"])
def test_every_command_explains_itself(name):
    assert "--help" in run(name, "--help").stdout


def test_a_table_becomes_posterior_scores_figures_and_card(fits, table, tmp_path):
    done = run("fit", table, *NAMED, *UNITS, "--seed", 3, "--draws", 7, "--output", tmp_path / "out")
    (model, fitted, settings) = fits.pop()
    assert (settings["seed"], settings["draws"], settings["warmup"]) == (3, 7, 500)
    assert {p for p, pool in model.pool.items() if pool.groups} == {"E", "A", "B"}
    assert fitted.sizes["run"] == 36
    assert fitted["D"].max() <= 1e11
    written = {line for line in done.stdout.splitlines() if line.startswith(str(tmp_path))}
    names = {path.removeprefix(f"{tmp_path}/out/") for path in written}
    assert {
        "posterior.nc",
        "held_out.nc",
        "held_out.csv",
        "scores.csv",
        "report.html",
        "card.json",
        "card.md",
        "card.tex",
    } <= names
    drawn = {"sweep", "prediction", "extrapolation", "check", "parameters", "allocation", "isoflops"}
    assert {f"figures/{name}.pdf" for name in drawn | {"comparison-corpus"}} <= names
    assert "alpha" in done.stdout
    assert "fitting E + A*N**-alpha + B*D**-beta to 36 runs" in done.stderr
    assert "data:image/png" in (tmp_path / "out" / "report.html").read_text("utf-8")
    assert json.loads((tmp_path / "out" / "card.json").read_text("utf-8"))["checklist"]["fitting"]["validation"][
        "known"
    ]
    assert len(pd.read_csv(tmp_path / "out" / "held_out.csv")) == 4
    assert sb.read_sweep(tmp_path / "out" / "held_out.nc").sizes["run"] == 4


@pytest.mark.parametrize(
    ("options", "varying"),
    [
        ([], {"E", "A", "B"}),
        (["--pool", "none"], set()),
        (["--pool", "E"], {"E"}),
        (["--pool", "E=corpus,alpha=corpus"], {"E", "alpha"}),
        (["--law", "E + A*N**-alpha"], {"E", "A"}),
    ],
)
def test_pooling_and_law(fits, table, tmp_path, monkeypatch, options, varying):
    monkeypatch.setattr("scaling_bayes.command.fitting.write_report", lambda *given, **more: [])
    printed = as_json("fit", table, *NAMED, *UNITS, "--hold-out", 0, "-o", tmp_path / "out", *options)
    (model, fitted, _) = fits.pop()
    assert {p for p, pool in model.pool.items() if pool.groups} == varying
    assert fitted.sizes["run"] == 40
    assert printed["files"] == [str(tmp_path / "out" / "posterior.nc")]
    assert "scores" not in printed


@pytest.mark.parametrize(
    ("options", "code", "said"),
    [
        ([*NAMED[:1], "loss=vall", *NAMED[2:], *UNITS], 1, "'vall', which the table does not have: did you mean 'val'"),
        ([*NAMED, "--units", "N=millions,D=tokens,loss=nats/token"], 1, "'millions' .* did you mean 'million'"),
        ([*NAMED, "--units", "N=million,loss=nats/token"], 1, r"units are required and are missing for \['D'\]"),
        ([*NAMED, *UNITS, "--law", "chinchila"], 1, "did you mean 'chinchilla'"),
        ([*NAMED, *UNITS, "--law", "E + import*N"], 1, "error: "),
        ([*NAMED, *UNITS, "--hold-out", 1.5], 1, "top=1.5"),
        ([*NAMED, *UNITS, "--metadata", "nowhere.toml"], 1, "nowhere.toml"),
        (NAMED, 2, "--units"),
        ([*NAMED, "--units", "N"], 2, "has no unit"),
        ([*NAMED[:2], "--covariates", "N=", *UNITS], 2, "neither NAME nor NAME=COLUMN"),
        (["--respnse", "loss"], 2, "--response"),
    ],
)
def test_what_cannot_be_fitted_is_said_before_anything_is_written(fits, table, tmp_path, options, code, said):
    done = run("fit", table, *options, "-o", tmp_path / "out", code=code)
    assert re.search(said, " ".join(done.stderr.split())), done.stderr
    assert done.stdout == ""
    assert not fits
    assert not (tmp_path / "out").exists()


def test_nothing_is_replaced_unasked(fits, saved, table, tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    for command in (["fit", table, *NAMED, *UNITS], ["figures", saved]):
        done = run(*command, "-o", tmp_path, code=1)
        assert f"{tmp_path} exists, and nothing is replaced without --force" in done.stderr
    assert not fits
    run("report", saved, "-o", tmp_path, "--forms", "md")
    before = (tmp_path / "card.md").read_text("utf-8")
    assert "card.md exists" in run("report", saved, "-o", tmp_path, "--forms", "md", code=1).stderr
    (tmp_path / "card.md").write_text("old")
    run("report", saved, "-o", tmp_path, "--forms", "md", "--force")
    assert (tmp_path / "card.md").read_text("utf-8") == before


def test_predictions_are_those_of_the_package(saved, posterior):
    printed = as_json("predict", saved, "--at", "N=1e10,D=1e11,corpus=web", "--at", "N=1e11,D=1e12,corpus=web")
    answer = sb.predict(posterior, {"N": [1e10, 1e11], "D": [1e11, 1e12], "corpus": ["web", "web"]})
    assert [row["median"] for row in printed["rows"]] == pytest.approx(answer["loss"].median(["chain", "draw"]).values)
    assert printed["units"] == "nats/token"
    assert "law" in printed


def test_points_may_be_a_table(saved, tmp_path):
    path = tmp_path / "points.csv"
    path.write_text("N,D,corpus\n1e10,1e11,web\n1e10,1e11,code\n", encoding="utf-8")
    assert len(as_json("predict", saved, "--points", path)["rows"]) == 2
    assert "--points" in run("predict", saved, "--points", path, "--at", "N=1", code=2).stderr


def test_comparisons_and_allocations(saved, posterior):
    rows = as_json("compare", saved, "corpus", "--at", "N=1e10,D=1e11")["rows"]
    assert [row["corpus"] for row in rows] == ["code", "web"]
    assert rows[0]["p_best"] == 1
    rows = as_json("allocate", saved, "1e22", "1e23", "--at", "corpus=web")["rows"]
    best = sb.allocate(posterior, [1e22, 1e23], at={"corpus": "web"})["N_opt"].median(["chain", "draw"]).values
    assert [row["median"] for row in rows if row["quantity"] == "N_opt"] == pytest.approx(best)


def test_sizes_are_written_as_people_write_them(saved):
    written, plain = (
        as_json("predict", saved, "--at", at)["rows"] for at in ("N=10B,D=.2T,corpus=web", "N=1e10,D=2e11,corpus=web")
    )
    assert written == plain


def test_a_crossing_and_what_one_is_worth(saved, posterior):
    at = ["--tokens-per-parameter", 20]
    rows = as_json("crossover", saved, "corpus", "--between", "code,web", "--within", "1e18,1e24", *at)["rows"]
    asked = {"between": ["code", "web"], "within": (1e18, 1e24), "tokens_per_parameter": 20}
    answer = sb.crossover(posterior, "corpus", **asked)
    assert {r["quantity"]: r["probability"] for r in rows if r["quantity"] in ("p_none", "p_one")} == {
        name: pytest.approx(answer[name].item()) for name in ("p_none", "p_one")
    }
    rows = as_json("multiplier", saved, "corpus", "--baseline", "web", "--at", "C=1e22", *at)["rows"]
    answer = sb.multiplier(posterior, "corpus", baseline="web", at={"C": 1e22}, tokens_per_parameter=20)
    assert rows[0]["median"] == pytest.approx(answer["multiplier"].median().item())


def test_targets(saved, posterior):
    rows = as_json("require", saved, 2.4, 1.2, "--at", "corpus=web", "--within", "1e18,1e26")["rows"]
    answer = sb.require(posterior, loss=[2.4, 1.2], at={"corpus": "web"}, within=(1e18, 1e26))
    found = {(row["quantity"], row["target"]): row for row in rows}
    median = sb.summarise(answer).loc[("required", 2.4), "median"]
    assert found["required", 2.4]["median"] == pytest.approx(median)
    assert (found["never", 1.2]["probability"], found["never", 1.2]["median"]) == (1, None)
    assert "  -" in run("require", saved, 2.4, "--at", "corpus=web").stdout


@pytest.mark.parametrize("choose", [[], ["--choose", "corpus"]])
def test_what_to_train_next(saved, posterior, choose):
    target, at = "N=1e11,D=2e12" + ("" if choose else ",corpus=web"), ["--at", "N=1e9,D=1e11", "--at", "N=1e10,D=2e11"]
    rows = as_json("plan", saved, "--target", target, *at, *choose)["rows"]
    assert len(rows) == 4
    assert {row["cost"] for row in rows} == {6e20, 1.2e22}
    assert [row["rank"] for row in rows] == [1, 2, 3, 4]


def test_what_is_known_of_a_posterior(saved, failed, sweep, tmp_path):
    path = tmp_path / "held_out.nc"
    _, held_out = sb.hold_out(sweep, along="C", top=4)
    held_out.to_netcdf(path, engine="h5netcdf")
    (every,) = as_json("score", saved, path)["rows"]
    assert every["runs"] == 8
    assert [row["corpus"] for row in as_json("score", saved, path, "--by", "corpus")["rows"]] == ["code", "web"]
    assert len(as_json("score", saved, path, "--by", "extrapolation")["rows"]) >= 1
    found = as_json("check", saved)
    assert found["gates"] == []
    assert {"statistic", "p_value"} == found["statistics"][0].keys()
    assert found["findings"] == [str(verdict) for verdict in sb.check(sb.open_posterior(saved))["verdict"].values]
    assert "R-hat" in run("check", failed).stdout
    assert run("check", failed, "--strict", code=3).stdout


def test_what_was_left_out_is_said_and_every_run_fitted_again(fits, table, tmp_path, monkeypatch):
    monkeypatch.setattr("scaling_bayes.command.fitting.write_report", lambda *given, **more: [])
    rows = pd.read_csv(table)
    rows.loc[0, "val"] = None
    rows.to_csv(tmp_path / "gap.csv", index=False)
    done = run("fit", tmp_path / "gap.csv", *NAMED, *UNITS, "--drop", "--refit", "-o", tmp_path / "out")
    assert [runs.sizes["run"] for _, runs, _ in fits] == [35, 39]
    assert "rows left out: 1: NaN or infinite values" in done.stderr
    assert (tmp_path / "out" / "posterior_all.nc").exists()


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["crossover", "SAVED", "corpus", "--between", "code,web", "--within", "far"], 2, "'far' is no range"),
        (["crossover", "SAVED", "corpus", "--between", "code", "--within", "1,2"], 1, "two labels of corpus"),
        (["multiplier", "SAVED", "corpus", "--baseline", "wob", "--at", "N=1e9,D=1e9"], 1, "did you mean 'web'"),
        (["require", "SAVED", "2.4", "--along", "E"], 1, "along='E'"),
        (["plan", "SAVED", "--target", "N=1e9", "--at", "N=1e9,D=1e9"], 1, "at= lacks D"),
        (["plan", "SAVED", "--target", "N=1e9,D=1e9"], 2, "name at least one point"),
        (["score", "SAVED", "runs.csv"], 2, "is no saved sweep"),
        (["predict", "nowhere.nc", "--at", "N=1"], 1, "no posterior at"),
        (["predict", "SAVED", "--at", "N=1e9"], 1, "at= lacks D"),
        (["predict", "SAVED"], 2, "name at least one point"),
        (["predict", "SAVED", "--at", "N=1,D=1", "--at", "N=1"], 2, "every point names N, D"),
        (["compare", "SAVED", "corpora", "--at", "N=1e9,D=1e10"], 1, "did you mean 'corpus'"),
        (["allocate", "SAVED", "many"], 2, "a valid number"),
        (["report", "SAVED", "--complete"], 1, "lines of the card are blank"),
        (["report", "SAVED", "--forms", "pdf"], 1, "found pdf"),
        (["laws", "chinchila"], 1, "did you mean 'chinchilla'"),
        (["laws", "--family", "size"], 1, "no family 'size'"),
        (["fit", "chinchila"], 1, "did you mean 'chinchilla'"),
        (["fit", "chinchilla", "--counting", "total"], 2, "leave out --counting"),
    ],
)
def test_errors_are_one_sentence(saved, tmp_path, monkeypatch, arguments, code, said):
    monkeypatch.chdir(tmp_path)
    done = run(*[saved if word == "SAVED" else word for word in arguments], code=code)
    assert re.search(said, " ".join(re.sub("[│╭╮╰╯─]", "", done.stderr).split())), done.stderr
    assert done.stdout == ""
    assert list(tmp_path.iterdir()) == []


def test_a_traceback_is_shown_where_it_is_asked_for(saved):
    done = CliRunner().invoke(app, ["--traceback", "predict", str(saved), "--at", "N=1e9"])
    assert isinstance(done.exception, sb.QuestionError)


@pytest.mark.parametrize(
    "arguments",
    [["predict", "SAVED", "--at", "N=1e9,D=1e10"], ["allocate", "SAVED", "1e22"], ["report", "SAVED", "--forms", "md"]],
    ids=lambda arguments: arguments[0],
)
def test_failed_gates_are_said_and_end_a_strict_command(failed, tmp_path, monkeypatch, arguments):
    monkeypatch.chdir(tmp_path)
    command = [failed if word == "SAVED" else word for word in arguments]
    run(*command, "--strict", *(["-o", "a"] if command[0] == "report" else []), code=3)
    done = run(*command, *(["-o", "b"] if command[0] == "report" else []))
    marked = (tmp_path / "b" / "card.md").read_text("utf-8") if command[0] == "report" else done.stderr
    assert "SAMPLER GATES FAILED: R-hat" in marked


def test_catalogues_are_listed():
    assert "chinchilla" in run("sweeps").stdout
    assert {row["name"] for row in as_json("sweeps")["rows"]} == set(sb.list_sweeps()["name"])
    assert as_json("laws", "chinchilla")["formula"] == sb.law("chinchilla").formula
    assert "alpha: exponent" in run("laws", "chinchilla").stdout


def test_latex_is_printed(saved):
    assert run("predict", saved, "--at", "N=1e9,D=1e10", "--latex").stdout.startswith(r"\begin{tabular}")


def test_figures_are_written_and_absent_ones_are_explained(saved, tmp_path, monkeypatch):
    with sb.figures.canvas.new_figure(1.0, 1.0) as fig:
        fig.add_subplot()
    drawn = {"sweep": fig}, {"extrapolation": "no held-out runs were given"}
    monkeypatch.setattr("scaling_bayes.command.showing.draw_figures", lambda posterior, held_out: drawn)
    done = run("figures", saved, "-o", tmp_path / "figures")
    assert {path.name for path in (tmp_path / "figures").iterdir()} >= {"sweep.pdf", "sweep.png"}
    assert str(tmp_path / "figures" / "sweep.pdf") in done.stdout
    assert "no extrapolation: no held-out runs were given" in done.stderr


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::scaling_bayes.inference.gates.GateWarning")  # so few draws may fail a gate
def test_a_real_fit_from_file_to_page(table, tmp_path):
    options = ["--discrepancy", "none", "--draws", 100, "--warmup", 150, "--chains", 2, "-o", tmp_path / "out"]
    printed = as_json("fit", table, *NAMED, *UNITS, *options)
    rows = {row["parameter"]: row for row in printed["parameters"]}
    assert rows["alpha"]["lower"] < TRUTH["alpha"] < rows["alpha"]["upper"] + 0.05
    assert printed["scores"][0]["runs"] == 4
    assert "NOT REPORTED" in (tmp_path / "out" / "report.html").read_text("utf-8")


def test_of_accuracies_the_plan_is_for_the_highest(sweep, tmp_path):
    runs = sweep.drop_vars("loss").assign(accuracy=("run", 1 / sweep["loss"].values, {"units": "fraction"}))
    law = sb.Law("K*N**a*D**b", roles={"K": "level", "a": "coefficient", "b": "coefficient"})
    posterior = sb.baseline(law, runs.assign_attrs(response="accuracy"), seed=0, by="corpus", bootstrap=20)
    path = sb.save_posterior(posterior, tmp_path / "posterior.nc")
    point = {"N": 1e11, "D": 2e12}

    def decide(drawn):
        return -sb.predict(drawn, point)["accuracy"].isel(point=0)

    asked = {"choose": "corpus", "cost": "C", "seed": 0}
    answer = sb.plan(posterior, {"N": [1e10], "D": [2e11]}, target=decide, **asked)
    rows = as_json("plan", path, "--target", "N=1e11,D=2e12", "--choose", "corpus", "--at", "N=1e10,D=2e11")["rows"]
    assert sorted(row["gain"] for row in rows) == pytest.approx(sorted(answer["gain"].values.tolist()))
