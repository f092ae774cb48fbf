"""A peer's own words, made harmless.

The turns of phrase that the messages of this package share.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable

MAX_TEXT = 64
"""Characters of a peer's own words that are shown."""


def printable(text: str) -> str:
    """A peer's own words, made harmless: printable ASCII with `?` for the rest, at most `MAX_TEXT` characters.

    Padding is no part of a value (spaces, or NUL behind a UID: PS3.5 6.2).
    """
    text = text.strip(" \0")[:MAX_TEXT]
    if text.isascii() and text.isprintable():
        return text
    return "".join(character if " " <= character <= "~" else "?" for character in text)


_SHOWN_LENGTH = 60
_MOST_LISTED = 6


def shown(value: object) -> str:
    """`value` in quotes, on one line and not endless; of a collection, what it is."""
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list):
        return "a list"
    text = repr(value)
    return text if len(text) <= _SHOWN_LENGTH else text[:_SHOWN_LENGTH] + "…"


def did_you_mean(word: str, choices: Iterable[str]) -> str:
    """`` (did you mean closed?)`` where one of `choices` is close to `word`, else nothing."""
    near = closest(word, choices)
    return f" (did you mean {near}?)" if near else ""


def closest(word: str, choices: Iterable[str]) -> str | None:
    """The one of `choices` that was probably meant; None where none of them is close."""
    by_lower_case = {choice.lower(): choice for choice in choices}
    close = difflib.get_close_matches(word.lower(), by_lower_case, n=1)
    return by_lower_case[close[0]] if close else None


def not_one_of(word: str, choices: Iterable[str]) -> str:
    """The message for a word outside of a closed vocabulary, which is listed where it is short."""
    choices = list(choices)
    problem = f"is not one of {', '.join(choices)}" if len(choices) <= _MOST_LISTED else "is not supported"
    return f"{shown(word)} {problem}{did_you_mean(word, choices)}"
