"""Decoding of a compressed body, in bounded pieces."""

from __future__ import annotations

import gzip
import json
import zlib

import pytest

from dicom_exporter.http_client.body import PIECE, BodyEnded, decoder_for, inflated
from tests.testing.hostile.http import entry


@pytest.mark.parametrize("coding", ["gzip", "x-gzip", "GZIP ", "deflate"])
def test_inflated_compressed_body_comes_back_whole(coding: str) -> None:
    body = json.dumps([entry(number) for number in range(5000)]).encode()
    packed = zlib.compress(body) if coding == "deflate" else gzip.compress(body)
    decoder = decoder_for(coding)
    parts = [
        piece for begin in range(0, len(packed), 1000) for piece in inflated(decoder, packed[begin : begin + 1000])
    ]
    assert b"".join(parts) == body
    assert max(map(len, parts)) <= PIECE


def test_decoder_for_unknown_coding_is_refused() -> None:
    with pytest.raises(BodyEnded):
        decoder_for("br")
