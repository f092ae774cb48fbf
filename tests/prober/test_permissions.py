"""What a request may choose, and what a probe may write and show."""

from __future__ import annotations

import ssl
from dataclasses import replace
from pathlib import Path

import pytest

from dicom_exporter.config import (
    Address,
    BasicAuth,
    Config,
    Expect,
    HTTPSettings,
    Identity,
    Module,
    Secret,
    Store,
    Target,
    TLSSettings,
    UserIdentity,
)
from dicom_exporter.config.model import BUILTIN_IDENTITIES, BUILTIN_MODULES, MONITOR
from dicom_exporter.net.errors import NotPermitted
from dicom_exporter.prober.permissions import check_choice, may_show_credentials, may_store

ADDRESS = Address("192.0.2.1", 104)
PASSWORD = UserIdentity("user", Secret("made-up"))
CERTIFICATE = TLSSettings(context=ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), cert_file=Path("us.pem"))
IDENTITIES = {
    **BUILTIN_IDENTITIES,
    "plain": Identity("plain", "PLAIN"),
    "one": Identity("one", "ONE", user_identity=PASSWORD),
    "two": Identity("two", "TWO", http=HTTPSettings(BasicAuth("user", Secret("made-up")))),
}
MODULES = {
    **BUILTIN_MODULES,
    "echo": Module("echo"),
    "writes": Module("writes", store=Store()),
    **{f"as-{name}": Module(f"as-{name}", identity=name) for name in ("plain", "one", "two")},
    "one-again": Module("one-again", identity="one", every=60.0),
}
TARGETS = {
    "available": Target("available", ADDRESS),
    "guarded": Target("guarded", ADDRESS, expect=Expect.GUARDED),
    "closed": Target("closed", ADDRESS, expect=Expect.CLOSED),
    "control": Target("control", ADDRESS, expect=Expect.CONTROL),
    "of-one": Target("of-one", ADDRESS, modules=("as-one",)),
    "of-plain": Target("of-plain", ADDRESS, modules=("as-plain",)),
}
CONFIG = Config(tuple(TARGETS.values()), identities=IDENTITIES, modules=MODULES)
ADHOC = Target("192.0.2.1:104", ADDRESS)


def permitted(target: Target, *modules: str, config: Config = CONFIG) -> bool:
    try:
        check_choice(config, target, modules)
    except NotPermitted:
        return False
    return True


def choices(target: Target) -> set[str]:
    """The modules of which each alone may be asked of `target`."""
    return {name for name in MODULES if permitted(target, name)}


@pytest.mark.parametrize(
    ("target", "modules"),
    [
        ("available", {"availability", "exposure", "echo", "writes"}),
        ("guarded", {"availability", "exposure", "echo", "writes"}),
        ("closed", {"availability", "exposure", "echo"}),
        ("control", {"availability", "exposure", "echo"}),
        ("of-one", {"availability", "exposure", "echo", "writes", "as-one", "one-again"}),
        ("of-plain", {"availability", "exposure", "echo", "writes", "as-plain"}),
    ],
)
def test_choice_of_target_is_what_it_could_have_as_its_own_and_built_in_identities(
    target: str, modules: set[str]
) -> None:
    assert choices(TARGETS[target]) == modules


def test_choice_of_address_is_what_neither_writes_nor_shows_credentials() -> None:
    assert choices(ADHOC) == {"availability", "exposure", "echo", "as-plain"}


@pytest.mark.parametrize(
    "changed",
    [{"user_identity": PASSWORD}, {"http": IDENTITIES["two"].http}, {"tls": CERTIFICATE}],
    ids=["user-identity", "http", "client-certificate"],
)
def test_choice_built_in_identity_with_credentials_is_only_for_targets_that_have_it(changed: dict[str, object]) -> None:
    monitor = replace(BUILTIN_IDENTITIES[MONITOR], **changed)  # type: ignore[arg-type]
    config = replace(CONFIG, identities={**IDENTITIES, MONITOR: monitor})
    assert permitted(TARGETS["available"], "echo", config=config)
    assert not permitted(TARGETS["closed"], "echo", config=config)
    assert not permitted(ADHOC, "echo", config=config)
    assert may_show_credentials(config, TARGETS["available"], MONITOR)
    assert not may_show_credentials(config, TARGETS["closed"], MONITOR)


def test_choice_of_modules_that_cannot_be_together_is_not_permitted() -> None:
    assert permitted(TARGETS["of-one"], "as-one")
    assert permitted(TARGETS["of-one"], "one-again")
    assert not permitted(TARGETS["of-one"], "as-one", "one-again")


def test_choice_named_twice_is_permitted() -> None:
    assert permitted(TARGETS["available"], "echo", "echo")


def test_credentials_are_for_targets_whose_modules_have_the_identity() -> None:
    assert {name for name, target in TARGETS.items() if may_show_credentials(CONFIG, target, "one")} == {"of-one"}
    assert not may_show_credentials(CONFIG, ADHOC, MONITOR)


def test_credentials_are_not_for_an_address_under_the_name_of_a_target() -> None:
    elsewhere = replace(TARGETS["of-one"], address=Address("192.0.2.9", 104))
    assert not may_show_credentials(CONFIG, elsewhere, "one")
    assert not may_store(CONFIG, elsewhere)


def test_store_is_for_targets_that_are_not_tested_for_exposure() -> None:
    assert {name for name, target in TARGETS.items() if may_store(CONFIG, target)} == {
        "available",
        "guarded",
        "of-one",
        "of-plain",
    }
    assert not may_store(CONFIG, ADHOC)


@pytest.mark.parametrize("target", [TARGETS["closed"], ADHOC])
@pytest.mark.parametrize("module", ["writes", "as-one", "as-two"])
def test_reason_is_a_sentence_without_secrets(target: Target, module: str) -> None:
    with pytest.raises(NotPermitted, match=rf"^The module {module} [^\n]*\.$") as raised:
        check_choice(CONFIG, target, [module])
    assert "made-up" not in str(raised.value)
