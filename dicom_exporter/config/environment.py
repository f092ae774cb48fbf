"""``${VAR}`` in values, if the user has enabled it."""

import re
from collections.abc import Mapping

_REFERENCE = re.compile(r"\$(?:(\$)|\{([^}]*)(\}?))")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def expand(text: str, environ: Mapping[str, str]) -> str:
    """Replace each ``${VAR}`` by its value; ``$$`` is one ``$``, and any other ``$`` stays.

    Raises ValueError with a message for the user, which shows no value.
    """

    def value(reference: re.Match[str]) -> str:
        dollar, name, closing = reference.groups()
        if dollar:
            return "$"
        if not closing or not _NAME.fullmatch(name):
            raise ValueError(f"'{reference[0]}' is not a variable like ${{NAME}}; $$ is a dollar sign")
        if name not in environ:
            raise ValueError(f"the environment variable {name} is not set")
        return environ[name]

    return _REFERENCE.sub(value, text)
