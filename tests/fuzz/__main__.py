"""Fuzz all or the named targets, one after the other: `python -m tests.fuzz --seconds 1800`.

A run starts with the seeds and the kept corpus, and updates the kept corpus (`--no-keep` does not). The exit code is 1
if a target crashed. The input is in the directory that is printed; `--input` runs it again.
"""

from __future__ import annotations

import argparse
import hashlib
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from tests.fuzz import corpus, targets

_COMMAND = "FUZZ_COMMAND"
"""Environment variable with the command that started `run`."""
_SHARES = {"association": 0.3, "session": 0.35, "web": 0.15, "dicom_json": 0.05, "dataset": 0.05, "configuration": 0.1}
"""Share of the time for each target: more for targets with more possible inputs."""
_MAX_LENGTH = 16 * 1024
_KEPT_LENGTH = 4 * 1024
"""Maximum size of a kept input in bytes, so that the corpus stays small."""
_KEPT_BYTES = 150_000
_ENOUGH_CRASHES = 5
_UNIT_TIMEOUT = 20
"""Seconds for one input. It takes a few milliseconds, but longer on a busy machine."""


@dataclass(frozen=True, slots=True)
class Run:
    """The result of the run of one target."""

    target: str
    runs: int
    rate: int
    edges: int
    """Code edges that were reached, as counted by libFuzzer."""
    features: int
    peak_megabytes: int
    crashes: int


def main() -> int:
    """Read the command line and fuzz."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=f"from {', '.join(targets.ALL)}; default: all")
    parser.add_argument("--seconds", type=int, default=300, help="total time for all targets")
    parser.add_argument("--directory", type=Path, help="working directory; default: a new temporary directory")
    parser.add_argument("--no-keep", action="store_true", help="do not update the kept corpus")
    parser.add_argument("--input", type=Path, help="run the target with this input only, without atheris")
    options = parser.parse_args()
    names = options.targets or list(targets.ALL)
    if unknown := set(names) - targets.ALL.keys():
        parser.error(f"unknown target: {', '.join(sorted(unknown))}")
    if options.input is not None:
        if len(names) != 1:
            parser.error("--input needs exactly one TARGET")
        targets.ALL[names[0]](options.input.read_bytes())
        return 0
    directory = options.directory or Path(tempfile.mkdtemp(prefix="fuzz-"))
    whole = sum(_SHARES[name] for name in names)
    runs = [_fuzz(name, directory / name, round(options.seconds * _SHARES[name] / whole)) for name in names]
    for run in runs:
        if not options.no_keep and not run.crashes:
            _keep(run.target, directory / run.target)
    _report(runs, directory)
    return 1 if any(run.crashes for run in runs) else 0


def _fuzz(name: str, directory: Path, seconds: int) -> Run:
    """Run one target for `seconds`. Restart after a crash, up to `_ENOUGH_CRASHES` times."""
    (directory / "corpus").mkdir(parents=True, exist_ok=True)
    (directory / "crashes").mkdir(exist_ok=True)
    _write(directory / "corpus", [*corpus.seeds(name), *corpus.found(name)])
    sys.stdout.write(f"{name}: {seconds} s, log in {directory / 'log'}\n")
    sys.stdout.flush()
    end = time.monotonic() + seconds
    crashes = 0
    with (directory / "log").open("w") as log:
        while (left := round(end - time.monotonic())) > 0 and crashes < _ENOUGH_CRASHES:
            arguments = [
                "corpus",
                f"-max_total_time={left}",
                f"-max_len={_MAX_LENGTH}",
                f"-timeout={_UNIT_TIMEOUT}",
                "-artifact_prefix=crashes/",
                "-print_final_stats=1",
            ]
            crashes += _atheris(name, arguments, directory, log).returncode != 0
    text = (directory / "log").read_text(errors="replace")
    progress = re.findall(r"cov: (\d+) ft: (\d+)", text) or [("0", "0")]
    runs = sum(_statistics("number_of_executed_units", text))
    return Run(
        name,
        runs,
        round(runs / seconds),
        int(progress[-1][0]),
        int(progress[-1][1]),
        max(_statistics("peak_rss_mb", text), default=0),
        crashes,
    )


def _keep(name: str, directory: Path) -> None:
    """Keep the smallest inputs that reach the same code as the complete corpus of a run, without the seeds."""
    small = directory / "minimised"
    small.mkdir(exist_ok=True)
    with (directory / "merge.log").open("w") as log:
        _atheris(name, ["minimised", "corpus", "-merge=1", f"-max_len={_KEPT_LENGTH}"], directory, log)
    seeds = set(corpus.seeds(name))
    inputs = sorted((path.read_bytes() for path in small.iterdir()), key=len)
    kept, total = [], 0
    for data in inputs:
        total += len(data)
        if total > _KEPT_BYTES:
            break
        if data not in seeds:
            kept.append(data)
    if kept:
        corpus.keep(name, kept)


def _atheris(name: str, arguments: list[str], directory: Path, log: IO[str]) -> subprocess.CompletedProcess[bytes]:
    root = Path(__file__).parents[2]
    command = directory / "run"  # for a merge, libFuzzer starts itself again with its own command
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m tests.fuzz.run {name} "$@"\n')
    command.chmod(0o755)
    return subprocess.run(
        [command, *arguments],
        cwd=directory,
        env={"PYTHONPATH": str(root), "PATH": "/usr/bin:/bin", _COMMAND: str(command)},
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=subprocess.STDOUT,
        check=False,
    )


def _write(directory: Path, inputs: Iterable[bytes]) -> None:
    for data in inputs:
        (directory / hashlib.sha256(data).hexdigest()[:16]).write_bytes(data)


def _statistics(name: str, text: str) -> list[int]:
    return [int(number) for number in re.findall(rf"stat::{name}:\s+(\d+)", text)]


def _report(runs: list[Run], directory: Path) -> None:
    lines = ["target          runs      per second  edges  features  peak MB  result"]
    lines += [
        f"{run.target:14}  {run.runs:10,}  {run.rate:8,}  {run.edges:5,}  {run.features:8,}  {run.peak_megabytes:7,}"
        f"  {f'CRASHED, see {directory / run.target}' if run.crashes else 'nothing found'}"
        for run in runs
    ]
    table = "\n".join(lines) + "\n"
    (directory / "result.txt").write_text(table)
    sys.stdout.write(table)


if __name__ == "__main__":
    sys.exit(main())
