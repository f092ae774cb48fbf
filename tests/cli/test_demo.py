"""What the demo prints fits a terminal of 80 characters."""

from __future__ import annotations

from dicom_exporter.cli.parser import wrapped


def test_text_is_broken_between_words_and_a_column_stays_a_column() -> None:
    row = "  demo-hospital         127.0.0.1:11135   guarded    TLS, DICOMweb, a worklist, a known flaw"
    lines = wrapped(
        f"{row}\nshort\n\nFor Prometheus: scrape http://localhost:10104/metrics every 15 s, or all of /sd.", 80
    )
    shown = lines.split("\n")
    assert max(map(len, shown)) <= 80
    assert shown[0] == row[:78].rstrip() or row.startswith(shown[0])
    assert shown[1].startswith(" " * 53)
    assert " ".join(" ".join(shown).split()) == " ".join(lines.split())
    assert "known flaw" in " ".join(lines.split())
