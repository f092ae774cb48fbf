"""Counts over the matches of one C-FIND, taken from the bytes of each match; nothing of a match is kept."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from hashlib import blake2b

from dicom_exporter.attributes import ATTRIBUTES
from dicom_exporter.config import Query
from dicom_exporter.config.values.dicom import MODALITIES
from dicom_exporter.dicom.dataset import Budget, MalformedDataset, count_value, find_values
from dicom_exporter.dicom.uids import SOP_CLASSES
from dicom_exporter.probes.keys import INSTANCES, STEP_SEQUENCE, counts_instances, in_step
from dicom_exporter.text import SafeText

MAX_VALUES = 50
"""Distinct values that are counted apart for one attribute, in one answer and in all answers to one query; later ones
count as `OTHER`."""
_MATCH_ELEMENTS = 128
"""Elements of a match that are stepped over, on average. The rest cannot be read, as in a match that is malformed."""
_MORE_MATCHES = 32
"""For so many matches more, as a query for few may get large ones."""
_MOST_IN_ONE = 32
"""Values in one attribute of one match. An attribute with more counts as `OTHER`."""
OTHER = SafeText("other")
NONE = SafeText("none")
"""The value of a match that has none."""

_STUDY_UID_TAG = 0x0020000D
_VOCABULARIES = {
    "Modality": frozenset(MODALITIES),
    "ModalitiesInStudy": frozenset(MODALITIES),
    "SOPClassesInStudy": SOP_CLASSES,
}
"""Attributes whose values the standard lists. What is not listed counts as `OTHER`, so that an archive which answers
with something else there, a name even, cannot bring it into a label."""


def budget_of(query: Query) -> Budget:
    """The elements of all matches of `query` that one reader may step over."""
    return Budget(_MATCH_ELEMENTS * (query.max_matches + _MORE_MATCHES))


class Tally:
    """Sums instances and counts values for the matches of one query. Hand `consume` to the C-FIND."""

    __slots__ = (
        "_attributes",
        "_budget",
        "_digest_key",
        "_digests",
        "_instances",
        "_instances_missing",
        "_instances_tag",
        "_step_tag",
        "_step_tags",
        "_top_tags",
    )

    def __init__(self, query: Query) -> None:
        keywords = () if query.minimal_keys else query.count_by
        self._attributes: dict[str, dict[SafeText, int]] = {keyword: {} for keyword in keywords}
        self._budget = budget_of(query)
        self._digest_key = query.digest_key
        self._digests: dict[bytes, int | None] = {}
        self._instances_tag = tag_of(INSTANCES) if counts_instances(query) and not query.minimal_keys else None
        self._instances: int | None = None
        self._instances_missing = False
        self._step_tag = tag_of(STEP_SEQUENCE)
        self._step_tags = {tag_of(keyword): keyword for keyword in keywords if in_step(query, keyword)}
        self._top_tags = {tag_of(keyword): keyword for keyword in keywords if not in_step(query, keyword)}

    @property
    def consume(self) -> Callable[[bytes], None]:
        """What the C-FIND calls with the bytes of each match."""
        if self._digest_key is not None:
            return self._digest
        if self._attributes:
            return self._count_values
        return self._skip if self._instances_tag is None else self._sum_instances

    @property
    def instances(self) -> int | None:
        """Sum of NumberOfStudyRelatedInstances over the matches in which it can be read.

        None if it was not asked for, and if there are matches and none of them has it.
        """
        if self._instances is None and self._instances_tag is not None and not self._instances_missing:
            return 0
        return self._instances

    @property
    def instances_in_all(self) -> bool:
        """Whether every match had a NumberOfStudyRelatedInstances; if not, `instances` is a lower bound."""
        return not self._instances_missing

    @property
    def matches_by(self) -> Mapping[str, Mapping[SafeText, int]]:
        """Matches by attribute keyword and value. Over the values of an attribute they sum to the matches."""
        return self._attributes

    @property
    def digests(self) -> Mapping[bytes, int | None] | None:
        """Keyed hashes of the StudyInstanceUIDs -> images; None where they are not wanted, or a match had no UID."""
        return None if self._digest_key is None or b"" in self._digests else self._digests

    def _digest(self, data: bytes) -> None:
        values: dict[int, bytes] = {}
        images: int | None = None
        try:
            values = find_values(data, (_STUDY_UID_TAG,), budget=self._budget)
            if (tag := self._instances_tag) is not None:
                images = count_value(find_values(data, (tag,), budget=self._budget)[tag])
        except (MalformedDataset, KeyError):
            pass
        uid = values.get(_STUDY_UID_TAG, b"").rstrip(b" \0")
        digest = blake2b(uid, key=self._digest_key or b"", digest_size=16).digest() if uid else b""
        self._digests[digest] = images
        if self._attributes:
            self._count_values(data)
        else:
            self._sum_instances(data)

    def _skip(self, data: bytes) -> None:
        pass

    def _sum_instances(self, data: bytes) -> None:
        tag = self._instances_tag
        if tag is None:
            return
        try:
            count = count_value(find_values(data, (tag,), budget=self._budget).get(tag, b""))
        except MalformedDataset:
            count = None
        if count is None:
            self._instances_missing = True
        else:
            self._instances = (self._instances or 0) + count

    def _count_values(self, data: bytes) -> None:
        self._sum_instances(data)
        try:
            values = find_values(data, self._top_tags, budget=self._budget) if self._top_tags else {}
            if self._step_tags:
                values |= find_values(data, self._step_tags, self._step_tag, self._budget)
        except MalformedDataset:
            for counts in self._attributes.values():
                _add(counts, OTHER)
            return
        for tag, keyword in (*self._top_tags.items(), *self._step_tags.items()):
            _add(self._attributes[keyword], label_value(keyword, values.get(tag, b"")))


def label_value(keyword: str, value: bytes) -> SafeText:
    """The label for a raw value of attribute `keyword`; several values are sorted and joined by ``+``: ``CT+PT``."""
    names = label_values(keyword, value)
    return SafeText("+".join(names)) if names else NONE


def label_values(keyword: str, value: bytes) -> list[SafeText]:
    """The labels for the single values in a raw value of attribute `keyword`, sorted; empty if there are none.

    Free text with a ``^`` in it is `OTHER`: that is how DICOM writes a person's name (PS3.5 6.2.1), not a station's.
    """
    if value.count(b"\\") >= _MOST_IN_ONE:
        return [OTHER]
    texts = sorted({part.strip(b" \0") for part in value.split(b"\\")} - {b""})
    vocabulary = _VOCABULARIES.get(keyword)
    if vocabulary is None:
        return [OTHER if b"^" in text else SafeText(text) for text in texts]
    return sorted(
        {SafeText(name) if (name := text.decode("ascii", "replace")) in vocabulary else OTHER for text in texts}
    )


def _add(counts: dict[SafeText, int], value: SafeText) -> None:
    if value not in counts and len(counts) >= MAX_VALUES:
        value = OTHER
    counts[value] = counts.get(value, 0) + 1


def tag_of(keyword: str) -> int:
    """The tag of an attribute, ``0xGGGGEEEE``."""
    return ATTRIBUTES[keyword].tag
