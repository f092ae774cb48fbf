"""The list of studies over DICOMweb, counted page by page (QIDO-RS, PS3.18 10.6 and 8.3.4).

```
limit=1001 ── refused ─> 200 ─> 100 ─> 50 ─> 10 ─> no count
    │
    └─ a page ─> offset=<last entry>&limit=2 ── that one entry ─> all counted
                        │                    └─ nothing, or the first page again ─> at least so many
                        └─ one more ─> offset=<next> ─> a page ─> … ─> an empty page ─> all counted
```

Archives stop at 12, 50, 100, 200 or 1000 entries, many without a word; some do not know `offset`. So a count is taken
for complete only after an answer that shows that `offset` is obeyed, and that nothing follows. Requests, bytes and time
are bounded. Of each study a keyed hash of its UID is kept, in memory, until the count is done.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

from yarl import URL

from dicom_exporter.enums import UnknownReason, WebAnswer
from dicom_exporter.http_client.json_scan import Scan
from dicom_exporter.http_client.request import MAX_ANSWER, Reply, ServerFacts, request
from dicom_exporter.net.context import ProbeContext

MAX_STUDY = 8 * 1024
"""Bytes of a list that are looked at for each study it may hold, decoded: talkative archives spend two thousand."""
MAX_REQUESTS = 30
"""Requests for one count."""
_SMALLER = (200, 100, 50, 10)
"""What is asked for if the archive refuses a larger `limit`."""


@dataclass(frozen=True, slots=True)
class Counted:
    """What the list showed."""

    studies: int | None = None
    """None if no answer allows a count."""
    complete: bool | None = None
    """True: all counted. False: at least this many."""
    identity_seen: bool | None = None
    """Whether an entry has a name, an ID or a birth date; None if that was not tried, or no whole entry was read."""
    doubts: frozenset[UnknownReason] = frozenset()
    """Why `identity_seen` is not known."""


def studies_url(root: URL, **query: str) -> URL:
    """A search for studies."""
    return (root / "studies").with_query(query)


class StudiesList:
    """The studies at `root`, counted up to `most`, as the identity of `context`.

    Args:
        accept: the media type in which the archive gives lists.
        identity: look whether entries name anybody.
        match: what the studies have to match, and other keys of the query.
        values, on_entry: those of `Scan`. Some entries come twice.
    """

    def __init__(
        self,
        root: URL,
        context: ProbeContext,
        facts: ServerFacts,
        accept: str,
        most: int,
        identity: bool,
        match: Mapping[str, str] | None = None,
        values: Collection[bytes] = (),
        on_entry: Callable[[Mapping[bytes, list[bytes]]], None] | None = None,
    ) -> None:
        self._root = root
        self._context = context
        self._facts = facts
        self._accept = accept
        self._most = most
        self._identity = identity
        self._match = match or {}
        self._values = values
        self._on_entry = on_entry
        self._key = os.urandom(16)
        self._entries = 0
        """Of all pages, also those that came twice."""
        self._without_uid = 0
        self._studies: set[bytes] = set()
        self._first: bytes | None = None
        self._page_begins: set[bytes] = set()
        self._left = (most + 1) * MAX_STUDY
        """Bytes that may still be read."""
        self._requests = 0

    async def count(self, listed: Reply, *, nothing_is_404: bool) -> Counted:
        """Count. `listed` is the answer to `limit=1`; `nothing_is_404`: 404 is how the archive says no match.

        Never raises for what the peer does.
        """
        page, width = await self._first_page()
        identity, doubts = self._identity_in(listed, page)
        if page.answer is not WebAnswer.ENTRIES:
            return Counted(identity_seen=identity, doubts=doubts)
        self._add(page)
        complete = False
        if self._is_whole(page):
            ended = None if page.partial else await self._ends(nothing_is_404)
            complete = await self._further_pages(page, width) if ended is None else ended
        studies = len(self._studies) + self._without_uid
        return Counted(min(studies, self._most), complete and studies <= self._most, identity, doubts)

    async def _first_page(self) -> tuple[Reply, int]:
        """The first page, and the `limit` that the archive accepted."""
        width = self._most + 1
        page = await self._ask(width)
        for smaller in _SMALLER:
            if page.answer not in (WebAnswer.OTHER, WebAnswer.UNKNOWN) or page.doubt is UnknownReason.TIMEOUT:
                break
            if smaller < width:
                width = smaller
                page = await self._ask(width)
        return page, width

    async def _ask(self, limit: int, offset: int = 0, most: int | None = None) -> Reply:
        self._requests += 1
        query = {**self._match, "limit": str(limit)} | ({"offset": str(offset)} if offset else {})
        scan = Scan(
            self._most if most is None else most,
            identity=self._identity,
            digest_key=self._key,
            values=self._values,
            on_entry=self._on_entry,
        )
        size = max(0, self._left) if most is None else MAX_ANSWER
        return await request(
            studies_url(self._root, **query), self._context, self._facts, scan, accept=self._accept, limit=size
        )

    def _identity_in(self, *replies: Reply) -> tuple[bool | None, frozenset[UnknownReason]]:
        if not self._identity:
            return None, frozenset()
        if any(reply.scan.identity_seen for reply in replies):
            return True, frozenset()
        if any(reply.scan.entries > 1 or (reply.scan.entries and reply.scan.complete) for reply in replies):
            return False, frozenset()
        reasons = {reply.cut or reply.doubt for reply in replies}
        return None, frozenset(reason for reason in reasons if reason is not None)

    def _add(self, page: Reply) -> None:
        scan = page.scan
        self._entries += scan.entries
        self._without_uid += scan.entries - scan.digested
        self._studies |= scan.digests.keys()
        begin = next(iter(scan.digests), None)
        if begin is not None:
            self._first = self._first or begin
            self._page_begins.add(begin)
        self._left -= scan.entries * MAX_STUDY

    def _is_whole(self, page: Reply) -> bool:
        """Whether the page was read to its end, and more could be counted after it."""
        return page.scan.complete and not self._without_uid and len(self._studies) <= self._most

    async def _ends(self, nothing_is_404: bool) -> bool | None:
        """Whether nothing follows what was counted: True if so, False if that cannot be proved, None if more follows.

        The last entry is asked for once more, with the one after it: an answer with that entry alone shows that
        `offset` is obeyed, which an empty answer does not.
        """
        if self._entries == 1:
            reply = await self._ask(1, offset=1, most=1)
            if reply.answer is WebAnswer.EMPTY:
                return not reply.partial
            if reply.status == 404 and nothing_is_404:
                return True
        else:
            reply = await self._ask(2, offset=self._entries - 1, most=2)
        if reply.answer is not WebAnswer.ENTRIES or next(iter(reply.scan.digests), None) in (None, self._first):
            return False
        more = reply.scan.entries > 1 or self._entries == 1
        return None if more or reply.partial else reply.scan.complete

    async def _further_pages(self, page: Reply, width: int) -> bool:
        """Read the pages after the first. Returns whether it is proved that all were read."""
        while self._requests < MAX_REQUESTS:
            said_more = page.partial
            page = await self._ask(width, offset=self._entries)
            if page.answer is WebAnswer.EMPTY:
                return len(self._page_begins) > 1 and not (said_more or page.partial)
            if page.answer is not WebAnswer.ENTRIES:
                # Some refuse an offset beyond the end, or answer 404: then the last entry shows it.
                return len(self._page_begins) > 1 and not said_more and await self._ends(False) is True
            known = len(self._studies)
            if not page.scan.digests or next(iter(page.scan.digests)) in self._page_begins:
                return False
            self._add(page)
            if len(self._studies) == known or not self._is_whole(page):
                return False
        return False
