"""docs/metrics.md, from the families in `dicom_exporter.metrics`: names, types and HELP texts as they are exposed."""

from __future__ import annotations

import dataclasses
import importlib
import pkgutil
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import dicom_exporter.metrics
from dicom_exporter.enums import HTTP_PHASES, Phase, TLSFailure
from dicom_exporter.metrics.exporter import ExporterFacts
from dicom_exporter.metrics.families import Family
from dicom_exporter.metrics.targets import Exposed
from dicom_exporter.results import Flow
from dicom_exporter.verdict.findings import assess
from dicom_exporter.verdict.texts import CHECKS, LEVELS, OUTCOMES, QUERY_OUTCOMES, STORE_OUTCOMES, UNKNOWN_REASONS
from tools.reference.markdown import code, head, table
from tools.reference.sample import ANSWERED, QUERY, REJECTED, STRANGER, TARGET

_TITLES: Mapping[str, str] = {
    "TARGET_FAMILIES": "The target",
    "ASSOCIATION_FAMILIES": "Associations, C-ECHO, the peer",
    "TLS_FAMILIES": "TLS",
    "VISIBLE_FAMILIES": "Results of the built-in queries",
    "QUERY_FAMILIES": "Queries",
    "EXPOSURE_FAMILIES": "Exposure to strangers",
    "POSTURE_FAMILIES": "What TLS is accepted",
    "DICOMWEB_FAMILIES": "DICOMweb",
    "STORE_FAMILIES": "Bandwidth test",
    "CANARY_FAMILIES": "Canary",
    "FLOW_FAMILIES": "Comparing two targets",
    "EXPORTER_FAMILIES": "The exporter itself",
}
"""Tables of families, in the order of the page; a table that is not here comes last, under its own name."""
_TLS_FAILURES: Mapping[TLSFailure, tuple[str, str]] = {
    TLSFailure.NOT_TLS: (
        "the archive answered with something that is not TLS",
        "remove `tls` from the identity, or `https` from the URL; or correct the port",
    ),
    TLSFailure.VERSION: (
        "there is no common version of TLS",
        "have the archive updated; until then `minimum_profile: legacy` in `tls` allows older ones",
    ),
    TLSFailure.CIPHER: (
        "there is no common cipher suite; some servers mean something else by that alert",
        "as for `version`; then look at the log of the archive",
    ),
    TLSFailure.EXPIRED: (
        "the certificate of the archive is expired, or not valid yet",
        "renew it; compare the clocks of the two machines",
    ),
    TLSFailure.NAME: (
        "the certificate is for another name, or the archive does not know the name that the exporter asks for",
        "set `server_name` to a name in the certificate",
    ),
    TLSFailure.AUTHORITY: (
        "the certificate is of an authority that the exporter does not trust, or an intermediate one is missing",
        "set `ca_file`; have the archive send its whole chain",
    ),
    TLSFailure.CERTIFICATE_DEMANDED: (
        "the archive wants a client certificate, or another one",
        "set `cert_file` and `key_file`; have the archive trust the authority of that certificate",
    ),
    TLSFailure.OTHER: (
        "the handshake ended in another way, mostly because the connection was closed",
        "test with `openssl s_client -connect`; look at the log of the archive, and for a firewall that inspects TLS",
    ),
}
_NOTES: Mapping[str, str] = {
    "TARGET_FAMILIES": "Of the series of `/metrics`, only this one has your own labels: join it with `group_left`.",
    "EXPOSURE_FAMILIES": "[exposure.md](exposure.md) explains how to read them.",
    "POSTURE_FAMILIES": "[tls.md](tls.md) explains them; most need `exposure: {tls: true}`.",
    "CANARY_FAMILIES": "[canary.md](canary.md) explains the steps.",
    "FLOW_FAMILIES": "Only on `/metrics`, as they need two targets.",
    "EXPORTER_FAMILIES": "Only on `/metrics`, together with the standard `process_*` metrics and `python_info`. The"
    " label `key` is that of a file in the block of an identity, such as `http.bearer_token_file`: [Renewing"
    " credentials](deployment.md#renewing-credentials).",
}
_MADE_OF_OTHERS = "SESSION_FAMILIES"
_DUMMIES: Mapping[str, object] = {
    "str": "",
    "bool": True,
    "int": 1,
    "float": 1.0,
    "Mapping[str, int]": {"x": 1},
    "Mapping[tuple[str, str], bool]": {("x", "x"): True},
    "float | None": 1.0,
    "int | None": 1,
}


def page() -> str:
    """The text of the page."""
    return "\n".join(_lines()).rstrip() + "\n"


def names() -> list[str]:
    """The names of all metrics of the exporter."""
    return [family.name for families in tables().values() for family in families]


