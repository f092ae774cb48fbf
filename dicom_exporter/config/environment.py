"""``${VAR}`` in values, if the user has enabled it; and the same settings again as they are written, to be shown.

What the environment puts in is a secret unless the user says otherwise. It is known by its place in the file, not by
its text: so a value like ``1`` or ``PACS`` is hidden where it was put in, and nowhere else.
"""

import dataclasses
import re
from collections.abc import Collection, Mapping
from typing import Any, TypeVar

from dicom_exporter.config.secret import SHOWN, Secret
from dicom_exporter.yamlfile.errors import KeyPath

_REFERENCE = re.compile(r"\$(?:(\$)|\{([^}]*)(\}?))")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_LEAST_SECRET = 6
"""Characters. A shorter value may be in the text of a peer by chance."""

T = TypeVar("T")


class Environment:
    """The variables of `environ`, of which those in `public` may be shown."""

    def __init__(self, environ: Mapping[str, str], public: Collection[str] = ()) -> None:
        self._environ = environ
        self._public = public
        self._used: set[str] = set()

    def expand(self, text: str) -> tuple[str, str]:
        """Replace each ``${VAR}`` by its value; ``$$`` is one ``$``, and any other ``$`` stays.

        The second text is the one to show: in it, only public variables are replaced. Raises ValueError with a message
        for the user, which shows no value.
        """
        return _REFERENCE.sub(self._value, text), _REFERENCE.sub(self._shown, text)

    def secrets(self) -> tuple[Secret, ...]:
        """The values that were put in and are not public: a `Secret` is blanked where a peer repeats it."""
        return tuple(Secret(value) for value in self._used if len(value) >= _LEAST_SECRET)

    def _value(self, reference: re.Match[str]) -> str:
        dollar, name, closing = reference.groups()
        if dollar:
            return "$"
        if not closing or not _NAME.fullmatch(name):
            raise ValueError(f"'{reference[0]}' is not a variable like ${{NAME}}; $$ is a dollar sign")
        if name not in self._environ:
            raise ValueError(f"the environment variable {name} is not set")
        if name not in self._public:
            self._used.add(self._environ[name])
        return self._environ[name]

    def _shown(self, reference: re.Match[str]) -> str:
        return self._value(reference) if reference[1] or reference[2] in self._public else reference[0]


def remember(setting: object, written: Mapping[KeyPath, str]) -> None:
    """Keep with `setting`, a frozen dataclass, which texts in it have to be shown as they are `written`."""
    if written:
        object.__setattr__(setting, "_written", written)


def changed(setting: T, **changes: Any) -> T:
    """As `dataclasses.replace`, which forgets what `remember` keeps."""
    made: T = dataclasses.replace(setting, **changes)  # type: ignore[type-var]
    written: Mapping[KeyPath, str] = getattr(setting, "_written", {})
    remember(made, {path: text for path, text in written.items() if path[0] not in changes})
    return made


def as_written(setting: T, keys: Collection[str] | None = None) -> T:
    """A copy of `setting`, for showing only: what the environment put in is text as it is written, like ``${HOST}``.

    It holds for the fields `keys`, by default for all.
    """
    written: Mapping[KeyPath, str] = getattr(setting, "_written", {})
    if not written:
        return setting
    found: T = _replaced(setting, {path: text for path, text in written.items() if keys is None or path[0] in keys})
    return found


def _replaced(value: Any, written: Mapping[KeyPath, str]) -> Any:
    if not written or isinstance(value, Secret):
        return value
    if () in written:
        return written[()]
    inner: dict[str | int, dict[KeyPath, str]] = {}
    for (key, *rest), text in written.items():
        inner.setdefault(key, {})[tuple(rest)] = text
    if isinstance(value, Mapping):
        return {key: _replaced(item, inner.get(key, {})) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return tuple(_replaced(item, inner.get(index, {})) for index, item in enumerate(value))
    if dataclasses.is_dataclass(value) and not isinstance(value, type) and all(isinstance(key, str) for key in inner):
        names = [field.name for field in dataclasses.fields(value) if field.name in inner]  # not `password_file`
        return dataclasses.replace(value, **{name: _replaced(getattr(value, name), inner[name]) for name in names})
    return SHOWN  # made of a list
