"""Who asks: as far as a server can tell, an address.

Behind a proxy it is the one that this proxy wrote into X-Forwarded-For, the last there; what stands
before it anybody can make up. uvicorn reads it, of the proxies that ``FORWARDED_ALLOW_IPS`` names
(``common.start`` names those of a Space): from elsewhere the header counts for nothing.
"""

import ipaddress

import gradio as gr
from starlette.requests import Request
from starlette.types import Scope

NETWORK = 64  # bits of an IPv6 address that say whose it is; the others its owner chooses


def address(scope: Scope) -> str:
    """The address of a visitor, by which limits are counted."""
    return owner(scope["client"][0] if scope.get("client") else "")


def address_of(request: Request | gr.Request) -> str:
    """The same for a request."""
    return owner(request.client.host if request.client else "")


def owner(host: str) -> str:
    """``host``; of an IPv6 address its network, for whoever has one has 2⁶⁴ of them."""
    try:
        ip = ipaddress.IPv6Address(host)
    except ValueError:  # IPv4, or no address at all
        return host
    if ip.ipv4_mapped:
        return str(ip.ipv4_mapped)
    return str(ipaddress.ip_network((ip, NETWORK), strict=False).network_address)
