"""Who is let in: seen from a page in a browser, from another user of the machine, and from a broken script.

Real sockets and the real server; the model is never asked.
"""

from __future__ import annotations

import os
import socket
import stat
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.endpoint_rig import Rig, endpoint, until_closed
from voice_edit.api import guard, token
from voice_edit.api.failures import ApiUnavailable
from voice_edit.api.guard import refusal
from voice_edit.api.protocol import MOST_CONNECTIONS
from voice_edit.api.requests import MOST_PARTS
from voice_edit.api.server import bound


class NoModel:
    """Nothing here gets so far as to ask the model."""

    files = SimpleNamespace(name="none")

    def another(self) -> NoModel:
        return self

    def close(self) -> None:
        pass


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    shared = SimpleNamespace(background=NoModel())
    with endpoint(tmp_path_factory.mktemp("api"), shared=shared, max_upload_mb=1) as opened:
        yield opened


# --- the key ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/v1/models", "/openapi.json", "/", "/v1/edits", "/nothing/here"])
def test_without_the_key_every_path_answers_the_same(rig: Rig, path: str) -> None:
    status, headers, body = rig.ask("GET", path, with_key=False)
    assert (status, body["error"]["code"]) == (401, "invalid_api_key")
    assert headers["www-authenticate"].startswith("Bearer")
    assert headers["connection"] == "close"


@pytest.mark.parametrize(
    "value",
    ["", "Bearer", "Bearer ", "Bearer wrong", "Basic {key}", "{key}", "Bearer {key}x", "Bearer\t{key}"],
)
def test_another_key_or_scheme_is_refused(rig: Rig, value: str) -> None:
    headers = {"Authorization": value.format(key=rig.token)}
    assert rig.ask("GET", "/v1/models", headers=headers, with_key=False)[0] == 401


def test_the_scheme_may_be_written_in_any_case(rig: Rig) -> None:
    headers = {"Authorization": f"bearer {rig.token}"}
    assert rig.ask("GET", "/v1/models", headers=headers, with_key=False)[0] == 200


def test_two_keys_are_none(rig: Rig) -> None:
    request = request_head(
        rig, "GET", "/v1/models", f"Authorization: Bearer {rig.token}", "Authorization: Bearer x"
    )
    assert status_of(rig.raw(request)) == 401


def test_a_key_in_the_address_is_no_key(rig: Rig) -> None:
    assert rig.ask("GET", f"/v1/models?api_key={rig.token}", with_key=False)[0] == 401


def test_a_new_key_counts_at_once_and_the_old_one_no_more(rig: Rig) -> None:
    old = rig.token
    new = token.renew(rig.paths.api_token)
    assert old != new
    assert rig.ask("GET", "/v1/models")[0] == 200
    assert rig.ask("GET", "/v1/models", headers={"Authorization": f"Bearer {old}"}, with_key=False)[0] == 401


def test_without_its_file_nobody_gets_in(rig: Rig) -> None:
    key = rig.token
    rig.paths.api_token.unlink()
    try:
        for value in (f"Bearer {key}", "Bearer ", "Bearer"):
            assert rig.ask("GET", "/v1/models", headers={"Authorization": value}, with_key=False)[0] == 401
    finally:
        token.renew(rig.paths.api_token)


def test_a_key_that_others_can_read_opens_nothing(rig: Rig) -> None:
    key = rig.token
    rig.paths.api_token.chmod(0o644)
    try:
        headers = {"Authorization": f"Bearer {key}"}
        status, _, body = rig.ask("GET", "/v1/models", headers=headers, with_key=False)
        assert (status, body["error"]["code"]) == (503, "api_unavailable")
        assert "token --new" in body["error"]["hint"]
    finally:
        token.renew(rig.paths.api_token)


def test_the_file_of_the_key_is_its_owners_alone(tmp_path: Path) -> None:
    path = tmp_path / "config" / "api-token"
    before = os.umask(0)
    try:
        made = token.ensure(path)
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert token.ensure(path) == made
    assert list(path.parent.iterdir()) == [path]


