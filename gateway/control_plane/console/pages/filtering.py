"""Filters of pages: added one at a time by a form, which leads to the address of the narrower view."""

from collections.abc import Collection
from typing import Final

import falcon.asgi

from gateway.control_plane.console.address import Address, Parameters, path_of
from gateway.control_plane.rest.route import read_parameters

_ADDED: Final = ("filter", "value")


def read_address(
    request: falcon.asgi.Request, response: falcon.asgi.Response, known: Collection[str]
) -> tuple[Address, Parameters] | None:
    """Where the page is and what it was asked; `None` where the answer leads on to a narrower view.

    A form cannot leave an empty field out, and an empty filter means something: so it sends `filter` and `value`.
    Raises `ApiError` for parameters that are not known.
    """
    parameters = read_parameters(request, (*known, *_ADDED))
    added = parameters.get("filter", [""])[0]
    rest = {name: values for name, values in parameters.items() if name not in _ADDED}
    address = Address(path_of(request), rest)
    if added and added in known:
        response.status = 303
        response.location = address.link(**{added: parameters.get("value", [""])[0].strip()})
        return None
    return address, rest
