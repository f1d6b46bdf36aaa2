"""Addresses as people write them."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provision.bmc.address import own_path, parse, resource
from provision.bmc.errors import BadReply, ClearText
from provision.core.errors import ConfigError, ProvisionError


@pytest.mark.parametrize(
    ("text", "authority", "system"),
    [
        ("10.0.0.7", "10.0.0.7:443", ""),
        (" bmc.example:8443 ", "bmc.example:8443", ""),
        ("https://10.0.0.7", "10.0.0.7:443", ""),
        ("https://10.0.0.7/redfish/v1/", "10.0.0.7:443", ""),
        ("https://BMC.example:444/", "bmc.example:444", ""),
        ("fe80::1", "[fe80::1]:443", ""),
        ("[fe80::1]:8443", "[fe80::1]:8443", ""),
        ("https://a/redfish/v1/Systems/Node0/", "a:443", "/redfish/v1/Systems/Node0"),
    ],
)
def test_what_is_understood(text: str, authority: str, system: str) -> None:
    """Bare addresses, ports, URLs, IPv6 and one system of several."""
    found = parse(text)
    assert (found.authority, found.system) == (authority, system)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "https://",
        "ftp://a",
        "admin@a",
        "a:x",
        "a:99999",
        "a?b",
        "a#b",
        "https://a/b",
        "a b",
        "[::1",
        "https://a/redfish/v1/Systems/1/Bios",
    ],
)
def test_what_is_not(text: str) -> None:
    """Everything else is refused with an example of how to write it."""
    with pytest.raises(ConfigError, match="reading the BMC's address"):
        parse(text)


@pytest.mark.parametrize(
    "text",
    [
        "https://admin:s3cret-canary@10.0.0.7",
        "http://admin:s3cret-canary@10.0.0.7",
        "admin:s3cret-canary@10.0.0.7",
        "https://admin:x@s3cret-canary@10.0.0.7:x",
        "https://admin:s3cret-canary/x@10.0.0.7",
        "https://admin:s3cret-canary\u2100@10.0.0.7",
        "https://admin:x\ns3cret-canary@[::1",
    ],
)
def test_a_password_in_an_address_is_not_repeated(text: str) -> None:
    """It is refused, and what may be a password is not printed while doing so."""
    with pytest.raises(ConfigError, match="--user") as caught:
        parse(text)
    assert "canary" not in str(caught.value) + str(caught.value.hint)


def test_clear_text_is_refused_with_the_reason() -> None:
    """A password is not sent over http, whoever asks."""
    with pytest.raises(ClearText, match="unencrypted") as caught:
        parse("http://10.0.0.7")
    assert caught.value.status == 6


@given(st.text())
def test_any_text_is_an_address_or_an_error(text: str) -> None:
    """No text makes a traceback."""
    with contextlib.suppress(ProvisionError):
        assert parse(text).origin.startswith("https://")


@given(st.text())
def test_any_link_stays_on_its_host(text: str) -> None:
    """Whatever a BMC links to: a path on itself without dots, or an error."""
    for follow in (resource, own_path):
        try:
            path = follow(text, "a:443")
        except BadReply:
            continue
        assert path.startswith("/")
        assert not path.startswith("//")
        assert ".." not in path.partition("?")[0].split("/")
        assert "#" not in path


def test_absolute_links_to_itself_are_fine() -> None:
    """Some BMCs link to themselves with their whole address."""
    assert resource("https://a/redfish/v1/x?y=1#z", "a:443") == "/redfish/v1/x?y=1"
    assert resource("https://A:443/redfish", "a:443") == "/redfish"