def test_a_link_or_a_pipe_in_the_place_of_the_key_is_no_key(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").write_text("ve-" + "a" * 43)
    link, pipe = tmp_path / "link", tmp_path / "pipe"
    link.symlink_to(tmp_path / "elsewhere")
    os.mkfifo(pipe, 0o600)
    for path in (link, pipe):
        with pytest.raises(ApiUnavailable):
            token.read(path)


@pytest.mark.parametrize("content", [b"", b"\n", b"short", b"ve-" + b"\xff" * 40, b"two words " * 10])
def test_a_file_that_holds_no_key_is_no_key(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "api-token"
    path.write_bytes(content)
    path.chmod(0o600)
    with pytest.raises(ApiUnavailable, match="holds no key"):
        token.read(path)


# --- a page in a browser -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "host",
    ["evil.example", "evil.example:{port}", "127.0.0.1", "127.0.0.1:1", "localhost.evil.example:{port}",
     "127.0.0.1.nip.io:{port}", "0.0.0.0:{port}", "[::]:{port}", "2130706433:{port}", "127.0.0.1:{port}@evil",
     "localhost:{port}.", " "],
)  # fmt: skip
def test_another_name_for_this_machine_is_refused_even_with_the_key(rig: Rig, host: str) -> None:
    headers = {"Host": host.format(port=rig.port)}
    status, _, body = rig.ask("GET", "/v1/models", headers=headers)
    assert (status, body["error"]["code"]) == (403, "host_not_allowed")


@pytest.mark.parametrize("host", ["127.0.0.1:{port}", "localhost:{port}", "LOCALHOST:{port}", "[::1]:{port}"])
def test_the_names_of_loopback_are_known(rig: Rig, host: str) -> None:
    assert rig.ask("GET", "/v1/models", headers={"Host": host.format(port=rig.port)})[0] == 200


def test_a_request_that_names_no_host_is_refused(rig: Rig) -> None:
    request = f"GET /v1/models HTTP/1.0\r\nAuthorization: Bearer {rig.token}\r\n\r\n"
    assert status_of(rig.raw(request.encode())) == 403


def test_a_whole_address_in_the_first_line_changes_nothing(rig: Rig) -> None:
    request = request_head(rig, "GET", "http://evil.example/v1/models", f"Authorization: Bearer {rig.token}")
    assert status_of(rig.raw(request)) == 404


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://127.0.0.1:{port}", ""])
def test_a_page_is_refused_even_with_the_key(rig: Rig, origin: str) -> None:
    headers = {"Origin": origin.format(port=rig.port)}
    status, _, body = rig.ask("POST", "/v1/edits", {"text": "a", "words": "undo"}, headers=headers)
    assert (status, body["error"]["code"]) == (403, "browser_not_allowed")


@pytest.mark.parametrize("site", ["cross-site", "same-site", "same-origin"])
def test_what_a_browser_says_of_itself_is_believed(rig: Rig, site: str) -> None:
    assert rig.ask("GET", "/v1/models", headers={"Sec-Fetch-Site": site})[0] == 403


def test_a_preflight_is_told_nothing_that_would_let_a_page_in(rig: Rig) -> None:
    headers = {
        "Origin": "https://evil.example",
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization",
    }
    status, answered, _ = rig.ask("OPTIONS", "/v1/edits", headers=headers, with_key=False)
    assert status == 403
    assert not [name for name in answered if name.startswith("access-control")]


def test_every_answer_says_that_it_is_no_page(rig: Rig) -> None:
    for path, with_key in (("/v1/models", True), ("/nothing", True), ("/v1/models", False)):
        _, headers, _ = rig.ask("GET", path, with_key=with_key)
        assert headers["content-type"] == "application/json"
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["cross-origin-resource-policy"] == "same-origin"
        assert headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    "kind", ["text/plain", "application/x-www-form-urlencoded", "", "multipart/form-data"]
)
def test_a_body_that_a_page_could_send_unasked_is_not_read(rig: Rig, kind: str) -> None:
    body = b'{"text": "a", "words": "undo"}'
    assert rig.ask("POST", "/v1/edits", body, headers={"Content-Type": kind})[0] == 415


