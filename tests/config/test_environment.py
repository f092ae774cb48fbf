"""``${VAR}`` in values."""

from __future__ import annotations

from pathlib import Path

import pytest

from dicom_exporter.config import Config, load, notes
from dicom_exporter.config.environment import Environment
from dicom_exporter.config.render import show_config
from dicom_exporter.report.formats.json import as_json
from dicom_exporter.text import SafeText
from tests import builders
from tests.testing.in_process import FakeProber, exporter
from tests.testing.loading import errors_of, load_text

TARGETS = "targets:\n- name: t\n  address: 127.0.0.1:104\n"


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("${HOST}:${PORT}", "pacs:104"),
        ("$$", "$"),
        ("$${HOST}", "${HOST}"),
        ("$HOST 5$", "$HOST 5$"),
        ("${EMPTY}", ""),
        ("${NESTED}", "${HOST}"),
    ],
)
def test_expand_replaces_variables(text: str, result: str) -> None:
    values = {"HOST": "pacs", "PORT": "104", "EMPTY": "", "NESTED": "${HOST}"}
    assert Environment(values, public=values).expand(text) == (result, result)


@pytest.mark.parametrize("text", ["${HOST", "${}", "${A B}", "${1A}"])
def test_expand_malformed_reference_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a variable like"):
        Environment({"HOST": "pacs"}).expand(text)


def test_expand_only_public_variables_are_shown() -> None:
    environment = Environment({"HOST": "pacs", "PORT": "104"}, public=["PORT"])
    assert environment.expand("${HOST}:${PORT}$$") == ("pacs:104$", "${HOST}:104$")


def test_load_expand_env_expands_values(tmp_path: Path) -> None:
    config = load_text(
        tmp_path,
        """
        global:
          max_concurrent_probes: ${N}
        targets: [{name: "${NAME}", address: "${HOST}:104", called_ae_title: "$$X"}]
        """,
        {"N": "5", "NAME": "t", "HOST": "pacs"},
    )
    assert config.global_.max_concurrent_probes == 5
    assert (config.targets[0].name, str(config.targets[0].address)) == ("t", "pacs:104")
    assert config.targets[0].called_ae_title == "$X"


def test_load_expand_env_value_cannot_add_keys(tmp_path: Path) -> None:
    text = TARGETS.replace("name: t", "name: ${NAME}")
    (error,) = errors_of(tmp_path, text, {"NAME": "t\n  expect: closed"}, ["NAME"])
    assert "no control characters" in error


def test_load_expand_env_quoted_value_stays_text(tmp_path: Path) -> None:
    config = load_text(tmp_path, TARGETS.replace("name: t", "name: '${NUMBER}'"), {"NUMBER": "7"})
    assert config.targets[0].name == "7"
    assert errors_of(tmp_path, TARGETS.replace("name: t", "name: ${NUMBER}"), {"NUMBER": "7"}, ["NUMBER"]) == [
        "config.yml:2: targets[0].name: 7 is a number to YAML, not text: quote it, '7'"
    ]


def test_load_expand_env_does_not_expand_keys(tmp_path: Path) -> None:
    (error,) = errors_of(tmp_path, TARGETS.replace("name: t", "name: t\n  labels: {'${X}': a}"), {"X": "site"})
    assert "'${X}' is not a label name" in error


def test_load_expand_env_unset_variable_is_one_error(tmp_path: Path) -> None:
    assert errors_of(tmp_path, TARGETS.replace("127.0.0.1:104", "${HOST}:104"), {}) == [
        "config.yml:3: targets[0].address: the environment variable HOST is not set"
    ]


def test_load_without_expand_env_expands_nothing(tmp_path: Path) -> None:
    assert load_text(tmp_path, TARGETS.replace("name: t", "name: $${X}")).targets[0].name == "$${X}"


EVERYWHERE = """
global: {connect_timeout: "${WAIT}"}
probe: {allow: ["${NETWORK}"]}
identities:
  monitor:
    calling_ae_title: ${US}
    user_identity: {username: "${USER}", password_file: "${FILE}"}
vantages:
  cloud: {proxy: "socks5://${PROXY}:1080", username: "${USER}", password_file: "${FILE}"}
  ward: {proxy: "http://${PROXY}:3128"}
modules:
  counts:
    timeout: ${WAIT}
    queries:
      own:
        model: study_root
        level: STUDY
        match: {InstitutionName: "${SITE}", StudyInstanceUID: ["${UID}", 1.2.3]}
        count_by: ["${KEY}"]
targets:
- name: first
  address: ${HOST}:${PORT}
  called_ae_title: ${TITLE}
  modules: [availability, "${MODULE}", exposure]
  labels: {site: "x ${SITE}", ward: one}
  dicomweb: http://${HOST}/${TOKEN}/rs
  web: [{url: "http://${HOST}/${TOKEN}"}]
- name: second
  address: ${HOST}:${PORT}
  called_ae_title: ${TITLE}
- name: seen
  address: ${HOST}:${PORT}
  vantage: [cloud, ward]
  labels: {site: "${SITE}"}
"""
VALUES = {
    "WAIT": "1m17s",
    "NETWORK": "10.99.0.0/16",
    "US": "HIDDENTITLE",
    "USER": "hidden-user",
    "FILE": "hidden-password-file",
    "SITE": "hidden-site",
    "UID": "1.2.99.77",
    "PROXY": "hidden-proxy.example",
    "KEY": "ModalitiesInStudy",
    "HOST": "hidden-host.example",
    "PORT": "1",
    "TITLE": "QZ7",
    "MODULE": "counts",
    "TOKEN": "hidden-token",
}
NEVER_SHOWN = ("HIDDENTITLE", "hidden-", "1m17s", "1.2.99", "10.99.0.0", "QZ7")


