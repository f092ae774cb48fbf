"""Decoding of a compressed body, in bounded pieces."""

from __future__ import annotations

import gzip
import json
import zlib
from itertools import pairwise

import pytest

from dicom_exporter.http_client.body import PIECE, BodyEnded, decoder_for, inflated
from tests.testing.hostile.http import entry


@pytest.mark.parametrize("coding", ["gzip", "x-gzip", "GZIP ", "deflate", "deflate without a header"])
def test_inflated_compressed_body_comes_back_whole(coding: str) -> None:
    body = json.dumps([entry(number) for number in range(5000)]).encode()
    raw = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    packed = {
        "deflate": zlib.compress(body),
        "deflate without a header": raw.compress(body) + raw.flush(),
    }.get(coding, gzip.compress(body))
    decoder = decoder_for(coding.removesuffix(" without a header"))
    begins = [0, 1, *range(2, len(packed), 1000), len(packed)]
    parts = [piece for begin, end in pairwise(begins) for piece in inflated(decoder, packed[begin:end])]
    assert b"".join(parts) == body
    assert max(map(len, parts)) <= PIECE


def test_decoder_for_unknown_coding_is_refused() -> None:
    with pytest.raises(BodyEnded):
        decoder_for("br")
