"""Everything that a report says, before it is written in one of the formats."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from dicom_exporter.config import Expect
from dicom_exporter.prober.record import ProbeRecord
from dicom_exporter.report.groups import Group, grouped, sums
from dicom_exporter.report.rows import Row, make_row
from dicom_exporter.text import escaped
from dicom_exporter.verdict.findings import Finding


@dataclass(frozen=True, slots=True)
class Report:
    """All targets, once."""

    rows: tuple[Row, ...]
    """In the order of the configuration."""
    groups: tuple[Group, ...]
    """By the label `by`; empty if there is none."""
    total: Group
    by: str | None
    started: datetime
    """When the probes began, with time zone."""
    host: str
    """The name of the machine that probed: the results are valid for its position in the network."""
    configuration: tuple[str, ...]
    """Names of the configuration files, as they were given."""
    version: str
    """The version of this program."""

    @property
    def worst_first(self) -> list[Row]:
        """The rows by the severity of their worst finding; those of one severity in the order of the configuration."""
        return sorted(self.rows, key=lambda row: row.findings[0].severity if row.findings else math.inf)

    @property
    def findings(self) -> Iterator[tuple[Row, Finding]]:
        """Everything that is not as expected, by target, the most severe first."""
        return ((row, finding) for row in self.worst_first for finding in row.findings)

    @property
    def controls(self) -> list[Row]:
        """Targets that are known to be open, and so show that this machine can reach targets at all."""
        return [row for row in self.rows if row.target.expect is Expect.CONTROL]

    @property
    def not_as_expected(self) -> bool:
        """Whether something is down, or open further than allowed."""
        return any(not finding.kind.could_not_tell for row in self.rows for finding in row.findings)

    @property
    def could_not_tell(self) -> bool:
        """Whether something is not known."""
        return any(finding.kind.could_not_tell for row in self.rows for finding in row.findings)

    @property
    def summary(self) -> str:
        """One line, like ``12 systems: 9 as expected, 2 exposed, 1 down. Controls seen: 1 of 1.``."""
        total = self.total
        parts = [
            ("as expected", total.as_expected),
            ("exposed", total.exposed),
            ("down", total.down),
            ("unknown", total.unknown),
            ("rejecting the monitor or busy", total.refuses_or_busy),
            ("in trouble", total.trouble),
        ]
        said = ", ".join(f"{number:,} {what}" for what, number in parts if number) or "none"
        line = f"{total.systems:,} system{'' if total.systems == 1 else 's'}: {said}."
        if not self.controls:
            return line
        seen = sum(not row.findings for row in self.controls)
        return f"{line} Controls seen: {seen} of {len(self.controls)}."


def make_report(
    records: Sequence[ProbeRecord],
    *,
    by: str | None,
    started: datetime,
    host: str,
    configuration: Sequence[str],
    version: str,
) -> Report:
    """Put a report together from the record of each target's probe."""
    rows = tuple(make_row(record) for record in records)
    groups = tuple(grouped(rows, by)) if by is not None else ()
    names = tuple(escaped(name) for name in configuration)
    return Report(rows, groups, sums("total", rows), by, started, escaped(host), names, version)
