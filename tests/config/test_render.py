"""The running configuration, as text."""

from __future__ import annotations

from dataclasses import replace
from datetime import time
from pathlib import Path

import yaml

from dicom_exporter.config import (
    Address,
    BasicAuth,
    Config,
    HTTPSettings,
    Identity,
    Level,
    Model,
    Module,
    Query,
    Secret,
    Target,
    TimeWindow,
    UserIdentity,
    Vantage,
    load,
)
from dicom_exporter.config.build.tls import tls_settings
from dicom_exporter.config.render import show_config, show_target
from dicom_exporter.config.values.network import ProxyURL

EXAMPLE = Path(__file__).parents[2] / "config.example.yml"
SECRET = "tops3cr3t"
KNOWN = Identity(
    "known",
    "US",
    tls=tls_settings(insecure_skip_verify=True),
    user_identity=UserIdentity("monitor", Secret(SECRET)),
    http=HTTPSettings(basic_auth=BasicAuth("web", Secret(SECRET))),
)
BEARER = Identity("bearer", "US", http=HTTPSettings(bearer_token=Secret(SECRET)))
QUERY = Query("night", Model.STUDY_ROOT, Level.STUDY, every=90.0, only_between=TimeWindow(time(20), time(6)))
MODULES = {
    "other": Module("other", identity="known", queries={"night": QUERY}),
    "token": Module("token", identity="bearer", timeout=0.5),
}
TARGET = Target("main", Address("::1", 104), modules=("other",), labels={"site": "Süd: <b>"})
CONFIG = Config((TARGET,), identities={"known": KNOWN, "bearer": BEARER}, modules=MODULES)


def test_render_output_loads_as_the_same_configuration(tmp_path: Path) -> None:
    running = load([str(EXAMPLE)])
    (tmp_path / "config.yml").write_text(show_config(running))
    assert load([str(tmp_path / "config.yml")]) == running


def test_render_secret_is_not_shown() -> None:
    text = show_config(CONFIG)
    assert SECRET not in text
    identities = yaml.safe_load(text)["identities"]
    assert identities["known"]["user_identity"] == {"username": "monitor", "password_file": "<secret>"}
    assert identities["known"]["http"] == {"basic_auth": {"username": "web", "password_file": "<secret>"}}
    assert identities["bearer"]["http"] == {"bearer_token_file": "<secret>"}


def test_render_values_have_the_notation_of_a_file() -> None:
    shown = yaml.safe_load(show_config(CONFIG))
    assert shown["modules"]["token"]["timeout"] == "500ms"
    assert shown["modules"]["other"]["queries"]["night"]["every"] == "1m30s"
    assert shown["modules"]["other"]["queries"]["night"]["only_between"] == "20:00-06:00"
    assert shown["targets"][0]["address"] == "[::1]:104"
    assert shown["targets"][0]["labels"] == {"site": "Süd: <b>"}
    assert shown["identities"]["known"]["tls"] == {"insecure_skip_verify": True, "minimum_profile": "default"}


def test_render_one_target_shows_only_its_modules_and_identities() -> None:
    config = replace(CONFIG, targets=(TARGET, replace(TARGET, name="second")))
    shown = yaml.safe_load(show_target(config, TARGET, TARGET.modules))
    assert list(shown["identities"]) == ["known"]
    assert list(shown["modules"]) == ["other"]
    assert [target["name"] for target in shown["targets"]] == ["main"]
    assert SECRET not in show_target(config, TARGET, TARGET.modules)


def test_render_vantages_load_again_without_their_secrets(tmp_path: Path) -> None:
    (tmp_path / "<secret>").write_text("made-up")
    vantage = Vantage(ProxyURL("socks5", "::1", 1080), "monitor", Secret("made-up"))
    target = replace(TARGET, modules=("availability",), vantage=("internet",))
    config = Config((target,), vantages={"internet": vantage, "other": vantage})
    (tmp_path / "config.yml").write_text(show_config(config))
    assert "made-up" not in show_config(config)
    assert load([str(tmp_path / "config.yml")]).vantages == config.vantages
    assert list(yaml.safe_load(show_target(config, target, target.modules))["vantages"]) == ["internet"]
