"""What pyproject.toml cannot say: the wheel contains the runbooks, whose sources are in docs/."""

import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py


class BuildWithRunbooks(build_py):
    """Put docs/runbooks/ beside the package's own files; an editable install finds them where they are."""

    def run(self) -> None:
        """Build as usual, and copy the runbooks."""
        super().run()
        source = Path(__file__).parent / "docs" / "runbooks"
        if not self.editable_mode and source.is_dir():
            destination = Path(self.build_lib) / "dicom_exporter" / "runbooks"
            destination.mkdir(parents=True, exist_ok=True)
            for file in source.glob("*.md"):
                shutil.copy(file, destination)


setup(cmdclass={"build_py": BuildWithRunbooks})
