"""Texts that others wrote, and the wording that messages share.

- `SafeText` is text of a peer. Code that reads it from the network wraps it at once, so whoever shows it needs no
  filter: metrics, logs, pages, reports and the terminal show the same text.
- `escaped` is for text of the user, such as label values and file names. It is shown whole and in any language, on one
  line and without control characters.
- `shown`, `did_you_mean`, `closest` and `not_one_of` word the messages about a wrong value.

This module imports the standard library alone, so that every other module can import it.
"""

import re
from collections import Counter
from collections.abc import Iterable
from typing import Self

MAX_TEXT = 64
"""Most characters of a `SafeText`. A UID has at most 64, a version name 16 (PS3.5 Table 6.2-1, PS3.7 D.3.3.2.3)."""
_PADDING = " \0"
"""No part of a value: spaces around a text, NUL after a UID (PS3.5 6.2)."""
BLANK = "<secret>"
"""What stands in a text in place of a secret of ours."""
_LEAST_PART = 6
"""Characters. A shorter secret is blanked where it is the whole text: as a part, it may be there by chance."""


class _Hidden:
    """The secrets that are blanked in every `SafeText`."""

    def __init__(self) -> None:
        self._count: Counter[str] = Counter()
        self._pattern: re.Pattern[bytes] | None = None
        self._is_current = True
        self.generation = 0
        """Changes with each secret that is new: what is kept of an older one may hold it."""

    def change(self, secret: str, by: int) -> None:
        before = self._count[secret]
        self._count[secret] += by
        if before == 0:
            self.generation += 1
        if self._count[secret] <= 0:
            del self._count[secret]
        if before + by <= 0 or before == 0:
            self._is_current = False

    def blanked(self, text: str | bytes) -> str | bytes:
        """`text` without them, of any length; what is no ASCII in it may be lost where one was found."""
        if not self._is_current:
            self._pattern, self._is_current = self._compiled(), True
        if self._pattern is None:
            return text
        try:
            data = text if isinstance(text, bytes) else text.encode(errors="surrogateescape")
        except UnicodeEncodeError:
            data = text.encode(errors="replace") if isinstance(text, str) else text
        return self._pattern.sub(BLANK.encode(), data) if self._pattern.search(data) else text

    def _compiled(self) -> re.Pattern[bytes] | None:
        forms = []
        for secret in sorted(filter(None, self._count), key=len, reverse=True):
            for form in {secret.encode(), secret.encode("latin-1", "replace")}:
                pattern = re.escape(form)
                forms.append(pattern if len(secret) >= _LEAST_PART else rb"\A[ \0]*" + pattern + rb"[ \0]*\Z")
        return re.compile(b"|".join(forms)) if forms else None


HIDDEN = _Hidden()


def hide(secret: str) -> None:
    """From now on, blank `secret` in what peers send: they may repeat it, and the text is shown to everybody."""
    HIDDEN.change(secret, 1)


def hide_no_more(secret: str) -> None:
    """Undo one `hide`."""
    HIDDEN.change(secret, -1)


class SafeText(str):
    """Text of a peer that is safe to print: printable ASCII without padding, at most `MAX_TEXT` characters, and no
    secret of ours.

    The constructor cleans, so there is no other kind: padding is removed, the rest is cut, and each character (of
    bytes, each byte) that is not printable ASCII becomes ``?``. To clean twice changes nothing. Safe means no line
    ends, control or bidirectional characters; HTML and Prometheus still need their own quoting.
    """

    __slots__ = ()

    def __new__(cls, text: str | bytes) -> Self:
        """Clean `text`, of any length."""
        text = HIDDEN.blanked(text)
        if isinstance(text, bytes):
            text = text.decode("latin-1")  # one character per byte, and ASCII if it is ASCII
        text = text.strip(_PADDING)[:MAX_TEXT].rstrip(_PADDING)
        if not (text.isascii() and text.isprintable()):
            text = "".join(character if " " <= character <= "~" else "?" for character in text)
        return super().__new__(cls, text)


def escaped(text: str) -> str:
    r"""`text` with everything that is not printable written as `\x1b` or `\u202e`."""
    if text.isprintable():
        return text
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape", "backslashreplace").decode("ascii")
        for character in text
    )


_SHOWN_LENGTH = 60
_MOST_LISTED = 6


def shown(value: object) -> str:
    """`value` in quotes, on one line, shortened if it is long; for a collection, its type."""
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list):
        return "a list"
    text = repr(value)
    return text if len(text) <= _SHOWN_LENGTH else text[:_SHOWN_LENGTH] + "…"


def did_you_mean(word: str, choices: Iterable[str]) -> str:
    """`` (did you mean closed?)`` if one of `choices` is close to `word`, else nothing."""
    near = closest(word, choices)
    return f" (did you mean {near}?)" if near else ""


def closest(word: str, choices: Iterable[str]) -> str | None:
    """The one of `choices` that was probably meant; None if none of them is close."""
    by_lower_case = {choice.lower(): choice for choice in choices}
    import difflib  # only for the words of a mistake

    close = difflib.get_close_matches(word.lower(), by_lower_case, n=1)
    return by_lower_case[close[0]] if close else None


def not_one_of(word: str, choices: Iterable[str]) -> str:
    """The message for a word outside of a closed vocabulary, which is listed if it is short."""
    choices = list(choices)
    problem = f"is not one of {', '.join(choices)}" if len(choices) <= _MOST_LISTED else "is not supported"
    return f"{shown(word)} {problem}{did_you_mean(word, choices)}"
