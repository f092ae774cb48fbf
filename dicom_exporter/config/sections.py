"""The files of a configuration, read and taken apart into their sections."""

from __future__ import annotations

import glob
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from dicom_exporter.config.schema import SECTIONS
from dicom_exporter.text import did_you_mean, shown
from dicom_exporter.yamlfile.document import Document, read_document
from dicom_exporter.yamlfile.errors import ConfigError, KeyPath
from dicom_exporter.yamlfile.validation import Problems


@dataclass(frozen=True, slots=True)
class Entry:
    """One block of a section, and where it stands."""

    document: Document
    path: KeyPath
    value: object

    @property
    def place(self) -> str:
        """Where it stands: ``config.yml:12``."""
        return f"{self.document.file}:{self.document.lines[self.path]}"


@dataclass(slots=True)
class Sections:
    """The blocks of all files together."""

    globals: list[Entry] = field(default_factory=list)
    probe: list[Entry] = field(default_factory=list)
    identities: dict[str, Entry] = field(default_factory=dict)
    modules: dict[str, Entry] = field(default_factory=dict)
    targets: list[Entry] = field(default_factory=list)
    compare: list[Entry] = field(default_factory=list)


def find_files(paths: Sequence[Path | str], problems: Problems) -> list[Path]:
    """List the files that `paths` name; one that is no file's name may be a glob. A file that comes twice is one."""
    found: dict[Path, Path] = {}
    for path in map(Path, paths):
        matches = [path]
        if glob.has_magic(str(path)) and not path.exists():
            matches = [Path(name) for name in sorted(glob.glob(str(path), recursive=True))]  # noqa: PTH207 - Path.glob takes no absolute pattern
            if not matches:
                problems.errors.append(ConfigError(str(path), None, "", "no file has a name like this"))
        for match in matches:
            found.setdefault(match.resolve(), match)
    return list(found.values())


def read_file(path: Path, expand: Callable[[str], str] | None, problems: Problems) -> Document | None:
    """Read one file; None, and the mistake is noted, where it cannot be read or holds nothing."""
    name = str(path)
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        problems.errors.append(ConfigError(name, line, "", "not UTF-8 text"))
        return None
    except OSError as error:
        problems.errors.append(ConfigError(name, None, "", f"cannot read the file: {error.strerror or error}"))
        return None
    document, errors = read_document(name, text, expand)
    problems.errors += errors
    if document is not None and document.data is None and not errors:
        problems.errors.append(ConfigError(name, None, "", "the file is empty"))
        return None
    return document


def take_apart(documents: Sequence[Document], problems: Problems) -> Sections:
    """Collect the blocks of all `documents`; a name that is taken is a mistake."""
    sections = Sections()
    for document in documents:
        if not isinstance(document.data, dict):
            problems.add(document, (), f"{shown(document.data)} is not a mapping with the keys {', '.join(SECTIONS)}")
            continue
        for key, value in document.data.items():
            if key not in SECTIONS:
                problems.add(document, (key,), f"unknown key{did_you_mean(key, SECTIONS)}")
            elif value is None:
                problems.add(document, (key,), "has nothing in it: leave the key out")
            elif key == "global":
                sections.globals.append(Entry(document, (key,), value))
            elif key == "probe":
                sections.probe.append(Entry(document, (key,), value))
            elif key == "targets":
                sections.targets += _items(document, key, value, problems)
            elif key == "compare":
                sections.compare += _items(document, key, value, problems)
            else:
                _merge(sections.identities if key == "identities" else sections.modules, document, key, value, problems)
    return sections


def _items(document: Document, key: str, value: object, problems: Problems) -> list[Entry]:
    if not isinstance(value, list):
        problems.add(document, (key,), f"{shown(value)} is not a list")
        return []
    return [Entry(document, (key, index), item) for index, item in enumerate(value)]


def _merge(section: dict[str, Entry], document: Document, key: str, value: object, problems: Problems) -> None:
    if not isinstance(value, dict):
        problems.add(document, (key,), f"{shown(value)} is not a mapping (`name: …`)")
        return
    for name, block in value.items():
        if name in section:
            problems.add(document, (key, name), f"the name is taken already: {section[name].place}")
        else:
            section[name] = Entry(document, (key, name), block)
