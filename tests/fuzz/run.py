"""Run one target with atheris: `python -m tests.fuzz.run TARGET [arguments of libFuzzer]`. Never returns.

The environment variable FUZZ_COMMAND is the command with which libFuzzer starts itself again.
"""

from __future__ import annotations

import os
import sys

import atheris

with atheris.instrument_imports(include=["dicom_exporter"]):
    from tests.fuzz import targets
from tests.fuzz.mutator import mutate_stream

_HEADERS = {"association": 1, "session": 2}
"""Targets that read a stream of PDUs -> number of bytes before the stream."""


def main() -> None:
    """Fuzz until libFuzzer ends the process."""
    name = sys.argv.pop(1)
    header = _HEADERS.get(name)

    def mutate(data: bytes, room: int, seed: int) -> bytes:
        if header is None or seed % 16 == 0:
            return bytes(atheris.Mutate(data, room))
        return data[:header] + mutate_stream(data[header:], room - header, seed, atheris.Mutate)

    sys.argv[0] = os.environ.get("FUZZ_COMMAND", sys.argv[0])
    atheris.Setup(sys.argv, targets.ALL[name], custom_mutator=mutate)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
