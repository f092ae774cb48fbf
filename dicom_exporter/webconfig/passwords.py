"""Checks passwords with bcrypt, outside of the event loop, and once for each pair of user and password.

A right password costs bcrypt once, and a lookup in a table from then on. The table holds keyed hashes of name, bcrypt
hash and password; the key is random and stays in this process, so that no password can be guessed from the table.
"""

import asyncio
import contextlib
import hmac
import os
import secrets
import string
import sys
from collections import OrderedDict, deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Generic, TypeVar

import bcrypt

from dicom_exporter.threads import in_daemon_thread
from dicom_exporter.webconfig.values import USUAL_COST, hash_cost

_BCRYPT_BYTES = 72
"""bcrypt uses no more of a password. Go ignores the rest of a longer one, Python's library would refuse it."""
_ALPHABET = string.ascii_letters + string.digits + "./"
_DIGEST_LENGTH = 31

_REMEMBERED = 1000
_MAX_WAITING = 64
_MAX_WAITING_OF_ONE = 8
_PATIENCE = 30.0
"""Seconds in which a question is answered: nobody waits longer for a hash of cost 31, which takes days."""

T = TypeVar("T")


class TooBusy(Exception):
    """Too many passwords are waiting to be checked; try again."""


@dataclass(eq=False, slots=True)
class _Job:
    password: bytes
    hashed: bytes
    source: str
    answer: asyncio.Future[bool]


class _Lane:
    """The jobs that are done one after the other: one of each source in turn, those of sources that guessed last."""

    def __init__(self, checkpw: Callable[[bytes, bytes], bool], guessed: "_Memory[str]") -> None:
        self._checkpw = checkpw
        self._guessed = guessed
        self._jobs: dict[str, deque[_Job]] = {}
        self._current: str | None = None
        """The source of the job that is done now."""
        self._running: asyncio.Task[None] | None = None

    def put(self, job: _Job) -> None:
        """Do it when its turn comes. Raises TooBusy, as does a job that has to make room for it."""
        mine = len(self._jobs.get(job.source, ()))
        if mine + (job.source == self._current) >= _MAX_WAITING_OF_ONE:
            raise TooBusy
        if sum(map(len, self._jobs.values())) >= _MAX_WAITING:
            most = max(self._jobs, key=lambda source: (source in self._guessed, len(self._jobs[source])))
            if (most in self._guessed, len(self._jobs[most])) <= (job.source in self._guessed, mine + 1):
                raise TooBusy
            given_up = self._jobs[most].pop()
            if not self._jobs[most]:
                del self._jobs[most]
            if not given_up.answer.done():
                given_up.answer.set_exception(TooBusy())
        self._jobs.setdefault(job.source, deque()).append(job)
        if self._running is None:
            self._running = asyncio.create_task(self._run())

    async def _run(self) -> None:
        try:
            while self._jobs:
                source = next((each for each in self._jobs if each not in self._guessed), next(iter(self._jobs)))
                jobs = self._jobs.pop(source)
                job, self._current = jobs.popleft(), source
                if jobs:
                    self._jobs[source] = jobs  # its next turn comes after those of the others
                right = await in_daemon_thread(partial(self._check, job), "bcrypt")
                if not right:
                    self._guessed.add(source)
                if not job.answer.done():
                    job.answer.set_result(right)
        finally:
            self._running = self._current = None

    def _check(self, job: _Job) -> bool:
        if sys.platform == "linux":  # where niceness is per thread: probes have priority
            with contextlib.suppress(OSError):
                os.nice(5)
        try:
            return self._checkpw(job.password, job.hashed)
        except ValueError:  # a password that the library refuses is wrong
            return False

    def close(self) -> None:
        """Begin no further job."""
        if self._running is not None:
            self._running.cancel()


class PasswordChecker:
    """Checks passwords one at a time, as exporter-toolkit does: it is expensive, and probes need the processor too.

    `checkpw` has the signature of `bcrypt.checkpw`; tests pass their own. At most 64 different questions wait, and 8 of
    one `source`. When 64 wait, a source with more makes room for one with less, and one that has guessed wrongly
    for one that has not. Hashes of an unusual cost wait for each other alone.
    """

    def __init__(self, checkpw: Callable[[bytes, bytes], bool] = bcrypt.checkpw) -> None:
        self._key = secrets.token_bytes(32)
        self._right = _Memory[bytes]()
        self._wrong = _Memory[bytes]()  # separate, so that guesses evict no right answer
        self._dummies: dict[int, bytes] = {}
        self._waiting: dict[bytes, asyncio.Future[bool]] = {}
        guessed = _Memory[str]()
        self._usual, self._costly = _Lane(checkpw, guessed), _Lane(checkpw, guessed)

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
        try:
            async with asyncio.timeout(_PATIENCE):
                right = await asyncio.shield(future)
        except TimeoutError:
            raise TooBusy from None
        return right and known is not None

    def close(self) -> None:
        """Begin no further check. Does not wait."""
        self._usual.close()
        self._costly.close()

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
        future = asyncio.get_running_loop().create_future()
        lane = self._costly if hash_cost(hashed) > USUAL_COST else self._usual
        lane.put(_Job(password, hashed, source, future))
        self._waiting[question] = future

        def answered(done: asyncio.Future[bool]) -> None:
            del self._waiting[question]
            if not done.cancelled() and done.exception() is None:
                (self._right if done.result() else self._wrong).add(question)

        future.add_done_callback(answered)
        return future


class _Memory(Generic[T]):
    """The most recent of some things."""

    def __init__(self) -> None:
        self._questions: OrderedDict[T, None] = OrderedDict()

    def __contains__(self, question: T) -> bool:
        if question not in self._questions:
            return False
        self._questions.move_to_end(question)
        return True

    def add(self, question: T) -> None:
        self._questions[question] = None
        if len(self._questions) > _REMEMBERED:
            self._questions.popitem(last=False)
