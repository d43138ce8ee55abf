"""Pinned packages: fetched with the ordinary package clients, checked by sha256, read member by member."""

import hashlib
import io
import shutil
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

CLIENTS = {
    "apt": ("apt-get", "download", "{name}={version}"),
    "pip": (sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary", ":all:",
            "{name}=={version}"),
}  # fmt: skip
"""Client -> the command that fetches one package into the working directory."""


class ArchiveError(RuntimeError):
    """A package that cannot be had, or is not the one that was pinned."""


@dataclass(frozen=True)
class Archive:
    """A package by name and version.

    Parameters
    ----------
    client : {"apt", "pip"}
        Who fetches it: Debian's client or Python's.
    name, version : str
        As the client spells them.
    sha256 : str
        Of the package file; empty to accept and report any.

    Examples
    --------
    >>> Archive("pip", "sympy", "1.14.0").pinned
    'sympy 1.14.0'
    """

    client: str
    name: str
    version: str
    sha256: str = ""

    @property
    def pinned(self) -> str:
        """Name and version, as a person would say it."""
        return f"{self.name} {self.version}"


def fetch_archive(archive: Archive, folder: Path) -> Path:
    """Path of the checked package file below `folder`, fetched where it is not there yet.

    Raises
    ------
    ArchiveError
        If the client is missing or fails, or the file's sha256 is not the pinned one.

    Examples
    --------
    >>> fetch_archive(Archive("npm", "left-pad", "1.0"), Path("."))
    Traceback (most recent call last):
    ...
    archives.ArchiveError: no client 'npm' for left-pad 1.0; known: apt, pip.
    """
    if archive.client not in CLIENTS:
        raise ArchiveError(f"no client {archive.client!r} for {archive.pinned}; known: {', '.join(CLIENTS)}.")
    place = folder / archive.client / f"{archive.name}-{archive.version.replace(':', '_')}"
    found = _only_file(place)
    if found is None:
        _download(archive, place)
        found = _only_file(place)
    if found is None:
        raise ArchiveError(f"{archive.client} left no single file for {archive.pinned} in {place}.")
    digest = hash_file(found)
    if archive.sha256 and digest != archive.sha256:
        raise ArchiveError(
            f"{found.name} has sha256 {digest}, expected {archive.sha256}. Delete {place} and fetch it again."
        )
    return found


def _only_file(place: Path) -> Path | None:
    files = sorted(place.iterdir()) if place.is_dir() else []
    return files[0] if len(files) == 1 else None


def _download(archive: Archive, place: Path) -> None:
    command = [part.format(name=archive.name, version=archive.version) for part in CLIENTS[archive.client]]
    if shutil.which(command[0]) is None:
        raise ArchiveError(f"{archive.pinned} is fetched with {command[0]}, which is not installed here.")
    partial = place.with_name(place.name + ".partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    done = subprocess.run(command, cwd=partial, capture_output=True, text=True, check=False)
    if done.returncode:
        raise ArchiveError(
            f"{' '.join(command[-3:])} failed for {archive.pinned}: {done.stderr.strip()[-300:]} "
            "Refresh the client's package list, or place the package file there by hand."
        )
    shutil.rmtree(place, ignore_errors=True)
    partial.rename(place)


def hash_file(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def read_members(path: Path, inner: str = "") -> Iterator[tuple[str, int, "Member"]]:
    """Walk through an archive's files: name, size and a function that reads the bytes, called at once or not at all.

    Parameters
    ----------
    path : Path
        A ``.whl`` (or ``.zip``), ``.deb`` or tar file.
    inner : str
        End of the name of a tar file inside the package, which is walked through in its place.

    Raises
    ------
    ArchiveError
        If the package holds no such inner file.
    """
    if path.suffix in (".whl", ".zip"):
        with zipfile.ZipFile(path) as archive:
            for info in archive.infolist():
                yield info.filename, info.file_size, Member(archive.open, info)
    elif path.suffix == ".deb":
        yield from _read_deb(path, inner)
    else:
        with tarfile.open(path, "r|*") as stream:
            yield from _read_tar(stream)


@dataclass(frozen=True)
class Member:
    """One file of an archive, opened only when it is wanted."""

    open: object
    info: object

    def read(self) -> bytes:
        """The file's bytes."""
        stream = self.open(self.info)  # type: ignore[operator]
        with stream:
            return stream.read()


def _read_deb(path: Path, inner: str) -> Iterator[tuple[str, int, Member]]:
    with subprocess.Popen(["dpkg-deb", "--fsys-tarfile", str(path)], stdout=subprocess.PIPE) as unpack:
        with tarfile.open(fileobj=unpack.stdout, mode="r|") as outer:
            if not inner:
                yield from _read_tar(outer)
            else:
                yield from _read_inner(outer, inner, path)
        unpack.kill()


def _read_inner(outer: tarfile.TarFile, inner: str, path: Path) -> Iterator[tuple[str, int, Member]]:
    for member in outer:
        if member.isfile() and member.name.endswith(inner):
            packed = io.BytesIO(Member(outer.extractfile, member).read())
            with tarfile.open(fileobj=packed, mode="r|*") as stream:
                yield from _read_tar(stream)
            return
    raise ArchiveError(f"{path.name} holds no file that ends in {inner!r}.")


def _read_tar(stream: tarfile.TarFile) -> Iterator[tuple[str, int, Member]]:
    for member in stream:
        if member.isfile():
            yield member.name, member.size, Member(stream.extractfile, member)
