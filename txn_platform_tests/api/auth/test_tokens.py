"""Which tokens are accepted: those that were made here for this purpose, and no others."""

import base64
import hmac
import json
import time
from collections.abc import Generator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from jose.utils import base64url_encode

from api.auth.keys import SigningKey
from api.auth.tokens import Audience, Claims, Tokens
from txn_platform_tests.api.auth.support import (
    PREVIOUS_SECRET,
    SECRET,
    Api,
    forged,
    local_settings,
    running_api,
)

KID = SigningKey.of(SECRET).key_id
NOW = int(time.time())


@pytest.fixture(scope="module")
def reader(shared_url: str, tmp_path_factory: pytest.TempPathFactory) -> Generator[Api]:
    """Reads tokens only, so that one database serves all of these tests."""
    settings = local_settings(tmp_path_factory.mktemp("home"))
    with running_api(settings, shared_url) as found:
        yield found


def test_a_token_with_everything_right_is_accepted(reader: Api) -> None:
    answer = reader.read(forged())
    assert answer.json() == {"username": "ana", "scopes": ["sales:read"]}


def unsigned(algorithm: str) -> str:
    """The same claims with another algorithm named, and no signature."""
    header = {"alg": algorithm, "typ": "JWT", "kid": KID}
    return f"{segment(header)}.{forged().split('.')[1]}."


def segment(content: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(content).encode()).decode().rstrip("=")


def with_payload(**changes: object) -> str:
    """Another payload behind the signature of the first."""
    header, payload, signature = forged().split(".")
    claims = json.loads(base64.urlsafe_b64decode(payload + "=="))
    return f"{header}.{segment(claims | changes)}.{signature}"


def with_signature(position: int) -> str:
    """One character of the signature replaced by its neighbour in the alphabet."""
    header, payload, signature = forged().split(".")
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    letters = list(signature)
    letters[position] = alphabet[alphabet.index(letters[position]) ^ 1]
    return f"{header}.{payload}.{''.join(letters)}"


REFUSED = {
    "unsigned (alg=none)": unsigned("none"),
    "unsigned (alg=None)": unsigned("None"),
    "unsigned, though HS256 is named": unsigned("HS256"),
    "signed with another algorithm": forged(algorithm="HS512"),
    "signed with another secret": forged(secret=PREVIOUS_SECRET),
    "naming no key": forged(headers={}),
    "naming an unknown key": forged(headers={"kid": "0123456789abcdef"}),
    "naming a key that is no text": forged(headers={"kid": None}),
    "with a key of its own in the header": forged(headers={"kid": KID, "jwk": {"kty": "oct"}}),
    "with a critical extension": forged(headers={"kid": KID, "crit": ["exp"]}),
    "expired": forged(exp=NOW - 60),
    "not valid yet": forged(nbf=NOW + 600),
    "for another audience": forged(aud="txn_platform.browser"),
    "for several audiences": forged(aud=["somebody", "else"]),
    "of another issuer": forged(iss="somebody"),
    "with a tampered payload": with_payload(scope="sales:read admin"),
    "with another user": with_payload(sub="admin"),
    "with a tampered signature": with_signature(0),
    "with a signature spelled differently": with_signature(-1),
    "with something behind the signature": forged() + "!",
    "with a dot behind the signature": forged() + ".",
    "without a signature": forged().rpartition(".")[0],
    "with an expiry that is text": forged(exp="tomorrow"),
    "with an infinite expiry": forged(exp=float("inf")),
    "with an expiry that is no number": forged(exp=float("nan")),
    "with a beginning at minus infinity": forged(nbf=float("-inf")),
    "issued at infinity": forged(iat=float("inf")),
    "with a fractional expiry": forged(exp=NOW + 60.5),
    "without any expiry to compare": forged(exp=True),
    "with a scope that is no text": forged(scope=["sales:read"]),
    "with an empty session": forged(sid=""),
    "with an empty user": forged(sub=""),
    "too long": forged(padding="x" * 2000),
    "nonsense": "nonsense",
    "empty": "",
    "not ASCII": "ä.ö.ü",
    "deeply nested": base64.urlsafe_b64encode(b"[" * 1000).decode() + ".e30.x",
} | {f"without {claim}": forged(without=claim) for claim in (
    "iss", "aud", "sub", "iat", "nbf", "exp", "jti", "sid", "scope",
)}  # fmt: skip


@pytest.mark.parametrize("token", REFUSED.values(), ids=REFUSED.keys())
def test_a_token_with_anything_wrong_is_refused_in_the_same_words(reader: Api, token: str) -> None:
    headers = {b"Authorization": f"Bearer {token}".encode()}
    answer = reader.client.get("/sales", headers=headers)
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == (
        'Bearer realm="txn_platform", error="invalid_token"'
    )
    assert answer.json()["detail"] == "The token is invalid, expired or revoked; sign in again."


