"""Questions are asked of a file, without what fitted it."""

import subprocess
import sys

import numpy as np
import pytest

from scaling_bayes.inference.storage import open_posterior, save_posterior
from scaling_bayes.questions.checking import check
from scaling_bayes.questions.prediction import predict
from scaling_bayes.questions.scoring import score

AT = {"N": [1e10, 1e11], "corpus": ["web", "unseen"]}
CORPORA = ["code", "web"]
SCRIPT = """
import sys
import scaling_bayes as sb
posterior = sb.open_posterior(sys.argv[1])
answer = sb.predict(posterior, {"N": [1e10, 1e11], "corpus": ["web", "unseen"]}, new_run=True, seed=4)
sb.summarise(answer), sb.check(posterior), sb.score_table(sb.score(posterior, sb.read_sweep(sys.argv[2])))
print(*sorted({"jax", "numpyro", "matplotlib", "ipywidgets"} & set(sys.modules)))
print(answer["loss"].sum().item())
"""


@pytest.fixture(scope="module")
def drifting(make_sweep, make_posterior, along_n):
    return make_posterior(make_sweep(corpus=CORPORA), groups=("corpus",), axes=(along_n,))


def test_a_file_answers_as_the_posterior_did(drifting, make_sweep, tmp_path):
    opened = open_posterior(save_posterior(drifting, tmp_path / "posterior.nc"))
    held_out = make_sweep(N=[5e9], corpus=CORPORA)
    for ask in (lambda p: predict(p, AT, new_run=True), lambda p: score(p, held_out), check):
        assert ask(opened).identical(ask(drifting))


def test_a_file_is_asked_without_jax_or_numpyro(drifting, make_sweep, tmp_path):
    path, held_out = save_posterior(drifting, tmp_path / "posterior.nc"), tmp_path / "held_out.nc"
    make_sweep(N=[5e9], corpus=CORPORA).to_netcdf(held_out, engine="h5netcdf")
    command = [sys.executable, "-c", SCRIPT, str(path), str(held_out)]
    loaded, total = subprocess.check_output(command, text=True).splitlines()
    assert loaded == ""
    np.testing.assert_allclose(float(total), predict(drifting, AT, new_run=True, seed=4)["loss"].sum())
