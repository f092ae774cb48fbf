"""The program: `dicom_exporter`, or `python -m dicom_exporter`."""

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


if __name__ == "__main__":
    sys.exit(main())
