"""A peer's own words, made harmless."""

from __future__ import annotations

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
