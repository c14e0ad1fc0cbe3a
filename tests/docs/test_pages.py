"""Every page that has commands, from its first to its last, by somebody who does what it says."""

import re

import pytest

from tests.docs.snippets import PAGES, ROOT, snippets_of

QUICK = {"index"}
"""What every run reads; `task docs-test` reads all of them. docs/migrate.md has a test of its own."""
START, MIGRATE = ROOT / "docs" / "index.md", ROOT / "docs" / "migrate.md"
SERVED_BY = {
    "clients": (START, ""),
    "README": (START, ""),
    "frameworks": (MIGRATE, "## 4. Add the policy that you came for"),
}
"""What a reader of a page has done before: a page, and where it is left."""
TRACE = re.compile(r"\b[0-9a-f]{32}\b")


@pytest.mark.parametrize(
    "page",
    [
        pytest.param(page, id=page.stem, marks=() if page.stem in QUICK else pytest.mark.docs)
        for page in PAGES
        if any(one.is_run for one in snippets_of(page)) and page != MIGRATE
    ],
)
def test_commands_do_what_their_page_says(page, reader):
    if page.stem in SERVED_BY:
        before, until = SERVED_BY[page.stem]
        reader.read(before, until=until)
        reader.provider.server.requests.clear()

    printed = reader.read(page)

    if page.stem == "frameworks":
        asked = {one.headers["traceparent"].split("-")[1] for one in reader.provider.server.requests}
        traced = set(TRACE.findall(printed))
        assert traced, "each program prints the id of its trace"
        assert traced <= asked, "each program's trace goes on to the provider"
    if reader.left_out:
        pytest.skip("; ".join(reader.left_out))
