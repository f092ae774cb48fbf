"""Passwords: who is accepted, what a check costs, and what an attacker learns."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable

import bcrypt
import pytest

from dicom_exporter.webconfig.passwords import PasswordChecker, TooBusy
from tests.testing.connections import until

Checker = Callable[..., PasswordChecker]


def hashed(password: bytes, cost: int = 4) -> bytes:
    return bcrypt.hashpw(password[:72], bcrypt.gensalt(cost))


ALICE = hashed(b"right")
USERS = {b"alice": ALICE, b"bob": hashed(b"bob's", 5)}
COSTS = (4, 5)


@pytest.fixture
async def checker() -> AsyncIterator[Checker]:
    made: list[PasswordChecker] = []

    def make(*arguments: Callable[[bytes, bytes], bool]) -> PasswordChecker:
        made.append(PasswordChecker(*arguments))
        return made[-1]

    yield make
    for each in made:
        each.close()


class Counting:
    """A bcrypt that records its calls."""

    def __init__(self) -> None:
        self.asked: list[tuple[bytes, bytes]] = []
        self.started = threading.Event()
        self.go = threading.Event()
        self.go.set()

    def __call__(self, password: bytes, hashed: bytes) -> bool:
        self.asked.append((password, hashed))
        self.started.set()
        self.go.wait(30)
        return bcrypt.checkpw(password, hashed)


async def check(passwords: PasswordChecker, name: bytes, password: bytes, source: str = "127.0.0.1") -> bool:
    return await passwords.check(name, password, USERS, COSTS, source)


async def test_check_right_wrong_and_unknown(checker: Checker) -> None:
    passwords = checker()
    for _ in range(2):  # the second time from memory
        assert await check(passwords, b"alice", b"right")
        assert await check(passwords, b"bob", b"bob's")
        assert not await check(passwords, b"alice", b"bob's")
        assert not await check(passwords, b"alice", b"")
        assert not await check(passwords, b"mallory", b"right")
        assert not await check(passwords, b"", b"")


async def test_check_calls_bcrypt_once_for_each_question(checker: Checker) -> None:
    bcrypt_ = Counting()
    passwords = checker(bcrypt_)
    for _ in range(3):
        await check(passwords, b"alice", b"right")
        await check(passwords, b"alice", b"wrong")
        await check(passwords, b"mallory", b"wrong")
    assert len(bcrypt_.asked) == 3


async def test_check_concurrent_same_question_calls_bcrypt_once(checker: Checker) -> None:
    """A Prometheus with a thousand targets sends all requests at once."""
    bcrypt_ = Counting()
    bcrypt_.go.clear()
    passwords = checker(bcrypt_)
    tasks = [asyncio.create_task(check(passwords, b"alice", b"right")) for _ in range(1000)]
    await asyncio.to_thread(bcrypt_.started.wait, 30)
    bcrypt_.go.set()
    assert all(await asyncio.gather(*tasks))
    assert len(bcrypt_.asked) == 1


async def test_check_cancelled_caller_does_not_cancel_others(checker: Checker) -> None:
    bcrypt_ = Counting()
    bcrypt_.go.clear()
    passwords = checker(bcrypt_)
    first, second = (asyncio.create_task(check(passwords, b"alice", b"right")) for _ in range(2))
    await asyncio.to_thread(bcrypt_.started.wait, 30)
    first.cancel()
    bcrypt_.go.set()
    assert await second


async def test_check_guesses_of_one_source_are_bounded(checker: Checker) -> None:
    bcrypt_ = Counting()
    passwords = checker(bcrypt_)
    assert await check(passwords, b"alice", b"right")
    bcrypt_.go.clear()
    guesses = [asyncio.create_task(check(passwords, b"alice", b"%d" % guess, "192.0.2.1")) for guess in range(20)]
    await asyncio.sleep(0)
    assert await check(passwords, b"alice", b"right")  # in the table already: no wait
    other = asyncio.create_task(check(passwords, b"bob", b"bob's", "192.0.2.2"))
    await asyncio.sleep(0)
    bcrypt_.go.set()
    assert await other
    answers = await asyncio.gather(*guesses, return_exceptions=True)
    assert answers.count(False) == 8
    assert sum(isinstance(answer, TooBusy) for answer in answers) == 12


async def test_check_guesses_of_many_sources_are_bounded(checker: Checker) -> None:
    bcrypt_ = Counting()
    bcrypt_.go.clear()
    passwords = checker(bcrypt_)
    guesses = [asyncio.create_task(check(passwords, b"alice", b"%d" % n, f"192.0.2.{n}")) for n in range(100)]
    await asyncio.sleep(0)
    bcrypt_.go.set()
    answers = await asyncio.gather(*guesses, return_exceptions=True)
    assert answers.count(False) == 64


async def test_check_guesses_do_not_evict_right_answers(checker: Checker) -> None:
    bcrypt_ = Counting()
    passwords = checker(lambda password, hashed: bcrypt_(password, hashed) if password == b"right" else False)
    assert await check(passwords, b"alice", b"right")
    for guess in range(3000):
        await check(passwords, b"alice", b"%d" % guess)
    assert await check(passwords, b"alice", b"right")
    assert len(bcrypt_.asked) == 1


async def test_check_unknown_name_has_cost_of_known_one(checker: Checker) -> None:
    bcrypt_ = Counting()
    passwords = checker(bcrypt_)
    for name in range(40):
        await check(passwords, b"mallory%d" % name, b"x")
    assert {hashed[:7] for _, hashed in bcrypt_.asked} == {b"$2b$04$", b"$2b$05$"}


async def test_check_unknown_name_has_same_cost_each_time(checker: Checker) -> None:
    bcrypt_ = Counting()
    passwords = checker(bcrypt_)
    for guess in range(10):
        await check(passwords, b"mallory", b"%d" % guess)
    assert len({hashed for _, hashed in bcrypt_.asked}) == 1


async def test_check_removed_user_is_refused_at_once(checker: Checker) -> None:
    passwords = checker()
    assert await check(passwords, b"alice", b"right")
    assert not await passwords.check(b"alice", b"right", {b"bob": USERS[b"bob"]}, (5,), "")


async def test_check_changed_password_applies_at_once(checker: Checker) -> None:
    passwords = checker()
    assert await check(passwords, b"alice", b"right")
    assert not await check(passwords, b"alice", b"new")
    changed = {b"alice": hashed(b"new")}
    assert not await passwords.check(b"alice", b"right", changed, (4,), "")
    assert await passwords.check(b"alice", b"new", changed, (4,), "")


async def test_check_uses_first_72_bytes_as_in_go(checker: Checker) -> None:
    long = b"x" * 72
    users = {b"alice": hashed(long)}
    passwords = checker()
    assert await passwords.check(b"alice", long, users, (4,), "")
    assert await passwords.check(b"alice", long + b"and more", users, (4,), "")
    assert not await passwords.check(b"alice", long[:-1], users, (4,), "")


@pytest.mark.parametrize("kind", [b"2a", b"2b", b"2y"])
async def test_check_accepts_all_bcrypt_prefixes(kind: bytes, checker: Checker) -> None:
    users = {b"alice": ALICE.replace(b"$2b$", b"$%b$" % kind)}
    assert await checker().check(b"alice", b"right", users, (4,), "")


async def test_check_parts_of_question_are_separated(checker: Checker) -> None:
    """CVE-2022-46146: a name that ends like a hash could set the answer of another question."""
    passwords = checker()
    assert await check(passwords, b"alice", b"right")
    assert not await check(passwords, b"alice" + ALICE, b"right")
    assert not await check(passwords, b"alice", ALICE + b"right")


async def test_check_keeps_no_password(checker: Checker) -> None:
    passwords = checker()
    await check(passwords, b"alice", b"right")
    await check(passwords, b"alice", b"wrong-password")
    kept = repr([list(passwords._right._questions), list(passwords._wrong._questions), passwords._waiting])
    assert "right" not in kept
    assert "wrong-password" not in kept


async def test_check_source_without_guesses_comes_before_many_that_guess(checker: Checker) -> None:
    bcrypt_ = Counting()
    passwords = checker(bcrypt_)
    sources = [f"192.0.2.{number}" for number in range(80)]
    for source in sources:
        assert not await check(passwords, b"alice", source.encode(), source)
    bcrypt_.go.clear()
    guesses = [
        asyncio.create_task(check(passwords, b"alice", b"%d %s" % (number, source.encode()), source))
        for number in range(2)
        for source in sources
    ]
    await until(lambda: len(passwords._waiting) > 60)
    begun = len(bcrypt_.asked)
    known = asyncio.create_task(check(passwords, b"alice", b"right", "198.51.100.1"))
    await asyncio.sleep(0)
    bcrypt_.go.set()
    assert await known
    assert (b"right", ALICE) in bcrypt_.asked[: begun + 2]
    await asyncio.gather(*guesses, return_exceptions=True)


async def test_check_sources_take_turns(checker: Checker) -> None:
    bcrypt_ = Counting()
    bcrypt_.go.clear()
    passwords = checker(bcrypt_)
    first = [asyncio.create_task(check(passwords, b"alice", b"%d" % n, "192.0.2.1")) for n in range(8)]
    await asyncio.sleep(0)
    other = asyncio.create_task(check(passwords, b"alice", b"other", "192.0.2.2"))
    await asyncio.sleep(0)
    bcrypt_.go.set()
    await asyncio.gather(*first, other)
    assert [password for password, _ in bcrypt_.asked].index(b"other") <= 2


async def test_check_costly_hash_keeps_nobody_waiting(checker: Checker, monkeypatch: pytest.MonkeyPatch) -> None:
    go = threading.Event()

    def checkpw(password: bytes, hashed: bytes) -> bool:
        return go.wait(60) if hashed.startswith(b"$2b$31$") else bcrypt.checkpw(password, hashed)

    passwords = checker(checkpw)
    users = {**USERS, b"carol": b"$2b$31$" + ALICE[7:]}
    monkeypatch.setattr("dicom_exporter.webconfig.passwords._PATIENCE", 0.1)
    with pytest.raises(TooBusy):
        await passwords.check(b"carol", b"x", users, COSTS, "192.0.2.1")
    monkeypatch.undo()
    assert await passwords.check(b"alice", b"right", users, COSTS, "192.0.2.1")
    go.set()