@pytest.fixture
def config(tmp_path: Path) -> Config:
    (tmp_path / VALUES["FILE"]).write_text("hidden-password")
    return load_text(tmp_path, EVERYWHERE, VALUES)


def test_environment_value_is_used(config: Config) -> None:
    first = config.targets[0]
    assert (str(first.address), first.called_ae_title) == ("hidden-host.example:1", "QZ7")
    assert first.labels == {"site": "x hidden-site", "ward": "one"}
    assert (first.dicomweb, config.global_.connect_timeout) == ("http://hidden-host.example/hidden-token/rs", 77)


@pytest.mark.loopback
async def test_environment_value_is_on_no_page_and_in_no_metric(config: Config) -> None:
    """The reference is shown in its place. Values that are short, like a port, hide nothing else."""
    async with exporter(FakeProber(config)) as client:
        texts = {}
        paths = (
            "/",
            "/?q=hidden",
            "/config",
            "/metrics",
            "/sd",
            "/targets/first",
            "/targets/seen@ward",
            "/probe?target=first",
        )
        for path in (*paths, "/probe?target=first&debug=true", "/runbooks/DicomTargetDown?target=first"):
            async with client.get(path, headers={"Accept": "*/*"}) as answer:
                assert answer.status == 200, path
                texts[path] = await answer.text()
    for path, text in texts.items():
        assert not [value for value in NEVER_SHOWN if value in text.replace('value="hidden"', "")], path
    page = texts["/targets/first"]
    assert "<code>${HOST}:${PORT}</code>, called AE title <code>${TITLE}</code>" in page
    assert "site=x ${SITE}" in page
    info = 'dicom_target_info{site="x ${SITE}",ward="one",address="${HOST}:${PORT}",called_ae_title="${TITLE}"'
    assert info in texts["/probe?target=first"]
    assert "http://${HOST}/${TOKEN}/rs" in texts["/config"]
    assert "first" not in texts["/?q=hidden"], "the filter must not tell what is hidden"


def test_environment_values_are_shown_by_config_as_they_are_written(config: Config, tmp_path: Path) -> None:
    text = show_config(config)
    assert "connect_timeout: ${WAIT}" in text
    assert "username: ${USER}\n      password_file: <secret>" in text
    (tmp_path / "config.yml").write_text(text.replace("<secret>", VALUES["FILE"]))
    again = load([tmp_path / "config.yml"], expand_env=True, environ=VALUES)
    assert again.targets == config.targets
    assert again.identities["monitor"].calling_ae_title == "HIDDENTITLE"


def test_environment_value_is_in_no_report_nor_warning(config: Config) -> None:
    found = builders.report(builders.record(config.targets[0], builders.monitor()), by="site")
    text = as_json(found) + "".join(notes(config))
    assert "hidden-" not in text
    assert '"${HOST}:${PORT}"' in text
    assert "targets with the same address ${HOST}:${PORT} and called AE title ${TITLE}: first, second" in text


def test_environment_value_that_a_peer_repeats_is_blanked(config: Config) -> None:
    assert SafeText("Version hidden-token 1") == "Version <secret> 1"
    assert SafeText("QZ7") == "QZ7", "a short value may be there by chance"
    assert config.secrets


def test_environment_value_that_is_not_valid_is_in_no_error(tmp_path: Path) -> None:
    text = TARGETS.replace("127.0.0.1:104", "${HOST}").replace("name: t", "name: t\n  ip_version: ${VERSION}")
    environ = {"HOST": "hidden host:104", "VERSION": "hidden" * 100}
    assert errors_of(tmp_path, text, environ) == [
        f"config.yml:{line}: targets[0].{key}: the value of ${{{name}}} is not valid here, and not shown: "
        "--config.show-env=NAME shows why"
        for line, key, name in ((3, "ip_version", "VERSION"), (4, "address", "HOST"))
    ]
    assert "'hidden host'" in errors_of(tmp_path, text, environ, ["HOST", "VERSION"])[1]


def test_environment_public_value_is_shown(tmp_path: Path) -> None:
    config = load_text(tmp_path, TARGETS.replace("127.0.0.1", "${HOST}"), {"HOST": "pacs.example"}, ["HOST"])
    assert "address: pacs.example:104" in show_config(config)
    assert not config.secrets
