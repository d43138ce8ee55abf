"""A fit is made once, comes back as it was, and is made anew when anything that decides it changed."""

import fcntl
import json
import os
import stat
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpyro.distributions as dist
import pytest
import xarray as xr

import scaling_bayes as sb
from scaling_bayes.inference import engine
from scaling_bayes.inference import fingerprint as fingerprint_module
from scaling_bayes.inference import fit as fit_module
from scaling_bayes.inference.cache import find_or_make, read_fit
from scaling_bayes.inference.cache_folder import private_folder, size_limit, trim_cache
from scaling_bayes.inference.compilation import machine
from scaling_bayes.inference.fingerprint import PACKAGE, fingerprint, hash_sources

POWER = sb.law("power")
PLAIN = sb.Model(POWER, noise=sb.Normal(), discrepancy=None)
TINY = {"warmup": 30, "draws": 20, "chains": 2, "progress": False}


class Maker:
    """Makes a small tree and counts how often."""

    def __init__(self, **attrs):
        self.times, self.attrs = 0, {"scaling_bayes": "posterior", "cached": "", **attrs}

    def __call__(self) -> xr.DataTree:
        self.times += 1
        values = xr.Dataset({"alpha": (("chain", "draw"), np.arange(2000.0).reshape(4, 500))})
        tree = xr.DataTree.from_dict({"posterior": values})
        tree.attrs = self.attrs
        return tree


def without(tree: xr.DataTree, name: str = "cached") -> xr.DataTree:
    tree = tree.copy()
    tree.attrs = {key: value for key, value in tree.attrs.items() if key != name}
    return tree


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    """A cache of the test's own."""
    monkeypatch.setenv("SCALING_BAYES_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "fits"


# Files


def test_a_fit_is_made_once_and_says_when(folder):
    make = Maker()
    fresh, cached = find_or_make("k", make), find_or_make("k", make)
    assert make.times == 1
    assert fresh.attrs["cached"] == ""
    assert cached.attrs["cached"].startswith("20")
    assert without(cached).identical(without(fresh))
    assert find_or_make("other", make).attrs["cached"] == ""


def test_only_the_user_may_read(folder):
    find_or_make("k", Maker())
    (file,) = folder.iterdir()
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-100])


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize("damage", [cut, flip, lambda path: path.write_bytes(b""), lambda path: path.write_text("no")])
def test_a_damaged_file_is_made_anew(folder, damage):
    make = Maker()
    find_or_make("k", make)
    (file,) = folder.iterdir()
    damage(file)
    assert read_fit(folder, "k") is None
    assert find_or_make("k", make).attrs["cached"] == ""
    assert find_or_make("k", make).attrs["cached"] != ""
    assert make.times == 2


# what stands in the way -> how
HINDRANCES = {
    "off": lambda monkeypatch, folder: monkeypatch.setenv("SCALING_BAYES_CACHE", "off"),
    "a file in its place": lambda monkeypatch, folder: folder.parent.write_text(""),
    "others may write": lambda monkeypatch, folder: (folder.mkdir(parents=True), folder.chmod(0o777)),
    "a link in its place": lambda monkeypatch, folder: (folder.parent.mkdir(), folder.symlink_to(folder.parents[1])),
    "no room": lambda monkeypatch, folder: monkeypatch.setenv("SCALING_BAYES_CACHE_GB", "0"),
}


@pytest.mark.parametrize("case", HINDRANCES)
def test_fits_go_on_without_a_cache(case, folder, monkeypatch):
    HINDRANCES[case](monkeypatch, folder)
    make = Maker()
    assert [find_or_make("k", make).attrs["cached"] for _ in range(2)] == ["", ""]
    assert make.times == 2


@pytest.mark.parametrize("attrs", [{"odd": {"a": 1}}, {"odd": object()}, {"odd": None}])
def test_what_a_file_cannot_hold_is_returned_and_not_kept(attrs, folder):
    make = Maker(**attrs)
    assert find_or_make("k", make).attrs["odd"] is attrs["odd"]
    assert list(folder.iterdir()) == []


