"""The page is sent in a fraction of its bytes to whoever can unpack them."""

import gzip
import urllib.request

import pytest
from raw_requests import call


def fetched(url: str, **headers: str) -> tuple[bytes, str | None]:
    request = urllib.request.Request(url, headers=headers)
    with urllib.request.urlopen(request, timeout=30) as answer:
        return answer.read(), answer.headers["content-encoding"]


@pytest.mark.parametrize("place", ["/", "/config", "/gradio_api/info"])
def test_what_has_no_ending_comes_compressed(place, served):
    plain, encoding = fetched(served[0] + place)
    assert encoding is None
    packed, encoding = fetched(served[0] + place, **{"accept-encoding": "gzip, br"})
    assert encoding == "gzip" and len(packed) < len(plain) / 4
    assert len(gzip.decompress(packed)) == pytest.approx(len(plain), rel=0.01)


def test_files_are_compressed_once_and_answers_come_as_they_are(served):
    packed, encoding = fetched(f"{served[0]}/theme.css", **{"accept-encoding": "gzip"})
    assert encoding == "gzip" and b"{" in gzip.decompress(packed)
    assert "event: error" in call(served, "classify", [None, "lenet5.cifar10", 3])
