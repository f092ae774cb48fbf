"""`/sd`, and the paths that follow from the external URL."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

import pytest

from dicom_exporter.config import Address, Config, Expect, Target
from dicom_exporter.config.values.text import check_label_name
from dicom_exporter.prober.record import ProbeRecord
from dicom_exporter.server import discovery
from dicom_exporter.server.discovery import group as made_group
from dicom_exporter.server.external_url import ExternalURL, parse_external_url
from tests.testing.in_process import FakeProber, exporter, state

pytestmark = pytest.mark.loopback

PACS = Target(
    "main pacs & more",
    Address("127.0.0.1", 104),
    expect=Expect.GUARDED,
    labels={"site": "north", "country": "DE", "note": '"<&\u00e4\n'},
)
CONFIG = Config((PACS, Target("two", Address("::1", 11112))))


async def test_discovery_has_a_group_for_each_target() -> None:
    async with (
        exporter(FakeProber(CONFIG)) as client,
        client.get("/sd", headers={"Host": "exporter:10104"}) as response,
    ):
        groups = await response.json()
    assert response.status == 200
    assert response.headers["Content-Type"] == "application/json; charset=utf-8"
    assert groups == [
        {
            "targets": ["exporter:10104"],
            "labels": {
                "__metrics_path__": "/probe",
                "__param_target": "main pacs & more",
                "__param_user_labels": "false",
                "__meta_dicom_expect": "guarded",
                "instance": "main pacs & more",
                "target": "main pacs & more",
                "site": "north",
                "country": "DE",
                "note": '"<&\u00e4\n',
            },
        },
        {
            "targets": ["exporter:10104"],
            "labels": {
                "__metrics_path__": "/probe",
                "__param_target": "two",
                "__param_user_labels": "false",
                "__meta_dicom_expect": "available",
                "instance": "two",
                "target": "two",
            },
        },
    ]


@pytest.mark.parametrize("label", ["instance", "target", "job", "__metrics_path__", "__param_target", "__scheme__"])
def test_user_labels_cannot_override_discovery_labels(label: str) -> None:
    with pytest.raises(ValueError):
        check_label_name(label)


async def test_discovery_address_is_external_url() -> None:
    external = parse_external_url("https://monitoring.example/dicom/")
    of = replace(state(FakeProber(CONFIG)), external_url=external)
    async with exporter(of) as client, client.get("/dicom/sd", headers={"Host": "somebody.else"}) as response:
        groups = await response.json()
    for group in groups:
        assert group["targets"] == ["monitoring.example:443"]
        assert group["labels"]["__scheme__"] == "https"
        assert group["labels"]["__metrics_path__"] == "/dicom/probe"


@pytest.mark.parametrize("host", ["", "a/b", "user@host", "<script>alert(1)</script>", "host:99999"])
async def test_discovery_with_invalid_host_header_is_bad_request(host: str) -> None:
    async with exporter(FakeProber(CONFIG)) as client, client.get("/sd", headers={"Host": host}) as response:
        text = await response.text()
    assert response.status == 400
    assert "script" not in text


async def test_discovery_ignores_host_header_with_external_url() -> None:
    of = replace(state(FakeProber(CONFIG)), external_url=parse_external_url("http://exporter.example"))
    async with exporter(of) as client, client.get("/sd", headers={"Host": "a/b"}) as response:
        assert (await response.json())[0]["targets"] == ["exporter.example:80"]


async def test_discovery_paths_have_prefix_of_external_url() -> None:
    external = parse_external_url("http://exporter.example/monitoring/dicom")
    async with exporter(replace(state(FakeProber(CONFIG)), external_url=external)) as client:
        for path in ("/", "/sd", "/metrics", "/probe?target=two", "/-/healthy", "/-/ready"):
            async with client.get(f"/monitoring/dicom{path}") as response:
                assert response.status == 200, path
            async with client.head(f"/monitoring/dicom{path}") as response:
                assert response.status == 200, path
            if path != "/":
                async with client.get(path) as response:
                    assert response.status == 404, path
        async with client.post("/monitoring/dicom/-/reload") as response:
            assert response.status == 200
        for path in ("/", "/monitoring/dicom"):
            async with client.get(path, allow_redirects=False) as response:
                assert (response.status, response.headers["Location"]) == (302, "/monitoring/dicom/")
        async with client.get("/monitoring/dicom/") as response:
            links = re.findall(r'href="([^"]*)"', await response.text())
        assert len(links) > 10
        for link in links:
            if link.startswith("#"):
                continue
            async with client.get(f"/monitoring/dicom/{link}".replace("&amp;", "&")) as response:
                assert response.status == 200, link


async def test_discovered_probe_leaves_user_labels_out_of_target_info() -> None:
    prober = FakeProber(CONFIG)
    async with exporter(prober) as client:
        for query, there in (("", True), ("&user_labels=true", True), ("&user_labels=false", False)):
            async with client.get(f"/probe?target=main%20pacs%20%26%20more{query}") as response:
                (info,) = [
                    line for line in (await response.text()).splitlines() if line.startswith("dicom_target_info")
                ]
            assert ('site="north"' in info) is there
            assert 'expect="guarded"' in info
        for query in ("&user_labels=no", "&user_labels=", "&user_labels=true&user_labels=true"):
            async with client.get(f"/probe?target=two{query}") as response:
                assert response.status == 400


async def test_probe_is_the_same_with_and_without_user_labels() -> None:
    """A different target would have a cache of its own, and its queries with `every` would be sent twice as often."""

    class Watched(FakeProber):
        async def probe_targets(
            self,
            targets: Sequence[Target],
            timeout: float | None,
            modules: Sequence[str] | None = None,
            client: str = "",
        ) -> list[ProbeRecord]:
            probed.extend(targets)
            return await super().probe_targets(targets, timeout, modules, client)

    probed: list[Target] = []
    async with exporter(Watched(CONFIG)) as client:
        for query in ("", "&user_labels=false"):
            async with client.get(f"/probe?target=main%20pacs%20%26%20more{query}") as response:
                assert response.status == 200
    assert probed[0].labels
    assert probed[0] == probed[1]


async def test_discovery_is_made_once_for_a_configuration(monkeypatch: pytest.MonkeyPatch) -> None:
    made = []

    def counted(target: Target, url: ExternalURL) -> dict[str, object]:
        made.append(target.name)
        return made_group(target, url)

    monkeypatch.setattr(discovery, "group", counted)
    prober = FakeProber()
    async with exporter(prober) as client:
        for number in range(10):
            async with client.get("/sd", headers={"Host": f"name-{number % 7}.example:1"}) as response:
                assert [each["targets"] for each in await response.json()] == [[f"name-{number % 7}.example:1"]] * 2
        assert made == ["one", "two"]
        prober.reconfigure(Config(prober.config.targets[:1]))
        async with client.get("/sd") as response:
            assert len(await response.json()) == 1
    assert made == ["one", "two", "one"]
