"""What is no request: its answer, the metric, and the log."""

from pathlib import Path

import pytest
from structlog.testing import capture_logs

from dicom_exporter.server.bad_requests import BadRequest
from dicom_exporter.webconfig.live import LiveConfig
from tests.testing.connections import connect, ended, until
from tests.testing.in_process import FakeProber, exporter, state

pytestmark = pytest.mark.loopback

HOST = b"Host: a\r\n"
BAD = {
    "HTTP/2": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", None),
    "old version": (b"GET / HTTP/9.9\r\n" + HOST + b"\r\n", None),
    "no method": (b"\x00\x01\x02\x03\r\n\r\n", BadRequest.METHOD),
    "space in a header's name": (b"GET / HTTP/1.1\r\n" + HOST + b"Bad Name: secret\r\n\r\n", BadRequest.HEADER),
    "control character in a header": (b"GET / HTTP/1.1\r\n" + HOST + b"X: a\x00b\r\n\r\n", None),
    "no Host": (b"GET / HTTP/1.1\r\n\r\n", BadRequest.HEADER),
    "two Hosts": (b"GET / HTTP/1.1\r\n" + HOST * 2 + b"\r\n", BadRequest.HEADER),
    "long path": (b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\n" + HOST + b"\r\n", BadRequest.TOO_LONG),
    "long cookie": (b"GET / HTTP/1.1\r\n" + HOST + b"Cookie: " + b"a" * 66_000 + b"\r\n\r\n", BadRequest.TOO_LONG),
    "many headers": (b"GET / HTTP/1.1\r\n" + HOST + b"X-Y: z\r\n" * 200 + b"\r\n", BadRequest.HEADER),
    "bad port": (b"GET http://a:b/ HTTP/1.1\r\n" + HOST + b"\r\n", None),
    "bad length": (b"POST /-/reload HTTP/1.1\r\n" + HOST + b"Content-Length: secret\r\n\r\n", None),
    "TLS": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"x" * 500, BadRequest.TLS),
}


@pytest.mark.parametrize("name", BAD)
async def test_bad_request_is_answered_with_our_words_and_counted(name: str, tmp_path: Path) -> None:
    data, reason = BAD[name]
    file = tmp_path / "web.yml"
    file.write_text("http_server_config: {headers: {X-Frame-Options: deny}}\n")
    of = state(FakeProber())
    with capture_logs() as lines:
        async with exporter(of, web_config=LiveConfig(str(file))) as client:
            answers = []
            for _ in range(20):
                connection = await connect(client)
                connection[1].write(data)
                answers.append(await ended(connection))
    for answer in filter(None, answers):  # it is lost if the server closes before it has read everything
        head, _, body = answer.decode().partition("\r\n\r\n")
        assert head.startswith(("HTTP/1.1 4", "HTTP/1.0 4"))
        assert "Server: dicom_exporter\r\n" in head
        assert "X-Content-Type-Options: nosniff" in head
        assert "Content-Security-Policy: default-src 'none'" in head
        assert "Cache-Control: no-store" in head
        assert "X-Frame-Options: deny" in head
        assert "secret" not in body
        assert not {"python", "aiohttp"} & set(answer.decode().lower().replace("/", " ").split())
    assert of.traffic.bad.total() == 20
    if reason is not None:
        assert of.traffic.bad[reason] == 20
    assert len(lines) <= 1
    assert all(line["log_level"] == "warning" for line in lines)
    assert "secret" not in str(lines)


async def test_bad_requests_of_all_kinds_share_one_log_line() -> None:
    with capture_logs() as lines:
        async with exporter() as client:
            for data, _ in BAD.values():
                connection = await connect(client)
                connection[1].write(data)
                await ended(connection)
            async with client.get("/metrics?probe=false") as response:
                text = await response.text()
    assert len(lines) == 1
    assert 'dicom_exporter_bad_requests_total{reason="tls"} 1.0' in text
    assert 'dicom_exporter_bad_requests_total{reason="other"}' in text


async def test_bad_request_headers_that_do_not_end_are_refused_and_counted() -> None:
    of = state(FakeProber())
    async with exporter(of) as client:
        endless = await connect(client)
        endless[1].write(b"GET / HTTP/1.1\r\n")
        endless[1].write(b"X-Y: " + b"z" * 1000 + b"\r\n")
        for _ in range(100):
            endless[1].write(b"X-Y: " + b"z" * 1000 + b"\r\n")
        answer = await ended(endless)
        given_up = await connect(client)
        given_up[1].write(b"GET / HT")
        await given_up[1].drain()
        given_up[1].close()
        await until(lambda: of.traffic.bad[BadRequest.INCOMPLETE] == 1)
    assert answer == b"" or answer.split()[1] in (b"400", b"431")
    assert of.traffic.bad[BadRequest.TOO_LONG] + of.traffic.bad[BadRequest.HEADER] == 1


async def test_long_password_is_bad_request_though_other_headers_may_be_longer(tmp_path: Path) -> None:
    file = tmp_path / "web.yml"
    file.write_text("{}\n")
    async with exporter(web_config=LiveConfig(str(file))) as client:
        for header, status in (("X-Long", 200), ("Authorization", 400)):
            async with client.get("/-/healthy", headers={header: f"Basic {'x' * 10_000}"}) as response:
                assert response.status == status
