"""The pages, one module per place in the menu."""

from typing import Final

from gateway.control_plane.console.pages import (
    budgets,
    configuration,
    keys,
    overview,
    providers,
    requests,
    search,
    spend,
)
from gateway.control_plane.console.pages.base import Routes

PAGES: Final[tuple[Routes, ...]] = (
    overview.routes,
    spend.routes,
    budgets.routes,
    keys.routes,
    providers.routes,
    requests.routes,
    configuration.routes,
    search.routes,
)
