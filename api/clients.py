"""Where requests come from: addresses, and the networks that are counted in their place."""

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from starlette.requests import HTTPConnection

UNKNOWN = "unknown"
IPV6_PREFIX = 64
"""A household has at least so large a network, with 2^64 addresses to ask from."""


def address_of(request: HTTPConnection) -> str:
    """The client's address in its usual spelling, or `unknown` where it is no IP address.

    Behind a proxy it is what a header says, so it may be any text of any length.
    """
    if request.client is None:
        return UNKNOWN
    try:
        address = ip_address(request.client.host)
    except ValueError:
        return UNKNOWN
    if isinstance(address, IPv4Address):
        return str(address)
    # Made anew without the zone (`%eth0`), which may be any text, too.
    return str(address.ipv4_mapped or IPv6Address(int(address)))


def network_of(address: str) -> str:
    """Who is counted as one client: an IPv4 address, the /64 of an IPv6 address, or `unknown`.

    Args:
        address: As `address_of` gives it.
    """
    if ":" not in address:
        return address
    return str(ip_network((address, IPV6_PREFIX), strict=False))
