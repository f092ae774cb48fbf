"""YAML -> plain data, and the line of each key.

PyYAML parses, but does not build the data: it would drop the lines, let a second key of the same name win, and let
aliases expand without bound.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from dicom_exporter.text import shown
from dicom_exporter.yamlfile.errors import ConfigError, KeyPath, format_path

_MAX_DEPTH = 50
"""Nested collections. libyaml composes recursively, in C: far deeper nesting would overflow its stack."""
_ALIAS_ALLOWANCE = 10_000
_ALIAS_FACTOR = 10
"""With its aliases expanded, a document may have this many times the nodes that are written, plus the allowance."""

_PREFIX = "tag:yaml.org,2002:"
_TEXT = f"{_PREFIX}str"
_NULL = f"{_PREFIX}null"
_MERGE = f"{_PREFIX}merge"
_COLLECTIONS = {f"{_PREFIX}map", f"{_PREFIX}seq"}
_KINDS = {
    _NULL: "nothing",
    f"{_PREFIX}bool": "a boolean",
    f"{_PREFIX}int": "a number",
    f"{_PREFIX}float": "a number",
    f"{_PREFIX}timestamp": "a date",
}
"""Tags of scalars that are not text."""
_NUMBERS = {f"{_PREFIX}int", f"{_PREFIX}float"}
_AMBIGUOUS = re.compile(r"[-+]?0[0-9_]|.*[:_]")
"""YAML 1.1 reads octal numbers, base 60, and digits in groups."""

_Loader: type[yaml.CSafeLoader] | type[yaml.SafeLoader] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


Expand = Callable[[str], tuple[str, str]]
"""Gives a scalar the text that it stands for, and the text to show. Raises ValueError with a message for the user."""


class Plain(str):
    """A scalar that YAML does not read as text (an unquoted number, boolean or date), as it is written."""

    __slots__ = ()


@dataclass(slots=True)
class Document:
    """One file, read, and everything that was found wrong with it."""

    file: str
    """As the user named it."""
    data: object = None
    """Of dict, list and scalars; None if the file is empty, or could not be read."""
    lines: dict[KeyPath, int] = field(default_factory=dict)
    texts: dict[KeyPath, str] = field(default_factory=dict)
    """Scalars that YAML does not read as text (``NO``, ``0123``), as they are written."""
    ambiguous: dict[KeyPath, str] = field(default_factory=dict)
    """Numbers that YAML 1.1 does not read as people do (``0104``, ``11:12``, ``1_000``) -> what is wrong with each."""
    written: dict[KeyPath, dict[KeyPath, str]] = field(default_factory=dict)
    """Path of each block (its first key, or its first two) -> path in the block -> the text to show in place of a value
    that is a secret."""
    unreadable: set[KeyPath] = field(default_factory=set)
    """Values with an error of their own already: any further error in them follows from it."""
    errors: list[ConfigError] = field(default_factory=list)

    @property
    def directory(self) -> Path:
        """The directory that the names of other files are relative to."""
        return Path(self.file).parent

    def error(self, path: KeyPath, message: str) -> ConfigError:
        """Make an error about the key at `path`, or about the nearest one above it that the file has."""
        path = self.nearest(path)
        if (text := self._written(path)) is not None:
            message = f"the value of {text} is not valid here, and not shown: --config.show-env=NAME shows why"
        return ConfigError(self.file, self.lines.get(path), format_path(path), message)

    def report(self, path: KeyPath, message: str) -> None:
        """Record an error about the value at `path`, unless it could not even be read."""
        if not any(path[:length] in self.unreadable for length in range(len(path) + 1)):
            self.errors.append(self.error(path, message))

    def _written(self, path: KeyPath) -> str | None:
        """What to show in place of the value at `path`, or of an item of the list there; None: there is no secret."""
        place = path[2:]
        for where, text in self.written.get(path[:2], {}).items():
            if where == place[: len(where)] or (where[:-1] == place and isinstance(where[-1], int)):
                return text
        return None

    def report_ambiguous(self) -> None:
        """Record an error about each ambiguous number, unless there is one about its key: text has to be quoted."""
        known = {error.key for error in self.errors}
        for path, message in self.ambiguous.items():
            if format_path(path) not in known:
                self.report(path, message)

    def nearest(self, path: KeyPath) -> KeyPath:
        """The longest part of `path` that the file has."""
        while path and path not in self.lines:
            path = path[:-1]
        return path

    def sorted_errors(self) -> list[ConfigError]:
        """The errors in the order of their lines."""
        return sorted(self.errors, key=lambda error: error.line or 0)


def read_document(file: str, contents: bytes, *, expand: Expand | None = None, typed: bool = True) -> Document:
    """Read the YAML in `contents`, the bytes of `file`. Never raises: what is wrong is in the document's `errors`.

    Args:
        file: the name of the file, for the messages.
        contents: the bytes, in UTF-8.
        expand: applied to every scalar value.
        typed: whether unquoted scalars become numbers, booleans and dates, and keys have to be text. Otherwise every
            scalar and every key is text as it is written (`Plain` if YAML sees another type), or None.
    """
    document = Document(file)
    try:
        text = contents.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        document.errors.append(ConfigError(file, line, "", "not UTF-8 text"))
        return document
    try:
        written = _measure(text)
        loader = _Loader(text)
        try:
            node = loader.get_single_node()
            reader = _Reader(document, loader, expand, typed, _ALIAS_ALLOWANCE + _ALIAS_FACTOR * written)
            if node is not None:
                document.data = reader.read(node, (), _line(node))
        finally:
            loader.dispose()
    except yaml.YAMLError as error:
        return Document(file, errors=[_syntax_error(file, text, error)])
    except _Stop as stop:
        return Document(file, errors=[ConfigError(file, stop.line, "", stop.message)])
    return document


class _Stop(Exception):
    """The document cannot be read any further."""

    def __init__(self, line: int, message: str) -> None:
        self.line = line
        self.message = message


def _measure(text: str) -> int:
    """Count the nodes of `text` as written. Raises _Stop if they nest too deeply."""
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
    """Turns nodes into data, and records the line of each in `document`."""

    document: Document
    loader: yaml.CSafeLoader | yaml.SafeLoader
    expand: Expand | None
    typed: bool
    budget: int
    """Nodes that may still be read, each alias counted as what it refers to."""
    open: set[int] = field(default_factory=set)
    """Collections that are being read: an alias to one of them would never end."""

    def read(self, node: yaml.Node, path: KeyPath, line: int) -> object:
        """Return the data of `node`, whose key or list item is on `line`."""
        self.document.lines[path] = line
        self.budget -= 1
        if self.budget < 0:
            raise _Stop(_line(node), f"too many values: aliases may expand a file to {_ALIAS_FACTOR} times its length")
        if isinstance(node, yaml.ScalarNode):
            return self._scalar(node, path) if self.typed else _as_written(node)
        if node.tag not in _COLLECTIONS:
            return self._none(path, f"the YAML tag {shown(node.tag.replace(_PREFIX, '!!'))} is not supported")
        self._enter(node)
        if isinstance(node, yaml.MappingNode):
            data: object = self._mapping(node, path)
        else:
            data = [self.read(item, (*path, index), _line(item)) for index, item in enumerate(node.value)]
        self.open.remove(id(node))
        return data

    def _enter(self, node: yaml.Node) -> None:
        if id(node) in self.open:
            raise _Stop(_line(node), "an alias refers to a collection that contains it")
        self.open.add(id(node))

    def _mapping(self, node: yaml.MappingNode, path: KeyPath) -> dict[str, object]:
        data: dict[str, object] = {}
        merged: list[yaml.MappingNode] = []
        for key_node, value_node in node.value:
            if key_node.tag == _MERGE:
                merged += self._merged(value_node, path)
            elif (key := self._key(key_node, path)) is None:
                continue
            elif key in data:
                first = self.document.lines[*path, key]
                self._error(key_node, (*path, key), f"duplicate key; the first is on line {first}")
            else:
                data[key] = self.read(value_node, (*path, key), _line(key_node))
        for source in merged:  # the mapping's own keys win, and of two sources the first
            self._inherit(source, path, data)
        return data

    def _inherit(self, source: yaml.MappingNode, path: KeyPath, data: dict[str, object]) -> None:
        """Add what `source` has and `data` lacks; `source` may itself merge others."""
        self._enter(source)
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
        self._error(node, path, "<< takes a mapping, or a list of them")
        return []

    def _key(self, node: yaml.Node, path: KeyPath) -> str | None:
        if isinstance(node, yaml.ScalarNode) and (node.tag == _TEXT or not self.typed):
            return str(node.value)
        message = "a key has to be text"
        if isinstance(node, yaml.ScalarNode):
            message += f"; {shown(node.value)} is {_KINDS.get(node.tag, node.tag)} to YAML: quote it"
        self._error(node, path, message)
        return None

    def _scalar(self, node: yaml.ScalarNode, path: KeyPath) -> object:
        tag, text = node.tag, node.value
        if self.expand is not None and "$" in text:
            try:
                text, shown_text = self.expand(text)
            except ValueError as error:
                return self._none(path, str(error))
            if shown_text != text:
                for length in (1, 2):
                    self.document.written.setdefault(path[:length], {})[path[length:]] = shown_text
            if tag == _TEXT and not node.style:  # not quoted: its type is that of the expanded text
                tag = self.loader.resolve(yaml.ScalarNode, text, (True, False))  # type: ignore[no-untyped-call]
        if tag == _TEXT:
            return text
        self.document.texts[path] = text
        if tag in _KINDS:
            try:
                value: object = self.loader.yaml_constructors[tag](self.loader, yaml.ScalarNode(tag, text))
            except (ValueError, OverflowError):
                pass
            else:
                if tag in _NUMBERS and _AMBIGUOUS.match(text):
                    self.document.ambiguous[path] = (
                        f"{text} is {value} to YAML: write a number without a leading 0, colon or underscore"
                    )
                return value
        return self._none(path, f"{shown(text)} cannot be read as {_KINDS.get(tag, tag)}: quote it if it is text")

    def _none(self, path: KeyPath, message: str) -> object:
        """Return None for a value that cannot be read, and record why."""
        self.document.errors.append(self.document.error(path, message))
        self.document.unreadable.add(path)
        return None

    def _error(self, node: yaml.Node, path: KeyPath, message: str) -> None:
        """Record an error at the line of `node`, which need not be that of `path`."""
        self.document.errors.append(ConfigError(self.document.file, _line(node), format_path(path), message))


def _as_written(node: yaml.ScalarNode) -> str | None:
    if node.tag == _NULL:
        return None
    return str(node.value) if node.tag == _TEXT else Plain(node.value)


def _line(position: yaml.Node | yaml.Event) -> int:
    """The line of a node or an event, counted from 1."""
    return position.start_mark.line + 1 if position.start_mark else 1


def _syntax_error(file: str, text: str, error: yaml.YAMLError) -> ConfigError:
    if isinstance(error, yaml.reader.ReaderError):
        line = text.encode()[: error.position].count(b"\n") + 1
        return ConfigError(file, line, "", f"not YAML: {error.reason}")
    if isinstance(error, yaml.MarkedYAMLError) and (mark := error.problem_mark or error.context_mark):
        words = ", ".join(part for part in (error.context, error.problem) if part)
        if "maximum nesting depth" in words:  # libyaml has a bound of its own since 0.2.6, and checks it before ours
            return ConfigError(file, mark.line + 1, "", f"more than {_MAX_DEPTH} levels of nesting")
        if "cannot start any token" in words and text.splitlines()[mark.line][: mark.column + 1].endswith("\t"):
            words = "a tab at the beginning of a line: YAML is indented by spaces"
        return ConfigError(file, mark.line + 1, "", f"not YAML: {words}")
    return ConfigError(file, None, "", f"not YAML: {' '.join(str(error).split())}")
