"""The directory of users, as the command line and the first start use it."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import psycopg
import pytest
from argon2 import PasswordHasher

from txn_platform.errors import ConfigurationError, StoreError, TransientStoreError
from txn_platform.services import EmbeddedPostgres, PostgresAddress
from txn_platform.stores.roles import API_ROLE, provision
from txn_platform.users import SCOPES, UserDirectory
from txn_platform_tests.stores.postgres_server import fresh_database

PASSWORD = "correct horse battery staple"


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresAddress]:
    home = tmp_path_factory.mktemp("postgres") / "state"
    with EmbeddedPostgres(home, ["postgres"]).lease() as found:
        yield found


@pytest.fixture
def url(address: PostgresAddress) -> Iterator[str]:
    with fresh_database(address) as admin_url:
        provision(admin_url, "p")
        role = replace(address, user=API_ROLE, password="p")
        yield role.url(admin_url.rpartition("/")[2])


@pytest.fixture
def directory(url: str) -> UserDirectory:
    return UserDirectory(url)


def test_a_user_has_scopes_and_a_hash(directory: UserDirectory, url: str) -> None:
    directory.add("ana", PASSWORD, ["sales:read", "admin", "sales:read"])
    [user] = directory.list()
    assert (user.username, user.scopes, user.disabled) == ("ana", ["admin", "sales:read"], False)
    with psycopg.connect(url) as connection:
        [(stored,)] = connection.execute("SELECT password_hash FROM users").fetchall()
    assert stored.startswith("$argon2id$")
    assert PasswordHasher().verify(stored, PASSWORD)


@pytest.mark.parametrize(
    ("username", "password", "scopes", "words"),
    [
        ("", PASSWORD, ["admin"], "user name"),
        ("no one", PASSWORD, ["admin"], "user name"),
        ("ana\n", PASSWORD, ["admin"], "user name"),
        ("a" * 65, PASSWORD, ["admin"], "user name"),
        ("änne", PASSWORD, ["admin"], "user name"),
        ("ana", "x" * 11, ["admin"], "got 11 characters"),
        ("ana", "x" * 1025, ["admin"], "got 1025 characters"),
        ("ana", PASSWORD, [], "got none"),
        ("ana", PASSWORD, ["sales:write"], "got sales:write"),
    ],
)
def test_what_can_not_be_a_user_is_refused(
    directory: UserDirectory, username: str, password: str, scopes: list[str], words: str
) -> None:
    with pytest.raises(ConfigurationError, match=words):
        directory.add(username, password, scopes)
    assert directory.list() == []


def test_a_name_is_taken_once(directory: UserDirectory) -> None:
    directory.add("ana", PASSWORD, ["admin"])
    with pytest.raises(ConfigurationError, match="exists already"):
        directory.add("ana", PASSWORD, ["sales:read"])


def test_the_first_start_makes_an_admin_and_shows_a_made_up_password_once(
    directory: UserDirectory,
) -> None:
    made_up = directory.ensure_admin(None)
    assert made_up
    assert len(made_up) >= 24
    assert directory.ensure_admin(None) is None
    assert directory.ensure_admin("something else entirely") is None
    [admin] = directory.list()
    assert set(admin.scopes) == set(SCOPES)


def test_a_chosen_password_of_the_admin_is_not_shown(directory: UserDirectory) -> None:
    assert directory.ensure_admin(PASSWORD) is None
    assert [user.username for user in directory.list()] == ["admin"]


def test_of_several_first_starts_one_makes_the_admin(directory: UserDirectory) -> None:
    with ThreadPoolExecutor(4) as pool:
        shown = list(pool.map(lambda _: directory.ensure_admin(None), range(4)))
    assert len([password for password in shown if password]) == 1


def test_disabling_ends_the_sessions_of_that_user_alone(directory: UserDirectory, url: str) -> None:
    for name in ("ana", "bo"):
        directory.add(name, PASSWORD, ["sales:read"])
    with psycopg.connect(url) as connection:
        connection.execute(
            "INSERT INTO sessions (session_id, username, scopes, expires_at) VALUES "
            "('a', 'ana', '{}', now() + interval '1 day'), "
            "('b', 'bo', '{}', now() + interval '1 day')"
        )
    directory.disable("ana")
    with psycopg.connect(url) as connection:
        left = connection.execute("SELECT session_id FROM sessions WHERE revoked_at IS NULL")
        assert left.fetchall() == [("b",)]
        log = connection.execute("SELECT event_name, username, client FROM audit_log ORDER BY id")
        assert log.fetchall() == [
            ("user_added", "ana", "command line"),
            ("user_added", "bo", "command line"),
            ("user_disabled", "ana", "command line"),
        ]


def test_a_user_who_does_not_exist_can_not_be_disabled(directory: UserDirectory) -> None:
    with pytest.raises(ConfigurationError, match="does not exist"):
        directory.disable("eve")


def test_the_tables_can_be_ensured_as_often_as_one_likes(
    directory: UserDirectory, url: str
) -> None:
    with psycopg.connect(url) as connection:
        connection.execute("DROP TABLE rate_counters")
    directory.ensure_tables()
    directory.ensure_tables()
    with psycopg.connect(url) as connection:
        connection.execute("SELECT key, expires_at, hits FROM rate_counters")


def test_a_schema_that_was_never_prepared_is_an_error_with_a_remedy(
    address: PostgresAddress,
) -> None:
    with fresh_database(address) as unprepared, pytest.raises(StoreError) as refused:
        UserDirectory(unprepared).ensure_tables()
    assert not refused.value.transient
    assert "users prepare" in refused.value.remedy


def test_a_server_that_is_away_may_be_back_later() -> None:
    with pytest.raises(TransientStoreError):
        UserDirectory("postgresql://ana:x@127.0.0.1:1/none").list()
