"""The configuration that probes the targets of the demo."""

import ipaddress
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from dicom_exporter.demo.loopback import HOST
from dicom_exporter.demo.targets import GUARDED_TITLE, KNOWN_CALLER, PeerKind, TargetKind

_HEAD = "# What `dicom_exporter demo` probes. All of it runs on this machine, and every study is synthetic.\n"
_TODAY = {"model": "study_root", "level": "STUDY", "match": {"StudyDate": "today"}}
_LAST_MONTH = {**_TODAY, "match": {"StudyDate": "last 30d"}}
_OURS: Mapping[str, Mapping[str, Any]] = {
    "activity": {
        "queries": {
            "today": {**_TODAY, "count_by": ["ModalitiesInStudy"], "every": "30s"},
            "last_month": {
                **_LAST_MONTH,
                "count_by": ["ModalitiesInStudy"],
                "every": "1m",
                "expect_within": {"default": "30d"},
            },
            "patients": {"every": "1m"},
            "worklist": {"every": "30s"},
        }
    },
    "services": {
        "echo": False,
        "services": ["SecondaryCaptureImageStorage", "EnhancedCTImageStorage", "StorageCommitmentPushModel"],
    },
    "canary": {"echo": False, "canary": {"size": "16KiB"}},
    "bandwidth": {"echo": False, "store": {"count": 5, "size": "64KiB"}},
    "newest": {
        "echo": False,
        "queries": {
            "newest": {
                **_TODAY,
                "match": {"StudyDate": "last 7d"},
                "count_by": ["ModalitiesInStudy"],
                "every": "30s",
                "expect_within": {"CT": "45m"},
            }
        },
    },
    "flow": {"echo": False, "queries": {"all": {"model": "study_root", "level": "STUDY"}}},
}
"""Each of them exists for the identity `monitor-tls` too, with -tls after its name."""
_AVAILABILITY = {"queries": {"studies": {"every": "5m"}}}
_MODULES: Mapping[str, Mapping[str, Any]] = {
    **_OURS,
    **{f"{name}-tls": {"identity": "monitor-tls", **module} for name, module in _OURS.items()},
    "availability-tls": {"identity": "monitor-tls", **_AVAILABILITY},
    "availability-web": {"identity": "monitor-web", **_AVAILABILITY},
    "brief": {"timeout": "4s"},
    "identities": {"identity": "stranger", "timeout": "15s", "exposure": {"prove": ["identity"]}},
    "images": {"identity": "stranger", "timeout": "15s", "exposure": {"prove": ["identity", "download"]}},
    "tls": {"identity": "stranger", "timeout": "15s", "every": "1m", "exposure": {"tls": True}},
    # For many targets: a stranger is sent once a minute, whatever the scrape interval.
    "patrol": {"identity": "stranger", "timeout": "15s", "every": "1m", "exposure": {"max_matches": 100}},
}
_COMPARE = {"source": "demo-hospital", "destination": "demo-long-term", "query": "all", "images": True}


class _NoAliases(yaml.SafeDumper):
    """Writes no aliases (&id001, *id001), which are hard to read."""

    def ignore_aliases(self, data: object) -> bool:
        return True


def region_config(
    targets: Sequence[TargetKind],
    ports: Mapping[PeerKind, int],
    ca_file: Path,
    web_user: str,
    web_password: Path,
    *,
    whole_net: bool,
) -> str:
    """The text of a config.yml that probes `targets`, whose peers are at those ports, and has nothing else in it.

    Without `whole_net` all are at 127.0.0.1; those of one peer then wait for each other.
    """
    us = {name: str(ca_file.with_name(f"monitor.{name}")) for name in ("pem", "key")}
    http = {"basic_auth": {"username": web_user, "password_file": str(web_password)}}
    identities = {
        "monitor-tls": {
            "calling_ae_title": KNOWN_CALLER,
            "tls": {"ca_file": str(ca_file), "cert_file": us["pem"], "key_file": us["key"]},
            "http": http,
        },
        "monitor-web": {"calling_ae_title": KNOWN_CALLER, "http": http},
    }
    named = {name for target in targets for name in target.modules}
    modules = {name: module for name, module in _MODULES.items() if name in named}
    used = {module.get("identity") for module in modules.values()}
    sections = {
        "global": {"max_concurrent_probes": 64},  # the peers are threads of this one process
        "identities": {name: identity for name, identity in identities.items() if name in used},
        "modules": modules,
        "compare": [_COMPARE]
        if {_COMPARE["source"], _COMPARE["destination"]} <= {each.name for each in targets}
        else [],
    }
    text = _HEAD + "".join(_yaml({name: section}) for name, section in sections.items() if section) + "targets:\n"
    for target in targets:
        text += f"# {target.about}\n" if target.about else ""
        text += _yaml([_target(target, ports, address(target, ports, whole_net=whole_net))])
    return text


def _yaml(document: object) -> str:
    text: str = yaml.dump(document, Dumper=_NoAliases, sort_keys=False)
    return text


def address(target: TargetKind, ports: Mapping[PeerKind, int], *, whole_net: bool) -> str:
    """The address of a target, as `host:port`."""
    number = target.number if whole_net else 0
    return f"{ipaddress.ip_address(HOST) + number}:{ports[target.peer]}"


def _target(target: TargetKind, ports: Mapping[PeerKind, int], target_address: str) -> dict[str, Any]:
    document: dict[str, Any] = {
        "name": target.name,
        "address": target_address,
        "called_ae_title": GUARDED_TITLE,
        "expect": target.expect,
        "labels": {"site": target.site, "country": target.country},
    }
    if target.modules:
        document["modules"] = list(target.modules)
    if target.dicomweb is not None:
        scheme = "https" if target.dicomweb is PeerKind.WEB_TLS else "http"
        document["dicomweb"] = f"{scheme}://{HOST}:{ports[target.dicomweb]}/dicom-web"
    if target.web is not None:
        document["web"] = [{"url": f"http://{HOST}:{ports[target.web]}/"}]
    return document
