"""Product names in clear or as tokens, and the way back from what a form sent."""

from collections.abc import Iterable
from dataclasses import dataclass

from api.auth.principal import Principal
from api.dashboard.figures import product_token

CLEAR_SCOPE = "products:read"


class AmbiguousProductError(Exception):
    """Several products share the token that was asked for."""


@dataclass(frozen=True, slots=True)
class ProductNames:
    """How products are called in front of one user.

    Attributes:
        clear: True shows names, False the first 8 hex characters of their SHA-256.
    """

    clear: bool

    def shown(self, product: str) -> str:
        """What stands for the product in pages, charts, forms and files."""
        return product if self.clear else product_token(product)

    def find(self, wanted: str, products: Iterable[str]) -> str | None:
        """The product that a form or address means.

        A token is understood from every user, so that addresses can be passed on; a name only
        from those who may see names, so that nobody can find out whether a product exists.

        Raises:
            AmbiguousProductError: when the token stands for several products.
        """
        candidates = list(products)
        if self.clear and wanted in candidates:
            return wanted
        found = [product for product in candidates if product_token(product) == wanted]
        if len(found) > 1:
            raise AmbiguousProductError
        return found[0] if found else None


def names_for(principal: Principal) -> ProductNames:
    """Names as this user may see them."""
    return ProductNames(clear=CLEAR_SCOPE in principal.scopes)
