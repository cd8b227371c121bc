from decimal import Decimal

from api.dashboard.tiles import Change, Figures, tiles

NOW = Figures(Decimal("150.00"), Decimal("20.00"), 30, 7)
BEFORE = Figures(Decimal("100.00"), Decimal("25.00"), 30, 8)


def test_each_figure_is_told_against_the_month_before_in_words_and_with_a_sign() -> None:
    amount, transactions, pieces, price = tiles(NOW, BEFORE, "Sep 2023")
    assert amount.value == "150.00"
    assert amount.change == Change("up", "+50.00", "+50.0\u202f%", "more than Sep 2023")
    assert (transactions.value, transactions.unit) == ("7", "transactions")
    assert transactions.change == Change(
        "down", "\u22121", "\u221212.5\u202f%", "fewer than Sep 2023"
    )
    assert (pieces.value, pieces.unit) == ("30", "pieces")
    assert pieces.change == Change("same", "±0", None, "the same as Sep 2023")
    assert price.change == Change("down", "\u22125.00", "\u221220.0\u202f%", "lower than Sep 2023")


def test_without_a_month_before_nothing_is_compared() -> None:
    assert [tile.change for tile in tiles(NOW, None, "Sep 2023")] == [None] * 4


def test_a_difference_is_that_of_the_figures_as_shown() -> None:
    # 0.015 shows as 0.02 and 0.014 as 0.01: a reader who subtracts gets 0.01.
    now, before = (Figures(Decimal(a), Decimal(1), 1, 1) for a in ("0.015", "0.014"))
    change = tiles(now, before, "Sep 2023")[0].change
    assert change
    assert change.difference == "+0.01"
