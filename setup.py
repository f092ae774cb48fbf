"""What pyproject.toml cannot say: the wheel contains files whose sources are outside of the package."""

import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

COPIED = {
    "docs/runbooks/*.md": "runbooks",
    "prometheus/rules/*.yml": "share/prometheus/rules",
    "grafana/dashboards/*.json": "share/grafana/dashboards",
    "config.example.yml": "share",
    "deploy/systemd/dicom_exporter.service": "share/deploy/systemd",
}
"""Files -> the directory of the package that they are copied into."""


class BuildWithFiles(build_py):
    """Put them beside the package's own files; an editable install finds them where they are."""

    def run(self) -> None:
        """Build as usual, and copy the files."""
        super().run()
        if self.editable_mode:
            return
        for pattern, directory in COPIED.items():
            destination = Path(self.build_lib) / "dicom_exporter" / directory
            destination.mkdir(parents=True, exist_ok=True)
            for file in Path(__file__).parent.glob(pattern):
                shutil.copy(file, destination)


setup(cmdclass={"build_py": BuildWithFiles})
