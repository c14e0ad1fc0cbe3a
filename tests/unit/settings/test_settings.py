"""Settings from variables."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from gateway.settings import Settings


def test_several_configurations_are_separated_by_commas(monkeypatch):
    monkeypatch.setenv("GATEWAY_CONFIG", "a.yaml, keys/")

    assert Settings().config == (Path("a.yaml"), Path("keys/"))


def test_a_flag_wins_over_a_variable(monkeypatch):
    monkeypatch.setenv("GATEWAY_PORT", "1111")

    assert Settings(port=2222).port == 2222


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "0"),
        ("WORKERS", "0"),
        ("KEY_PEPPER", ""),
        ("KEY_PEPPER", "short"),
        ("LOG_LEVEL", "x"),
        ("CONSOLE_TRACE_URL", "javascript:alert({trace_id})"),
        ("CONSOLE_TRACE_URL", "https://traces.example.com/"),
        ("CONSOLE_TRACE_URL", "https://[{trace_id}"),
        ("CONSOLE_TRACE_URL", "https://{trace_id}.example.com/"),
        ("CONSOLE_TRACE_URL", "//traces.example.com/{trace_id}"),
        ("CORS_ORIGINS", "app.example.com"),
        ("CORS_ORIGINS", "https://app.example.com/"),
        ("CORS_ORIGINS", "https://app.example.com/chat"),
        ("CORS_ORIGINS", "https://App.example.com"),
        ("CORS_ORIGINS", "https://*.example.com"),
        ("CORS_ORIGINS", "https://app.example.com:443"),
        ("CORS_ORIGINS", "http://app.example.com:80"),
        ("CORS_ORIGINS", "https://user@app.example.com"),
        ("CORS_ORIGINS", "https://ünï.example.com"),
        ("CORS_ORIGINS", "null"),
        ("CORS_ORIGINS", "*, https://app.example.com"),
    ],
)
def test_what_cannot_be_is_refused(monkeypatch, name, value):
    monkeypatch.setenv(f"GATEWAY_{name}", value)

    with pytest.raises(ValidationError):
        Settings()


@pytest.mark.parametrize(
    ("value", "origins"),
    [
        ("", ()),
        ("*", ("*",)),
        (
            "https://app.example.com, http://localhost:3000,http://[::1]:80443,app://obsidian.md",
            ("https://app.example.com", "http://localhost:3000", "http://[::1]:80443", "app://obsidian.md"),
        ),
        ("https://app.example.com:80", ("https://app.example.com:80",)),
    ],
)
def test_sites_are_named_as_browsers_do(monkeypatch, value, origins):
    monkeypatch.setenv("GATEWAY_CORS_ORIGINS", value)

    assert Settings().cors_origins == origins


def test_a_pepper_is_never_shown(monkeypatch):
    monkeypatch.setenv("GATEWAY_KEY_PEPPER", "a very secret pepper")

    assert "a very secret pepper" not in repr(Settings())