@given(
    headers=st.lists(
        st.tuples(
            st.sampled_from([b"host", b"origin", b"authorization", b"sec-fetch-site", b"x"]),
            st.sampled_from([b"127.0.0.1:1", b"right", b"", b"none", b"evil", b"cross-site"]),
        ),
        max_size=6,
    )
)
def test_only_one_combination_gets_in(headers: list[tuple[bytes, bytes]]) -> None:
    refused = refusal(headers, port=1, fits=lambda value: value == b"right")
    named = [name for name, _ in headers]
    is_right = (
        [value for name, value in headers if name == b"host"] == [b"127.0.0.1:1"]
        and b"origin" not in named
        and [value for name, value in headers if name == b"sec-fetch-site"] in ([], [b"none"])
        and [value for name, value in headers if name == b"authorization"] == [b"right"]
    )
    assert (refused is None) == is_right


# --- another user, another program -------------------------------------------------------------------------


def test_it_listens_on_loopback_and_nowhere_else(rig: Rig) -> None:
    listening = [
        (parts[1], int(parts[7]))
        for name in ("tcp", "tcp6")
        for line in Path(f"/proc/net/{name}").read_text().splitlines()[1:]
        if (parts := line.split())[3] == "0A" and int(parts[1].rpartition(":")[2], 16) == rig.port
    ]
    addresses = {address.rpartition(":")[0] for address, _ in listening}
    assert addresses <= {"0100007F", "00000000000000000000000001000000"}
    assert "0100007F" in addresses
    assert {uid for _, uid in listening} == {os.geteuid()}


