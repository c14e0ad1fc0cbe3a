"""Somebody who is signed in to the console, without a browser."""

import re
from html import unescape

import httpx

from tests.support.control_plane import ControlPlane
from tests.support.gateway import NO_TLS


class Visitor:
    """A client with cookies, which sends forms as a page of the console does."""

    def __init__(self, plane: ControlPlane, *, address: str | None = None) -> None:
        self.origin = f"http://127.0.0.1:{plane.port}"
        transport = httpx.HTTPTransport(local_address=address, verify=NO_TLS)
        self.client = httpx.Client(base_url=self.origin, timeout=30, trust_env=False, transport=transport)

    def sign_in(self, token: str, target: str = "") -> httpx.Response:
        """Fills the form in."""
        page = self.client.get("/console/sign-in", params={"next": target})
        return self.send("/console/sign-in", {**hidden(page.text), "token": token})

    def get(self, path: str, **parameters: object) -> httpx.Response:
        """A page."""
        return self.client.get(path, params=parameters or None)

    def send(self, path: str, fields: dict[str, str], **headers: str) -> httpx.Response:
        """A form."""
        given = {"origin": self.origin, **{name.replace("_", "-"): value for name, value in headers.items()}}
        return self.client.post(path, data=fields, headers={name: value for name, value in given.items() if value})

    def act(self, path: str, **fields: str) -> httpx.Response:
        """Opens a page with a form, and sends that with some fields filled in."""
        page = self.get(path)
        assert page.status_code == 200, page.text
        form = re.search(rf'<form method="post" action="{re.escape(path)}".*?</form>', page.text, re.DOTALL)
        assert form is not None, page.text
        return self.send(path, {**hidden(form[0]), **fields})


def hidden(html: str) -> dict[str, str]:
    """The hidden fields of a page."""
    found = re.findall(r'<input type="hidden" name="([^"]*)" value="([^"]*)"', html)
    return {unescape(name): unescape(value) for name, value in found}


def text_of(html: str) -> str:
    """What somebody reads, in one line."""
    without = re.sub(r"<(script|style)\b.*?</\1>|<[^>]*>", " ", html, flags=re.DOTALL)
    return " ".join(unescape(without).split())
