"""The tests on three generations of Debian, each in a root that debootstrap makes: `make matrix`, as root.

A root is kept in build/roots/SUITE and is used again; delete it to have the packages of today. All mounts are in a
mount namespace of their own, and all processes in a PID namespace: both end with the command, however it ends.
"""

import argparse
import os
import re
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from xml.etree import ElementTree

from rich.console import Console
from rich.table import Table

ROOT = Path(__file__).parents[1]
SUITES = ("bookworm", "trixie", "sid")
PEERS = {"Orthanc": "orthanc", "DCMTK": "dcmtk", "Prometheus": "prometheus", "Alertmanager": "prometheus-alertmanager"}
PACKAGES = (
    *("ca-certificates", "make", "procps", "python3", "python3-venv"),
    *PEERS.values(),
    *("orthanc-dicomweb", "apache2-utils", "curl", "iproute2", "openssl", "systemd"),
)
TESTS = ("--numprocesses=auto", "-m", "not integration or peers", "--ignore=tests/deploy")
CERTIFICATES = "/etc/ssl/certs"
PIP_SERVER = {"index-url", "extra-index-url", "proxy", "trusted-host", "cert", "default-timeout", "timeout"}
_PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_INSIDE = f"""
mount --bind "$1" "$1" && cd "$1" && mount -t proc proc proc && mount --rbind /dev dev || exit
test ! -d .{CERTIFICATES} || mount --bind {CERTIFICATES} .{CERTIFICATES} || exit
pivot_root . mnt && cd / && umount --lazy mnt || exit  # in a chroot there are no user namespaces, which tests make
shift
"$@"
exit $?"""


def main() -> int:
    """Exit code 1 if a test failed, 2 if there is no root to run them in."""
    parser = argparse.ArgumentParser(
        prog="make matrix", description="The tests on several generations of Debian.", allow_abbrev=False
    )
    parser.add_argument("--suites", nargs="+", default=SUITES, metavar="SUITE", help="of: " + ", ".join(SUITES))
    parser.add_argument("--roots", type=Path, default=ROOT / "build" / "roots", help="where the roots are kept")
    parser.add_argument("--mirror", help="of Debian; else the one that apt uses")
    options, pytest_arguments = parser.parse_known_args()
    if os.geteuid() != 0 or not shutil.which("debootstrap"):
        sys.exit("make matrix needs root, and debootstrap (apt-get install debootstrap)")
    table = Table("suite", "Python", *PEERS, "passed", "failed", "skipped", "seconds")
    good = True
    for suite in options.suites:
        root = options.roots.resolve() / suite
        if not root.exists():
            make_root(root, suite, options.mirror or mirror())
        started = time.monotonic()
        passed, failed, skipped = test(root, pytest_arguments)
        good &= passed > 0 and failed == 0
        row = (passed, failed, skipped, round(time.monotonic() - started))
        table.add_row(suite, *versions(root), *map(str, row))
    Console(width=None if sys.stdout.isatty() else 120).print(table)
    return not good


def make_root(root: Path, suite: str, url: str) -> None:
    """Install `suite` and all packages; the directory gets its name when it is complete."""
    part = root.with_name(f"{suite}.part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    in_namespace("debootstrap", "--variant=minbase", suite, str(part), url)
    policy = part / "usr/sbin/policy-rc.d"  # the packages must not start their servers as services
    policy.write_text("#!/bin/sh\nexit 101\n")
    policy.chmod(0o755)
    # Signed, but perhaps old: debootstrap does not look at the date either.
    inside(part, "apt-get", "update", "-qq", "-o", "Acquire::Check-Valid-Until=false")
    inside(part, "apt-get", "install", "-qq", "-y", "--no-install-recommends", *PACKAGES)
    inside(part, "apt-get", "clean")
    (part / "etc/hosts").write_text("127.0.0.1 localhost\n::1 localhost\n")  # not all suites have one
    part.rename(root)


def test(root: Path, pytest_arguments: Sequence[str]) -> tuple[int, int, int]:
    """Copy the sources into `root` and test them there: how many tests passed, failed and were skipped."""
    source = root / "src"
    copy_sources(source)
    result = source / "build" / "matrix.xml"
    result.unlink(missing_ok=True)
    arguments = ["--junitxml=build/matrix.xml", *(pytest_arguments or TESTS)]
    inside(
        root,
        *(*pip_settings(), "REQUIRE_PEERS=1", "make", "-C", "/src", "test"),
        f"ARGS={shlex.join(arguments)}",
        check=False,
    )
    if not result.exists():
        return 0, 1, 0
    suites = ElementTree.parse(result).getroot().findall("testsuite")  # noqa: S314 - we have written it
    total, failures, errors, skipped = (
        sum(int(each.get(key, 0)) for each in suites) for key in ("tests", "failures", "errors", "skipped")
    )
    return total - failures - errors - skipped, failures + errors, skipped


def copy_sources(target: Path) -> None:
    """Make `target` what git has or would add here; its .venv stays."""
    target.mkdir(exist_ok=True)
    for old in target.iterdir():
        if old.is_dir() and old.name != ".venv":
            shutil.rmtree(old)
    names = run("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard").split("\0")
    for path in map(Path, filter(None, names)):
        if os.path.lexists(ROOT / path):
            (target / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / path, target / path, follow_symlinks=False)


def versions(root: Path) -> list[str]:
    """Of Python and the peers, without the parts that Debian adds."""
    names = ["python3", *PEERS.values()]
    lines = run("dpkg-query", f"--root={root}", "--show", "--showformat=${Package} ${Version}\n", *names)
    found = dict(re.findall(r"^(\S+) (?:\d+:)?([\d.]*\d)", lines, re.M))
    found["python3"] = run("chroot", str(root), "python3", "-V").split()[1]
    return [found[name] for name in names]


def mirror() -> str:
    """The URL from which this machine gets its Debian packages."""
    found = run("apt-get", "indextargets", "--format", "$(COMPONENT) $(REPO_URI)", "Origin: Debian")
    for component, url in map(str.split, found.splitlines()):
        if component == "main":
            return url
    sys.exit("apt has no source of Debian packages here: --mirror=URL")


def pip_settings() -> Iterator[str]:
    """NAME=VALUE for the index that pip uses here; not its directories, which the roots do not have."""
    for key, value in re.findall(r"^[^.\n]+\.(\S+)='(.*)'$", run(sys.executable, "-m", "pip", "config", "list"), re.M):
        if key in PIP_SERVER and "file:" not in value:
            yield f"PIP_{key.upper().replace('-', '_')}={value}"


def inside(root: Path, *command: str, check: bool = True) -> None:
    """Run `command`, which may begin with NAME=VALUE, in `root` with an empty environment."""
    environment = ("env", "-i", _PATH, "HOME=/root", "DEBIAN_FRONTEND=noninteractive")
    in_namespace("sh", "-c", _INSIDE, "sh", str(root), *environment, *command, check=check)


def in_namespace(*command: str, check: bool = True) -> None:
    """Run `command` with mounts and processes of its own."""
    namespace = ("unshare", "--mount", "--pid", "--fork", "--kill-child")
    subprocess.run([*namespace, *command], stdin=subprocess.DEVNULL, check=check)


def run(*command: str) -> str:
    """What `command` prints."""
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout


if __name__ == "__main__":
    sys.exit(main())
