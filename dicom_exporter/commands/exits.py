"""How the program ends."""

from enum import IntEnum


class Exit(IntEnum):
    """The exit codes of all commands."""

    OK = 0
    """Done, and as expected."""
    NOT_AS_EXPECTED = 1
    """Done, and something is down."""
    BAD_USAGE = 2
    """Bad usage, or a configuration with mistakes."""
    COULD_NOT_RUN = 3
