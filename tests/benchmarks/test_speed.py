"""The scoreboard of speed: one density for every system, rows that are kept, and what counts."""

import json

import numpy as np
import pandas as pd
import pytest

from benchmarks import speed
from benchmarks.problems import RUNS, simulate_groups, state_problem
from benchmarks.speed import COLUMNS, REAL, STATES, append_rows, main, tabulate
from benchmarks.systems import PACKAGES, SYSTEMS, Lengths, compare_densities


@pytest.fixture(scope="module")
def problem():
    return state_problem(simulate_groups(3))


def measured(system, groups, seed, *lengths, passed=True, ess=10.0):
    keys = {"system": system, "groups": groups, "seed": seed} | Lengths(*lengths)._asdict()
    facts = {"gates_passed": passed, "ess_per_cpu_second": ess if passed else None, "cpu_seconds": 5.0, "min_ess": 50}
    more = {"divergences": 0, "problem": "simulated"}
    return [dict.fromkeys(COLUMNS, "") | keys | facts | more | {"state": state} for state in STATES]


def test_every_system_says_what_it_needs():
    assert SYSTEMS.keys() == PACKAGES.keys()


def test_arrays_are_the_runs_of_the_program(problem):
    design = problem.binding.design
    assert problem.log_n.shape == (3, RUNS)
    np.testing.assert_allclose(problem.log_n, np.log(design.covariates["N"]).reshape(3, RUNS))
    np.testing.assert_allclose(problem.log_d, np.log(design.covariates["D"]).reshape(3, RUNS))
    np.testing.assert_allclose(problem.log_response, np.asarray(design.log_response).reshape(3, RUNS))
    np.testing.assert_allclose(problem.mean, design.prior_mean)
    np.testing.assert_allclose(problem.width, design.prior_width)
    assert problem.binding.program.coordinates.names == ("log_total", "share_E", "share_A", "log_alpha", "log_beta")


def test_pymc_and_numpyro_have_one_density(problem):
    pytest.importorskip("pymc")
    assert compare_densities(problem) < 1e-8


def test_measurements_are_appended_once_each(tmp_path, monkeypatch, capsys):
    done = []

    def measure_apart(*job):
        done.append(job)
        return measured(*job)

    monkeypatch.setattr(speed, "measure_apart", measure_apart)
    path = tmp_path / "results" / "speed.csv"
    lengths = ["--draws", "7", "--warmup", "8", "--tree-depth", "12"]
    options = ["-o", str(path), "--groups", "3", "--system", "numpyro", *lengths]
    assert main(options) == 0
    assert done == [("numpyro", 3, seed, 7, 8, 12) for seed in (0, 1, 2)]
    assert main(options) == 0
    assert len(done) == 3
    assert main([*options, "--seed", "1", "--again"]) == 0
    assert (len(done), len(pd.read_csv(path))) == (4, 6)
    assert list(pd.read_csv(path)) == COLUMNS
    assert "| simulated | 3 | 7 | 8 | 12 | numpyro | cold | 10 | 5 |" in capsys.readouterr().out


def test_the_real_sweep_is_for_one_system(tmp_path, monkeypatch):
    done = []
    monkeypatch.setattr(speed, "measure_apart", lambda *job: done.append(job) or measured(*job))
    main(["-o", str(tmp_path / "speed.csv"), "--groups", str(REAL), "--seed", "0"])
    assert [job[0] for job in done] == ["scaling_bayes"]


def test_a_system_that_is_absent_is_told_and_the_others_run(tmp_path, monkeypatch, capsys):
    def measure_apart(system, *job):
        if system == "pymc":
            raise RuntimeError("No module named 'pymc'")
        return measured(system, *job)

    monkeypatch.setattr(speed, "measure_apart", measure_apart)
    path = tmp_path / "speed.csv"
    assert main(["-o", str(path), "--groups", "3", "--seed", "0", "--system", "pymc", "--system", "nutpie"]) == 1
    assert "pymc 3 0 1000 1000 10 ended with: No module named 'pymc'" in capsys.readouterr().err
    assert set(pd.read_csv(path)["system"]) == {"nutpie"}


def test_only_what_passed_its_gates_counts(tmp_path):
    path = tmp_path / "speed.csv"
    append_rows(measured("pymc", 3, 0, 7, 8, 10, ess=4.0), path)
    append_rows(measured("pymc", 3, 1, 7, 8, 10, passed=False, ess=99.0), path)
    table = tabulate(pd.read_csv(path)).set_index("state")
    assert table.loc["cold", ["ess_per_cpu_second", "passed", "repetitions"]].tolist() == [4.0, 1, 2]


@pytest.mark.slow
def test_a_measurement_in_a_process_of_its_own():
    rows = speed.measure_apart("scaling_bayes", 3, 0, 20, 20, 10)
    assert [row["state"] for row in rows] == list(STATES)
    assert set(rows[0]) == set(COLUMNS)
    assert rows[1]["cpu_seconds"] < rows[0]["cpu_seconds"], "the second fit compiles nothing"
    assert json.dumps(rows)
