"""Simulated sweeps follow their truth."""

import json

import numpy as np
import pandas as pd
import pytest

from scaling_bayes.sweeps import SweepError, check_sweep, simulate_sweep


class Chinchilla:
    """A stand-in for a law: names and a value."""

    covariates = ("N", "D")
    parameters = ("E", "A", "alpha", "B", "beta")

    def evaluate(self, values):
        """Value at covariates and parameters; more names than the law has are refused."""
        assert set(values) == {*self.covariates, *self.parameters}
        E, A, alpha, B, beta = (values[name] for name in self.parameters)
        return E + A * values["N"] ** -alpha + B * values["D"] ** -beta


TRUTH = {"E": 1.7, "A": {"web": 400.0, "code": 300.0}, "alpha": 0.34, "B": 410.0, "beta": 0.28}
DESIGN = {"N": [1e7, 1e8, 1e9], "D": [1e9, 1e10], "corpus": ["web", "code"], "seed": [0, 1]}


def simulate(design=DESIGN, truth=TRUTH, seed=1, law=None, **more):
    return simulate_sweep(law or Chinchilla(), design, truth=truth, seed=seed, **more)


def test_without_noise_it_is_the_law():
    sweep = check_sweep(simulate(noise=0))
    level = np.where(sweep["corpus"] == "web", 400.0, 300.0)
    expected = 1.7 + level * sweep["N"] ** -0.34 + 410.0 * sweep["D"] ** -0.28
    np.testing.assert_allclose(sweep["loss"], expected, rtol=1e-12)
    assert sweep.sizes["run"] == 24
    assert sweep.attrs["groups"] == ["corpus", "seed"]
    assert json.loads(sweep.attrs["truth"]) == TRUTH


@pytest.mark.parametrize("nu", [None, 4.0])
def test_noise_has_its_size(nu):
    design = {"N": np.geomspace(1e7, 1e9, 2000), "D": [1e10], "corpus": ["web"]}
    ratio = np.log(simulate(design, noise=0.02, nu=nu)["loss"] / simulate(design, noise=0)["loss"])
    spread = np.subtract(*np.quantile(ratio, [0.75, 0.25]))
    quartiles = 1.349 if nu is None else 1.481
    assert spread == pytest.approx(0.02 * quartiles, rel=0.1)
    assert abs(float(np.median(ratio))) < 0.002


def test_the_seed_decides():
    assert simulate(seed=3).equals(simulate(seed=3))
    assert not simulate(seed=3).equals(simulate(seed=4))
    assert simulate(seed=np.random.default_rng(3)).equals(simulate(seed=3))


def test_rows_are_taken_as_they_are():
    rows = pd.DataFrame({"N": [1e7, 1e9], "D": [1e9, 1e10], "corpus": ["web", "code"]}, index=[5, 6])
    assert simulate(rows, noise=0)["N"].values.tolist() == [1e7, 1e9]
    assert "loss" not in rows


def test_it_survives_a_file(tmp_path):
    simulate().to_netcdf(tmp_path / "sweep.nc", engine="h5netcdf")
    assert (tmp_path / "sweep.nc").stat().st_size > 0


def without(name):
    return {key: value for key, value in TRUTH.items() if key != name}


@pytest.mark.parametrize(
    ("arguments", "fragments"),
    [
        ({"truth": without("beta")}, ["truth lacks ['beta']"]),
        ({"truth": {**TRUTH, "gama": 1.0}}, ["['gama']", "'alpha'"]),
        ({"design": {"N": [1e7], "corpus": ["web"]}}, ["design lacks ['D']"]),
        ({"truth": {**TRUTH, "A": {"web": 1.0, "cod": 2.0}}}, ["A is given for", "'code'", "did you mean 'cod'"]),
        ({"design": {"N": [1e7], "D": [1e9]}}, ["A is given for", "there are none"]),
        ({"seed": None}, ["clock"]),
        ({"noise": -1.0}, ["noise=-1.0"]),
        ({"nu": 0.0}, ["nu=0.0"]),
        ({"truth": {**TRUTH, "E": -9.0}}, ["expected finite and above zero"]),
        ({"design": {"N": [1e7, -1e7], "D": [1e9], "corpus": ["web"]}}, ["nan at N = -1e+07, D = 1e+09", "1 of 2"]),
        ({"law": "chinchilla"}, ["a name", "sb.law('chinchilla')"]),
    ],
)
def test_refused(arguments, fragments):
    with pytest.raises(SweepError) as error:
        simulate(**arguments)
    assert [fragment for fragment in fragments if fragment not in str(error.value)] == [], str(error.value)
