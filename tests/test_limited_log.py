"""Log lines that strangers can cause."""

from structlog.testing import capture_logs

from dicom_exporter.limited_log import LimitedLog


def test_limited_log_leaves_out_what_repeats() -> None:
    limited = LimitedLog(interval=3600)
    with capture_logs() as lines:
        for number in range(3):
            limited.warning("one kind", number=number)
        limited.warning("another")
    assert [line["event"] for line in lines] == ["one kind", "another"]


def test_limited_log_tells_how_many_it_left_out() -> None:
    limited = LimitedLog(interval=3600)
    with capture_logs() as lines:
        for _ in range(3):
            limited.warning("one kind")
        limited._interval = 0
        limited.warning("one kind")
    assert [line["not_logged"] for line in lines] == [0, 2]
