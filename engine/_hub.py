"""The Hugging Face hub: the only file that imports huggingface_hub, and the only one that downloads.

Names, tokens, mirror (`HF_ENDPOINT`), proxies and the hub's own cache are that library's. The bytes we take
ourselves, over plain HTTP: huggingface_hub 2.4 throws away what it had when a download is interrupted.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import httpx2
from huggingface_hub import (
    constants,
    get_hf_file_metadata,
    get_session,
    get_token,
    hf_hub_url,
    try_to_load_from_cache,
)
from huggingface_hub.errors import (
    FileMetadataError,
    GatedRepoError,
    HfHubHTTPError,
    OfflineModeIsEnabled,
    RemoteEntryNotFoundError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)

from engine.download import Answer, Body, Trouble
from engine.errors import HubRefused, HubUnreachable
from engine.model_rows import RemoteFile

# Otherwise it asks the hub for a list of coding agents, to tell it which one we run under and which torch is
# installed; and it asks huggingface.co where a mirror's address was given by argument.
constants.HF_HUB_DISABLE_TELEMETRY = True

STALL_S: Final = 30.0
"""Nothing for so long is a broken connection."""
CONNECT_S: Final = 15.0
_SHA256 = re.compile(r"[0-9a-f]{64}")
_RANGE = re.compile(r"bytes (\d+)-\d+/(?:\d+|\*)")
_AGAIN: Final = {408, 425, 429, 500, 502, 503, 504}


class HuggingFaceHub:
    """A `Hub`. The endpoint is that of the environment unless said."""

    def __init__(self, endpoint: str | None = None, *, stall_s: float = STALL_S) -> None:
        """Raises HubUnreachable for an endpoint that is no address."""
        self._endpoint = (endpoint or constants.ENDPOINT).rstrip("/")
        try:
            parts = urlsplit(self._endpoint)
            is_address = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
        except ValueError:
            is_address = False
        if not is_address:
            raise HubUnreachable(
                f"'{endpoint or constants.ENDPOINT}' is no address of a hub",
                hint="HF_ENDPOINT must look like https://huggingface.co; unset it to use that one.",
            )
        self._timeout = httpx2.Timeout(stall_s, connect=min(CONNECT_S, stall_s))

    @property
    def place(self) -> str:
        return urlsplit(self._endpoint).netloc

    def ask(self, file: RemoteFile) -> Answer:
        with _troubles(file, self.place):
            # Without a timeout of its own it would wait as long as the hub likes.
            said = get_hf_file_metadata(
                self._url(file),
                timeout=self._timeout.read,
                endpoint=self._endpoint,
                library_name="voice-edit",
            )
        etag = said.etag or ""
        return Answer(said.commit_hash or "", said.size or 0, etag if _SHA256.fullmatch(etag) else "")

    @contextmanager
    def body(self, file: RemoteFile, start: int) -> Iterator[Body]:
        # Not packed: the bytes of the file, and a length that means them.
        headers = {"Accept-Encoding": "identity", "User-Agent": "voice-edit"}
        if not constants.HF_HUB_DISABLE_IMPLICIT_TOKEN and (token := get_token()):
            headers["Authorization"] = f"Bearer {token}"
        if start:
            headers["Range"] = f"bytes={start}-"
        with (
            _troubles(file, self.place),
            # On the way to another host, httpx leaves the token behind.
            get_session().stream("GET", self._url(file), headers=headers, timeout=self._timeout) as answer,
        ):
            yield Body(_start(answer), answer.iter_raw())

    def cached(self, file: RemoteFile) -> Path | None:
        found = try_to_load_from_cache(file.repo, file.path, revision=file.revision)
        return Path(found) if isinstance(found, str) else None

    def _url(self, file: RemoteFile) -> str:
        return hf_hub_url(file.repo, file.path, revision=file.revision, endpoint=self._endpoint)


def _start(answer: httpx2.Response) -> int:
    """Where the body begins. Raises Trouble for one that is no use."""
    status = answer.status_code
    if status not in (200, 206):
        raise Trouble(f"the hub answers {status} {answer.reason_phrase}", wait_s=_asked_wait_s(answer))
    coding = answer.headers.get("Content-Encoding", "identity")
    if coding != "identity":
        raise Trouble(f"the bytes come packed ({coding})")
    if status == 200:
        return 0
    found = _RANGE.fullmatch(answer.headers.get("Content-Range", ""))
    if found is None:
        raise Trouble("the hub does not say which part of the file it sends")
    return int(found[1])


def _asked_wait_s(answer: httpx2.Response) -> float | None:
    """What `Retry-After` asks for, where that is a number of seconds."""
    with suppress(ValueError):
        return float(answer.headers.get("Retry-After", ""))
    return None


@contextmanager
def _troubles(file: RemoteFile, place: str) -> Iterator[None]:
    """What goes wrong with the network, sorted into what may pass and what will not."""
    try:
        yield
    except GatedRepoError as error:
        raise HubRefused(
            f"{file}: {place} hands it out only to those who agreed to its licence",
            hint=f"Agree on {place}/{file.repo}, then give your token: hf auth login, or HF_TOKEN=...",
        ) from error
    except (RepositoryNotFoundError, RevisionNotFoundError, RemoteEntryNotFoundError) as error:
        raise HubRefused(f"{file}: {place} has no such file at revision {file.revision}") from error
    except OfflineModeIsEnabled as error:
        raise HubUnreachable(
            f"{file}: HF_HUB_OFFLINE forbids going to {place}", hint="Unset HF_HUB_OFFLINE."
        ) from error
    except HfHubHTTPError as error:
        status = error.response.status_code
        if status not in _AGAIN:
            raise HubRefused(f"{file}: {place} answers {status} {error.response.reason_phrase}") from error
        raise Trouble(f"{place} answers {status}", wait_s=_asked_wait_s(error.response)) from error
    except FileMetadataError as error:
        raise Trouble(f"{place} does not answer as a hub does") from error
    except httpx2.TimeoutException as error:
        raise Trouble("nothing comes any more") from error
    except httpx2.UnsupportedProtocol as error:
        raise HubUnreachable(
            f"{place}: {error}", hint="HF_ENDPOINT must begin with https:// or http://."
        ) from error
    except httpx2.HTTPError as error:
        said = str(error) or type(error).__name__
        raise Trouble(f"the connection broke ({said})") from error
