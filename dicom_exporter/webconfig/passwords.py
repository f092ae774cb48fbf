"""Checks passwords with bcrypt, outside of the event loop, and once for each pair of user and password.

A right password costs bcrypt once, and a lookup in a table from then on. The table holds keyed hashes of name, bcrypt
hash and password; the key is random and stays in this process, so that no password can be guessed from the table.
"""

import asyncio
import contextlib
import hmac
import os
import queue
import secrets
import string
import sys
import threading
from collections import Counter, OrderedDict
from collections.abc import Callable, Mapping, Sequence

import bcrypt

_BCRYPT_BYTES = 72
"""bcrypt uses no more of a password. Go ignores the rest of a longer one, Python's library would refuse it."""
_ALPHABET = string.ascii_letters + string.digits + "./"
_DIGEST_LENGTH = 31

_REMEMBERED = 1000
_MAX_WAITING = 64
_MAX_WAITING_OF_ONE = 8


class TooBusy(Exception):
    """Too many passwords are waiting to be checked; try again."""


class PasswordChecker:
    """Checks passwords one at a time, as exporter-toolkit does: it is expensive, and probes need the processor too.

    `checkpw` has the signature of `bcrypt.checkpw`; tests pass their own. At most 64 different questions wait, and 8 of
    one `source`, so that an attacker who guesses cannot occupy the queue alone.
    """

    def __init__(self, checkpw: Callable[[bytes, bytes], bool] = bcrypt.checkpw) -> None:
        self._checkpw = checkpw
        self._key = secrets.token_bytes(32)
        self._right = _Memory()
        self._wrong = _Memory()  # separate, so that guesses evict no right answer
        self._dummies: dict[int, bytes] = {}
        self._waiting: dict[bytes, asyncio.Future[bool]] = {}
        self._of_source: Counter[str] = Counter()
        self._jobs: queue.SimpleQueue[tuple[bytes, bytes, asyncio.Future[bool]] | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None

    async def check(
        self, name: bytes, password: bytes, users: Mapping[bytes, bytes], costs: Sequence[int], source: str
    ) -> bool:
        """Whether `users` (names and hashes, with these `costs`) has this name with this password.

        Raises TooBusy.
        """
        # The dummy hash is made in every case, so that known and unknown names take the same time.
        dummy = self._dummy_hash(name, costs)
        known = users.get(name)
        hashed = dummy if known is None else known
        password = password[:_BCRYPT_BYTES]
        question = self._keyed(name, hashed, password)
        if question in self._right:
            return known is not None
        if question in self._wrong:
            return False
        future = self._waiting.get(question)
        if future is None:
            future = self._ask(question, password, hashed, source)
        right = await asyncio.shield(future)
        return right and known is not None

    def close(self) -> None:
        """Let the thread end after its current check. Does not wait."""
        if self._thread is not None:
            self._jobs.put(None)
            self._thread = None

    def _dummy_hash(self, name: bytes, costs: Sequence[int]) -> bytes:
        """A hash that matches no password, for an unknown user.

        Its cost is that of one of the real users, always the same one for a name: the time shows no difference.
        """
        cost = costs[int.from_bytes(self._keyed(name)[:8], "big") % len(costs)]
        if cost not in self._dummies:
            digest = "".join(secrets.choice(_ALPHABET) for _ in range(_DIGEST_LENGTH))
            self._dummies[cost] = bcrypt.gensalt(cost) + digest.encode()
        return self._dummies[cost]

    def _keyed(self, *parts: bytes) -> bytes:
        """A keyed hash of `parts`, each with its length, so that no two lists of parts give the same bytes."""
        return hmac.digest(self._key, b"".join(len(part).to_bytes(4, "big") + part for part in parts), "sha256")

    def _ask(self, question: bytes, password: bytes, hashed: bytes, source: str) -> asyncio.Future[bool]:
        if len(self._waiting) >= _MAX_WAITING or self._of_source[source] >= _MAX_WAITING_OF_ONE:
            raise TooBusy
        future = asyncio.get_running_loop().create_future()
        self._waiting[question] = future
        self._of_source[source] += 1

        def answered(done: asyncio.Future[bool]) -> None:
            del self._waiting[question]
            self._of_source[source] -= 1
            if not self._of_source[source]:
                del self._of_source[source]
            if not done.cancelled():
                (self._right if done.result() else self._wrong).add(question)

        future.add_done_callback(answered)
        if self._thread is None:  # a daemon: a check at a high cost may outlast the process's shutdown
            self._thread = threading.Thread(target=self._work, name="bcrypt", daemon=True)
            self._thread.start()
        self._jobs.put((password, hashed, future))
        return future

    def _work(self) -> None:
        if sys.platform == "linux":  # where niceness is per thread: probes have priority
            with contextlib.suppress(OSError):
                os.nice(5)
        while (job := self._jobs.get()) is not None:
            password, hashed, future = job
            try:
                right = self._checkpw(password, hashed)
            except ValueError:  # a password that the library refuses is wrong
                right = False
            try:
                future.get_loop().call_soon_threadsafe(_settle, future, right)
            except RuntimeError:  # the loop is closed
                return


class _Memory:
    """The most recent questions."""

    def __init__(self) -> None:
        self._questions: OrderedDict[bytes, None] = OrderedDict()

    def __contains__(self, question: bytes) -> bool:
        if question not in self._questions:
            return False
        self._questions.move_to_end(question)
        return True

    def add(self, question: bytes) -> None:
        self._questions[question] = None
        if len(self._questions) > _REMEMBERED:
            self._questions.popitem(last=False)


def _settle(future: asyncio.Future[bool], right: bool) -> None:
    if not future.done():
        future.set_result(right)
