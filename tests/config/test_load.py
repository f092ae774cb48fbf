"""The result of a valid configuration."""

from __future__ import annotations

import ipaddress
from datetime import date, time
from pathlib import Path
from textwrap import dedent

import pytest

from dicom_exporter.config import (
    Address,
    BasicAuth,
    Compare,
    Config,
    Expect,
    Exposure,
    GlobalSettings,
    HTTPSettings,
    Identity,
    Level,
    Model,
    Module,
    ProbeSettings,
    Query,
    RelativeDate,
    Secret,
    Store,
    Target,
    TimeWindow,
    Vantage,
    WebEntry,
)
from dicom_exporter.config.values.hours import WeeklyHours
from dicom_exporter.config.values.network import ProxyURL
from tests.testing.loading import TARGETS, errors_of, load_text


def test_config_needs_only_targets() -> None:
    target = Target("t", Address("127.0.0.1", 104))
    config = Config((target,))
    assert config.target("t") is target
    assert config.target("other") is None


def test_load_defaults(tmp_path: Path) -> None:
    config = load_text(tmp_path, TARGETS)
    assert config == Config((Target("t", Address("127.0.0.1", 104)),))
    assert config.global_ == GlobalSettings(max_concurrent_probes=256, connect_timeout=3.0)
    assert config.targets[0].called_ae_title == "ANY-SCP"
    assert config.targets[0].expect is Expect.AVAILABLE


def test_load_builtins(tmp_path: Path) -> None:
    config = load_text(tmp_path, TARGETS)
    assert config.identities["monitor"].calling_ae_title == "PROMETHEUS"
    assert config.identities["stranger"].calling_ae_title is None
    availability, exposure = config.modules["availability"], config.modules["exposure"]
    assert (availability.identity, availability.timeout, availability.echo) == ("monitor", 10.0, True)
    assert availability.queries == {
        "studies": Query("studies", Model.STUDY_ROOT, Level.STUDY, max_matches=1000, every=300.0)
    }
    assert (exposure.identity, exposure.timeout, exposure.echo) == ("stranger", 15.0, False)
    assert exposure.exposure == Exposure()
    assert not availability.exposure


@pytest.mark.parametrize(
    ("expect", "modules"),
    [
        ("available", ("availability",)),
        ("guarded", ("availability", "exposure")),
        ("closed", ("exposure",)),
        ("control", ("exposure",)),
    ],
)
def test_load_default_modules_follow_expect(tmp_path: Path, expect: str, modules: tuple[str, ...]) -> None:
    text = f"targets: [{{name: t, address: '127.0.0.1:104', expect: {expect}}}]"
    assert load_text(tmp_path, text).targets[0].modules == modules


def test_load_named_modules_replace_default(tmp_path: Path) -> None:
    text = "targets: [{name: t, address: '127.0.0.1:104', expect: closed, modules: [availability]}]"
    assert load_text(tmp_path, text).targets[0].modules == ("availability",)


