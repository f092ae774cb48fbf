"""What a browser is kept from."""

from dataclasses import replace

import pytest

from dicom_exporter.server.browsers import AllowedHosts, own_names, parse_allowed_hosts
from dicom_exporter.server.external_url import parse_external_url
from tests.testing.in_process import FakeProber, exporter, state

pytestmark = pytest.mark.loopback

PEOPLE = ("/", "/config", "/targets/one")
MACHINES = ("/metrics?probe=false", "/probe?target=one", "/sd")


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"Sec-Fetch-Site": "same-origin"}, 200),
        ({"Sec-Fetch-Site": "none"}, 200),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "Same-Site"}, 403),
        ({"Sec-Fetch-Site": "unheard-of"}, 403),
        ({"Origin": "http://one.local:1"}, 200),
        ({"Origin": "https://monitoring.example"}, 200),
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "http://one.local:2"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": ""}, 403),
        ({"Host": "evil.example:1", "Origin": "http://evil.example:1"}, 403),
    ],
)
async def test_reload_from_another_site_is_refused(headers: dict[str, str], status: int) -> None:
    of = replace(state(FakeProber()), external_url=parse_external_url("https://monitoring.example/"))
    async with exporter(of) as client, client.post("/-/reload", headers={"Host": "one.local:1", **headers}) as response:
        assert response.status == status


@pytest.mark.parametrize(
    ("host", "people", "machines"),
    [("evil.example", 403, 200), ("EVIL.example.:10104", 403, 200), ("[x", 403, None), ("mine.example:1", 200, 200)],
)
async def test_pages_under_a_name_that_is_not_ours_are_refused(host: str, people: int, machines: int | None) -> None:
    of = replace(state(FakeProber()), allowed_hosts=own_names(["mine.example"], "machine"))
    async with exporter(of) as client:
        for paths, status in ((PEOPLE, people), (MACHINES, machines), (("/-/healthy", "/static/style.css"), 200)):
            for path in paths:
                async with client.get(path, headers={"Host": host}) as response:
                    assert status is None or response.status == status, path


async def test_names_that_the_user_gives_hold_for_all_paths_but_health() -> None:
    of = replace(state(FakeProber()), allowed_hosts=parse_allowed_hosts("mine.example, other.example."))
    async with exporter(of) as client:
        for host, status in (("evil.example", 403), ("other.example:7", 200), ("10.0.0.1:10104", 200)):
            for path in (*PEOPLE, *MACHINES):
                async with client.get(path, headers={"Host": host}) as response:
                    assert response.status == status
            async with client.get("/-/ready", headers={"Host": host}) as response:
                assert response.status == 200


@pytest.mark.parametrize(
    "host",
    [
        "10.1.2.3:10104",
        "[2001:db8::1]:10104",
        "localhost",
        "exporter:10104",
        "exporter.monitoring.svc:10104",
        "exporter.monitoring.svc.cluster.local:10104",
        "Mine.Example",
        "machine.hospital.example",
        "",
    ],
)
def test_hosts_of_prometheus_and_of_people_are_allowed(host: str) -> None:
    assert own_names(["mine.example"], "Machine.hospital.example").allow(host)


@pytest.mark.parametrize(
    "host", ["evil.example", "10.1.2.3.evil.example", "localhost.evil.example", "1.2.3", "a.mine.example"]
)
def test_hosts_of_others_are_not_allowed(host: str) -> None:
    assert not own_names(["mine.example"], "machine").allow(host)
    assert not own_names([], "localhost").allow(host)
    assert AllowedHosts(frozenset("*")).allow(host)


@pytest.mark.parametrize("text", ["", "a,,b", "http://a.example", "a.example:80", "a b", "a/b"])
def test_parse_allowed_hosts_refuses_what_is_no_name(text: str) -> None:
    with pytest.raises(ValueError, match="host names"):
        parse_allowed_hosts(text)
