import doctest
import importlib
import json
import math
import os
import signal
import subprocess
import sys
import time
import tomllib
from operator import itemgetter
from pathlib import Path

import numpy as np
import pytest

from scaling_bayes.sweeps import read_sweep

pytest.importorskip("optax")
eqx = pytest.importorskip("equinox")
jax = pytest.importorskip("jax")
jnp = jax.numpy

PROGRAM = Path(__file__).parents[2] / "data" / "bytelm"
sys.path.insert(0, str(PROGRAM))

from assemble import assemble_sweep, join_rows, write_card, write_sweep  # noqa: E402
from corpora import split_files  # noqa: E402
from deduplication import WINDOW, hash_windows, remove_shared  # noqa: E402
from journal import JournalError, append_row, drop_torn_line, own_table, read_rows  # noqa: E402
from networks import MIXERS, Network, Shape, count_flops, count_parameters, scan_recurrence  # noqa: E402
from plan import DESIGNS, STAGES, TARGET, make_plan, step_flops  # noqa: E402
from training import Order  # noqa: E402

each_architecture = pytest.mark.parametrize("architecture", MIXERS)
each_plan = pytest.mark.parametrize(
    ("kind", "cap", "points"), [("cpu", 3e11, 150), ("cpu", 1e12, 150), ("gpu", 1e15, 250)]
)
UNIQUE = {"english": 64_000_000, "python": 96_000_000, "c": 96_000_000, "messages": 38_000_000}

MODULES = sorted(path.stem for path in PROGRAM.glob("*.py"))


@pytest.mark.parametrize("module", MODULES)
def test_examples_run_and_files_are_short(module):
    flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    assert doctest.testmod(importlib.import_module(module), optionflags=flags).failed == 0
    assert len((PROGRAM / f"{module}.py").read_text("utf-8").splitlines()) <= 250


# Networks


@each_architecture
def test_network_never_looks_ahead(architecture):
    network = eqx.filter_jit(Network(Shape(architecture, 16, 2), jax.random.key(1)))
    text = jnp.arange(24)[None] % 256
    changed = text.at[0, 10].set(200)
    before, after = network(text), network(changed)
    assert jnp.array_equal(before[:, :10], after[:, :10])
    assert not jnp.allclose(before[:, 10:], after[:, 10:])


def test_parallel_scan_is_the_sequential_loop():
    rng = np.random.default_rng(0)
    decay, drive = rng.uniform(0, 1, (2, 37, 3)), rng.normal(size=(2, 37, 3))
    state, states = np.zeros((2, 3)), []
    for step in range(37):
        state = decay[:, step] * state + drive[:, step]
        states.append(state)
    found = scan_recurrence(jnp.asarray(decay), jnp.asarray(drive))
    np.testing.assert_allclose(found, np.stack(states, axis=1), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("architecture", "bias", "mixing"), [("transformer", 0, 4 * 16 * 32), ("recurrence", 16, 64)])
def test_counts_by_hand(architecture, bias, mixing):
    # width 16, hidden 40: two layers of qkv or gates 16x48, out 16x16, up 16x80, down 40x16, two norms of 16
    matrices = 2 * (16 * 48 + 16 * 16 + 16 * 80 + 40 * 16)
    outside = matrices + 2 * (2 * 16 + bias) + 16
    shape = Shape(architecture, 16, 2)
    assert count_parameters(shape) == (outside + 256 * 16, outside)
    assert count_flops(shape, 32) == 3 * (2 * (matrices + 256 * 16) + 2 * mixing)


@each_architecture
@pytest.mark.parametrize("size", [(16, 1), (24, 1), (48, 2)])
def test_counted_parameters_are_the_networks(architecture, size):
    shape = Shape(architecture, *size)
    network = eqx.filter_eval_shape(Network, shape, jax.random.key(0))
    assert sum(leaf.size for leaf in jax.tree.leaves(network) if hasattr(leaf, "size")) == count_parameters(shape)[0]


# Corpora