def test_load_all_keys(tmp_path: Path) -> None:
    (tmp_path / "password").write_text("not a secret\n")
    config = load_text(
        tmp_path,
        """
        global: {max_concurrent_probes: 10, connect_timeout: 1s500ms}
        identities:
          us:
            calling_ae_title: " OURS "
            user_identity: {username: monitor, password_file: password}
        modules:
          activity:
            identity: us
            timeout: 20s
            echo: no
            queries:
              today:
                model: study_root
                level: STUDY
                match: {StudyDate: today, ModalitiesInStudy: C*, StudyInstanceUID: [1.2.3, 1.2.4]}
                count_by: ModalitiesInStudy
                max_matches: 5000
                every: 5m
                only_between: 20:00-06:00
              newest:
                model: study_root
                level: STUDY
                match: {StudyDate: last 7d}
                count_by: ModalitiesInStudy
                expect_within: {CT: 45m, default: 2h}
                working_hours: [Mo-Fr 07:00-19:00, "Sa 08:00-12:00"]
                holidays: [2026-12-25, "2026-12-26"]
              scheduled:
                model: worklist
                match: {ScheduledProcedureStepStartDate: last 7d, ScheduledStationAETitle: CT1}
                count_by: [Modality, ScheduledStationAETitle]
        targets:
          - name: Main PACS (north)
            address: PACS.Example.org:11112
            called_ae_title: MAINPACS
            modules: [availability, activity]
            expect: guarded
            labels: {site: north, country: "NO"}
            timezone: Europe/Berlin
            ip_version: 6
        """,
    )
    assert config.global_ == GlobalSettings(10, 1.5)
    identity = config.identities["us"]
    assert identity.calling_ae_title == "OURS"
    assert identity.tls is None
    assert identity.user_identity is not None
    assert identity.user_identity.username == "monitor"
    assert identity.user_identity.password.reveal() == "not a secret"
    activity = config.modules["activity"]
    assert (activity.identity, activity.timeout, activity.echo) == ("us", 20.0, False)
    assert activity.queries == {
        "today": Query(
            "today",
            Model.STUDY_ROOT,
            Level.STUDY,
            match={
                "StudyDate": RelativeDate(0, 0),
                "ModalitiesInStudy": "C*",
                "StudyInstanceUID": ("1.2.3", "1.2.4"),
            },
            count_by=("ModalitiesInStudy",),
            max_matches=5000,
            every=300.0,
            only_between=TimeWindow(time(20), time(6)),
        ),
        "newest": Query(
            "newest",
            Model.STUDY_ROOT,
            Level.STUDY,
            match={"StudyDate": RelativeDate(6, 0)},
            count_by=("ModalitiesInStudy",),
            expect_within={"CT": 2700.0, "default": 7200.0},
            working_hours=(
                WeeklyHours(frozenset(range(5)), time(7), time(19)),
                WeeklyHours(frozenset({5}), time(8), time(12)),
            ),
            holidays=(date(2026, 12, 25), date(2026, 12, 26)),
        ),
        "scheduled": Query(
            "scheduled",
            Model.WORKLIST,
            None,
            match={"ScheduledProcedureStepStartDate": RelativeDate(6, 0), "ScheduledStationAETitle": "CT1"},
            count_by=("Modality", "ScheduledStationAETitle"),
        ),
    }
    assert config.targets == (
        Target(
            "Main PACS (north)",
            Address("pacs.example.org", 11112),
            "MAINPACS",
            ("availability", "activity"),
            Expect.GUARDED,
            {"site": "north", "country": "NO"},
            "Europe/Berlin",
            6,
        ),
    )


def test_config_is_hashable_and_immutable(tmp_path: Path) -> None:
    config = load_text(tmp_path, TARGETS.replace("}]", ", labels: {site: north}}]"))
    assert len({*config.targets, *config.modules.values(), *config.identities.values()}) == 5
    with pytest.raises(TypeError):
        config.targets[0].labels["site"] = "south"  # type: ignore[index]
    with pytest.raises(TypeError):
        config.modules["x"] = config.modules["availability"]  # type: ignore[index]


def test_load_builtin_module_keeps_keys_not_given(tmp_path: Path) -> None:
    config = load_text(tmp_path, "modules: {availability: {timeout: 5s}, exposure: {timeout: 8s}}\n" + TARGETS)
    availability, exposure = config.modules["availability"], config.modules["exposure"]
    assert availability.timeout == 5.0
    assert availability.queries["studies"].every == 300.0
    assert (exposure.timeout, exposure.identity, exposure.exposure, exposure.echo) == (
        8.0,
        "stranger",
        Exposure(),
        False,
    )


def test_load_builtin_module_queries_are_replaced(tmp_path: Path) -> None:
    text = "modules: {availability: {queries: {patients: , studies: {max_matches: 50}}}}\n" + TARGETS
    queries = load_text(tmp_path, text).modules["availability"].queries
    assert queries == {
        "studies": Query("studies", Model.STUDY_ROOT, Level.STUDY, max_matches=50),
        "patients": Query("patients", Model.PATIENT_ROOT, Level.PATIENT),
    }


def test_load_builtin_identity_keeps_keys_not_given(tmp_path: Path) -> None:
    text = "identities: {monitor: {tls: {}}}\n" + TARGETS
    config = load_text(tmp_path, text)
    assert config.identities["stranger"] == Identity("stranger", None)
    assert config.identities["monitor"].calling_ae_title == "PROMETHEUS"
    assert config.identities["monitor"].tls is not None


