"""What a release consists of, in dist/: `python -m tools.dist`, or `make dist`.

wheel and sdist, built twice and equal; checked by twine; installed in a new environment and tried there; and what that
environment holds, as an SBOM (CycloneDX) and as a list of licences. Times in the archives are that of the last commit.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import venv
from importlib.metadata import Distribution, distributions
from pathlib import Path

ROOT = Path(__file__).parents[1]
OUT = ROOT / "dist"
_BUILD = "import sys; from setuptools import build_meta as b; o = sys.argv[1]; b.build_wheel(o); b.build_sdist(o)"


def main() -> None:
    """Make dist/ new. Ends with an error if anything in it does not hold."""
    shutil.rmtree(OUT, ignore_errors=True)
    OUT.mkdir()
    with tempfile.TemporaryDirectory() as made:
        directory = Path(made)
        build(ROOT, OUT, commit_time())
        build(ROOT, directory / "again", commit_time())
        if hashes(OUT) != hashes(directory / "again"):
            sys.exit("the build is not reproducible")
        (wheel,), (sdist,) = OUT.glob("*.whl"), OUT.glob("*.tar.gz")
        _run(sys.executable, "-m", "twine", "check", "--strict", wheel, sdist)
        environment = directory
        for archive in (sdist, wheel):
            environment = directory / archive.suffix
            venv.create(environment, with_pip=True)
            _run(environment / "bin" / "pip", "install", "--quiet", "--disable-pip-version-check", archive)
            _try(environment / "bin" / "dicom_exporter", directory)
        (packages,) = environment.glob("lib/python*/site-packages")
        (OUT / "licenses.txt").write_text(licenses(packages), encoding="utf-8")
        _run(
            *(Path(sys.executable).with_name("cyclonedx-py"), "environment", environment),
            *("--output-reproducible", "--output-file", OUT / "sbom.cdx.json"),
        )
    print("\n".join(f"{digest}  {name}" for name, digest in hashes(OUT).items()))  # noqa: T201


def commit_time() -> int:
    """Unix time of the last commit; SOURCE_DATE_EPOCH, if it is set."""
    given = os.environ.get("SOURCE_DATE_EPOCH")
    command = ["git", "log", "-1", "--format=%ct"]
    return int(given or subprocess.run(command, cwd=ROOT, capture_output=True, check=True).stdout)


def build(source: Path, out: Path, when: int) -> None:
    """Build wheel and sdist of a copy of the tree at `source` into `out`."""
    out.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as made:
        tree = Path(made) / "tree"
        shutil.copytree(source, tree, ignore=_not_sources)
        environment = {**os.environ, "SOURCE_DATE_EPOCH": str(when)}
        command = [sys.executable, "-c", _BUILD, str(out)]
        subprocess.run(command, cwd=tree, env=environment, check=True, stdout=subprocess.DEVNULL)
    for sdist in out.glob("*.tar.gz"):
        sdist.write_bytes(normalized(sdist.read_bytes(), when))


def _not_sources(directory: str, names: list[str]) -> set[str]:
    """What is made from the sources, such as build/ at the top, which dicom_exporter/config/build is not."""
    made = {"build", "dist"} & set(names) if (Path(directory) / "pyproject.toml").exists() else set()
    return made | {name for name in names if name.startswith(".") or name.endswith((".egg-info", "__pycache__"))}


def normalized(sdist: bytes, when: int) -> bytes:
    """A .tar.gz with the same files, in order, of time `when` and of no particular user; setuptools cannot do that."""
    made = io.BytesIO()
    with (
        tarfile.open(fileobj=io.BytesIO(sdist)) as before,
        gzip.GzipFile(fileobj=made, mode="wb", mtime=when) as packed,
        tarfile.open(fileobj=packed, mode="w") as after,
    ):
        for member in sorted(before.getmembers(), key=lambda member: member.name):
            member.mtime, member.uid, member.gid, member.uname, member.gname = when, 0, 0, "", ""
            member.mode = 0o755 if member.isdir() or member.mode & 0o100 else 0o644
            member.pax_headers = {}
            after.addfile(member, before.extractfile(member) if member.isfile() else None)
    return made.getvalue()


def hashes(directory: Path) -> dict[str, str]:
    """The SHA-256 of each file, by name."""
    return {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in sorted(directory.iterdir())}


def licenses(packages: Path) -> str:
    """Name, version and licence of each distribution that is installed in `packages`, one a line."""
    found = distributions(path=[str(packages)])
    return "".join(sorted(f"{each.name} {each.version}: {_license(each)}\n" for each in found))


def _license(distribution: Distribution) -> str:
    metadata = distribution.metadata.json
    if expression := metadata.get("license_expression"):
        return str(expression)
    named = [name.rpartition(" :: ")[2] for name in metadata.get("classifier", ()) if name.startswith("License")]
    return ", ".join(named) or str(metadata.get("license") or "unknown").partition("\n")[0]


def _try(program: Path, directory: Path) -> None:
    """The commands that need no archive, and the example configuration."""
    for what in ("rules", "dashboards", "schema", "unit"):
        _run(program, "print", what, stdout=subprocess.DEVNULL)
    example = directory / "config.yml"
    with example.open("w") as file:
        _run(program, "print", "example", stdout=file)
    _run(program, "--version")
    _run(program, "--config.check", f"--config.file={example}")


def _run(*command: str | Path, stdout: object = None) -> None:
    subprocess.run(list(map(str, command)), check=True, stdout=stdout)  # type: ignore[call-overload]


if __name__ == "__main__":
    main()
