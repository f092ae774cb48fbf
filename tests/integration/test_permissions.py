"""Every choice of modules that a request can make, at servers that record all they get: what is written, and shown."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from itertools import combinations
from pathlib import Path

import pytest

from tests.testing import hostile
from tests.testing.exporting import Exporter, exporter
from tests.testing.hostile import http, messages
from tests.testing.hostile.parsing import Message, Proposal
from tests.testing.peers import make_certificates

pytestmark = pytest.mark.integration

SECRETS = {
    "one": "first-made-up-password",
    "two": "second-made-up-token",
    "three": "third-made-up-password",
}
OWN = {
    "available": set(),
    "guarded": set(),
    "closed": set(),
    "control": set(),
    "of-one": {SECRETS["one"]},
    "of-two": {SECRETS["two"]},
    "closed-of-three": {SECRETS["three"]},
}
"""Target -> the secrets that it is configured with."""
WRITTEN_TO = {"available", "guarded", "of-one", "of-two"}


@dataclass(slots=True)
class Recorded:
    """What one target got."""

    dicom: hostile.Server
    web: http.Server
    denied: list[str] = field(default_factory=list)
    """Choices that were answered with 400."""

    @property
    def stored(self) -> int:
        """C-STORE requests."""
        requests = (request for peer in self.dicom.connections for request in peer.requests)
        return sum(isinstance(request, Message) and request.kind == messages.C_STORE_RQ for request in requests)

    @property
    def connections(self) -> int:
        return len(self.dicom.connections) + len(self.web.requests)

    @property
    def secrets(self) -> set[str]:
        """Those of `SECRETS` that it got."""
        proposals = [r for peer in self.dicom.connections for r in peer.requests if isinstance(r, Proposal)]
        got = b"".join(value for proposal in proposals for value in proposal.user_information.values())
        headers = [value for request in self.web.requests for value in request.headers.values()]
        texts = [got.decode("latin-1"), *headers, *map(_decoded, headers)]
        return {secret for secret in SECRETS.values() if any(secret in text for text in texts)}


def _decoded(header: str) -> str:
    kind, _, value = header.partition(" ")
    return base64.b64decode(value).decode() if kind == "Basic" else ""


async def takes_everything(peer: hostile.Peer) -> None:
    """An archive that lists one study, and stores what it gets."""
    await hostile.honest.associate(peer)
    while True:
        request = await peer.message()
        if request.kind == messages.C_STORE_RQ:
            response = messages.command_set(
                {0x0002: request.sop_class, 0x0100: 0x8001, 0x0120: request.message_id, 0x0800: 0x0101, 0x0900: 0x0000}
            )
            await peer.send(messages.message(request.context_id, response))
        else:
            await hostile.honest.answer(peer, request, 1)


@asynccontextmanager
async def recording(directory: Path) -> AsyncIterator[tuple[Exporter, Mapping[str, Recorded], list[str]]]:
    """An exporter, a recording server for each target, and the names of all modules."""
    for name, secret in SECRETS.items():
        (directory / name).write_text(secret)
    certificates = make_certificates(directory / "certificates")
    identities = {
        "one": {"calling_ae_title": "ONE", "user_identity": {"username": "one", "password_file": "one"}},
        "two": {"calling_ae_title": "TWO", "http": {"bearer_token_file": "two"}},
        "three": {
            "calling_ae_title": "THREE",
            "http": {"basic_auth": {"username": "three", "password_file": "three"}},
            "user_identity": {"username": "three", "password_file": "three"},
        },
        "four": {
            "calling_ae_title": "FOUR",
            "tls": {"cert_file": str(certificates.client), "key_file": str(certificates.client_key)},
        },
    }
    store = {"count": 1, "size": "1KiB"}
    modules = {
        "echo": {},
        "writes": {"store": store},
        "stranger-writes": {"identity": "stranger", "store": store},
        **{f"as-{name}": {"identity": name, "timeout": "5s"} for name in identities},
        "one-writes": {"identity": "one", "store": store},
    }
    async with AsyncExitStack() as stack:
        recorded = {}
        targets = []
        for name in OWN:
            dicom = await stack.enter_async_context(hostile.server(takes_everything))
            web = await stack.enter_async_context(http.server(http.answers(401)))
            recorded[name] = Recorded(dicom, web)
            kind, _, own = name.rpartition("of-")
            expect = {"closed-": "closed", "": "available"}[kind] if own in SECRETS else name
            target = {"name": name, "address": dicom.address, "expect": expect, "dicomweb": web.url}
            targets.append(target | ({"modules": [f"as-{own}"]} if own in SECRETS else {}))
        probe = {"allow": ["127.0.0.0/8"]}
        names = [*modules, "availability", "exposure"]
        async with exporter(directory, targets, identities=identities, modules=modules, probe=probe) as exporting:
            yield exporting, recorded, names


async def ask(exporting: Exporter, query: str) -> int:
    async with exporting.client.get(f"/probe?target={query}") as response:
        text = await response.text()
        assert not any(secret in text for secret in SECRETS.values())
        if response.status == 400:
            assert text.endswith(".\n")
        return response.status


async def test_request_any_choice_of_modules_writes_and_shows_only_what_is_configured(tmp_path: Path) -> None:
    async with recording(tmp_path) as (exporting, recorded, modules):
        choices = [*modules, *(",".join(pair) for pair in combinations(modules, 2))]

        async def ask_all(name: str) -> None:
            for choice in choices:
                before = recorded[name].connections
                if await ask(exporting, f"{name}&module={choice}") == 400:
                    recorded[name].denied.append(choice)
                    assert recorded[name].connections == before

        await asyncio.gather(*map(ask_all, recorded))
    assert {name for name, got in recorded.items() if got.stored} == WRITTEN_TO
    assert {name: got.secrets for name, got in recorded.items()} == OWN
    alone = {name: {choice for choice in got.denied if "," not in choice} for name, got in recorded.items()}
    others = {"as-one", "as-two", "as-three", "as-four", "one-writes"}
    writes = {"writes", "stranger-writes", "one-writes"}
    assert alone == {
        "available": others,
        "guarded": others,
        "closed": others | writes,
        "control": others | writes,
        "of-one": others - {"as-one", "one-writes"},
        "of-two": others - {"as-two"},
        "closed-of-three": (others | writes) - {"as-three"},
    }


@pytest.mark.parametrize("title", ["", "&called_ae_title=PACS"])
async def test_request_for_address_any_choice_of_modules_writes_nothing_and_shows_no_secret(
    tmp_path: Path, title: str
) -> None:
    """Also if the address is that of a target which is configured with the secret."""
    async with recording(tmp_path) as (exporting, recorded, modules):
        for got in recorded.values():
            for choice in modules:
                if await ask(exporting, f"{got.dicom.address}{title}&module={choice}") == 400:
                    got.denied.append(choice)
        assert await ask(exporting, f"{recorded['closed'].dicom.address}{title}") == 200
    for got in recorded.values():
        assert got.stored == 0
        assert got.secrets == set()
        called = {r.called for peer in got.dicom.connections for r in peer.requests if isinstance(r, Proposal)}
        assert ("PACS" if title else "ANY-SCP") in called
        assert set(got.denied) == {"as-one", "as-two", "as-three", "as-four", "writes", "stranger-writes", "one-writes"}


async def test_scrape_of_all_targets_shows_each_secret_to_its_own_target_only(tmp_path: Path) -> None:
    async with recording(tmp_path) as (exporting, recorded, _):
        await exporting.get()
    assert {name: got.secrets for name, got in recorded.items()} == OWN
    assert [got.stored for got in recorded.values()] == [0] * len(recorded)
