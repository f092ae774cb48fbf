"""The container image, built on a base that this machine makes, and run with few rights."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.testing.peers.requirements import missing, program

ROOT = Path(__file__).parents[2]
CERTIFICATES = Path("/etc/ssl/certs")
USER = "65532:65532"
_BASE = "localhost/python-base"
_IMAGE = "localhost/dicom_exporter"
_PATIENCE = 600
"""Seconds that one step of the build may take; it downloads packages."""


@dataclass(frozen=True, slots=True)
class Image:
    """A built image."""

    root: Path
    """Its file system."""
    inspection: str
    """The output of `buildah inspect`, JSON."""

    def command(self, arguments: Sequence[str], mount: Path | None = None) -> list[str]:
        """Runs `arguments` in it as `USER`, on a read-only root; `mount` becomes /etc/dicom_exporter."""
        script = 'mount --bind "$1" "$1" && mount -o remount,ro,bind "$1" && '
        if mount is not None:
            script += 'mount --bind "$2" "$1/etc/dicom_exporter" && '
        script += f'root=$1 && shift 2 && exec chroot --userspec={USER} "$root" "$@"'
        return ["unshare", "--mount", "sh", "-c", script, "sh", str(self.root), str(mount or ""), *arguments]


@contextmanager
def build_image(directory: Path) -> Iterator[Image]:
    """Build the image of deploy/container in `directory`, which takes a minute, and show its file system."""
    if os.geteuid() != 0:
        missing("only root can make a base image", "debootstrap, and run the tests as root")
    buildah = [
        program("buildah", "buildah"),
        "--storage-driver=vfs",
        f"--root={directory / 'storage'}",
        f"--runroot={directory / 'run'}",
    ]
    base = directory / "base"
    packages = "--include=python3,python3-venv,ca-certificates"
    _run([program("debootstrap", "debootstrap"), "--variant=minbase", packages, "bookworm", str(base)])
    (directory / "Containerfile").write_text("FROM scratch\nCOPY base /\n")
    _run([*buildah, "bud", f"--tag={_BASE}", str(directory)])
    _run(
        [
            *buildah,
            "bud",
            "--isolation=chroot",
            "--format=docker",
            f"--build-arg=PYTHON_IMAGE={_BASE}",
            f"--volume={CERTIFICATES}:{CERTIFICATES}:ro",  # the authorities that this machine trusts
            f"--file={ROOT / 'deploy' / 'container' / 'Containerfile'}",
            f"--tag={_IMAGE}",
            str(ROOT),
        ]
    )
    container = _run([*buildah, "from", _IMAGE]).strip()
    try:
        root = Path(_run([*buildah, "mount", container]).strip())
        yield Image(root, _run([*buildah, "inspect", "--type=image", _IMAGE]))
    finally:
        _run([*buildah, "umount", container])
        _run([*buildah, "rm", container])
        _run([*buildah, "rmi", "--all", "--force"])


def _run(command: Sequence[str]) -> str:
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=_PATIENCE)
    assert done.returncode == 0, f"{command}:\n{done.stdout[-4000:]}\n{done.stderr[-4000:]}"
    return done.stdout
