"""What is compiled in a fit is kept for the next process, and JAX's settings are as they were."""

import json
import subprocess
import sys

import jax
import pytest

from scaling_bayes.inference.compilation import KEEP_EVERYTHING, machine, reuse_compiled

NAMES = ("jax_compilation_cache_dir", *KEEP_EVERYTHING)


def settings() -> dict[str, object]:
    return {name: getattr(jax.config, name) for name in NAMES}


def compile_one(number: float) -> float:
    """Compile a function that this process has not compiled."""
    return float(jax.jit(lambda x: x * number)(1.0))


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("SCALING_BAYES_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "compiled" / machine()


def files(folder) -> int:
    return len([path for path in folder.glob("*") if path.is_file()])


def test_what_is_compiled_inside_is_kept_and_nothing_else(folder):
    before = settings()
    compile_one(1.5)
    with reuse_compiled():
        assert jax.config.jax_compilation_cache_dir == str(folder)
        compile_one(2.5)
        with reuse_compiled():
            compile_one(3.5)
        compile_one(4.5)
    assert settings() == before
    kept = files(folder)
    assert kept >= 3
    compile_one(5.5)
    assert files(folder) == kept
    assert folder.stat().st_mode & 0o777 == 0o700


def test_settings_are_restored_after_an_error(folder):
    before = settings()
    with pytest.raises(ZeroDivisionError), reuse_compiled():
        raise ZeroDivisionError
    assert settings() == before


def test_the_users_own_folder_is_left_alone(folder, tmp_path):
    jax.config.update("jax_compilation_cache_dir", str(tmp_path / "own"))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 7.0)
    before = settings()
    try:
        with reuse_compiled():
            assert settings() == before
            compile_one(6.5)
        assert settings() == before
    finally:
        jax.config.update("jax_compilation_cache_dir", None)
        jax.config.update("jax_persistent_cache_min_compile_time_secs", 1.0)
    assert not folder.exists()


HINDRANCES = {
    "off": lambda monkeypatch, root: monkeypatch.setenv("SCALING_BAYES_CACHE", "OFF"),
    "a file in its place": lambda monkeypatch, root: root.write_text(""),
    "others may write": lambda monkeypatch, root: (
        (root / "compiled").mkdir(parents=True),
        (root / "compiled").chmod(0o777),
    ),
}


@pytest.mark.parametrize("case", HINDRANCES)
def test_without_a_folder_nothing_is_kept(case, folder, monkeypatch):
    root, before = folder.parents[1], settings()
    HINDRANCES[case](monkeypatch, root)
    with reuse_compiled():
        assert settings() == before
        compile_one(7.5)
    assert files(folder) == 0


SCRIPT = """
import json, warnings
from collections import Counter
from jax import monitoring
events = Counter()
monitoring.register_event_listener(lambda event, **_: events.update([event.rsplit("/")[-1]]))
import numpy as np
import scaling_bayes as sb
warnings.simplefilter("ignore", sb.GateWarning)
law, truth = sb.law("power"), {"A": 60.0, "alpha": 0.08}
sweep = sb.simulate_sweep(law, {"C": np.geomspace(1e17, 1e21, 12)}, truth=truth, seed=3)
model = sb.Model(law, noise=sb.Normal(), discrepancy=None)
posterior = sb.fit(model, sweep, seed=0, chains=2, warmup=30, draws=20, progress=False, cache=False)
print(json.dumps({**events, "alpha": float(posterior["posterior"]["alpha"].mean())}))
"""


@pytest.mark.slow
def test_a_second_process_compiles_nothing_and_says_nothing(folder):
    said = []
    for _ in range(2):
        done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True)
        assert done.stderr == ""
        said.append(json.loads(done.stdout))
    first, second = said
    assert first["cache_misses"] > 20
    assert "cache_misses" not in second
    assert second["cache_hits"] == second["compile_requests_use_cache"] == first["compile_requests_use_cache"]
    assert first["alpha"] == second["alpha"]