def test_held_out_files_are_whole_and_share_no_window_with_training():
    rng = np.random.default_rng(0)
    licence = b"This line stands at the head of every single file of the whole collection, as licences do.\n"
    lines = rng.integers(97, 123, (40, 20, 50), dtype=np.uint8)
    files = [licence + b"".join(bytes(line) + b"\n" for line in file) for file in lines]
    settings = {"held_out_bytes": 5_000, "longest_held_out": 2_000}
    held_out, train = split_files(iter([*files, files[0]]), settings, 20_000)
    assert sum(map(len, held_out)) >= 5_000
    assert set(held_out) <= set(files)
    assert 10_000 < len(train) <= 20_000
    shared = np.isin(*(hash_windows(np.frombuffer(text, np.uint8)) for text in (train, b"\0".join(held_out))))
    assert not shared.any()


@pytest.mark.parametrize("gap", [0, 1, 63])
def test_any_shared_stretch_of_two_windows_is_found(gap):
    rng = np.random.default_rng(gap)
    held_out = bytes(rng.integers(97, 123, 5 * WINDOW, dtype=np.uint8))
    copied = held_out[gap : gap + 2 * WINDOW]
    assert remove_shared(b"kept\n" + copied + b"\nkept\n", held_out) == b"kept\nkept\n"


def test_order_reads_every_window_once_an_epoch_and_depends_on_the_seed():
    text = np.arange(65, dtype=np.uint8)
    orders = [Order(text, batch=2, context=8, seed=seed).windows(0, 4) for seed in (0, 0, 1)]
    assert sorted(orders[0][..., 0].ravel().tolist()) == list(range(0, 64, 8))
    assert np.array_equal(orders[0], orders[1])
    assert not np.array_equal(orders[0], orders[2])
    late = Order(text, batch=2, context=8, seed=0).windows(2, 6)
    assert np.array_equal(late[:2], orders[0][2:])


# Plan


@each_plan
def test_plan_keeps_its_promises(kind, cap, points):
    plan = make_plan(DESIGNS[kind], cap, UNIQUE)
    ids = [trunk.run_id(budget) for trunk in plan for budget in trunk.budgets]
    assert len(ids) == len(set(ids)) >= points
    assert [trunk.stage for trunk in plan] == sorted((trunk.stage for trunk in plan), key=STAGES.index)
    for corpus in UNIQUE:
        for architecture in MIXERS:
            mine = [each for each in plan if (each.corpus, each.recipe.shape.architecture) == (corpus, architecture)]
            targets = [trunk.flops for trunk in mine if trunk.stage == "target"]
            assert max(targets) >= 16 * max(trunk.flops for trunk in mine if trunk.stage != "target")
            assert {len(trunk.budgets) for trunk in mine if trunk.stage == "target"} == {1}
    cells = {stage: sum(len(each.budgets) for each in plan if each.stage == stage) for stage in STAGES}
    assert 2 / 3 * 0.9 <= cells["seed"] / cells["base"] <= 2 / 3 * 1.3  # two more seeds on about a third
    assert all(trunk.budgets[-1] * trunk.recipe.bytes_per_step <= 4 * UNIQUE[trunk.corpus] for trunk in plan)
    assert all(trunk.flops <= (TARGET if trunk.stage == "target" else 1) * cap for trunk in plan)
    assert max(each.budgets[-1] * step_flops(each.recipe) for each in plan) > 16 * cap


# The table


def test_torn_last_line_is_dropped_and_others_are_not(tmp_path):
    path = tmp_path / "rows.jsonl"
    append_row(path, {"run": "a"})
    with path.open("ab") as stream:
        stream.write(b'{"run": "b", "lo')
    assert drop_torn_line(path) == 16
    append_row(path, {"run": "c"})
    assert [row["run"] for row in read_rows(path)] == ["a", "c"]
    path.write_bytes(b'{"run"\n' + path.read_bytes())
    with pytest.raises(JournalError, match="line 1 is no JSON"):
        read_rows(path)


# Measuring: one tiny network an architecture, killed in the middle, resumed, compared

