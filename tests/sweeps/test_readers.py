"""One table in every kind of file gives one sweep."""

import pandas as pd
import pytest

from scaling_bayes.sweeps import SweepError, as_sweep, read_sweep, sweep_hash
from scaling_bayes.sweeps.readers import READERS

TABLE = pd.DataFrame({"N": [10**6, 10**7], "loss": [4.0, 3.25], "corpus": ["web", "code"]})
DECLARED = {
    "response": "loss",
    "covariates": ["N"],
    "groups": ["corpus"],
    "units": {"N": "1", "loss": "nats/token"},
}
WRITERS = {
    ".csv": lambda path: TABLE.to_csv(path, index=False),
    ".csv.gz": lambda path: TABLE.to_csv(path, index=False, compression="gzip"),
    ".parquet": lambda path: TABLE.to_parquet(path),
    ".jsonl": lambda path: TABLE.to_json(path, orient="records", lines=True),
}


@pytest.mark.parametrize("ending", READERS)
def test_every_kind_of_file(ending, tmp_path):
    path = tmp_path / f"runs{ending}"
    WRITERS[ending](path)
    wanted = sweep_hash(as_sweep(TABLE, **DECLARED))
    assert sweep_hash(read_sweep(path, **DECLARED)) == wanted
    assert sweep_hash(read_sweep(str(path), **DECLARED)) == wanted
    assert sweep_hash(read_sweep(path.as_uri(), **DECLARED)) == wanted


def test_a_saved_sweep_holds_its_own_declarations(tmp_path):
    sweep = as_sweep(TABLE, **DECLARED)
    sweep.to_netcdf(tmp_path / "sweep.nc", engine="h5netcdf")
    assert read_sweep(tmp_path / "sweep.nc").identical(sweep)
    with pytest.raises(SweepError, match=r"saved sweep .* drop \['response'\]"):
        read_sweep(tmp_path / "sweep.nc", response="loss")


def test_a_file_that_is_no_sweep(tmp_path):
    TABLE.to_xarray().to_netcdf(tmp_path / "table.nc", engine="h5netcdf")
    with pytest.raises(SweepError, match="not a sweep: no dim 'run'"):
        read_sweep(tmp_path / "table.nc")


def test_a_broken_file_is_named(tmp_path):
    (tmp_path / "sweep.nc").write_text("no netCDF")
    with pytest.raises(SweepError, match=r"sweep.nc' cannot be read as a saved sweep"):
        read_sweep(tmp_path / "sweep.nc")


def test_a_table_without_rows_is_named(tmp_path):
    TABLE.iloc[:0].to_csv(tmp_path / "runs.csv", index=False)
    with pytest.raises(SweepError, match=r"runs.csv' cannot be read as a table: it has no rows"):
        read_sweep(tmp_path / "runs.csv", **DECLARED)


@pytest.mark.parametrize(
    ("path", "fragment"),
    [
        ("runs.xls", "no reader for 'runs.xls'"),
        ("runs.csv", "there is no file"),
        (".", "'.' is a folder"),
        ("sweep.nc", "there is no file"),
        ("file:///nowhere/runs.csv", "could not read file:///nowhere/runs.csv"),
    ],
)
def test_what_cannot_be_read(path, fragment):
    with pytest.raises(SweepError, match=fragment):
        read_sweep(path)


@pytest.mark.parametrize("ending", READERS)
@pytest.mark.parametrize("content", [b"", b'N,loss\n1,2\n1,2,"3\n\xff\xfe'], ids=["empty", "no table"])
def test_a_file_without_a_table(ending, content, tmp_path):
    path = tmp_path / f"runs{ending}"
    path.write_bytes(content)
    with pytest.raises(SweepError, match=rf"runs\{ending}' cannot be read as a table: .* Expected a line of column"):
        read_sweep(path, **DECLARED)
