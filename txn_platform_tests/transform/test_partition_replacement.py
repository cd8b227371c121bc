"""A window is replaced as a whole, or not at all."""

from txn_platform_tests.transform.marts import Mart, Row, days, identifier

THREE_DAYS = (Row("A", day=0), Row("B", day=1), Row("C", day=2), Row("D", day=2))


def test_building_a_window_twice_changes_nothing(mart: Mart) -> None:
    mart.land(*THREE_DAYS)
    mart.must_build(days(0, 3))
    once = mart.rows()
    mart.must_build(days(0, 3))
    assert mart.rows() == once
    assert len(once) == 4


def test_days_in_any_order_give_the_same_table_as_one_range(mart: Mart) -> None:
    mart.land(*THREE_DAYS)
    mart.must_build(days(0, 3))
    as_one_range = mart.rows()
    mart.query("delete from {mart}")
    for number in (2, 0, 1):
        mart.must_build(days(number, number + 1))
    assert mart.rows() == as_one_range


def test_a_day_that_has_become_empty_is_emptied(mart: Mart) -> None:
    mart.land(*THREE_DAYS)
    mart.must_build()
    mart.land(Row("A", day=0))
    mart.must_build(days(1, 3))
    assert mart.amounts().keys() == {identifier("A")}


def test_a_row_that_left_its_day_is_removed_with_the_others_kept(mart: Mart) -> None:
    mart.land(*THREE_DAYS)
    mart.must_build()
    mart.land(Row("C", day=2, price="10.00"))
    mart.must_build(days(2, 3))
    assert mart.amounts().keys() == {identifier(name) for name in "ABC"}


def test_days_outside_the_window_keep_what_they_had(mart: Mart) -> None:
    mart.land(*THREE_DAYS)
    mart.must_build()
    mart.land(*(Row(name, day=number, price="99.00") for number, name in enumerate("ABC")))
    mart.must_build(days(1, 2))
    prices = {row[0]: str(row[2].normalize()) for row in mart.rows()}
    assert prices == {
        identifier("A"): "19.99",
        identifier("B"): "99",
        identifier("C"): "19.99",
        identifier("D"): "19.99",
    }


def test_without_a_window_everything_is_replaced(mart: Mart) -> None:
    mart.land(*THREE_DAYS)
    mart.must_build()
    mart.land(Row("E", day=700))
    mart.must_build()
    assert mart.amounts().keys() == {identifier("E")}


def test_the_first_build_holds_the_window_only(mart: Mart) -> None:
    mart.land(*THREE_DAYS)
    mart.must_build(days(1, 2))
    assert mart.amounts().keys() == {identifier("B")}


def test_a_transaction_may_occur_on_two_dates(mart: Mart) -> None:
    mart.land(Row("A", day=0), Row("A", day=1))
    mart.must_build()
    assert len(mart.rows()) == 2


def test_an_empty_raw_table_gives_an_empty_mart(mart: Mart) -> None:
    mart.must_build()
    assert mart.rows() == []


def test_a_row_that_the_table_refuses_leaves_the_mart_as_it_was(mart: Mart) -> None:
    mart.land(*THREE_DAYS)
    mart.must_build()
    before = mart.rows()
    mart.query("alter table {raw} alter column transaction_id drop not null")
    mart.query("update {raw} set transaction_id = null where date = '2023-10-03'")
    outcome = mart.build(days(0, 3))
    assert not outcome.success
    assert mart.rows() == before


def test_a_duplicate_leaves_pg_sales_as_it_was(database: Mart) -> None:
    database.land(*THREE_DAYS)
    database.must_build()
    before = database.rows()
    database.land(*THREE_DAYS, Row("B", day=1, price="20.00"))
    outcome = database.build(days(0, 3))
    assert [failure.node for failure in outcome.failures] == ["pg_sales"]
    assert database.rows() == before


def test_a_duplicate_fails_the_test_of_fact_sales(warehouse: Mart) -> None:
    warehouse.land(*THREE_DAYS, Row("B", day=1, price="20.00"))
    outcome = warehouse.build(days(0, 3))
    assert [failure.node for failure in outcome.failures] == ["unique_transaction_per_date"]


def test_a_duplicate_outside_the_window_is_another_run_s_business(warehouse: Mart) -> None:
    warehouse.land(*THREE_DAYS, Row("B", day=1, price="20.00"))
    assert not warehouse.build(days(1, 2)).success
    warehouse.must_build(days(2, 3))
