"""Real peers as fixtures: each is a function that starts one, as often as it is called; all end with the test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from typing import TypeVar

import pytest

from tests.testing.peers import Certificates, Orthanc, dcmtk, make_certificates
from tests.testing.peers import orthanc as start_orthanc
from tests.testing.peers import pynetdicom_scp as start_pynetdicom
from tests.testing.peers.process import Address

T = TypeVar("T")


@pytest.fixture
def peers() -> Iterator[ExitStack]:
    """What must be stopped when the test ends."""
    with ExitStack() as stack:
        yield stack


@pytest.fixture
def certificates(tmp_path: Path) -> Certificates:
    """An authority, a server's and a client's certificate."""
    return make_certificates(tmp_path / "certificates")


@pytest.fixture
def orthanc(peers: ExitStack, tmp_path: Path) -> Callable[..., Orthanc]:
    """`orthanc(dicomweb=…, worklists=…, tls=…, known=…, DicomCheckCalledAet=True, …)`; see its module."""
    return _starter(peers, tmp_path, start_orthanc)


@pytest.fixture
def dcmqrscp(peers: ExitStack, tmp_path: Path) -> Callable[..., dcmtk.Server]:
    """`dcmqrscp(known=…)`; see `tests.testing.peers.dcmtk`."""
    return _starter(peers, tmp_path, dcmtk.dcmqrscp)


@pytest.fixture
def storescp(peers: ExitStack, tmp_path: Path) -> Callable[..., dcmtk.Server]:
    """`storescp(tls=…)`; see `tests.testing.peers.dcmtk`."""
    return _starter(peers, tmp_path, dcmtk.storescp)


@pytest.fixture
def wlmscpfs(peers: ExitStack, tmp_path: Path) -> Callable[..., dcmtk.Server]:
    """`wlmscpfs(items=…)`; see `tests.testing.peers.dcmtk`."""
    return _starter(peers, tmp_path, dcmtk.wlmscpfs)


@pytest.fixture
def pynetdicom_scp(peers: ExitStack) -> Callable[..., Address]:
    """`pynetdicom_scp((evt.EVT_C_FIND, handler), …)`; see `tests.testing.peers.pynetdicom_scp`."""

    def start(*handlers: tuple[object, ...], **options: object) -> Address:
        return peers.enter_context(start_pynetdicom(*handlers, **options))  # type: ignore[arg-type]

    return start


def _starter(peers: ExitStack, tmp_path: Path, run: Callable[..., AbstractContextManager[T]]) -> Callable[..., T]:
    """`run` with a new directory for each call, ended with the test."""
    count = 0

    def start(**options: object) -> T:
        nonlocal count
        count += 1
        directory = tmp_path / f"{run.__name__}-{count}"
        return peers.enter_context(run(directory, **options))

    return start
