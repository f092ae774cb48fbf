"""The context of a probe: deadlines, addresses, and who is shown to a server. No socket is opened."""

from __future__ import annotations

import asyncio
import socket
import ssl
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from dicom_exporter.config import Address, BasicAuth, HTTPSettings, Identity, Secret, TLSSettings, UserIdentity
from dicom_exporter.enums import Phase
from dicom_exporter.net.errors import NotPermitted
from tests.testing.context import MONITOR, lookup_threads, probe_context

TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def no_lookup(*_: Any, **__: Any) -> list[Any]:
    raise AssertionError("an IP address needs no lookup")


@pytest.mark.parametrize("host", ["192.0.2.1", "2001:db8::1"])
async def test_resolve_ip_address_needs_no_lookup_and_no_phase(host: str) -> None:
    with lookup_threads(no_lookup) as lookups:
        context = probe_context(lookups)
        (found,) = (await context.resolve(Address(host, 104))).addresses
    assert (found.host, found.port) == (host, 104)
    assert context.phases.seconds == {}


async def test_resolve_name_is_looked_up_in_the_resolve_phase() -> None:
    def here(*_: Any, **__: Any) -> list[Any]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("192.0.2.7", 0))]

    with lookup_threads(here) as lookups:
        context = probe_context(lookups)
        (found,) = (await context.resolve(Address("pacs.example", 104))).addresses
    assert (found.ip, found.port) == ("192.0.2.7", 104)
    assert set(context.phases.seconds) == {Phase.RESOLVE}


async def test_until_share_is_of_the_time_left() -> None:
    with lookup_threads() as lookups:
        context = probe_context(lookups, seconds=100.0)
        half = context.until(0.5)
    left = half.deadline - asyncio.get_running_loop().time()
    assert 45.0 < left <= 50.0
    assert half.phases is context.phases


async def test_as_stranger_keeps_nothing_that_identifies_us() -> None:
    known = replace(
        MONITOR,
        user_identity=UserIdentity("user", Secret("made-up")),
        http=HTTPSettings(BasicAuth("user", Secret("made-up"))),
        tls=TLSSettings(context=TLS, server_name="other.example"),
    )
    with lookup_threads() as lookups:
        context = probe_context(lookups, known, may_show_credentials=True)
        plain, over_tls = context.as_stranger(None), context.as_stranger(TLS)
    for stranger in (plain, over_tls):
        identity = stranger.identity
        assert (identity.calling_ae_title, identity.user_identity, identity.http) == (None, None, None)
    assert plain.tls_client("pacs.example") is None
    client = over_tls.tls_client("pacs.example")
    assert client is not None
    assert (client.context, client.server_name) == (TLS, "pacs.example")


USER = UserIdentity("user", Secret("made-up"))
HTTP = HTTPSettings(BasicAuth("user", Secret("made-up")))
CERTIFICATE = TLSSettings(context=TLS, cert_file=Path("us.pem"))


@pytest.mark.parametrize(
    "identity",
    [replace(MONITOR, user_identity=USER), replace(MONITOR, http=HTTP), replace(MONITOR, tls=CERTIFICATE)],
    ids=["user-identity", "http", "client-certificate"],
)
async def test_context_identity_with_credentials_without_permission_is_not_permitted(identity: Identity) -> None:
    with lookup_threads() as lookups:
        with pytest.raises(NotPermitted) as raised:
            probe_context(lookups, identity)
        permitted = probe_context(lookups, identity, may_show_credentials=True)
        with pytest.raises(NotPermitted):
            replace(permitted, may_show_credentials=False)
        replace(permitted.as_stranger(TLS), may_show_credentials=False)  # it has none left
    assert "made-up" not in str(raised.value)


async def test_context_identity_without_credentials_needs_no_permission() -> None:
    with lookup_threads() as lookups:
        assert not probe_context(lookups, replace(MONITOR, tls=TLSSettings(context=TLS))).may_show_credentials


async def test_tls_client_server_name_is_the_configured_one_or_the_host() -> None:
    with lookup_threads() as lookups:
        context = probe_context(lookups, replace(MONITOR, tls=TLSSettings(context=TLS, server_name="pacs.internal")))
    client = context.tls_client("192.0.2.1")
    assert client is not None
    assert client.server_name == "pacs.internal"


@pytest.mark.parametrize(("addresses", "seconds"), [(1, 3.0), (2, 1.5), (5, 1.5)])
async def test_context_silence_at_one_of_several_addresses_is_proved_by_a_second_syn(
    addresses: int, seconds: float
) -> None:
    """They share the time of one: else a dark host with two of them could never be called down."""
    with lookup_threads() as lookups:
        context = probe_context(lookups, connect_timeout=3.0)
        context.record(Address("pacs.example", 104), addresses)
        assert context.proof_of_silence("pacs.example", 104) == seconds
        assert context.proof_of_silence("other.example", 104) == 3.0
