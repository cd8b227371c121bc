import pytest

from api.auth.principal import Principal
from api.dashboard.figures import product_token
from api.dashboard.names import AmbiguousProductError, ProductNames, names_for

PRODUCTS = ["Halal Laptop", "Halal Mouse"]
CLEAR, MASKED = ProductNames(clear=True), ProductNames(clear=False)


def test_only_the_scope_shows_names() -> None:
    assert names_for(Principal("a", frozenset({"sales:read", "products:read"}), "s")) == CLEAR
    assert names_for(Principal("a", frozenset({"sales:read", "admin"}), "s")) == MASKED


def test_a_name_is_shown_in_clear_or_as_its_token() -> None:
    assert CLEAR.shown("Halal Mouse") == "Halal Mouse"
    assert MASKED.shown("Halal Mouse") == product_token("Halal Mouse")


def test_a_token_finds_its_product_for_every_user() -> None:
    for names in (CLEAR, MASKED):
        assert names.find(product_token("Halal Mouse"), PRODUCTS) == "Halal Mouse"


def test_a_name_finds_nothing_for_those_who_may_not_see_names() -> None:
    assert CLEAR.find("Halal Mouse", PRODUCTS) == "Halal Mouse"
    assert MASKED.find("Halal Mouse", PRODUCTS) is None


def test_a_token_of_two_products_finds_neither(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("api.dashboard.names.product_token", lambda _: "0badcafe")
    with pytest.raises(AmbiguousProductError):
        MASKED.find("0badcafe", PRODUCTS)
