import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from txn_platform.ingest.duplicates import SeenIds
from txn_platform.ingest.hashing import hash_identifier, hashed


@given(st.lists(st.lists(st.integers(0, 20) | st.integers(0, 10**6)), max_size=6))
def test_only_the_first_sighting_of_an_identifier_counts(chunks: list[list[int]]) -> None:
    seen, known = SeenIds(), set[int]()
    for chunk in chunks:
        hashes = pl.Series([hash_identifier(str(i), None) for i in chunk], dtype=pl.String)
        expected = [not (i in known or known.add(i)) for i in chunk]
        assert seen.first_sightings(hashes).to_list() == expected


def test_the_empty_identifier_repeats_like_any_other() -> None:
    seen = SeenIds()
    assert seen.first_sightings(pl.Series(["", ""])).to_list() == [True, False]
    assert seen.first_sightings(pl.Series([""])).to_list() == [False]


def test_hashes_that_share_their_first_half_differ() -> None:
    seen = SeenIds()
    hashes = pl.Series(["0" * 31 + digit + "0" * 32 for digit in "123"])
    assert seen.first_sightings(hashes).to_list() == [True, True, True]
    assert seen.first_sightings(hashes).to_list() == [False, False, False]


def test_nothing_is_forgotten_as_the_table_grows() -> None:
    seen = SeenIds()
    numbers = pl.DataFrame({"id": range(200_000)}).cast(pl.String)
    hashes = numbers.select(hashed(pl.col("id"), None))["id"]
    for start in range(0, 200_000, 30_000):
        assert seen.first_sightings(hashes[start : start + 30_000]).all()
    assert not seen.first_sightings(hashes).any()