TINY = """
import sys
from pathlib import Path
sys.path.insert(0, {program!r})
import numpy as np
from corpora import Corpus
from journal import own_table
from measure import measure
from networks import MIXERS, Shape
from plan import Design, Trunk
from training import Recipe
from workers import Site

rng = np.random.default_rng(0)
words = [bytes(rng.integers(97, 123, 5, dtype=np.uint8)) for _ in range(12)]
def write(count):
    return np.frombuffer(b" ".join(words[i] for i in rng.integers(0, 12, count)), np.uint8)
def load():
    return {{name: Corpus(name, write(1500), write(500), np.arange(0, 3000, 300)) for name in ("one", "two")}}
design = Design(sizes=((16, 1),), target=(16, 1), batch=8, context=16, own_bytes=2048, other_bytes=1024)
plan = [
    Trunk("base", "one", Recipe(Shape(kind, 16, 1), 8, 16, lr=0.02), (80, 160, 240)) for kind in MIXERS
]
plan.append(Trunk("lr", "two", Recipe(Shape("transformer", 16, 1), 8, 16, lr=1e9), (80, 160)))
if __name__ == "__main__":
    output = Path(sys.argv[1])
    output.mkdir(exist_ok=True)
    own_table(output)
    measure(plan, Site(load, design, output), workers=int(sys.argv[2]))
"""
CLOCK = ("seconds", "flops_per_second")
PLACE = itemgetter("stage", "architecture", "steps")


def start(folder: Path) -> subprocess.Popen:
    script = folder.parent / "tiny.py"
    script.write_text(TINY.format(program=str(PROGRAM)))
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE}
    cache = {"JAX_COMPILATION_CACHE_DIR": str(folder.parent / "compiled"), "JAX_PLATFORMS": "cpu"}
    eager = {"JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0"}
    return subprocess.Popen([sys.executable, script, folder, "2"], env={**os.environ, **cache, **eager}, **quiet)


def finish(process: subprocess.Popen) -> None:
    _, said = process.communicate(timeout=300)
    assert process.returncode == 0, said.decode()


@pytest.fixture(scope="module")
def measured(tmp_path_factory):
    """Rows of an uninterrupted run, and of one that was killed after its first row and lost half of its last one."""
    folder = tmp_path_factory.mktemp("bytelm")
    whole, killed = folder / "whole", folder / "killed"
    finish(start(whole))
    process = start(killed)
    rows = killed / "rows.jsonl"
    deadline = time.monotonic() + 120
    while not rows.exists() or not rows.read_bytes().endswith(b"\n"):
        assert process.poll() is None or rows.exists()
        assert time.monotonic() < deadline
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    os.close(own_table(killed))  # both workers have stopped
    survived = read_rows(rows)
    rows.write_bytes(rows.read_bytes() + b'{"run": "torn')
    finish(start(killed))
    return *(sorted(read_rows(each / "rows.jsonl"), key=PLACE) for each in (whole, killed)), survived, killed


def test_resumed_rows_equal_uninterrupted_ones_to_the_bit(measured):
    whole, resumed, survived, folder = measured
    assert 1 <= len(survived) < len(whole) == 8
    without_clock = [[{k: v for k, v in row.items() if k not in CLOCK} for row in rows] for rows in (whole, resumed)]
    assert without_clock[0] == without_clock[1]
    assert list((folder / "trunks").iterdir()) == []


@each_architecture
def test_training_lowers_the_loss(measured, architecture):
    losses = [row["losses"]["one"] for row in measured[0] if row["architecture"] == architecture and row["losses"]]
    assert len(losses) == 3
    assert losses[-1] < losses[0] < math.log(256)
    assert losses[-1] < 2.5
    assert all(row["losses_se"]["one"] > 0 for row in measured[0] if row["losses"])


def test_divergence_is_recorded_with_its_step(measured):
    lost = [row for row in measured[0] if row["stage"] == "lr"]
    assert [row["steps"] for row in lost] == [80, 160]
    assert all(row["losses"] == {} and 0 <= row["diverged_step"] < 160 for row in lost)


@pytest.mark.filterwarnings("ignore::scaling_bayes.symbols.words.SweepWarning")
def test_rows_become_a_sweep_and_a_card(measured, tmp_path):
    path = tmp_path / "rows.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in measured[0]))
    sweep = assemble_sweep(join_rows([path]))
    saved = write_sweep(sweep, tmp_path)
    card = write_card(sweep, saved, tmp_path, year=2000).read_text("utf-8")

    again = read_sweep(saved)
    assert dict(again.sizes) == {"run": 6, "evaluation": 2}
    assert again.attrs["dropped"] == 2
    own = again["losses"].sel(evaluation=again["corpus"])
    np.testing.assert_array_equal(own, again["loss"])
    assert tomllib.loads(card)["files"][0]["name"] == "sweep.nc"
    with pytest.raises(ValueError, match="measured twice"):
        join_rows([path, path])
