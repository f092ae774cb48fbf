"""The tree of `tests/` mirrors the package: `dicom_exporter/a/b.py` is tested in `tests/a/test_b.py`.

Whoever adds a module adds its test file, or an entry here that says where its behaviour is tested. Entries that are not
needed any more fail, too.
"""

from __future__ import annotations

import ast
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
ROOT = TESTS.parent
PACKAGE = ROOT / "dicom_exporter"

ELSEWHERE: Mapping[str, tuple[str, ...]] = {
    "uid_table.py": ("dicom/test_uids.py",),
    # Entry points: they start the rest.
    "__main__.py": ("cli/test_process.py",),
    "cli/probe.py": ("cli/test_main.py",),
    "cli/probing.py": ("cli/test_main.py",),
    "cli/report.py": ("integration/test_report.py",),
    "cli/reporting.py": ("integration/test_report.py",),
    "cli/reporting_over_time.py": ("integration/test_report_over_time.py",),
    "cli/serve.py": ("cli/test_process.py", "cli/test_web_config.py"),
    "server/asked.py": ("cli/test_signals.py", "cli/test_process.py"),
    "server/lifecycle.py": ("cli/test_process.py", "integration/test_load.py"),
    "signals.py": ("cli/test_signals.py",),
    # Tested through the one function of its package: a file goes in, a configuration or its mistakes come out.
    "config/build/comparisons.py": ("config/test_load.py", "config/test_bad_files.py"),
    "config/build/config.py": ("config/test_load.py", "config/test_bad_files.py"),
    "config/build/modules.py": ("config/test_load.py", "config/test_bad_files.py"),
    "config/build/queries.py": ("config/test_load.py", "config/test_bad_files.py"),
    "config/build/targets.py": ("config/test_load.py", "config/test_bad_files.py"),
    "config/schema.py": ("config/test_bad_files.py", "config/test_json_schema.py"),
    "config/types.py": ("config/test_bad_files.py", "config/test_json_schema.py"),
    "webconfig/tls.py": ("webconfig/test_bad_files.py", "webconfig/test_load.py"),
    "webconfig/values.py": ("webconfig/test_bad_files.py", "webconfig/test_load.py"),
    # Only data: frozen dataclasses, enums, exceptions.
    "config/model.py": ("config/test_load.py", "config/test_render.py"),
    "dicom/errors.py": ("integration/test_outcomes.py",),
    "prober/record.py": ("prober/test_log.py", "pages/test_history.py"),
    "server/state.py": ("server/test_app.py", "server/test_reload.py"),
    "webconfig/model.py": ("webconfig/test_load.py",),
    # Needs a peer: recorded sessions on a simulated network, then hostile and real servers on loopback.
    "dicom/connection.py": ("dicom/test_state_machine.py", "integration/test_connection.py"),
    "dicom/operations.py": ("probes/test_recorded_sessions.py", "integration/test_query_endings.py"),
    "net/tls_suites.py": ("net/test_tls_hello.py",),
    "probes/tls_posture.py": ("integration/test_tls_posture.py",),
    "net/tcp.py": ("integration/test_connection.py", "integration/test_scrape.py"),
    "probes/echo.py": ("probes/test_recorded_sessions.py", "integration/test_outcomes.py"),
    "probes/exposure.py": ("probes/test_recorded_sessions.py", "integration/test_exposure.py"),
    # Peers of the demo: a test starts them all, and checks what the exporter finds.
    "demo/archive_scp.py": ("integration/test_demo.py", "integration/test_demo_region.py"),
    "demo/background.py": ("integration/test_demo_region.py",),
    "demo/blunt.py": ("integration/test_demo_region.py",),
    "demo/certificates.py": ("demo/test_region_config.py", "integration/test_demo_region.py"),
    "demo/changes.py": ("integration/test_demo_region.py",),
    "demo/loopback.py": ("integration/test_demo_region.py",),
    "demo/region.py": ("integration/test_demo_region.py",),
    "demo/scp.py": ("integration/test_demo.py",),
    "demo/web.py": ("integration/test_demo_region.py",),
    # Tested through their results.
    "pages/rendering.py": ("pages/test_handlers.py",),
    "report/counts.py": ("report/test_groups.py", "report/test_rows.py"),
    "results.py": ("verdict/test_ladder.py", "verdict/test_findings.py"),
    "report/report.py": ("report/test_rows.py", "integration/test_report.py"),
    "verdict/comparison.py": ("integration/test_flow.py",),
}
"""Module without a test file of its own -> the files that test it."""

