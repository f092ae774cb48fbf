"""The program: `dicom_exporter`, or `python -m dicom_exporter`."""

import os
import sys

from dicom_exporter import signals


def main() -> int:
    """Run the command line, and return the exit code. Signals have their meaning before anything else is imported."""
    signals.begin()
    from dicom_exporter.cli.main import main as run

    try:
        return run()
    finally:
        signals.hold()  # a signal while Python ends must not change the exit code
        _drop_unwritten_log()


def _drop_unwritten_log() -> None:
    """Drop what the log cannot be written of, as on a full disk: Python would end with 120 for it."""
    try:
        sys.stderr.flush()
    except OSError:
        with open(os.devnull, "wb") as nowhere:  # noqa: PTH123 - pathlib is not imported yet
            os.dup2(nowhere.fileno(), sys.stderr.fileno())


if __name__ == "__main__":
    sys.exit(main())