def tables() -> dict[str, Sequence[Family[Any]]]:
    """Every table of families in the package, by the name it has there, in the order of the page."""
    found: dict[str, Sequence[Family[Any]]] = {}
    for module in pkgutil.iter_modules(dicom_exporter.metrics.__path__, "dicom_exporter.metrics."):
        members = vars(importlib.import_module(module.name)).items()
        found |= {name: value for name, value in members if name.endswith("_FAMILIES") and name != _MADE_OF_OTHERS}
    order = list(_TITLES)
    return dict(sorted(found.items(), key=lambda item: order.index(item[0]) if item[0] in order else len(order)))


def _lines() -> Iterator[str]:
    yield head("metrics")
    for name, families in tables().items():
        yield f"## {_TITLES.get(name, name)}"
        yield ""
        if name in _NOTES:
            yield _NOTES[name]
            yield ""
        yield from table(
            ("metric", "type", "labels", "meaning"),
            [(code(family.name), family.type, ", ".join(labels(name, family)), family.help) for family in families],
        )
    yield from _words()


def _words() -> Iterator[str]:
    yield "## Outcomes, levels, checks"
    yield ""
    yield "`phase`: " + ", ".join(code(phase.value) for phase in Phase if phase not in HTTP_PHASES[-2:]) + "."
    yield ""
    yield "`phase` of `dicomweb_duration_seconds`: " + ", ".join(code(phase.value) for phase in HTTP_PHASES) + "."
    yield ""
    yield "`outcome` of `dicom_echo_outcome` and `dicom_association_outcome`:"
    yield ""
    yield from table(("outcome", "what happened"), [(code(word.value), text) for word, text in OUTCOMES.items()])
    yield "`outcome` of `dicom_query_outcome`:"
    yield ""
    yield from table(("outcome", "what happened"), [(code(word.value), text) for word, text in QUERY_OUTCOMES.items()])
    yield "`outcome` of `dicom_store_outcome`:"
    yield ""
    yield from table(("outcome", "what happened"), [(code(word.value), text) for word, text in STORE_OUTCOMES.items()])
    yield "Values of `dicom_exposure_level`:"
    yield ""
    rows = [(str(level), name, text) for level, (name, text) in LEVELS.items()]
    yield from table(("level", "name", "meaning"), rows)
    yield "`reason` of `dicom_exposure_unknown_reason`; [what to do about each](exposure.md#unknown-is-not-safe):"
    yield ""
    yield from table(("reason", "why it is not known"), [(code(word), text) for word, text in UNKNOWN_REASONS.items()])
    yield "`reason` of `dicom_tls_failure` and `dicomweb_tls_failure`:"
    yield ""
    rows = [(code(failure.value), *_TLS_FAILURES[failure]) for failure in TLSFailure]
    yield from table(("reason", "what happened", "what to do"), rows)
    yield "`check` of `dicom_exposure_check`: the meaning of the value 1:"
    yield ""
    yield from table(("check", "meaning"), [(code(name), bad) for name, (bad, _) in CHECKS.items()])


def labels(table_name: str, family: Family[Any]) -> list[str]:
    """The labels of a family of a table, from its series for the sample; your own are ``yours``."""
    shared = {"QUERY_FAMILIES": ["identity", "query"]}.get(table_name, [])
    if table_name in (
        "ASSOCIATION_FAMILIES",
        "TLS_FAMILIES",
        "VISIBLE_FAMILIES",
        "STORE_FAMILIES",
        "CANARY_FAMILIES",
        "DICOMWEB_FAMILIES",
        "POSTURE_FAMILIES",
    ):
        shared = ["identity"]
    rows = [row for subject in _subjects(table_name) for row in family.rows(subject)]
    if not rows:
        raise ValueError(f"nothing in tools/reference/sample.py shows {family.name}: add what does")
    own = list(rows[0][0])
    if family.name == "dicom_target_info":
        own = [*(name for name in own if name not in TARGET.labels), "yours"]
    return [*shared, *own]


def _subjects(table_name: str) -> Sequence[object]:
    if table_name == "TARGET_FAMILIES":
        return [TARGET]
    if table_name == "QUERY_FAMILIES":
        return [QUERY]
    if table_name == "FLOW_FAMILIES":
        return [Flow("a", "b", 1, 1, 60.0)]
    if table_name == "EXPOSURE_FAMILIES":
        verdict, _ = assess(TARGET, [STRANGER])
        assert verdict is not None
        return [Exposed(TARGET, verdict)]
    if table_name == "EXPORTER_FAMILIES":
        fields = {field.name: _DUMMIES[str(field.type)] for field in dataclasses.fields(ExporterFacts)}
        return [ExporterFacts(**fields)]  # type: ignore[arg-type]
    return [ANSWERED, REJECTED, STRANGER]
