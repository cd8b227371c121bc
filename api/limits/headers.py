"""Headers that keep browsers from doing more with an answer than was meant."""

from starlette.types import ASGIApp, Message, Receive, Scope, Send

PAGE_POLICY = (
    b"default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    b"connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'; "
    b"object-src 'none'"
)
DATA_POLICY = b"default-src 'none'; frame-ancestors 'none'"

_EVERYWHERE = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), geolocation=(), microphone=(), payment=(), usb=()"),
)
_ENCRYPTED_ONLY = (b"strict-transport-security", b"max-age=31536000")
_POLICY = b"content-security-policy"


class SecurityHeaders:
    """Adds the headers to every answer; one that brings a policy of its own keeps that.

    Args:
        app: What answers.
        encrypted: Tell browsers to come by HTTPS only, from now on.
    """

    def __init__(self, app: ASGIApp, *, encrypted: bool) -> None:
        self._app = app
        common = (*_EVERYWHERE, _ENCRYPTED_ONLY) if encrypted else _EVERYWHERE
        self._of_pages = (*common, (_POLICY, PAGE_POLICY))
        self._of_data = (*common, (_POLICY, DATA_POLICY))
        self._of_others = common

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, and the answer back with more headers."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def protected(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = message.setdefault("headers", [])
                message["headers"] = [*headers, *self._added(headers)]
            await send(message)

        await self._app(scope, receive, protected)

    def _added(self, headers: list[tuple[bytes, bytes]]) -> tuple[tuple[bytes, bytes], ...]:
        added = self._of_data
        for name, value in headers:
            if name == b"content-type" and value.startswith(b"text/html"):
                added = self._of_pages
            elif name == _POLICY:
                return self._of_others
        return added
