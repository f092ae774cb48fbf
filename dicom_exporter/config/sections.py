"""The files of a configuration, read and divided into their sections."""

import glob
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dicom_exporter.config.schema import SECTIONS
from dicom_exporter.text import did_you_mean, shown
from dicom_exporter.yamlfile.document import Document, Expand, read_document
from dicom_exporter.yamlfile.errors import ConfigError, KeyPath
from dicom_exporter.yamlfile.files import read_bytes, unreadable

_MAX_BYTES = 64 << 20
"""Of one file. Ten thousand targets are about 2 MiB."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One block of a section, and its position."""

    document: Document
    path: KeyPath
    value: object

    @property
    def position(self) -> str:
        """File and line: ``config.yml:12``."""
        return f"{self.document.file}:{self.document.lines[self.path]}"

    @property
    def written(self) -> Mapping[KeyPath, str]:
        """What in the block is to be shown as it is written, by its path in the block."""
        return self.document.written.get(self.path, {})

    def inner(self, *path: str) -> "Entry":
        """The mapping, or None, at `path` in the block, as an entry of its own."""
        value: Any = self.value
        for key in path:
            value = value[key]
        return Entry(self.document, (*self.path, *path), value)

    def report(self, message: str, *inner: str | int) -> None:
        """Record an error about the block, or about the value at the path `inner` in it."""
        self.document.report((*self.path, *inner), message)


@dataclass(slots=True)
class Sections:
    """The blocks of all files together."""

    globals: list[Entry] = field(default_factory=list)
    probe: list[Entry] = field(default_factory=list)
    identities: dict[str, Entry] = field(default_factory=dict)
    vantages: dict[str, Entry] = field(default_factory=dict)
    modules: dict[str, Entry] = field(default_factory=dict)
    targets: list[Entry] = field(default_factory=list)
    compare: list[Entry] = field(default_factory=list)


def find_files(paths: Sequence[Path | str]) -> tuple[list[Path], list[ConfigError]]:
    """List the files that `paths` name, each once, and the errors. A path that is no existing file may be a glob."""
    found: dict[Path, Path] = {}
    errors = []
    for path in map(Path, paths):
        matches = [path]
        if glob.has_magic(str(path)) and not path.exists():
            matches = [Path(name) for name in sorted(glob.glob(str(path), recursive=True))]  # noqa: PTH207 - Path.glob takes no absolute pattern
            if not matches:
                errors.append(ConfigError(str(path), None, "", "no file matches this pattern"))
        for match in matches:
            found.setdefault(match.resolve(), match)
    return list(found.values()), errors


def read_file(path: Path, expand: Expand | None) -> Document:
    """Read one file. If it cannot be read, or is empty, the document has an error."""
    name = str(path)
    try:
        contents = read_bytes(path, _MAX_BYTES)
    except OSError as error:
        return Document(name, errors=[ConfigError(name, None, "", unreadable(error))])
    document = read_document(name, contents, expand=expand)
    if document.data is None and not document.errors:
        document.errors.append(ConfigError(name, None, "", "the file is empty"))
    return document


def divide(documents: Sequence[Document]) -> Sections:
    """Collect the blocks of all `documents`. A name that another block of its section has is an error."""
    sections = Sections()
    lists = {
        "global": sections.globals,
        "probe": sections.probe,
        "targets": sections.targets,
        "compare": sections.compare,
    }
    mappings = {"identities": sections.identities, "vantages": sections.vantages, "modules": sections.modules}
    for document in documents:
        if not isinstance(document.data, dict):
            if document.data is not None:
                document.report((), f"{shown(document.data)} is not a mapping with the keys {', '.join(SECTIONS)}")
            continue
        for key, value in document.data.items():
            if key.startswith("x-"):
                continue  # for YAML anchors
            if key not in SECTIONS:
                document.report((key,), f"unknown key{did_you_mean(key, SECTIONS)}")
            elif value is None:
                document.report((key,), "has nothing in it: leave the key out")
            elif key in ("global", "probe"):
                lists[key].append(Entry(document, (key,), value))
            elif key in ("targets", "compare"):
                lists[key] += _items(document, key, value)
            else:
                _merge(mappings[key], document, key, value)
    return sections


def _items(document: Document, key: str, value: object) -> list[Entry]:
    if not isinstance(value, list):
        document.report((key,), f"{shown(value)} is not a list: begin each entry with `- `")
        return []
    return [Entry(document, (key, index), item) for index, item in enumerate(value)]


def _merge(section: dict[str, Entry], document: Document, key: str, value: object) -> None:
    if not isinstance(value, dict):
        document.report((key,), f"{shown(value)} is not a mapping (`name: …`)")
        return
    for name, block in value.items():
        if name in section:
            document.report((key, name), f"duplicate name; the first is at {section[name].position}")
        else:
            section[name] = Entry(document, (key, name), block)
