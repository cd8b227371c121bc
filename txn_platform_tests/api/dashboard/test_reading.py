from datetime import date
from decimal import Decimal

import pytest

from api.dashboard.figures import product_token
from api.dashboard.names import ProductNames
from api.dashboard.reading import SEARCHED_MONTHS, read_month
from api.dashboard.sales import LISTED_PRODUCTS, TOP_PRODUCTS, sales_view
from api.dashboard.selection import Selection
from api.problems import ProblemError
from txn_platform.errors import TransientStoreError
from txn_platform_tests.api.dashboard.stand_ins import NOVEMBER, OCTOBER, Marts, Sale, stage

CLEAR, MASKED = ProductNames(clear=True), ProductNames(clear=False)


def sale(product: str, day: date, amount: str = "10.00") -> Sale:
    return Sale(product, day, Decimal(amount), 1)


SALES = [
    sale("Halal A", date(2023, 10, 2)),
    sale("Halal A", date(2023, 10, 3), "30.00"),
    sale("Halal B", date(2023, 11, 1), "25.00"),
]


def test_without_a_choice_the_latest_month_is_read() -> None:
    month = read_month(stage(SALES).marts, Selection(), CLEAR)
    assert (month.month, list(month.every_month)) == (NOVEMBER, [OCTOBER, NOVEMBER])
    assert list(month.days) == [date(2023, 11, 1)]


def test_figures_are_those_of_the_chosen_product() -> None:
    month = read_month(stage(SALES).marts, Selection(OCTOBER, "Halal A"), CLEAR)
    assert list(month.months) == [OCTOBER]
    assert [day.total_amount for day in month.days.values()] == [Decimal(10), Decimal(30)]


def test_a_product_that_the_month_lacks_is_found_in_another() -> None:
    chosen = Selection(OCTOBER, product_token("Halal B"))
    assert read_month(stage(SALES).marts, chosen, MASKED).product == "Halal B"


def test_a_token_of_two_products_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("api.dashboard.names.product_token", lambda _: "0badcafe")
    marts = stage([sale("Halal A", OCTOBER), sale("Halal B", OCTOBER)]).marts
    with pytest.raises(ProblemError) as failure:
        read_month(marts, Selection(product="0badcafe"), MASKED)
    assert "several products" in failure.value.detail


def test_the_search_for_a_product_ends_after_a_year() -> None:
    years = [sale("Halal A", date(2020 + m // 12, m % 12 + 1, 1)) for m in range(40)]
    marts = stage([*years, sale("Halal Old", date(2019, 1, 1))]).marts
    with pytest.raises(ProblemError) as failure:
        read_month(marts, Selection(product="Halal Old"), CLEAR)
    assert [fault.name for fault in failure.value.parameters] == ["product"]
    assert marts.reads <= SEARCHED_MONTHS + 2


def test_a_page_never_mixes_two_materializations() -> None:
    marts = stage(SALES).marts
    marts.swap_after = 2
    assert read_month(marts, Selection(), CLEAR).materialization.materialization_id == "second"
    assert marts.reads == 6  # three that had to be thrown away, and three again


def test_marts_that_never_stand_still_count_as_away() -> None:
    class Restless(Marts):
        def _read(self) -> None:
            self.swap_after = self.reads
            super()._read()
            self.materialization = type(self.materialization)(
                str(self.reads), self.materialization.materialized_at
            )

    calm = stage(SALES).marts
    with pytest.raises(TransientStoreError):
        read_month(Restless(SALES, calm.materialization), Selection(), CLEAR)


def test_the_page_lists_the_best_sellers_and_the_form_a_few_more() -> None:
    many = [sale(f"Halal {n:04}", date(2023, 10, 1), f"{1000 - n}.00") for n in range(300)]
    month = read_month(stage(many).marts, Selection(product="Halal 0299"), CLEAR)
    view = sales_view(month, CLEAR)
    assert view
    assert [product.name for product in view.products] == ["Halal 0299"]
    assert len(view.product_choices) == LISTED_PRODUCTS + 1
    assert "Halal 0299" in view.product_choices
    everything = sales_view(read_month(stage(many).marts, Selection(), CLEAR), CLEAR)
    assert everything
    assert len(everything.products) == TOP_PRODUCTS
    assert everything.product_count == 300


def test_a_mart_without_rows_has_nothing_to_show() -> None:
    for chosen in (Selection(), Selection(OCTOBER, "Halal A")):
        assert sales_view(read_month(stage([]).marts, chosen, CLEAR), CLEAR) is None


def test_the_neighbours_of_a_month_without_sales_are_the_nearest_with_some() -> None:
    months = [sale("Halal A", date(2023, 8, 1)), sale("Halal A", date(2023, 12, 1))]
    view = sales_view(read_month(stage(months).marts, Selection(OCTOBER), CLEAR), CLEAR)
    assert view
    assert (view.earlier, view.later) == (date(2023, 8, 1), date(2023, 12, 1))
    assert view.tiles is None
