from __future__ import annotations

import pytest
from pydicom.datadict import dictionary_VR, tag_for_keyword

from dicom_exporter.attributes import ATTRIBUTES
from dicom_exporter.config.values.dicom import COUNT_KEYWORDS, MATCH_KEYWORDS


@pytest.mark.parametrize("keyword", ATTRIBUTES)
def test_attribute_is_that_of_the_standard(keyword: str) -> None:
    assert ATTRIBUTES[keyword] == (tag_for_keyword(keyword), dictionary_VR(keyword))


def test_attributes_has_all_that_a_query_may_name() -> None:
    assert {*MATCH_KEYWORDS, *COUNT_KEYWORDS} <= ATTRIBUTES.keys()
