import pytest

from tests.testing.peers.requirements import program


def test_program_missing_skips_and_names_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("REQUIRE_PEERS", raising=False)
    with pytest.raises(pytest.skip.Exception, match="apt-get install dcmtk"):
        program("no-such-program", "dcmtk")


def test_program_missing_fails_if_peers_are_required(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REQUIRE_PEERS", "1")
    with pytest.raises(pytest.fail.Exception, match="apt-get install dcmtk"):
        program("no-such-program", "dcmtk")


def test_program_installed_gives_its_path() -> None:
    assert program("sh", "dash").endswith("/sh")
