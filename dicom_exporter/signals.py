"""SIGHUP, SIGTERM and SIGINT from the first line of the program to the last.

    begin: held ──> imports ──> interruptible, or handlers of an event loop and `release` ──> hold ──> the end

A signal that comes while they are held is pending, and has its meaning as soon as they are released. Without this, each
of them would end a program that has no handlers yet, and process 1 of a container would never see it.

A program that only calls our functions keeps its own signal handling: without `begin`, nothing here does anything.
"""

import signal

TYPE_CHECKING = False  # that of typing would have to be imported
if TYPE_CHECKING:
    from types import FrameType

_IMPORTING = 0.01
"""Seconds until a signal that came during an import is looked at again."""
_HELD = [getattr(signal, name) for name in ("SIGTERM", "SIGINT", "SIGHUP") if hasattr(signal, "pthread_sigmask")]
"""None on Windows."""
_begun = False


def begin() -> None:
    """Hold the signals from now on: this process is ours, and nothing else is imported yet."""
    global _begun
    _begun = True
    hold()


def hold() -> None:
    """Keep the signals that come from now on pending."""
    if _begun and _HELD:
        signal.pthread_sigmask(signal.SIG_BLOCK, _HELD)


def release() -> None:
    """Deliver those that are pending, and those that come. Call it once handlers are set."""
    if _begun and _HELD:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _HELD)


def interruptible(*, hangup: bool = True) -> None:
    """Let each signal raise KeyboardInterrupt; without `hangup`, SIGHUP stays held.

    One that was ignored when the process began, as `nohup` does it, stays ignored.
    """
    if not _begun or not _HELD:
        return
    ours = _HELD if hangup else [number for number in _HELD if number != signal.SIGHUP]
    for number in ours:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, interrupt)
    signal.signal(signal.SIGALRM, interrupt)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, ours)


def interrupt(_: int, frame: "FrameType | None") -> None:
    """Raise KeyboardInterrupt; while something is imported, soon after that.

    The import system runs callbacks whose exceptions Python drops, and where one ends a piece of code that was compiled
    from a string, as those of dataclasses, Python exits with 130.
    """
    while frame is not None:
        if frame.f_code.co_filename.startswith("<frozen importlib"):
            signal.setitimer(signal.ITIMER_REAL, _IMPORTING)
            return
        frame = frame.f_back
    raise KeyboardInterrupt