def test_load_same_query_in_two_modules_of_one_identity_is_accepted(tmp_path: Path) -> None:
    text = """
        modules:
          a: {queries: {studies: {max_matches: 50}}}
          b: {queries: {studies: {max_matches: 50}}}
        targets:
          - {name: t, address: "127.0.0.1:104", modules: [a, b]}
    """
    assert load_text(tmp_path, text).targets[0].modules == ("a", "b")


def test_load_different_queries_of_two_identities_are_accepted(tmp_path: Path) -> None:
    text = """
        modules:
          a: {queries: {studies: {max_matches: 50}}}
          b: {identity: stranger, queries: {studies: }}
        targets:
          - {name: t, address: "127.0.0.1:104", modules: [a, b]}
    """
    assert load_text(tmp_path, text).targets[0].modules == ("a", "b")


def test_load_reference_to_invalid_block_is_no_second_error(tmp_path: Path) -> None:
    text = """
        identities: {us: {calling_ae_title: ""}}
        modules: {m: {identity: us, timeout: 0s}}
        targets: [{name: t, address: "127.0.0.1:104", modules: [m]}]
    """
    assert errors_of(tmp_path, text) == [
        "config.yml:2: identities.us.calling_ae_title: an AE title cannot be empty",
        "config.yml:3: modules.m.timeout: a duration must be more than 0",
    ]


def test_load_block_reports_all_its_errors(tmp_path: Path) -> None:
    text = """
        targets:
          - name: a/b
            address: nowhere
            expect: open
            labels:
              site: north
              job: x
              __x: y
    """
    lines = [line.split(": ")[0] for line in errors_of(tmp_path, text)]
    assert lines == [f"config.yml:{number}" for number in (3, 4, 5, 8, 9)]


def test_load_store(tmp_path: Path) -> None:
    text = """
        modules:
          defaults: {store: }
          own: {echo: no, store: {count: 3, size: 100KB}}
    """
    modules = load_text(tmp_path, dedent(text) + TARGETS).modules
    assert modules["defaults"].store == Store(count=10, size=524_288)
    assert (modules["own"].store, modules["own"].echo) == (Store(3, 100_000), False)
    assert modules["availability"].store is None


def test_load_exposure(tmp_path: Path) -> None:
    text = """
        modules:
          exposure: {every: 15m, exposure: {prove: identity}}
          plain: {identity: stranger, timeout: 5s, exposure: true}
          deep: {identity: stranger, exposure: {max_matches: 5, prove: [download, identity]}}
    """
    modules = load_text(tmp_path, dedent(text) + TARGETS).modules
    exposure = modules["exposure"]
    assert (exposure.identity, exposure.timeout, exposure.every, exposure.echo) == ("stranger", 15.0, 900.0, False)
    assert exposure.exposure == Exposure(1000, ("identity",))
    assert modules["plain"] == Module("plain", identity="stranger", timeout=5.0, echo=False, exposure=Exposure())
    assert modules["deep"].exposure == Exposure(5, ("download", "identity"))


def test_load_stranger_with_query_has_no_exposure(tmp_path: Path) -> None:
    text = "modules: {m: {identity: stranger, queries: {worklist: }}}\n" + TARGETS
    module = load_text(tmp_path, text).modules["m"]
    assert (module.echo, module.exposure) == (True, None)


def test_load_modules_of_one_identity_with_same_every_are_accepted(tmp_path: Path) -> None:
    text = """
        modules:
          a: {every: 1h}
          b: {every: 60m, queries: {worklist: }}
        targets:
          - {name: t, address: "127.0.0.1:104", modules: [a, b, exposure]}
    """
    config = load_text(tmp_path, text)
    assert [config.modules[name].every for name in config.targets[0].modules] == [3600.0, 3600.0, None]


def test_load_store_for_guarded_target_is_accepted(tmp_path: Path) -> None:
    text = """
        modules: {m: {store: }}
        targets: [{name: t, address: "127.0.0.1:104", expect: guarded, modules: [m, exposure]}]
    """
    assert load_text(tmp_path, text).targets[0].modules == ("m", "exposure")


