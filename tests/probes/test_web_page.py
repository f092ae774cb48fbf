from __future__ import annotations

import pytest
from yarl import URL

from dicom_exporter.probes.web_page import orthanc_root


@pytest.mark.parametrize(
    ("page", "root"),
    [
        ("http://pacs.example:8042", "http://pacs.example:8042/"),
        ("http://pacs.example:8042/app/explorer.html", "http://pacs.example:8042/"),
        ("http://pacs.example/orthanc/ui/app/?x=1", "http://pacs.example/orthanc"),
        ("http://pacs.example/orthanc/ohif/viewer", "http://pacs.example/orthanc"),
        ("http://pacs.example/orthanc/studies", "http://pacs.example/orthanc"),
        ("http://pacs.example/orthanc/", "http://pacs.example/orthanc"),
    ],
)
def test_the_rest_root_of_an_orthanc_page(page: str, root: str) -> None:
    assert str(orthanc_root(URL(page))) == root
