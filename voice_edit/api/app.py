"""The paths of the endpoint, and who answers each."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeAlias

from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse
from starlette.routing import Route, Router

from voice_edit.api import chat, edits, openapi, transcriptions
from voice_edit.api.desk import ClientGone
from voice_edit.api.endpoint import Endpoint
from voice_edit.api.failures import ApiError
from voice_edit.api.requests import check_model
from voice_edit.api.schemas import ModelCard, ModelList

Handler: TypeAlias = Callable[[Endpoint, Request], Awaitable[Any]]


class Resource:
    """One path: an ASGI application that knows a few methods."""

    def __init__(self, endpoint: Endpoint, handlers: Mapping[str, Handler]) -> None:
        self._endpoint = endpoint
        self._handlers = handlers

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        handler = self._handlers.get(scope["method"])
        if handler is None:
            allowed = ", ".join(self._handlers)
            message = f"This path takes {allowed}."
            raise ApiError(405, "method_not_allowed", message, headers={"Allow": allowed})
        request = Request(scope, receive)
        try:
            response = await handler(self._endpoint, request)
            await response(scope, receive, send)
        except (ClientGone, ClientDisconnect):
            return  # nobody is there to be told


def build(endpoint: Endpoint) -> Router:
    """The application behind the guard."""
    resources: dict[str, dict[str, Handler]] = {
        "/v1/models": {"GET": _models},
        "/v1/models/{model:path}": {"GET": _model},
        "/v1/audio/transcriptions": {"POST": transcriptions.transcribe},
        "/v1/chat/completions": {"POST": chat.complete},
        "/v1/edits": {"POST": edits.edit},
        "/openapi.json": {"GET": _openapi},
    }
    routes = [Route(path, Resource(endpoint, handlers)) for path, handlers in resources.items()]
    return Router(routes, redirect_slashes=False, default=_not_found)


def card(endpoint: Endpoint) -> ModelCard:
    """The model in use."""
    return ModelCard(id=endpoint.model(), created=endpoint.began_s)


async def _models(endpoint: Endpoint, request: Request) -> Any:
    return JSONResponse(ModelList(data=[card(endpoint)]).model_dump())


async def _model(endpoint: Endpoint, request: Request) -> Any:
    check_model(request.path_params["model"], endpoint.model())
    return JSONResponse(card(endpoint).model_dump())


async def _openapi(endpoint: Endpoint, request: Request) -> Any:
    url = str(request.base_url).rstrip("/")  # its host is one that the guard knows
    return JSONResponse(openapi.document(endpoint.model(), url))


async def _not_found(scope: Any, receive: Any, send: Any) -> None:
    raise ApiError(
        404, "not_found", "There is nothing at this path.", hint="GET /openapi.json lists the paths."
    )
