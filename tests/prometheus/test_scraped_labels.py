"""No label of ours has the name of one that a scraper attaches, and the rules select by none that could be replaced."""

from __future__ import annotations

import re

import pytest

from dicom_exporter.config.values.text import check_label_name
from tests.testing.rules import alerts, rules
from tools.reference.metrics import labels, tables

PROMETHEUS = {"job", "instance"}
OPERATOR = {"namespace", "service", "pod", "container", "endpoint", "node", "ingress"}
ANNOTATIONS = {"namespace", "service", "pod", "node", "app", "component", "release", "tier", "pod_template_hash"}
"""What the usual jobs for annotations in Kubernetes attach: places, and labels of pods."""
ATTACHED = PROMETHEUS | OPERATOR | ANNOTATIONS
FORMER = {"service"}
"""Kept for one release beside the label that replaces it."""
OF_FAMILIES = {family.name: labels(name, family) for name, families in tables().items() for family in families}
OURS = {label for names in OF_FAMILIES.values() for label in names} | {"target"}


def test_labels_of_no_family_have_the_name_of_one_that_scrapers_attach() -> None:
    assert OURS & ATTACHED <= FORMER


@pytest.mark.parametrize("family", [name for name, names in OF_FAMILIES.items() if FORMER & set(names)])
def test_label_with_a_former_name_is_there_under_its_new_name(family: str) -> None:
    assert {"protocol", "sop_class"} & set(OF_FAMILIES[family])


def test_labels_of_families_cannot_be_those_of_a_user() -> None:
    """Service discovery puts a user's labels on the same series."""
    elsewhere = {"yours", "key", "code", "python_version"}  # on no series of a target
    for label in OURS - elsewhere - {"vantage"}:  # a user's own, unless the target has a vantage
        with pytest.raises(ValueError, match="is a label that this exporter sets itself"):
            check_label_name(label)


def test_rules_select_by_no_label_that_scrapers_attach() -> None:
    """Grouping and joining by such a label is harmless: then it has one value."""
    for rule in rules():
        for matchers in re.findall(r"\w\{([^}]*)\}", rule["expr"]):
            assert not set(re.findall(r"(\w+)\s*(?:=|!)", matchers)) & (ATTACHED - {"job"}), rule
    for name, alert in alerts().items():
        used = set(re.findall(r"\$labels\.(\w+)", str(alert["annotations"])))
        assert not used & (ATTACHED - {"job", "instance"}), name


def test_rules_find_what_was_replaced_of_each_label_that_they_select_by() -> None:
    selected = {
        label
        for rule in rules()
        for matchers in re.findall(r"\w\{([^}]*)\}", rule["expr"])
        for label in re.findall(r"(\w+)\s*(?:=|!)", matchers)
        if not label.startswith("exported_")
    }
    found = set(re.findall(r"exported_(\w+)", alerts()["DicomLabelsOverwritten"]["expr"]))
    assert selected - {"job", "phase", "alertname", "alertstate"} <= found | {"called_ae_title"}