def test_a_fit_that_fails_leaves_nothing(folder):
    def fail():
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        find_or_make("k", fail)
    assert list(folder.iterdir()) == []
    assert find_or_make("k", Maker()).attrs["cached"] == ""


def test_the_least_recently_used_goes_first(folder, monkeypatch):
    for name in "abc":
        find_or_make(name, Maker())
    old = time.time() - 3600
    for age, name in enumerate("cba"):
        (file,) = folder.glob(f"{name}-*")
        os.utime(file, (old - age, old - age))
    find_or_make("a", Maker())  # read, so used now
    size = sum(file.stat().st_size for file in folder.iterdir())
    monkeypatch.setenv("SCALING_BAYES_CACHE_GB", str(0.7 * size / 1e9))
    trim_cache()
    assert sorted(file.name[0] for file in folder.iterdir()) == ["a", "c"]


def test_a_bound_that_is_no_number_is_said_before_the_fit(folder, monkeypatch):
    monkeypatch.setenv("SCALING_BAYES_CACHE_GB", "much")
    with pytest.raises(ValueError, match=r"SCALING_BAYES_CACHE_GB .* found 'much'"):
        find_or_make("k", pytest.fail)
    monkeypatch.setenv("SCALING_BAYES_CACHE_GB", "0.5")
    assert size_limit() == 500_000_000


def test_clear_cache_frees_all_and_leaves_what_is_not_its_own(folder):
    find_or_make("k", Maker())
    size = sum(file.stat().st_size for file in folder.iterdir())
    (compiled := private_folder("compiled", machine())).joinpath("f-cache").write_bytes(b"123")
    others = [folder.parent / "table.csv", folder / "mine.nc", folder.parent / "compiled" / "notes.txt"]
    for file in others:
        file.write_text("N")
    assert sb.clear_cache() == size + 3
    assert list(folder.iterdir()) == [folder / "mine.nc"]
    assert list(compiled.iterdir()) == []
    assert all(file.exists() for file in others)
    assert sb.clear_cache() == 0


# Two processes

SCRIPT = """
import sys, time
import xarray as xr
from scaling_bayes.inference.cache import find_or_make

def make():
    print("made", flush=True)
    time.sleep({pause})
    return xr.DataTree(xr.Dataset({{"x": 1.0}}, attrs={{"scaling_bayes": "posterior", "cached": ""}}))

print(repr(find_or_make("k", make).attrs["cached"]), flush=True)
"""


def start(pause: float) -> subprocess.Popen:
    return subprocess.Popen([sys.executable, "-c", SCRIPT.format(pause=pause)], stdout=subprocess.PIPE, text=True)


def test_of_two_processes_one_makes_the_fit(folder):
    first = start(pause=5)
    assert first.stdout.readline() == "made\n"
    second = start(pause=0)
    said = [process.communicate(timeout=120)[0] for process in (first, second)]
    assert said[0] == "''\n"
    assert said[1].startswith("'20")
    assert [file.suffix for file in folder.iterdir()] == [".nc"]


def test_the_lock_of_a_dead_process_is_no_obstacle(folder):
    dead = start(pause=600)
    assert dead.stdout.readline() == "made\n"
    dead.kill()
    dead.communicate(timeout=60)
    assert [file.suffix for file in folder.iterdir()] == [".lock"]
    make = Maker()
    find_or_make("k", make)
    assert make.times == 1
    assert [file.suffix for file in folder.iterdir()] == [".nc"]


def test_without_locks_fits_go_on(folder, monkeypatch):
    def no_locks(*_):
        raise OSError("no locks available")

    monkeypatch.setattr(fcntl, "flock", no_locks)
    make = Maker()
    assert [bool(find_or_make("k", make).attrs["cached"]) for _ in range(2)] == [False, True]


# Fingerprints


def line(**given) -> xr.Dataset:
    design = {"C": np.geomspace(1e17, 1e21, 12), "corpus": ["a", "b"]}
    return sb.simulate_sweep(POWER, design, truth={"A": 60.0, "alpha": 0.08}, seed=3, noise=0.02).assign_attrs(given)


