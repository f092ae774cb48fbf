"""The fast SCP of the benchmarks works with other DICOM clients, too."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Mapping, Sequence

import pytest

from benchmarks.contestants import callbacks, floor, ours
from benchmarks.measuring import Work
from benchmarks.servers import fast_scp
from tests.testing.peers.requirements import program

pytestmark = pytest.mark.integration

Ports = Mapping[str, Sequence[int]]


@pytest.fixture(scope="module")
def ports() -> Iterator[Ports]:
    with fast_scp() as found:
        yield found


def run(*command: object) -> str:
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, timeout=60, check=True)
    return done.stdout + done.stderr


def test_scp_answers_echoscu_on_every_port_and_address(ports: Ports) -> None:
    for number, port in enumerate(ports["good"]):
        shown = run(program("echoscu", "dcmtk"), "-v", f"127.64.0.{number + 1}", port)
        assert "Received Echo Response (Success)" in shown


def test_scp_answers_repeated_echo_on_one_association(ports: Ports) -> None:
    shown = run(program("echoscu", "dcmtk"), "-v", "--repeat", 5, "127.0.0.1", ports["good"][0])
    assert shown.count("Received Echo Response (Success)") == 5


@pytest.mark.parametrize("matches", [0, 1, 1003])
def test_scp_called_title_sets_number_of_matches(ports: Ports, matches: int) -> None:
    keys = ["-k", "QueryRetrieveLevel=STUDY", "-k", "StudyInstanceUID", "-k", "NumberOfStudyRelatedInstances"]
    findscu = program("findscu", "dcmtk")
    shown = run(findscu, "-v", "-S", "-aec", f"FIND{matches}", *keys, "127.0.0.1", ports["good"][0])
    assert shown.count("(Pending)") == matches
    assert shown.count("Received Final Find Response (Success)") == 1


def test_scp_serves_all_clients_of_the_benchmark(ports: Ports) -> None:
    good = tuple(ports["good"])
    for contestant in (ours, floor, callbacks):
        done, took = contestant.echo(Work(good, count=20, concurrency=4))
        assert done == 20
        assert took.wall > 0
    matches, _ = ours.find(Work(good, count=2, called="FIND500"))
    assert matches == 1000
