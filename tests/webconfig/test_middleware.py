"""What a client gets over HTTP, and how soon a change of the file applies."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path

import pytest
from aiohttp import ClientSession
from structlog.testing import capture_logs

from dicom_exporter.webconfig.passwords import PasswordChecker
from tests.testing.serving import serving
from tests.testing.web_config import basic, users

pytestmark = pytest.mark.loopback

RIGHT, WRONG = ("alice", "right"), ("alice", "wrong")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "web.yml"


async def test_serving_empty_mapping_is_plain_http(file: Path) -> None:
    async with serving(file, "") as server:
        status, text, _ = await server.get()
        assert (status, text) == (200, "http")
        assert await server.status("/nowhere") == 404


@pytest.mark.parametrize("path", ["/", "/nowhere"])
async def test_serving_password_is_required_on_every_path(path: str, file: Path) -> None:
    async with serving(file, users(alice="right")) as server:
        status, text, headers = await server.get(path)
        assert (status, text) == (401, "Unauthorized\n")
        assert headers["WWW-Authenticate"].startswith("Basic realm=")
        assert await server.status(path, auth=WRONG) == 401
        assert await server.status(path, auth=("mallory", "right")) == 401
        assert await server.status(path, auth=RIGHT) == (200 if path == "/" else 404)


async def test_serving_names_and_passwords_are_utf_8(file: Path) -> None:
    async with serving(file, users(jürgen="pässwörd:€")) as server:
        assert await server.status(auth=("jürgen", "pässwörd:€")) == 200
        assert await server.status(auth=("jürgen", "password")) == 401


@pytest.mark.parametrize(
    "header",
    ["", "Basic", "Basic !", "Basic YWxpY2U=", "Bearer YWxpY2U6cmlnaHQ=", "Basic YWxpY2U6cmlnaHQ", "Basic  \x80"],
)
async def test_serving_malformed_authorization_is_401(header: str, file: Path) -> None:
    async with serving(file, users(alice="right")) as server:
        assert await server.status(headers={"Authorization": header}) == 401


async def test_serving_authorization_scheme_is_case_insensitive(file: Path) -> None:
    async with serving(file, users(alice="right")) as server:
        header = basic(*RIGHT)["Authorization"].replace("Basic", "bAsIc")
        assert await server.status(headers={"Authorization": header}) == 200


async def test_serving_user_change_applies_to_next_request(file: Path) -> None:
    async with (
        serving(file, users(alice="right", bob="bob's")) as server,
        ClientSession(f"http://127.0.0.1:{server.port}", headers=basic(*RIGHT)) as client,
    ):
        for _ in range(20):  # over one connection, which is kept alive
            server.write(users(alice="right"))
            async with client.get("/") as response:
                assert response.status == 200
            server.write(users(bob="bob's"))
            async with client.get("/") as response:
                assert response.status == 401


async def test_serving_user_removed_by_write_in_place_is_refused(file: Path) -> None:
    async with serving(file, users(alice="right")) as server:
        assert await server.status(auth=RIGHT) == 200
        server.write_in_place(users(alicf="right"))  # as long as before, and within one tick of the clock perhaps
        assert await server.status(auth=RIGHT) == 401


async def test_serving_broken_file_is_500_and_one_log_line_until_corrected(file: Path) -> None:
    async with serving(file, users(alice="right")) as server:
        with capture_logs() as logs:
            server.write("basic_auth_users:\n  alice: in plain\n")
            for _ in range(5):
                assert (await server.get(auth=RIGHT))[:2] == (500, "Internal Server Error\n")
        (line,) = logs
        assert line["log_level"] == "error"
        assert "web.yml:2: basic_auth_users.alice: is not a bcrypt hash" in line["error"]
        assert "in plain" not in str(line)
        with capture_logs() as logs:
            server.write("basic_auth_users:\n  alice: in plain\n  bob: in plain\n")
            await server.get()
        assert len(logs) == 2
        with capture_logs() as logs:
            server.write(users(alice="right"))
            assert await server.status(auth=RIGHT) == 200
            assert await server.status() == 401
        assert [line["event"] for line in logs] == ["web configuration read"]


async def test_serving_missing_file_is_500_until_it_is_back(file: Path) -> None:
    async with serving(file, "rate_limit: {}\n") as server:
        server.remove()
        assert await server.status() == 500
        server.write("{}")
        assert await server.status() == 200


async def test_serving_empty_file_does_not_admit_everyone(file: Path) -> None:
    async with serving(file, users(alice="right")) as server:
        for nothing in ("", "\n", "# users follow\n"):
            server.write_in_place(nothing)
            assert await server.status() == 500
        server.write_in_place("{}")
        assert await server.status() == 200


async def test_serving_guesser_gets_503_and_others_are_answered(file: Path) -> None:
    go = threading.Event()

    def slow(password: bytes, hashed: bytes) -> bool:
        return password == b"right" or not go.wait(30)

    async with serving(file, users(alice="right"), PasswordChecker(slow)) as server:
        assert await server.status(auth=RIGHT) == 200
        guesses = [server.get(auth=("alice", str(guess))) for guess in range(20)]
        answers = asyncio.as_completed(guesses)
        for _ in range(12):
            status, _, headers = await next(answers)
            assert (status, headers["Retry-After"]) == (503, "1")
        assert await server.status(auth=RIGHT) == 200
        go.set()
        assert [(await answer)[0] for answer in answers] == [401] * 8


async def test_serving_headers_are_in_every_response(file: Path) -> None:
    headers = "http_server_config: {headers: {X-Frame-Options: deny, Strict-Transport-Security: max-age=60}}\n"
    async with serving(file, headers + users(alice="right")) as server:
        answers = [await server.get(path, auth=RIGHT) for path in ("/", "/nowhere", "/failing")]
        answers.append(await server.get())
        server.write("?")
        answers.append(await server.get())
    assert [status for status, _, _ in answers] == [200, 404, 500, 401, 500]
    for _, _, got in answers:
        assert got["X-Frame-Options"] == "deny"  # and not the value of the page
        assert got["Strict-Transport-Security"] == "max-age=60"


async def test_serving_above_rate_limit_is_429(file: Path) -> None:
    limit = "rate_limit: {interval: 1h, burst: 3}\n"
    async with serving(file, limit) as server:
        assert [await server.status() for _ in range(5)] == [200, 200, 200, 429, 429]
        server.write("http_server_config: {}\n" + limit)  # the limit itself is the same: the bucket is kept
        assert await server.status() == 429
        server.write("{}")
        assert await server.status() == 200


async def test_serving_burst_of_zero_is_429(file: Path) -> None:
    async with serving(file, "rate_limit: {interval: 1s, burst: 0}\n") as server:
        assert await server.status() == 429
