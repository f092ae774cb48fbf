"""One target under atheris: `python -m tests.fuzz.run TARGET [libFuzzer's own arguments]`. Never returns.

FUZZ_COMMAND in the environment is what libFuzzer starts itself again by, where it has to.
"""

from __future__ import annotations

import os
import sys

import atheris

with atheris.instrument_imports(include=["dicom_exporter"]):
    from tests.fuzz import targets
from tests.fuzz.mutator import mutate_stream

_HEADERS = {"association": 1, "session": 2}
"""Targets that read a stream of PDUs, and the bytes before it."""


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
