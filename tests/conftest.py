"""Rules for all tests: none uses the network without its marker, and none asserts a duration."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import hypothesis
import pytest

# Hypothesis would fail an example that takes more than 0.2 s, which on a busy machine says nothing.
# Where the user may not write to the sources, it would warn that it cannot keep its examples.
_examples = {} if os.access(Path(__file__).parents[1], os.W_OK) else {"database": None}
hypothesis.settings.register_profile("no deadline", deadline=None, **_examples)
hypothesis.settings.load_profile("no deadline")

# A script's shell starts jobs in the background with SIGINT ignored, and all that we start would inherit that.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

_INTEGRATION = Path(__file__).parent / "integration"
_PEERS = {"alertmanager", "dcmqrscp", "dcmtk", "demo_stack", "orthanc", "prometheus", "storescp", "wlmscpfs"}
"""Fixtures that start real peers, and what a module imports to start them."""
_INTERNET = (socket.AF_INET, socket.AF_INET6)


@pytest.hookimpl(tryfirst=True)  # before -m selects
def pytest_collection_modifyitems(items: Sequence[pytest.Item]) -> None:
    """Refuse a test in tests/integration without its marker: `make quick` would run it. Mark those with real peers."""
    for item in items:
        if item.get_closest_marker("integration") is not None:
            assert isinstance(item, pytest.Function)
            if not _PEERS.isdisjoint((*item.fixturenames, *vars(item.module))):
                item.add_marker("peers")
        elif _INTEGRATION in item.path.parents:
            raise pytest.UsageError(f"{item.nodeid} is not marked as `integration`")


@pytest.fixture(autouse=True)
def _no_internet_sockets(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a test connect or bind an IPv4 or IPv6 socket only if it is marked `loopback` or `integration`."""
    node = request.node
    if node.get_closest_marker("loopback") or node.get_closest_marker("integration"):
        return
    for name in ("bind", "connect", "connect_ex", "sendto"):
        monkeypatch.setattr(socket.socket, name, _refusing(getattr(socket.socket, name)))


def _refusing(method: Callable[..., Any]) -> Callable[..., Any]:
    def refuse(sock: socket.socket, *args: Any) -> Any:
        if sock.family in _INTERNET:
            pytest.fail("a test that opens a socket is marked `loopback`, or `integration` where it starts a server")
        return method(sock, *args)

    return refuse