WITHOUT_MODULE: Mapping[str, str] = {
    "cli/test_signals.py": "SIGHUP, SIGTERM and SIGINT at every moment of a process",
    "cli/test_web_config.py": "an option of several commands",
    "config/test_any_file.py": "properties of the whole package, by hypothesis",
    "config/test_bad_files.py": "one file in testdata/ for each mistake that a user can make",
    "dicom/test_state_machine.py": "the table of PS3.8 9.2 against association and connection together",
    "probes/test_recorded_sessions.py": "recorded sessions of real servers: whole, in any pieces, and with any damage",
    "probes/test_table.py": "the table of probes in `probes/__init__.py`",
    "test_dist.py": "tools/dist.py",
    "test_docs.py": "docs/",
    "test_readme.py": "README.md",
    "test_tree.py": "tests/",
    "test_wheel.py": "the distribution",
    "webconfig/test_any_file.py": "properties of the whole package, by hypothesis",
    "webconfig/test_bad_files.py": "one file in testdata/ for each mistake that a user can make",
}
"""Test file in a directory that mirrors the package, though no module has its name -> what it tests."""


def modules() -> dict[str, str]:
    """Module -> the test file that mirrors it."""
    paths = [path.relative_to(PACKAGE) for path in PACKAGE.rglob("*.py") if path.name != "__init__.py"]
    return {path.as_posix(): path.with_name(f"test_{path.name}").as_posix() for path in paths}


def mirrored_test_files() -> set[str]:
    """Test files in directories that mirror the package."""
    mirrored = {path.relative_to(PACKAGE) for path in (PACKAGE, *PACKAGE.rglob("*/"))}
    paths = {path.relative_to(TESTS) for path in TESTS.rglob("test_*.py")}
    return {path.as_posix() for path in paths if path.parent in mirrored}


def test_tree_module_has_a_test_file_or_an_entry() -> None:
    without = {module for module, file in modules().items() if not (TESTS / file).exists()}
    assert without - set(ELSEWHERE) == set(), "add tests/…/test_….py, or say in ELSEWHERE what tests it"
    assert set(ELSEWHERE) - without == set(), "these entries of ELSEWHERE are not needed"


def test_tree_entries_name_files_that_exist() -> None:
    named = {file for files in ELSEWHERE.values() for file in files}
    assert {file for file in named if not (TESTS / file).exists()} == set()


def test_tree_test_file_has_a_module_or_an_entry() -> None:
    stray = mirrored_test_files() - set(modules().values())
    assert stray - set(WITHOUT_MODULE) == set(), "name it after its module, or say in WITHOUT_MODULE what it tests"
    assert set(WITHOUT_MODULE) - stray == set(), "these entries of WITHOUT_MODULE are not needed"


def imported(path: Path) -> Iterator[str]:
    """The modules that a file imports, and the names that it imports from them, as dotted names."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def test_tree_no_file_imports_a_test_module() -> None:
    found = {
        (path.relative_to(TESTS).as_posix(), name)
        for path in TESTS.rglob("*.py")
        for name in imported(path)
        if name.startswith("tests.") and any(part.startswith("test_") for part in name.split("."))
    }
    assert found == set(), "what several tests use is in tests/testing/ or tests/builders.py"


@pytest.mark.parametrize("directory", ["benchmarks", "deploy", "dicom_exporter", "grafana", "tools"])
def test_tree_of_tests_only_testing_is_imported_elsewhere(directory: str) -> None:
    found = {
        (path.relative_to(ROOT).as_posix(), name)
        for path in (ROOT / directory).rglob("*.py")
        for name in imported(path)
        if name.startswith("tests.") and not f"{name}.".startswith("tests.testing.")
    }
    assert found == set()


def test_tree_test_functions_are_in_test_files() -> None:
    found = {
        (path.relative_to(TESTS).as_posix(), node.name)
        for path in TESTS.rglob("*.py")
        if not path.name.startswith("test_")
        for node in ast.parse(path.read_text(encoding="utf-8")).body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_")
    }
    assert found == set(), "pytest does not look for tests in these files"


def test_make_test_leaves_nothing_out() -> None:
    options = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["pytest"]["ini_options"]
    assert options["testpaths"] == ["tests"]
    assert not [option for option in options["addopts"] if option.startswith(("-m", "-k", "--ignore", "--deselect"))]
    assert "\t$(BIN)/python -m pytest $(ARGS)\n" in (ROOT / "Makefile").read_text()
    assert "make lint site test" in (ROOT / ".ci" / "run").read_text()
