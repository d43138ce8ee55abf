"""Where files come from, and every way in which they do not; nothing here touches a network."""

import hashlib
from pathlib import Path

import pooch
import pytest

from scaling_bayes.sweeps import SweepError, as_sweep, list_sweeps, load_sweep, missing_files
from scaling_bayes.sweeps import cards as cards_module
from scaling_bayes.sweeps.downloads import MIRROR, CardFile, fetch_file, find_local

CONTENT = b"Model,FLOP,loss\n1e8,1e19,3.0\n2e8,2e19,2.8\n"
SHA256 = hashlib.sha256(CONTENT).hexdigest()
ORIGINAL = CardFile("demo/runs.csv", SHA256, url="https://example.org/runs.csv", source="https://example.org")
DERIVED = CardFile("demo/runs.csv", SHA256, kind="derived", source="https://example.org")
SHIPPED = CardFile("runs.csv", SHA256, kind="shipped")


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setattr(pooch, "os_cache", lambda name: tmp_path / "cache" / name)
    monkeypatch.delenv(MIRROR, raising=False)
    return tmp_path / "cache" / "scaling_bayes"


@pytest.fixture
def mirror(tmp_path, monkeypatch):
    folder = tmp_path / "mirror"
    monkeypatch.setenv(MIRROR, str(folder))
    return folder


def put(folder, name, content=CONTENT):
    target = folder / name
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(content)
    return target


def serving(content):
    calls = []

    def download(url, output_file, _):
        calls.append(url)
        Path(output_file).write_bytes(content)

    download.calls = calls
    return download


def offline(url, output_file, _):
    raise ConnectionError("no route to host")


def refused(file, folder, downloader=offline):
    with pytest.raises(SweepError) as error:
        fetch_file(file, folder, downloader=downloader)
    assert "\n" not in str(error.value), "one paragraph"
    return str(error.value)


def test_the_mirror_comes_first(mirror, cache, tmp_path):
    put(mirror, ORIGINAL.name)
    put(cache, ORIGINAL.name)
    assert fetch_file(ORIGINAL, tmp_path, downloader=offline) == mirror / ORIGINAL.name


def test_a_download_is_kept(cache, tmp_path):
    server = serving(CONTENT)
    first, second = (fetch_file(ORIGINAL, tmp_path, downloader=server) for _ in range(2))
    assert first == second == cache / ORIGINAL.name
    assert server.calls == [ORIGINAL.url]


def test_a_mirror_without_the_file_gives_way_to_the_network(mirror, tmp_path):
    assert fetch_file(ORIGINAL, tmp_path, downloader=serving(CONTENT)).read_bytes() == CONTENT


def test_a_shipped_file_lies_beside_its_card(tmp_path):
    assert find_local(SHIPPED, tmp_path) is None
    assert fetch_file(SHIPPED, put(tmp_path, "runs.csv").parent) == tmp_path / "runs.csv"


def test_the_default_downloader_shows_its_progress(monkeypatch, tmp_path):
    asked = {}

    def retrieve(url, known_hash, *, fname, path, downloader):
        asked.update(url=url, known_hash=known_hash, progress=downloader.progressbar)

    monkeypatch.setattr(pooch, "retrieve", retrieve)
    fetch_file(ORIGINAL, tmp_path)
    assert asked == {"url": ORIGINAL.url, "known_hash": f"sha256:{SHA256}", "progress": True}


@pytest.mark.parametrize(
    ("file", "has_mirror", "fragments"),
    [
        (ORIGINAL, False, ["could not be downloaded", ORIGINAL.url, "ConnectionError", f"{MIRROR} is not set"]),
        (ORIGINAL, True, ["could not be downloaded", "mirror", "does not hold it"]),
        (DERIVED, False, ["https://example.org", f"Set {MIRROR}", SHA256[:12], "demo/runs.csv"]),
        (DERIVED, True, ["not published as one table", "does not hold it"]),
        (SHIPPED, False, ["beside its card", "Re-install"]),
    ],
)
def test_an_absent_file_says_how_to_get_it(file, has_mirror, fragments, tmp_path, monkeypatch):
    if has_mirror:
        monkeypatch.setenv(MIRROR, str(tmp_path / "mirror"))
    message = refused(file, tmp_path)
    assert [fragment for fragment in fragments if fragment not in message] == [], message


def test_a_wrong_hash_in_the_mirror_is_refused(mirror, tmp_path):
    path = put(mirror, ORIGINAL.name, b"else")
    message = refused(ORIGINAL, tmp_path)
    assert str(path) in message
    assert hashlib.sha256(b"else").hexdigest()[:12] in message
    assert SHA256[:12] in message


