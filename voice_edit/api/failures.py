"""What goes wrong at the endpoint, as OpenAI's clients expect to be told.

{"error": {"message": ..., "type": ..., "param": ..., "code": ..., "hint": ...}}
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine.errors import AudioError, Cancelled, ContextFull, EngineError, GrammarUnreadable, ModelUnsupported
from voice_edit.errors import (
    AudioFailed,
    CommandError,
    DaemonError,
    Interrupted,
    ModelFailed,
    VoiceEditError,
)

TYPES: Mapping[int, str] = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    405: "invalid_request_error",
    408: "timeout_error",
    413: "invalid_request_error",
    415: "invalid_request_error",
    422: "invalid_request_error",
    429: "rate_limit_error",
    500: "server_error",
    503: "server_error",
    504: "timeout_error",
}
"""Every status that is no success, and what OpenAI calls its kind."""


class ApiUnavailable(DaemonError):  # noqa: N818  (says what is wrong)
    """The endpoint cannot be opened, or its key cannot be used."""

    hint = "Look at the section [api] of the settings: docs/endpoint.md."


class ApiError(Exception):
    """A request that is refused or has failed."""

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        hint: str = "",
        param: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """`code`: a stable name. `param`: the field of the request that is wrong. `hint`: what to do next."""
        super().__init__(message)
        self.status = status
        self.code = code
        self.hint = hint
        self.param = param
        self.headers = dict(headers or {})
        self.details: dict[str, Any] = {}
        """More that a program may want to know."""

    def to_json(self) -> dict[str, Any]:
        """The body of the answer."""
        return {
            "error": {
                "message": str(self),
                "type": TYPES[self.status],
                "param": self.param,
                "code": self.code,
                "hint": self.hint,
                **self.details,
            }
        }


def told(error: Exception) -> ApiError:
    """Whatever was raised, as what the client is told. A fault of ours is told without its text, which may
    hold what was said.
    """
    match error:
        case ApiError():
            return error
        case AudioError():
            return ApiError(400, error.code.replace("-", "_"), str(error), hint=error.hint, param="file")
        case AudioFailed() if isinstance(error.__cause__, AudioError):
            return told(error.__cause__)
        case ModelFailed() if isinstance(error.__cause__, EngineError):
            return told(error.__cause__)
        case Cancelled() | Interrupted():
            return ApiError(503, "stopped", "The program was stopped.", headers={"Retry-After": "5"})
        case ContextFull():
            return ApiError(400, "context_length_exceeded", str(error), hint=error.hint)
        case GrammarUnreadable():
            hint = "Simplify the schema."
            return ApiError(400, "schema_unusable", str(error), hint=hint, param="response_format")
        case ModelUnsupported():
            return ApiError(400, "model_unsupported", str(error), hint=error.hint, param="model")
        case CommandError():
            found = ApiError(422, error.code, str(error), hint=error.hint, param="words")
            found.details = {
                key: value
                for key, value in error.to_json().items()
                if key not in ("error", "message", "hint", "exit_code")
            }
            return found
        case EngineError():
            headers = {"Retry-After": "30"}
            return ApiError(503, error.code.replace("-", "_"), str(error), hint=error.hint, headers=headers)
        case VoiceEditError():
            return ApiError(503, error.code, str(error), hint=error.hint, headers={"Retry-After": "30"})
    hint = "See what the daemon logs, with `voice-edit --verbose run`."
    return ApiError(500, "fault", f"A fault in voice-edit itself: {type(error).__name__}.", hint=hint)