SIZES = {"seed": 0, "chains": 4, "draws": 1000, "warmup": 1000}


def key(model=PLAIN, sweep=None, devices=("cpu",), **sizes) -> str | None:
    return fingerprint(model, line() if sweep is None else sweep, devices=devices, **SIZES | sizes)


def changed_loss() -> xr.Dataset:
    sweep = line()
    return sweep.assign(loss=sweep["loss"] * (1 + 1e-15))


def in_bits() -> xr.Dataset:
    sweep = line()
    sweep["loss"].attrs["units"] = "bits/token"
    return sweep


def whole_sizes() -> xr.Dataset:
    sweep = line()
    return sweep.assign_coords(C=sweep["C"].astype(np.float32))


# what is changed -> its fingerprint; all of them differ
CHANGES = {
    "nothing": key,
    **{name: lambda name=name: key(**{name: 7}) for name in SIZES},
    "law": lambda: key(sb.Model(sb.law("power_offset"), noise=sb.Normal(), discrepancy=None)),
    "a role": lambda: key(sb.Model(sb.Law("A*C**-alpha", roles={"A": "coefficient"}), noise=sb.Normal())),
    "pooling": lambda: key(sb.Model(POWER, pool={"A": "corpus"}, noise=sb.Normal(), discrepancy=None)),
    "kind of pooling": lambda: key(
        sb.Model(POWER, pool={"A": sb.Separate("corpus")}, noise=sb.Normal(), discrepancy=None)
    ),
    "fixed": lambda: key(sb.Model(POWER, pool={"A": 60.0}, noise=sb.Normal(), discrepancy=None)),
    "prior": lambda: key(
        sb.Model(POWER, priors={"alpha": dist.LogNormal(-1.0, 0.5)}, noise=sb.Normal(), discrepancy=None)
    ),
    "a digit of a prior": lambda: key(
        sb.Model(POWER, priors={"alpha": dist.LogNormal(-1.0, 0.5000001)}, noise=sb.Normal(), discrepancy=None)
    ),
    "noise": lambda: key(sb.Model(POWER, discrepancy=None)),
    "noise along": lambda: key(sb.Model(POWER, noise=sb.Normal(along="C"), discrepancy=None)),
    "drift": lambda: key(sb.Model(POWER, noise=sb.Normal())),
    "drift along": lambda: key(sb.Model(POWER, noise=sb.Normal(), discrepancy=sb.Discrepancy(along="C"))),
    "spread of the drift": lambda: key(sb.Model(POWER, noise=sb.Normal(), discrepancy=sb.Discrepancy(spread=0.02))),
    "a loss": lambda: key(sweep=changed_loss()),
    "fewer runs": lambda: key(sweep=line().isel(run=slice(1, None))),
    "order of runs": lambda: key(sweep=line().isel(run=slice(None, None, -1))),
    "unit": lambda: key(sweep=in_bits()),
    "kind of number": lambda: key(sweep=whole_sizes()),
    "title": lambda: key(sweep=line(title="another")),
    "device": lambda: key(devices=("gpu NVIDIA",)),
    "devices": lambda: key(devices=("cpu", "gpu NVIDIA")),
}


def test_whatever_decides_a_fit_changes_its_fingerprint():
    found = {name: change() for name, change in CHANGES.items()}
    assert None not in found.values()
    assert len(set(found.values())) == len(CHANGES)
    assert found["nothing"] == key()


def test_versions_settings_and_code_change_the_fingerprint(monkeypatch):
    found = {key()}
    for name, value in {
        "loaded_version": lambda package: "0",
        "SETTINGS": (),
        "hash_sources": lambda *_, **__: "other code",
    }.items():
        with monkeypatch.context() as patch:
            patch.setattr(fingerprint_module, name, value)
            found.add(key())
    with monkeypatch.context() as patch:
        patch.setenv("XLA_FLAGS", "--some")
        found.add(key())
    assert len(found) == 5