@pytest.mark.parametrize(("family", "host"), [(socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")])
def test_where_somebody_listens_already_it_does_not_open(family: socket.AddressFamily, host: str) -> None:
    with socket.socket(family, socket.SOCK_STREAM) as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind((host, 0))
        other.listen()
        with pytest.raises(ApiUnavailable, match="cannot be listened on"):
            bound(other.getsockname()[1])


def test_both_meanings_of_localhost_are_ours() -> None:
    sockets = bound(0)
    try:
        assert [each.getsockname()[0] for each in sockets] == ["127.0.0.1", "::1"]
        assert len({each.getsockname()[1] for each in sockets}) == 1
    finally:
        for each in sockets:
            each.close()


# --- too much, too slow ------------------------------------------------------------------------------------


def test_a_body_that_says_it_is_too_large_is_refused_in_words(rig: Rig) -> None:
    headers = {"Content-Type": "application/json"}
    status, _, body = rig.ask("POST", "/v1/edits", b"x" * (3 << 20), headers=headers)
    assert (status, body["error"]["code"]) == (413, "request_too_large")


def test_a_body_that_turns_out_to_be_too_large_is_refused_as_well(rig: Rig) -> None:
    head = request_head(
        rig, "POST", "/v1/edits", f"Authorization: Bearer {rig.token}", "Content-Type: application/json",
        "Transfer-Encoding: chunked",
    )  # fmt: skip
    chunk = b"10000\r\n" + b" " * 0x10000 + b"\r\n"
    assert status_of(rig.raw(head + chunk * 40 + b"0\r\n\r\n")) == 413


@pytest.mark.parametrize("length", ["-1", "1e3", "999999999999999999999", "0x10", "1, 2"])
def test_a_length_that_is_none_is_refused(rig: Rig, length: str) -> None:
    head = request_head(
        rig, "POST", "/v1/edits", f"Authorization: Bearer {rig.token}", f"Content-Length: {length}"
    )
    assert status_of(rig.raw(head)) in (400, 413)


def test_a_length_and_chunks_at_once_are_refused(rig: Rig) -> None:
    head = request_head(
        rig, "POST", "/v1/edits", f"Authorization: Bearer {rig.token}", "Content-Length: 5",
        "Transfer-Encoding: chunked", "Content-Type: application/json",
    )  # fmt: skip
    smuggled = b"0\r\n\r\nGET /v1/models HTTP/1.1\r\nHost: evil\r\n\r\n"
    assert rig.raw(head + smuggled).count(b"HTTP/1.1 200") == 0


def test_a_head_without_end_is_cut_off(rig: Rig) -> None:
    head = request_head(rig, "GET", "/v1/models", f"X-Long: {'a' * (1 << 20)}")
    assert status_of(rig.raw(head)) in (0, 400, 431)


def test_a_head_that_comes_a_byte_at_a_time_is_hung_up_on(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("voice_edit.api.protocol.HEAD_S", 0.5)
    with socket.create_connection(("127.0.0.1", rig.port), timeout=30) as slow:
        slow.settimeout(0.05)
        answer, is_hung_up = b"", False
        for byte in b"GET /v1/models HTTP/1.1\r\n" + b"X-Slow: " + b"a" * 1000:
            try:
                slow.send(bytes([byte]))
                answer = slow.recv(1000)
                is_hung_up = True
                break
            except TimeoutError:
                continue
            except OSError:
                is_hung_up = True
                break
    assert is_hung_up
    assert status_of(answer) in (0, 408)


def test_a_connection_that_says_nothing_is_hung_up_on(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("voice_edit.api.protocol.HEAD_S", 0.2)
    assert rig.raw(b"") == b""


def test_a_second_request_may_not_be_slow_either(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("voice_edit.api.protocol.HEAD_S", 0.5)
    with socket.create_connection(("127.0.0.1", rig.port), timeout=30) as slow:
        slow.sendall(request_head(rig, "GET", "/v1/models", f"Authorization: Bearer {rig.token}"))
        assert status_of(slow.recv(1 << 16)) == 200
        slow.sendall(b"GET /v1/models HTTP/1.1\r\nX-Slow: ")
        assert status_of(until_closed(slow)) in (0, 408)


def test_a_body_that_comes_slowly_is_refused(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard, "BODY_S", 0.3)
    head = request_head(
        rig, "POST", "/v1/edits", f"Authorization: Bearer {rig.token}", "Content-Type: application/json",
        "Content-Length: 1000",
    )  # fmt: skip
    assert status_of(rig.raw(head + b'{"text": ')) == 408


def test_without_the_key_not_a_byte_of_the_body_is_waited_for(rig: Rig) -> None:
    head = request_head(rig, "POST", "/v1/edits", "Content-Type: application/json", "Content-Length: 1000000")
    assert status_of(rig.raw(head)) == 401


def test_somebody_who_holds_connections_keeps_nobody_out(rig: Rig) -> None:
    held = [socket.create_connection(("127.0.0.1", rig.port), timeout=30) for _ in range(MOST_CONNECTIONS)]
    try:
        assert rig.ask("GET", "/v1/models")[0] == 200
        assert until_closed(held[0]) == b"", "the one that waited longest makes room"
        held[1].sendall(request_head(rig, "GET", "/v1/models", f"Authorization: Bearer {rig.token}"))
        assert status_of(held[1].recv(1 << 16)) == 200
    finally:
        for each in held:
            each.close()


def test_connections_beyond_the_most_are_closed_while_all_others_are_at_work(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("voice_edit.api.protocol.MOST_CONNECTIONS", 1)
    head = request_head(
        rig, "POST", "/v1/edits", f"Authorization: Bearer {rig.token}", "Content-Type: application/json",
        "Content-Length: 10", "Expect: 100-continue",
    )  # fmt: skip
    with socket.create_connection(("127.0.0.1", rig.port), timeout=30) as working:
        working.sendall(head)
        assert b"100" in working.recv(1000)
        with socket.create_connection(("127.0.0.1", rig.port), timeout=30) as more:
            assert until_closed(more) == b""
        working.sendall(b"x" * 10)
        assert status_of(working.recv(1 << 16)) == 400


@pytest.mark.parametrize(
    ("headers", "with_key", "status"),
    [
        ({"Content-Type": "application/json"}, False, 401),
        ({"Content-Type": "application/json", "Origin": "null"}, True, 403),
        ({"Content-Type": "text/plain"}, True, 415),
        ({"Content-Type": "multipart/form-data; boundary=b"}, True, 400),
        ({"Content-Type": "application/json"}, True, 413),
    ],
)
def test_who_is_refused_while_sending_is_told_why(
    rig: Rig, headers: dict[str, str], with_key: bool, status: int
) -> None:
    path = "/v1/audio/transcriptions" if "multipart" in headers["Content-Type"] else "/v1/edits"
    body = b"x" * ((1 if status in (400, 415) else 16) << 20)
    for _ in range(5):
        assert rig.ask("POST", path, body, headers=headers, with_key=with_key)[0] == status


def test_who_goes_on_sending_after_that_is_hung_up_on(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    head = request_head(rig, "POST", "/v1/edits", "Transfer-Encoding: chunked")
    monkeypatch.setattr("voice_edit.api.protocol.LINGER_S", 0.3)
    assert status_of(rig.raw(head)) == 401  # and it ends, though nothing more comes
    monkeypatch.setattr("voice_edit.api.protocol.LINGER_S", 1000.0)
    monkeypatch.setattr("voice_edit.api.protocol.LINGER_BYTES", 1 << 20)
    with socket.create_connection(("127.0.0.1", rig.port), timeout=30) as endless:
        endless.sendall(head)
        assert is_hung_up_on(endless, b" " * (1 << 16))


def test_who_does_not_read_the_answers_is_hung_up_on(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("voice_edit.api.protocol.STALLED_S", 0.3)
    request = request_head(rig, "GET", "/openapi.json", f"Authorization: Bearer {rig.token}")
    with socket.create_connection(("127.0.0.1", rig.port), timeout=30) as deaf:
        assert is_hung_up_on(deaf, request * 100)


@pytest.mark.parametrize("unit", [b"[],", b'{"":0},', b"0,", b'"",'])
def test_json_that_only_takes_memory_is_not_read(rig: Rig, unit: bytes) -> None:
    marks = sum(unit.count(mark) for mark in (b"[", b"{", b",", b":"))
    many = unit * (MOST_PARTS // marks)
    headers = {"Content-Type": "application/json"}
    for units, expected in ((many, 413), (many[: len(many) // 2 // len(unit) * len(unit)], 422)):
        body = b'{"text": "a", "words": "undo", "x": [' + units + b"0]}"
        assert rig.ask("POST", "/v1/edits", body, headers=headers)[0] == expected


@pytest.mark.parametrize(
    "data",
    [b"\x16\x03\x01\x02\x00\x01\x00\x01", b"\x00" * 100, b"GET\r\n\r\n", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
     b"GET / HTTP/9.9\r\n\r\n", b"G" * 100_000],
)  # fmt: skip
def test_what_is_no_http_is_hung_up_on(rig: Rig, data: bytes) -> None:
    assert status_of(rig.raw(data)) in (0, 400, 403)


def test_a_websocket_is_no_way_in(rig: Rig) -> None:
    upgrade = ("Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13")
    request = request_head(rig, "GET", "/v1/models", *upgrade, f"Sec-WebSocket-Key: {'A' * 22}==")
    assert status_of(rig.raw(request)) == 401


def test_after_all_this_it_still_answers(rig: Rig) -> None:
    assert rig.ask("GET", "/v1/models")[0] == 200


# --- helpers -----------------------------------------------------------------------------------------------


def request_head(rig: Rig, method: str, path: str, *headers: str) -> bytes:
    """The head of a request to our own host."""
    lines = [f"{method} {path} HTTP/1.1", f"Host: 127.0.0.1:{rig.port}", *headers, "", ""]
    return "\r\n".join(lines).encode()


def is_hung_up_on(sender: socket.socket, data: bytes) -> bool:
    """Whether the other end hangs up while this is sent again and again."""
    for _ in range(1000):
        try:
            sender.sendall(data)
        except ConnectionError:
            return True
    return False


def status_of(answer: bytes) -> int:
    """The status of an answer; 0 where there was none."""
    return int(answer.split(b" ", 2)[1]) if answer.startswith(b"HTTP/") else 0
