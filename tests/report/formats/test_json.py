"""JSON: every documented member; unknown and not asked are different."""

from __future__ import annotations

import json
import re
from typing import Any

from dicom_exporter.report.formats.json import as_json
from dicom_exporter.verdict.texts import CHECKS
from tests import builders
from tools.reference import ROOT


def test_json_unknown_is_a_null_count_and_not_asked_is_null() -> None:
    document = json.loads(as_json(builders.report(*builders.ALL_FOUND, by="country")))
    targets: dict[str, Any] = {target["name"]: target for target in document["targets"]}
    assert document["format"] == 2
    assert document["time"] == "2026-01-02T03:04:05+00:00"
    assert targets["open"]["strangers"]["studies"] == {"count": 1000, "complete": False}
    assert targets["unknown"]["strangers"]["studies"] == {"count": None, "complete": False}
    assert targets["closed"]["strangers"]["studies"] is None
    assert (targets["unknown"]["levels"], targets["down"]["levels"]) == ({"dimse": None}, None)
    assert targets["open"]["findings"][0]["kind"] == "exposed"
    assert [group["name"] for group in document["groups"]] == ["DE", "FR", "(none)"]
    assert document["total"]["strangers"]["images"] == {"count": 3000, "complete": False}


def test_json_members_are_all_documented() -> None:
    described = (ROOT / "docs/report.md").read_text().partition("## JSON")[2]
    named = set(re.findall(r"`([a-z_]+)`", described))
    document = json.loads(as_json(builders.report(*builders.ALL_FOUND, by="country")))
    open_target = document["targets"][0]
    for fields in (document, open_target, open_target["strangers"], open_target["ours"], document["total"]):
        assert fields.keys() - {"name", "time"} <= named
    assert set(CHECKS) & named == set()  # they are described where they are explained
