"""YAML text -> plain data, and the line on which each key of it stands.

PyYAML parses. It is not left to build the data, because it would drop the lines, let a second key of the same name win,
and let a page of aliases grow without bound.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from dicom_exporter.text import shown
from dicom_exporter.yamlfile.errors import ConfigError, KeyPath, format_path

_MAX_DEPTH = 50
"""Nested collections. libyaml composes recursively, in C: far deeper than this the process would end."""
_ALIAS_ALLOWANCE = 10_000
_ALIAS_FACTOR = 10
"""Aliases may make a document this many times longer than it is written, and the allowance on top."""

_PREFIX = "tag:yaml.org,2002:"
_TEXT = f"{_PREFIX}str"
_MERGE = f"{_PREFIX}merge"
_COLLECTIONS = {f"{_PREFIX}map", f"{_PREFIX}seq"}
_KINDS = {
    f"{_PREFIX}null": "nothing",
    f"{_PREFIX}bool": "a boolean",
    f"{_PREFIX}int": "a number",
    f"{_PREFIX}float": "a number",
    f"{_PREFIX}timestamp": "a date",
}
"""Tags of scalars that are not text."""

_Loader: type[yaml.CSafeLoader] | type[yaml.SafeLoader] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True, slots=True)
class Document:
    """One configuration file, read."""

    file: str
    """As the user named it."""
    data: object
    lines: Mapping[KeyPath, int]
    texts: Mapping[KeyPath, str]
    """Scalars that YAML does not read as text (``NO``, ``0123``), as they are written."""
    unreadable: frozenset[KeyPath] = frozenset()
    """Values with an error of their own already: whatever else is wrong with them follows from it."""

    @property
    def directory(self) -> Path:
        """Where the names of other files start from."""
        return Path(self.file).parent

    def error(self, path: KeyPath, message: str) -> ConfigError:
        """Make an error about the key at `path`, or about the nearest one above it that the file has."""
        path = self.nearest(path)
        return ConfigError(self.file, self.lines.get(path), format_path(path), message)

    def nearest(self, path: KeyPath) -> KeyPath:
        """The longest part of `path` that the file has."""
        while path and path not in self.lines:
            path = path[:-1]
        return path


def read_document(
    file: str, text: str, expand: Callable[[str], str] | None = None
) -> tuple[Document | None, list[ConfigError]]:
    """Read the YAML `text` of `file`: the document, and what is wrong with it.

    There is no document where the text is no YAML. `expand` is applied to every scalar value, and raises ValueError.
    """
    try:
        written = _measure(text)
        loader = _Loader(text)
        try:
            node = loader.get_single_node()
            reader = _Reader(file, loader, expand, _ALIAS_ALLOWANCE + _ALIAS_FACTOR * written)
            data = None if node is None else reader.read(node, (), _line(node))
        finally:
            loader.dispose()
    except yaml.YAMLError as error:
        return None, [_syntax_error(file, text, error)]
    except _Stop as stop:
        return None, [ConfigError(file, stop.line, "", stop.message)]
    return Document(file, data, reader.lines, reader.texts, frozenset(reader.unreadable)), reader.errors


class _Stop(Exception):
    """The document cannot be read any further."""

    def __init__(self, line: int, message: str) -> None:
        self.line = line
        self.message = message


def _measure(text: str) -> int:
    """Count the nodes of `text` as written; raises _Stop where they nest too deeply."""
    depth = count = 0
    for event in yaml.parse(text, Loader=_Loader):
        count += isinstance(event, yaml.NodeEvent)
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > _MAX_DEPTH:
                raise _Stop(_line(event), f"more than {_MAX_DEPTH} levels of nesting")
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
    return count


@dataclass(slots=True)
class _Reader:
    """Turns nodes into data, and notes the line of each."""

    file: str
    loader: yaml.CSafeLoader | yaml.SafeLoader
    expand: Callable[[str], str] | None
    budget: int
    lines: dict[KeyPath, int] = field(default_factory=dict)
    texts: dict[KeyPath, str] = field(default_factory=dict)
    errors: list[ConfigError] = field(default_factory=list)
    unreadable: set[KeyPath] = field(default_factory=set)
    open: set[int] = field(default_factory=set)

    def read(self, node: yaml.Node, path: KeyPath, line: int) -> object:
        """Give the data of `node`, whose key or list item stands on `line`."""
        self.lines[path] = line
        self.budget -= 1
        if self.budget < 0:
            raise _Stop(_line(node), "aliases make this document far longer than it is written")
        if isinstance(node, yaml.ScalarNode):
            return self._scalar(node, path)
        if node.tag not in _COLLECTIONS:
            return self._none(path, f"the YAML tag {shown(node.tag.replace(_PREFIX, '!!'))} has no meaning here")
        if id(node) in self.open:
            raise _Stop(_line(node), "an alias points to what it stands in")
        self.open.add(id(node))
        try:
            if isinstance(node, yaml.MappingNode):
                return self._mapping(node, path)
            return [self.read(item, (*path, index), _line(item)) for index, item in enumerate(node.value)]
        finally:
            self.open.remove(id(node))

    def _mapping(self, node: yaml.MappingNode, path: KeyPath) -> dict[str, object]:
        data: dict[str, object] = {}
        merged: list[yaml.MappingNode] = []
        for key_node, value_node in node.value:
            if key_node.tag == _MERGE:
                merged += self._merged(value_node, path)
                continue
            key = self._key(key_node, path)
            if key is None:
                continue
            line = _line(key_node)
            if key in data:
                first = self.lines[(*path, key)]
                message = f"the key stands here a second time; the first is on line {first}"
                self.errors.append(ConfigError(self.file, line, format_path((*path, key)), message))
                continue
            data[key] = self.read(value_node, (*path, key), line)
        for source in merged:  # what stands in the mapping itself wins, and of two sources the first
            self._inherit(source, path, data)
        return data

    def _inherit(self, source: yaml.MappingNode, path: KeyPath, data: dict[str, object]) -> None:
        """Add what `source` has and `data` lacks; `source` may itself merge others."""
        if id(source) in self.open:
            raise _Stop(_line(source), "an alias points to what it stands in")
        self.open.add(id(source))
        deeper: list[yaml.MappingNode] = []
        for key_node, value_node in source.value:
            if key_node.tag == _MERGE:
                deeper += self._merged(value_node, path)
            elif (key := self._key(key_node, path)) is not None and key not in data:
                data[key] = self.read(value_node, (*path, key), _line(key_node))
        for node in deeper:
            self._inherit(node, path, data)
        self.open.remove(id(source))

    def _merged(self, node: yaml.Node, path: KeyPath) -> list[yaml.MappingNode]:
        sources = node.value if isinstance(node, yaml.SequenceNode) else [node]
        self.budget -= len(sources)
        if all(isinstance(source, yaml.MappingNode) for source in sources):
            return list(sources)
        message = "<< takes a mapping, or a list of them"
        self.errors.append(ConfigError(self.file, _line(node), format_path(path), message))
        return []

    def _key(self, node: yaml.Node, path: KeyPath) -> str | None:
        if isinstance(node, yaml.ScalarNode) and node.tag == _TEXT:
            return str(node.value)
        message = "a key has to be text"
        if isinstance(node, yaml.ScalarNode):
            message += f"; {shown(node.value)} is {_KINDS.get(node.tag, node.tag)} to YAML: quote it"
        self.errors.append(ConfigError(self.file, _line(node), format_path(path), message))
        return None

    def _scalar(self, node: yaml.ScalarNode, path: KeyPath) -> object:
        tag, text = node.tag, node.value
        if self.expand is not None and "$" in text:
            try:
                text = self.expand(text)
            except ValueError as error:
                return self._none(path, str(error))
            if tag == _TEXT and not node.style:  # not quoted: read it as if it had been written here
                tag = self.loader.resolve(yaml.ScalarNode, text, (True, False))  # type: ignore[no-untyped-call]
        if tag == _TEXT:
            return text
        self.texts[path] = text
        if tag in _KINDS:
            try:
                return self.loader.yaml_constructors[tag](self.loader, yaml.ScalarNode(tag, text))
            except (ValueError, OverflowError):
                pass
        return self._none(path, f"{shown(text)} cannot be read as {_KINDS.get(tag, tag)}: quote it if it is text")

    def _none(self, path: KeyPath, message: str) -> object:
        """Give None for a value that cannot be read, and note why."""
        self.unreadable.add(path)
        self.errors.append(ConfigError(self.file, self.lines[path], format_path(path), message))
        return None


def _line(place: yaml.Node | yaml.Event) -> int:
    """The line of a node or an event, counted from 1."""
    return place.start_mark.line + 1 if place.start_mark else 1


def _syntax_error(file: str, text: str, error: yaml.YAMLError) -> ConfigError:
    if isinstance(error, yaml.reader.ReaderError):
        line = text.encode()[: error.position].count(b"\n") + 1
        return ConfigError(file, line, "", f"not YAML: {error.reason}")
    if isinstance(error, yaml.MarkedYAMLError) and (mark := error.problem_mark or error.context_mark):
        words = ", ".join(part for part in (error.context, error.problem) if part)
        if "maximum nesting depth" in words:  # libyaml has a bound of its own since 0.2.6, and looks ahead of ours
            words = f"more than {_MAX_DEPTH} levels of nesting"
            return ConfigError(file, mark.line + 1, "", words)
        return ConfigError(file, mark.line + 1, "", f"not YAML: {words}")
    return ConfigError(file, None, "", f"not YAML: {' '.join(str(error).split())}")