def test_a_wrong_hash_from_the_network_is_refused_and_not_kept(cache, tmp_path):
    message = refused(ORIGINAL, tmp_path, serving(b"<html>login</html>"))
    assert "does not have the sha256" in message
    assert SHA256[:12] in message
    assert not (cache / ORIGINAL.name).exists()


CARD = f"""
title = "Demo"
licence = "MIT"
rows = 2
citation = {{ authors = "A", year = 2026 }}
notes = {{ N = "n", C = "c" }}

[sweep]
response = "loss"
covariates = {{ N = "Model", C = "FLOP" }}
units = {{ N = "1", C = "FLOP" }}

[responses.loss]
symbol = "loss"
unit = "nats/token"

[[files]]
name = "runs.csv"
kind = "shipped"
sha256 = "{SHA256}"
"""


@pytest.fixture
def catalogue(tmp_path, monkeypatch):
    """A source tree of its own, whose catalogue holds one card and its file."""
    monkeypatch.setattr(cards_module, "_PACKAGE", tmp_path / "package")
    put(tmp_path / "data", "demo/card.toml", CARD.encode())
    put(tmp_path / "data", "demo/runs.csv")
    return tmp_path / "data"


def test_a_card_of_a_source_tree_is_found(catalogue):
    assert list_sweeps()[["name", "local"]].values.tolist() == [["demo", True]]
    assert load_sweep("demo")["D"].values.tolist() == [1e19 / 6e8, 2e19 / 12e8]


def test_cards_inside_the_package_come_first(catalogue, tmp_path):
    put(tmp_path / "package" / "_data", "installed/card.toml", CARD.encode())
    assert list_sweeps()["name"].tolist() == ["installed"]
    assert missing_files("installed") == ["runs.csv"]


def test_a_saved_sweep_may_be_shipped(catalogue):
    units = {"N": "1", "loss": "nats/token"}
    saved = as_sweep({"N": [1e6, 1e7], "loss": [4.0, 3.0]}, response="loss", covariates=["N"], units=units)
    saved.to_netcdf(catalogue / "demo" / "sweep.nc", engine="h5netcdf")
    sha256 = hashlib.sha256((catalogue / "demo" / "sweep.nc").read_bytes()).hexdigest()
    put(catalogue, "demo/card.toml", CARD.replace("runs.csv", "sweep.nc").replace(SHA256, sha256).encode())
    assert load_sweep("demo")["loss"].values.tolist() == [4.0, 3.0]
    assert load_sweep("demo").attrs["sweep"] == "demo"
    with pytest.raises(SweepError, match="saved as it is"):
        load_sweep("demo", drop=True)


SUBSETS = """
[subsets.tuned]
description = "mis-tuned runs"
[subsets.tuned.keep]
stage = ["base"]
"""


def test_a_default_subset_leaves_out_what_it_says_and_counts_it(catalogue):
    columns = {"N": [1e6, 1e7, 1e8], "loss": [4.0, 3.0, 9.0], "stage": ["base", "base", "lr"]}
    units = {"N": "1", "loss": "nats/token"}
    saved = as_sweep(columns, response="loss", covariates=["N"], keep=["stage"], units=units)
    saved.to_netcdf(catalogue / "demo" / "sweep.nc", engine="h5netcdf")
    sha256 = hashlib.sha256((catalogue / "demo" / "sweep.nc").read_bytes()).hexdigest()
    card = CARD.replace("runs.csv", "sweep.nc").replace(SHA256, sha256)
    put(catalogue, "demo/card.toml", ('default_subset = "tuned"\n' + card + SUBSETS).encode())
    assert load_sweep("demo")["loss"].values.tolist() == [4.0, 3.0]
    assert load_sweep("demo").attrs["dropped"] == 1
    assert load_sweep("demo").attrs["dropped_why"] == ["1: mis-tuned runs"]
    assert load_sweep("demo", subset="all")["loss"].values.tolist() == [4.0, 3.0, 9.0]
    with pytest.raises(SweepError, match="no subset 'tune': did you mean 'tuned'"):
        load_sweep("demo", subset="tune")


def test_an_unfinished_card_names_what_it_lacks(catalogue):
    put(catalogue, "demo/card.toml", CARD.replace('title = "Demo"\n', "").encode())
    with pytest.raises(SweepError, match=r"card\.toml lacks the field 'title'"):
        load_sweep("demo")
