"""A reload of a configuration that is mounted as a single file. Run in a mount namespace of its own.

`unshare --map-root-user --mount python -m tests.testing.mounting DIRECTORY` prints the answers of two reloads as JSON:
before and after the file behind the mount was replaced.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.testing.exporting import exporter

_OLD = [{"name": "old", "address": "127.0.0.1:9"}]


async def _answers(directory: Path) -> list[Any]:
    async with exporter(directory, _OLD) as running:
        answers = [await running.reload()]
        (directory / "new").write_text("{}")
        (directory / "new").rename(directory / "elsewhere" / "behind.yml")
        answers.append(await running.reload())
        return answers


def main() -> None:
    """Mount a file over config.yml, and reload before and after the file is replaced where it comes from."""
    directory = Path(sys.argv[1])
    (directory / "elsewhere").mkdir()
    behind, config = directory / "elsewhere" / "behind.yml", directory / "config.yml"
    behind.write_text("{}")
    config.touch()
    subprocess.run(["mount", "--bind", str(behind), str(config)], check=True)
    json.dump(asyncio.run(_answers(directory)), sys.stdout)


if __name__ == "__main__":
    main()