def test_a_model_that_is_written_otherwise_is_the_same():
    spelled = sb.Model(
        replace(POWER, source=None), pool={"A": sb.Shared()}, noise=sb.Normal(along=None), discrepancy=None
    )
    assert key(spelled) == key()


@pytest.mark.slow
def test_a_fingerprint_is_the_same_in_another_process():
    script = (
        "import sys; sys.path.insert(0, sys.argv[1]); import tests.inference.test_cache as t; "
        "print(t.key(), t.CHANGES['pooling']())"
    )
    root = Path(__file__).parents[2]
    said = subprocess.check_output([sys.executable, "-c", script, str(root)], text=True, cwd=root)
    assert said.split() == [key(), CHANGES["pooling"]()]


@pytest.mark.parametrize("name", ["symbols/a.py", "sweeps/a.py", "laws/deeper/a.py", "model/a.py", "inference/a.py"])
def test_the_code_of_the_lower_floors_counts(name, tmp_path):
    for file in (name, "model/b.py", "figures/a.py"):
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).write_text("x = 1\n")
    later = time.time() + 60
    before = hash_sources(tmp_path, since=later)
    (tmp_path / "figures/a.py").write_text("x = 2\n")
    assert hash_sources(tmp_path, since=later) == before
    (tmp_path / name).write_text("x = 2\n")
    fingerprint_module._hash_files.cache_clear()
    assert hash_sources(tmp_path, since=later) != before
    assert hash_sources(tmp_path, since=time.time() - 60) is None


def test_every_floor_whose_code_counts_is_there():
    for pattern in fingerprint_module.SOURCES:
        assert list(fingerprint_module.PACKAGE.glob(pattern)), pattern


def test_code_that_changed_under_a_running_process_is_not_cached(monkeypatch):
    assert key() is not None
    monkeypatch.setattr(sb, "IMPORTED", 0.0)
    assert key() is None
    assert hash_sources(PACKAGE / "nowhere", since=time.time()) is None


# Fits


class Sampled(Exception):
    pass


def refuse_to_sample(*_, **__):
    raise Sampled


@pytest.mark.filterwarnings("ignore::scaling_bayes.GateWarning")
def test_a_cached_fit_is_the_fit_and_is_judged_again(folder, monkeypatch):
    sweep = line()
    fresh = sb.fit(PLAIN, sweep, seed=0, **TINY)
    assert len(list(folder.iterdir())) == 1
    monkeypatch.setattr(engine, "sample", refuse_to_sample)
    with pytest.warns(sb.GateWarning, match="bulk ESS") as caught:
        cached = sb.fit(PLAIN, sweep, seed=0, **TINY)
    assert caught[0].filename == __file__
    assert (fresh.attrs["cached"], fresh.attrs["device"]) == ("", "cpu")
    assert cached.attrs["cached"] != ""
    assert without(cached).identical(without(fresh))
    for name, group in fresh.children.items():
        assert {v: group[v].dtype for v in group.data_vars} == {v: cached[name][v].dtype for v in group.data_vars}
    with pytest.raises(sb.GateError, match="bulk ESS"):
        sb.fit(PLAIN, sweep, seed=0, strict=True, **TINY)
    with pytest.raises(Sampled):
        sb.fit(PLAIN, sweep, seed=0, cache=False, **TINY)
    with pytest.raises(Sampled):
        sb.fit(PLAIN, sweep, seed=1, **TINY)


def test_a_strict_failure_is_kept(folder, monkeypatch):
    failed = {"name": "R-hat", "value": 2.0, "limit": 1.01, "passed": False}
    make = Maker(gates=json.dumps([failed]))
    monkeypatch.setattr(fit_module, "fit_alone", lambda *_: make())
    with pytest.raises(sb.GateError, match="R-hat"):
        sb.fit(PLAIN, line(), seed=2, strict=True)
    with pytest.warns(sb.GateWarning, match="R-hat"):
        assert sb.fit(PLAIN, line(), seed=2).attrs["cached"] != ""
    assert make.times == 1


def test_tests_have_no_cache():
    assert private_folder("fits") is None