def test_a_public_key_as_secret_does_not_sign_tokens(reader: Api) -> None:
    """Key confusion: RS256 verified as if it were HS256 or the other way round."""
    private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    public_pem = private.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    private_pem = private.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ).decode()
    with_rsa = forged(secret=private_pem, algorithm="RS256")
    # python-jose itself refuses to sign so: do it by hand.
    head = segment({"alg": "HS256", "typ": "JWT", "kid": KID})
    body = forged().split(".")[1]
    signature = hmac.digest(public_pem, f"{head}.{body}".encode(), "sha256")
    with_public_key = f"{head}.{body}.{base64url_encode(signature).decode()}"
    for token in (with_rsa, with_public_key):
        assert reader.read(token).status_code == 401


def test_a_token_that_was_accepted_before_is_refused_once_it_has_expired(
    reader: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = forged(exp=NOW + 3600)
    assert reader.read(token).status_code == 200
    monkeypatch.setattr("api.auth.verifier.time.time", lambda: NOW + 3600 + 6)
    assert reader.read(token).status_code == 401


def test_the_signature_of_a_token_is_computed_once(
    reader: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    token, read = forged(jti="counted"), Tokens.read
    tokens: list[str] = []

    def counted(self: Tokens, token: str, audience: Audience) -> Claims:
        tokens.append(token)
        return read(self, token, audience)

    monkeypatch.setattr(Tokens, "read", counted)
    assert [reader.read(token).status_code for _ in range(3)] == [200] * 3
    assert tokens == [token]
    # What is refused is never remembered.
    assert [reader.read("nonsense").status_code for _ in range(2)] == [401] * 2
    assert tokens == [token, "nonsense", "nonsense"]


def test_clocks_may_differ_by_a_few_seconds(reader: Api) -> None:
    assert reader.read(forged(nbf=int(time.time()) + 3)).status_code == 200
    assert reader.read(forged(exp=int(time.time()) - 3)).status_code == 200


@pytest.mark.parametrize("header", [None, "Basic YW5hOmFuYQ==", "Token abc", "Bearer", ""])
def test_no_token_is_told_apart_from_a_wrong_one(reader: Api, header: str | None) -> None:
    headers = {} if header is None else {"Authorization": header}
    answer = reader.client.get("/sales", headers=headers)
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith('Bearer realm="txn_platform"')
    assert header == "Bearer" or "error" not in answer.headers["WWW-Authenticate"]


def test_the_scheme_may_be_written_in_small_letters(reader: Api) -> None:
    answer = reader.client.get("/sales", headers={"Authorization": f"bearer {forged()}"})
    assert answer.status_code == 200


def test_a_missing_scope_is_403_and_named(reader: Api) -> None:
    answer = reader.read(forged(), "/uploads")
    assert answer.status_code == 403
    assert 'scope="ingest:write"' in answer.headers["WWW-Authenticate"]


def test_the_token_is_no_cookie_and_the_cookie_no_token(reader: Api) -> None:
    reader.client.cookies.set("__Host-txn_session", forged(), domain="testserver")
    try:
        assert reader.client.get("/").json() is None
    finally:
        reader.client.cookies.clear()


def test_tokens_of_the_previous_key_are_still_read_while_new_ones_name_the_current(
    shared_url: str, tmp_path: Path
) -> None:
    rotated = local_settings(tmp_path, JWT_SECRET=PREVIOUS_SECRET, JWT_SECRET_PREVIOUS=SECRET)
    old = forged()
    with running_api(rotated, shared_url) as api:
        assert api.read(old).status_code == 200
        current = SigningKey.of(PREVIOUS_SECRET).key_id
        new = forged(secret=PREVIOUS_SECRET, headers={"kid": current})
        assert api.read(new).status_code == 200
        # Each secret only signs under its own name.
        assert api.read(forged(headers={"kid": current})).status_code == 401
    dropped = local_settings(tmp_path, JWT_SECRET=PREVIOUS_SECRET)
    with running_api(dropped, shared_url) as api:
        assert api.read(old).status_code == 401


def test_openapi_names_the_scheme_and_the_scope_of_each_route(reader: Api) -> None:
    document = reader.client.get("/openapi.json").json()
    assert document["paths"]["/sales"]["get"]["security"] == [{"OAuth2": ["sales:read"]}]
    assert document["paths"]["/uploads"]["get"]["security"] == [{"OAuth2": ["ingest:write"]}]
    flow = document["components"]["securitySchemes"]["OAuth2"]["flows"]["password"]
    assert flow["tokenUrl"] == "/token"
    assert set(flow["scopes"]) == {"sales:read", "ingest:write", "products:read", "admin"}
