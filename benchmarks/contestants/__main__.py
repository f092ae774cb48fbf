"""Run one client once: ``python -m benchmarks.contestants NAME echo|find WORK`` prints the duration as JSON."""

from __future__ import annotations

import importlib
import json
import sys
from dataclasses import asdict, replace

from benchmarks.files import raise_file_limit
from benchmarks.measuring import Run, Work


def main(name: str, what: str, work: Work) -> None:
    """Warm up, run, and print the duration."""
    raise_file_limit()
    run: Run = getattr(importlib.import_module(f"benchmarks.contestants.{name}"), what)
    if what == "echo":
        run(replace(work, count=min(work.count, 2 * work.concurrency)))
    done, took = run(work)
    sys.stdout.write(json.dumps({"done": done, **asdict(took)}) + "\n")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], Work(**json.loads(sys.argv[3])))
