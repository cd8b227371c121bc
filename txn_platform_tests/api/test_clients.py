"""What a client's address is taken for."""

import pytest
from starlette.requests import HTTPConnection

from api.clients import address_of, network_of


def address(host: str | None) -> str:
    client = None if host is None else (host, 1)
    return address_of(HTTPConnection({"type": "http", "headers": [], "client": client}))


@pytest.mark.parametrize(
    ("host", "known_as"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:DB8:0:0:0:0:0:1", "2001:db8::1"),
        ("fe80::1%eth0", "fe80::1"),
        ("fe80::1%" + "x" * 6000, "fe80::1"),
    ],
)
def test_an_address_has_one_spelling(host: str, known_as: str) -> None:
    assert address(host) == known_as


@pytest.mark.parametrize("host", [None, "", "a name", "192.0.2.7:80", "1" * 6000, "192.0.2.7\0"])
def test_what_is_no_address_is_unknown_of_whatever_length(host: str | None) -> None:
    assert address(host) == "unknown"


@pytest.mark.parametrize(
    ("known_as", "network"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:aaaa::1", "2001:db8:1:2::/64"),
        ("unknown", "unknown"),
    ],
)
def test_an_ipv6_client_counts_as_its_network(known_as: str, network: str) -> None:
    assert network_of(known_as) == network
