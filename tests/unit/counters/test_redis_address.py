"""Where Redis is, by its URL."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from gateway.counters.redis_address import Login, RedisAddress, Tls, parse_redis_url
from gateway.secret import Secret
from gateway.settings import Settings


@pytest.mark.parametrize(
    ("url", "where", "database", "tls"),
    [
        ("redis://", "Redis at localhost:6379", 0, False),
        ("redis://cache:7000/2", "Redis at cache:7000", 2, False),
        ("redis://[::1]:7000", "Redis at ::1:7000", 0, False),
        ("valkey://cache?db=4", "Redis at cache:6379", 4, False),
        ("rediss://:hunter%402@cache/1", "Redis at cache:6379", 1, True),
        ("valkeys://one:1,two", "Redis at one:1 or Redis at two:6379", 0, True),
        ("unix://user:hunter2@/run/redis.sock?db=3", "Redis at /run/redis.sock", 3, False),
        ("redis+sentinel://:hunter2@one,two:2/mymaster/5", "the master 'mymaster' of Sentinel", 5, False),
        ("valkeys+sentinel://one/my%2Fmaster?db=5", "the master 'my/master' of Sentinel", 5, True),
    ],
)
def test_a_url_says_where_redis_is(url, where, database, tls):
    service = parse_redis_url(url)

    address = service.server if service.master else service.addresses[0]
    assert (str(service), address.database, address.tls is not None) == (where, database, tls)
    assert "hunter" not in repr(service)


def test_credentials_are_unquoted_and_are_those_of_redis_not_of_its_sentinels():
    login, asking = Login("me:", Secret("p@ss")), Login(None, Secret("other"))
    service = parse_redis_url("redis+sentinel://me%3A:p%40ss@one,two:2/mymaster", sentinel=asking)

    assert service.server.login == login
    assert service.addresses == (
        RedisAddress(host="one", port=26379, login=asking),
        RedisAddress(host="two", port=2, login=asking),
    )
    assert parse_redis_url("redis://me%3A:p%40ss@cache").addresses[0].login == login
    assert parse_redis_url("redis://somebody@cache").addresses[0].login == Login("somebody")


def test_files_of_the_settings_stand_before_those_of_the_url():
    url = "rediss://cache?ssl_ca_certs=/a&ssl_certfile=/b&ssl_keyfile=/c&ssl_check_hostname=False"

    assert parse_redis_url(url).addresses[0].tls == Tls("/a", "/b", "/c", check_hostname=False)
    assert parse_redis_url(url, Tls("/x", None, "/y")).addresses[0].tls == Tls("/x", "/b", "/y", check_hostname=False)


WRONG = {
    "cache:6379": "its scheme is not known",
    "http://u:hunter2@cache": "its scheme is not known",
    "unix+sentinel:///run/x": "its scheme is not known",
    "redis:cache": "two slashes are missing behind its scheme",
    "redis://u:hunter2@cache:hunter2": "a host or a port is none",
    "redis://u:hunt/er2@cache": "a `/` in a password is `%2F`",
    "redis://u:hunt?er2@cache": "a `?` in a password is `%3F`",
    "redis://u:hunt#er2@cache": "a `#` in a password is written as `%23`",
    "redis://one,,two": "a host is missing beside a comma",
    "redis://cache/x": "the database is no number",
    "redis://cache?db=-1": "the database is no number",
    "redis://cache/1/2": "its path has too many parts",
    "redis://c?a=1": "its query knows `db`, `ssl_ca_certs`",
    "redis://cache?ssl_ca_certs=/x": "it has no TLS to use certificates with",
    "rediss://cache?ssl_keyfile=/x": "a key has no certificate",
    "rediss://cache?ssl_check_hostname=perhaps": "`ssl_check_hostname` is `true` or `false`",
    "redis+sentinel://one,two": "the name that Sentinels know the master by is missing",
    "redis+sentinel://one/mymaster/x": "the database is no number",
    "unix://": "the path of the socket is missing",
}


@pytest.mark.parametrize(("url", "said"), WRONG.items(), ids=WRONG.keys())
def test_a_url_that_cannot_be_read_is_not_repeated(monkeypatch, url, said):
    monkeypatch.setenv("GATEWAY_REDIS_URL", url)

    with pytest.raises(ValidationError) as raised:
        Settings()

    (problem,) = raised.value.errors(include_url=False, include_input=False, include_context=False)
    assert problem["loc"] == ("redis_url",)
    assert f"the URL of Redis cannot be read: {said}" in problem["msg"] or said in problem["msg"]
    assert "hunt" not in str(raised.value)


@given(st.text(max_size=60))
def test_no_text_does_worse_than_not_being_a_url(text):
    for scheme in ("redis://", "rediss+sentinel://u:", "unix://"):
        try:
            service = parse_redis_url(scheme + text)
        except ValueError as problem:
            assert problem.__context__ is None  # noqa: PT017 - most texts are none
        else:
            assert service.addresses


def test_settings_say_where_redis_is_and_never_as_whom(monkeypatch):
    for name, value in {
        "URL": "rediss+sentinel://u:hunter2@one/mymaster",
        "TLS_CA": "/ca.pem",
        "TLS_CERT": "/cert.pem",
        "TLS_KEY": "/key.pem",
        "SENTINEL_USERNAME": "s",
        "SENTINEL_PASSWORD": "hunter3",
    }.items():
        monkeypatch.setenv(f"GATEWAY_REDIS_{name}", value)

    settings = Settings()

    assert settings.redis.server.tls == settings.redis.addresses[0].tls == Tls("/ca.pem", "/cert.pem", "/key.pem")
    assert settings.redis.addresses[0].login == Login("s", Secret("hunter3"))
    assert "hunter" not in repr(settings) + repr(settings.redis)
