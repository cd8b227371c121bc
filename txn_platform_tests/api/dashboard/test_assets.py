import gzip
import hashlib
import re
from datetime import date
from decimal import Decimal
from importlib.resources import files

import pytest

from api.dashboard.assets import MEDIA_TYPES, static_address
from txn_platform_tests.api.dashboard.conftest import Browser
from txn_platform_tests.api.dashboard.markup import parse
from txn_platform_tests.api.dashboard.stand_ins import Sale, stage

BUDGET = 300_000
CSS = "dashboard.css"


def test_the_first_page_loads_less_than_its_budget(browser: Browser) -> None:
    sales = [
        Sale(f"Halal Product {n:03}", date(2023, 10, 1 + n % 28), Decimal(10 + n), 3)
        for n in range(300)
    ]
    client = browser(stage(sales), "ana")
    page = client.get("/")
    loaded = len(page.content)
    for element in parse(page.text).everything():
        address = element.attributes.get("src") or (
            element.attributes["href"] if element.name == "link" else None
        )
        if address:
            # As sent: the client itself would unpack it.
            with client.stream("GET", address) as response:
                assert response.status_code == 200
                loaded += sum(map(len, response.iter_raw()))
    assert 50_000 < loaded < BUDGET


@pytest.mark.parametrize("name", MEDIA_TYPES)
def test_every_file_is_served_compressed_and_plain(browser: Browser, name: str) -> None:
    client = browser(stage([]), None)
    address = static_address(name)
    content = files("api.dashboard").joinpath("static", name).read_bytes()
    plain = client.get(address, headers={"Accept-Encoding": "identity"})
    assert (plain.content, plain.headers["Content-Type"]) == (content, MEDIA_TYPES[name])
    with client.stream("GET", address, headers={"Accept-Encoding": "gzip"}) as packed:
        assert gzip.decompress(b"".join(packed.iter_raw())) == content
        assert packed.headers["Content-Encoding"] == "gzip"
        assert packed.headers["Vary"] == "Accept-Encoding"
    assert packed.headers["ETag"] != plain.headers["ETag"]


def test_a_file_may_be_kept_under_the_address_that_names_its_content(browser: Browser) -> None:
    client = browser(stage([]), None)
    assert "immutable" in client.get(static_address(CSS)).headers["Cache-Control"]
    for address in (f"/static/{CSS}", f"/static/{CSS}?v=0123456789abcdef"):
        response = client.get(address)
        assert (response.status_code, response.headers["Cache-Control"]) == (
            200,
            "public, no-cache",
        )


def test_an_unchanged_file_is_not_sent_again(browser: Browser) -> None:
    client = browser(stage([]), None)
    etag = client.get(f"/static/{CSS}").headers["ETag"]
    response = client.get(f"/static/{CSS}", headers={"If-None-Match": etag})
    assert (response.status_code, response.content) == (304, b"")
    assert client.get(f"/static/{CSS}", headers={"If-None-Match": '"x"'}).status_code == 200


@pytest.mark.parametrize(
    "path",
    ["nothing.css", "../routes.py", "%2e%2e/routes.py", "vendor/README.md", "", "/etc/passwd"],
)
def test_nothing_else_is_served(browser: Browser, path: str) -> None:
    assert browser(stage([]), None).get(f"/static/{path}").status_code == 404


def test_an_address_can_only_be_made_for_a_file_that_is_served() -> None:
    with pytest.raises(KeyError):
        static_address("nothing.css")


def test_vendored_files_are_those_that_the_list_names() -> None:
    vendor = files("api.dashboard").joinpath("static", "vendor")
    listed = re.findall(
        r"^\| (\S+) \|.*\| (\S+) \| ([0-9a-f]{64}) \|$",
        vendor.joinpath("README.md").read_text(encoding="utf-8"),
        re.MULTILINE,
    )
    assert len(listed) == 3
    for folder, name, digest in listed:
        assert hashlib.sha256(vendor.joinpath(folder, name).read_bytes()).hexdigest() == digest
