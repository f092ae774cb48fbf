"""A report over time, for unit tests."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from dicom_exporter.history.episodes import Firing, Observer, Service, Track
from dicom_exporter.history.read import History, Period
from dicom_exporter.report.over_time import OverTime, make_over_time
from dicom_exporter.verdict.findings import Kind


def over_time(name: str = "main") -> OverTime:
    """A report over the first hour of a day: the target was down and open at times; `quiet` was neither."""
    begin = datetime(2026, 1, 2, tzinfo=UTC).timestamp()
    period = Period(begin, begin + 3600, 60)
    main = Observer("dicom", "exporter:10104", name)
    quiet = replace(main, target="quiet")
    seen = {
        Service(Kind.DOWN, main, "dimse as monitor"): "1" * 5 + "." * 56,
        Service(Kind.EXPOSED, main, "dimse"): "." * 10 + "55555??" + "5" * 13 + "." * 31,
        Service(Kind.EXPOSED, main, "dicomweb"): "." * 20 + "3" * 41,
        Service(Kind.EXPOSED, quiet, "dimse"): "." * 61,
    }
    history = History({main: {"country": "DE"}, quiet: {}})
    for service, points in seen.items():
        track = history.tracks[service] = Track(service, begin, period.pause)
        for minute, point in enumerate(points):
            bad = float(point) if point.isdigit() else None
            track.see(begin + 60 * minute, bad, point != "?", ["refused"] if service.kind is Kind.DOWN and bad else ())
        track.finish(period.end)
    (dimse,) = history.tracks[Service(Kind.EXPOSED, main, "dimse")].episodes
    fired = (datetime(2026, 1, 2, 0, 11, tzinfo=UTC), datetime(2026, 1, 2, 0, 30, tzinfo=UTC))
    dimse.alerts = (Firing("DicomPatientDataListed", "critical", *fired, {}),)
    return make_over_time(
        history,
        period,
        by="country",
        source="http://prometheus.example:9090",
        alertmanager=None,
        made=datetime(2026, 1, 3, tzinfo=UTC),
        version="1.2.3",
    )