def test_load_dicomweb_web_and_http(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("not a secret\n")
    (tmp_path / "token").write_text("not.a.token\n")
    text = """
        identities:
          basic: {calling_ae_title: US, http: {basic_auth: {username: us, password_file: secret}}}
          bearer: {calling_ae_title: US, http: {bearer_token_file: token}}
        targets:
          - name: t
            address: 127.0.0.1:104
            dicomweb: https://pacs.example/dicom-web/
            web: [{url: "http://127.0.0.1:8042/app"}, {url: "https://viewer.example/"}]
            well_known_titles: true
    """
    config = load_text(tmp_path, text)
    (target,) = config.targets
    assert target.dicomweb == "https://pacs.example/dicom-web"
    assert target.web == (WebEntry("http://127.0.0.1:8042/app"), WebEntry("https://viewer.example/"))
    assert target.well_known_titles
    assert config.identities["basic"].http == HTTPSettings(basic_auth=BasicAuth("us", Secret("not a secret")))
    assert config.identities["bearer"].http == HTTPSettings(bearer_token=Secret("not.a.token"))
    assert config.identities["monitor"].http is None
    assert "not" not in repr(config.identities)


def test_load_compare(tmp_path: Path) -> None:
    text = """
        compare:
          - {source: a, destination: b, query: today}
          - {source: b, destination: a, query: today}
        modules:
          m: {queries: {today: {model: study_root, level: STUDY, match: {StudyDate: today}}}}
        targets:
          - {name: a, address: "127.0.0.1:104", modules: [availability, m]}
          - {name: b, address: "127.0.0.2:104", modules: [m]}
    """
    config = load_text(tmp_path, text)
    assert config.compare == (Compare("a", "b", "today"), Compare("b", "a", "today"))
    assert load_text(tmp_path, TARGETS).compare == ()


def test_load_compare_of_invalid_target_is_no_second_error(tmp_path: Path) -> None:
    text = """
        compare: [{source: a, destination: b, query: today}]
        modules: {m: {queries: {today: {model: study_root}}}}
        targets:
          - {name: a, address: nowhere}
          - {name: b, address: "127.0.0.2:104", modules: [m]}
    """
    lines = [line.split(": ")[:2] for line in errors_of(tmp_path, text)]
    assert lines == [["config.yml:3", "modules.m.queries.today"], ["config.yml:5", "targets[0].address"]]


def test_load_probe_allow(tmp_path: Path) -> None:
    assert load_text(tmp_path, TARGETS).probe == ProbeSettings()
    probe = load_text(tmp_path, TARGETS + "probe: {allow: [10.0.0.0/8, 192.0.2.7, '2001:db8::/32', '::1']}\n").probe
    assert [str(network) for network in probe.allow] == ["10.0.0.0/8", "192.0.2.7/32", "2001:db8::/32", "::1/128"]
    for address, allowed in (("10.255.0.1", True), ("11.0.0.1", False), ("2001:db8::5", True), ("::ffff:a00:1", False)):
        assert probe.allows(ipaddress.ip_address(address)) is allowed


def test_load_vantages(tmp_path: Path) -> None:
    (tmp_path / "password").write_text("made-up\n")
    config = load_text(
        tmp_path,
        """
        vantages:
          internet: {proxy: "socks5://127.0.0.1:1080"}
          clinic: {proxy: "http://[2001:DB8::1]:3128/", username: monitor, password_file: password}
        targets:
          - {name: here, address: 203.0.113.7:104, expect: closed}
          - {name: outside, address: 203.0.113.7:104, expect: closed, vantage: internet}
          - {name: both, address: 203.0.113.7:104, vantage: [internet, clinic]}
        """,
    )
    assert {name: str(vantage.proxy) for name, vantage in config.vantages.items()} == {
        "internet": "socks5://127.0.0.1:1080",
        "clinic": "http://[2001:db8::1]:3128",
    }
    assert config.vantages["clinic"].password == Secret("made-up")
    assert {target.name: target.seen_from for target in config.targets} == {
        "here": None,
        "outside": "internet",
        "both@internet": "internet",
        "both@clinic": "clinic",
    }
    assert config.vantage_of(config.targets[0]) is None
    assert config.vantage_of(config.targets[1]) == Vantage(ProxyURL("socks5", "127.0.0.1", 1080))
