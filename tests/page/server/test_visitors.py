"""Who counts as one visitor."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

import pytest
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from cnn_space.page.common import start
from cnn_space.page.server.visitors import address


@pytest.mark.parametrize(
    ("host", "visitor"),
    [
        ("198.51.100.7", "198.51.100.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
        ("2001:db8:1:2::ffff", "2001:db8:1:2::"),
        ("::ffff:198.51.100.7", "198.51.100.7"),
        ("no address", "no address"),
    ],
)
def test_a_visitor_is_an_address_and_of_ipv6_a_network(host, visitor):
    assert address({"client": (host, 5)}) == visitor
    assert address({"client": None}) == ""


def on_a_space(source: str, forwarded: str) -> str:
    """The visitor behind a request that reached a Space from ``source``."""
    seen = []

    async def page(scope, receive, send):
        seen.append(address(scope))

    headers = [(b"x-forwarded-for", forwarded.encode())]
    scope = {"type": "http", "client": (source, 5), "headers": headers}
    asked = ProxyHeadersMiddleware(page, start.PRIVATE_NETWORKS)(scope, None, None)
    with ThreadPoolExecutor(1) as pool:  # the browser tests may have a loop in this thread
        pool.submit(asyncio.run, asked).result()
    return seen[0]


def test_on_a_space_the_proxies_say_who_asks_and_nobody_else_does(monkeypatch):
    assert on_a_space("10.16.3.80", "192.0.2.1, 198.51.100.7") == "198.51.100.7"
    assert on_a_space("10.16.3.80", "192.0.2.1, 198.51.100.7, 10.1.2.3") == "198.51.100.7"
    assert on_a_space("203.0.113.1", "192.0.2.1") == "203.0.113.1"
    for name in ("FORWARDED_ALLOW_IPS", "SPACE_ID"):
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    start.trust_proxies_of_a_space()
    assert "FORWARDED_ALLOW_IPS" not in start.os.environ
    monkeypatch.setenv("SPACE_ID", "someone/cnn")
    start.trust_proxies_of_a_space()
    assert start.os.environ["FORWARDED_ALLOW_IPS"] == start.PRIVATE_NETWORKS
