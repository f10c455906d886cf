from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import ServerForbidden, ServerUnusable
from engine.server_address import is_loopback, loopback_only, parse_address


@pytest.mark.parametrize(
    ("url", "whole"),
    [
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
        ("127.0.0.1:8080", "http://127.0.0.1:8080"),
        ("localhost:11434/", "http://localhost:11434"),
        ("http://localhost:8000/v1", "http://localhost:8000"),
        ("http://localhost:8000/v1/", "http://localhost:8000"),
        ("https://box.example/llm/v1", "https://box.example/llm"),
        ("HTTP://LOCALHOST", "http://localhost"),
        ("http://[::1]:8080", "http://[::1]:8080"),
        ("https://bücher.example", "https://xn--bcher-kva.example"),
    ],
)
def test_the_forms_in_which_people_write_a_url_mean_the_same(url: str, whole: str) -> None:
    assert parse_address(url).url == whole


@pytest.mark.parametrize(
    "url",
    ["", "http://", "ftp://box", "unix:///run/x", "http://box:99999", "http://box?key=1", "http://box#x"],
)
def test_what_is_no_url_of_a_server_is_refused(url: str) -> None:
    with pytest.raises(ServerUnusable):
        parse_address(url)


def test_a_password_in_a_url_is_refused_and_not_repeated() -> None:
    with pytest.raises(ServerUnusable) as refused:
        parse_address("http://me:hunter2@localhost")
    assert "hunter2" not in str(refused.value) + refused.value.hint
    assert "key_file" in refused.value.hint


@pytest.mark.parametrize("ip", ["127.0.0.1", "127.9.8.7", "::1", "::ffff:127.0.0.1", "::1%lo"])
def test_this_machine_is_known_by_its_addresses(ip: str) -> None:
    assert is_loopback(ip)


@pytest.mark.parametrize(
    "ip",
    ["0.0.0.0", "::", "10.0.0.1", "192.168.1.5", "169.254.169.254", "fe80::1", "::ffff:10.0.0.1", "8.8.8.8"],
)
def test_addresses_of_the_network_around_are_not_this_machine(ip: str) -> None:
    assert not is_loopback(ip)
    with pytest.raises(ServerForbidden):
        loopback_only(parse_address("http://box"), [ip], allow_remote=False)


def _is_here(ip: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    if isinstance(ip, ipaddress.IPv6Address) and ip.ipv4_mapped is None:
        return int(ip) == 1
    four = ip if isinstance(ip, ipaddress.IPv4Address) else ip.ipv4_mapped
    return four in ipaddress.ip_network("127.0.0.0/8")


HERE = st.ip_addresses(network="127.0.0.0/8").map(str) | st.just("::1") | st.just("::ffff:127.0.0.1")


@given(st.lists(HERE | st.ip_addresses().map(str), max_size=4))
def test_words_go_to_loopback_alone_unless_more_is_allowed(found: list[str]) -> None:
    address = parse_address("http://box")
    local = bool(found) and all(_is_here(ipaddress.ip_address(ip)) for ip in found)
    try:
        chosen = loopback_only(address, found, allow_remote=False)
    except ServerForbidden:
        assert not local
        assert loopback_only(address, found, allow_remote=True) == ()
    else:
        assert local
        assert set(chosen) == set(found)


def test_a_name_that_means_this_machine_and_another_one_is_another_one() -> None:
    with pytest.raises(ServerForbidden, match=r"10\.0\.0\.1"):
        loopback_only(parse_address("http://box"), ["127.0.0.1", "10.0.0.1"], allow_remote=False)
