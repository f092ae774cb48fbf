"""YAML text -> mappings, lists and text, and the line on which each key stands.

Every scalar stays as it is written, because the file's keys decide what a value is: a user may be called ``1234`` or
``no``. PyYAML parses; it is not left to build the data, because it would drop the lines, let a second key of the same
name win, and let a page of aliases grow without bound.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import yaml

KeyPath = tuple[str | int, ...]
"""Where a value stands: keys of mappings and indexes of lists, from the top."""

_MAX_DEPTH = 20
"""Nested collections. libyaml composes recursively, in C: far deeper than this the process would end."""
_MAX_VALUES = 100_000
"""Values of one file, with each alias counted as what it stands for."""

_PREFIX = "tag:yaml.org,2002:"
_MERGE = f"{_PREFIX}merge"
_Loader: type[yaml.CSafeLoader] | type[yaml.SafeLoader] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class Plain(str):
    """A scalar that YAML does not read as text: a number, a boolean, a date, unquoted."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Mistake:
    """One thing that is wrong. `str()` is one line: ``web.yml:3: tls_server_config.key_file: …``."""

    file: str
    """The file as the user named it."""
    line: int | None
    """Counted from 1; None where the file as a whole is meant."""
    key: str
    message: str

    def __str__(self) -> str:
        place = self.file if self.line is None else f"{self.file}:{self.line}"
        return ": ".join(part for part in (place, self.key, self.message) if part)


class WebConfigErrors(Exception):
    """The file, or one that it names, cannot be used. `mistakes` holds everything that was found."""

    def __init__(self, mistakes: Iterable[Mistake]) -> None:
        self.mistakes = tuple(mistakes)
        super().__init__("\n".join(map(str, self.mistakes)))


@dataclass(frozen=True, slots=True)
class Document:
    """A file, read."""

    file: str
    data: object
    """Of dict, list, str, `Plain`, and None for nothing."""
    lines: dict[KeyPath, int]

    def mistake(self, path: KeyPath, message: str) -> Mistake:
        """A mistake in the value at `path`, or the nearest one above it that the file has."""
        while path and path not in self.lines:
            path = path[:-1]
        return Mistake(self.file, self.lines.get(path), format_path(path), message)


def read_document(file: str, data: bytes) -> Document:
    """Read the YAML in `data`, the contents of `file`. Raises WebConfigErrors."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise _errors(file, data.count(b"\n", 0, error.start) + 1, "not UTF-8 text") from None
    builder = _Builder(file)
    try:
        _check_depth(file, text)
        node = yaml.compose(text, Loader=_Loader)
        document = Document(file, None if node is None else builder.build(node, (), _line(node)), builder.lines)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        words = ", ".join(part for part in (error.context, error.problem) if part)
        raise _errors(file, mark.line + 1 if mark else None, f"not YAML: {words}") from None
    except yaml.YAMLError:
        raise _errors(file, None, "not YAML: it has characters that YAML forbids") from None
    if builder.mistakes:
        raise WebConfigErrors(builder.mistakes)
    return document


def format_path(path: KeyPath) -> str:
    """`path` as a person writes it: ``tls_server_config.cipher_suites[1]``."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            name = part if part.isprintable() else repr(part)  # a key may hold a newline; a mistake is one line
            text += f".{name}" if text else name
    return text


@dataclass(slots=True)
class _Builder:
    """Turns nodes into data, and notes the line of each."""

    file: str
    lines: dict[KeyPath, int] = field(default_factory=dict)
    mistakes: list[Mistake] = field(default_factory=list)
    _inside: set[int] = field(default_factory=set)
    _values: int = 0

    def build(self, node: yaml.Node, path: KeyPath, line: int) -> object:
        """The data of `node`, whose key or list item stands on `line`."""
        self.lines[path] = line
        self._values += 1
        if self._values > _MAX_VALUES:
            raise _errors(self.file, _line(node), f"more than {_MAX_VALUES} values")
        if isinstance(node, yaml.ScalarNode):
            if node.tag == f"{_PREFIX}null":
                return None
            return str(node.value) if node.tag == f"{_PREFIX}str" else Plain(node.value)
        if id(node) in self._inside:
            raise _errors(self.file, _line(node), "an alias points to what it stands in")
        self._inside.add(id(node))
        try:
            if isinstance(node, yaml.MappingNode):
                return self._mapping(node, path)
            return [self.build(item, (*path, index), _line(item)) for index, item in enumerate(node.value)]
        finally:
            self._inside.remove(id(node))

    def _mapping(self, node: yaml.MappingNode, path: KeyPath) -> dict[str, object]:
        data: dict[str, object] = {}
        merges = [value for key, value in node.value if key.tag == _MERGE]
        for merge in merges[::-1]:  # what stands in the mapping itself wins, and of two sources the first
            for source in merge.value[::-1] if isinstance(merge, yaml.SequenceNode) else [merge]:
                inherited = self.build(source, path, self.lines[path])
                if isinstance(inherited, dict):
                    data |= inherited
                else:
                    self._mistake(source, path, "<< takes a mapping, or a list of them")
        own: set[str] = set()
        for key_node, value_node in node.value:
            if key_node.tag == _MERGE:
                continue
            if not isinstance(key_node, yaml.ScalarNode):
                self._mistake(key_node, path, "a key has to be text")
                continue
            key = str(key_node.value)
            if key in own:
                first = self.lines[(*path, key)]
                message = f"the key stands here a second time; the first is on line {first}"
                self._mistake(key_node, (*path, key), message)
                continue
            own.add(key)
            data[key] = self.build(value_node, (*path, key), _line(key_node))
        return data

    def _mistake(self, node: yaml.Node, path: KeyPath, message: str) -> None:
        self.mistakes.append(Mistake(self.file, _line(node), format_path(path), message))


def _check_depth(file: str, text: str) -> None:
    depth = 0
    for event in yaml.parse(text, Loader=_Loader):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > _MAX_DEPTH:
                raise _errors(file, _line(event), f"more than {_MAX_DEPTH} levels of nesting")
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1


def _line(place: yaml.Node | yaml.Event) -> int:
    """The line of a node or an event, counted from 1."""
    return place.start_mark.line + 1 if place.start_mark else 1


def _errors(file: str, line: int | None, message: str) -> WebConfigErrors:
    return WebConfigErrors([Mistake(file, line, "", message)])
