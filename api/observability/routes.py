"""How a request is named in logs, metrics and traces: never by what the client wrote."""

from typing import Any, cast

from starlette.types import Scope

UNMATCHED = "unmatched"
OTHER_METHOD = "other"
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


def method_label(scope: Scope) -> str:
    """The method, or `other` for one that no route here has."""
    method: str = scope["method"]
    return method if method in METHODS else OTHER_METHOD


def route_label(scope: Scope, root_path: str) -> str:
    """The path template of the route that took the request, or `unmatched`.

    Args:
        scope: As the router left it.
        root_path: The scope's root path before routing; a mount makes it longer.
    """
    route = scope.get("route")
    if route is not None:
        # A router that was included under a prefix keeps its own paths; the whole path is in
        # the context of the inclusion.
        fastapi = cast("dict[str, Any]", scope.get("fastapi", {}))
        included = fastapi.get("effective_route_context")
        return str(route.path if included is None else included.path)
    if "endpoint" not in scope:
        return UNMATCHED
    mount: str = scope.get("root_path", "")
    if mount != root_path:
        return f"{mount.removeprefix(root_path)}/{{path}}"
    # A route of Starlette itself. Without parameters, its template is the path.
    return UNMATCHED if scope["path_params"] else str(scope["path"]).removeprefix(root_path)
