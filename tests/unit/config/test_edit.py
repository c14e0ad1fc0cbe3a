import codecs
import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.config.edit import EditError, add_key, change_key, rotate_key, stands_at
from gateway.config.source import parse
from gateway.config.validate import build

ONE, TWO = "hmac-sha256:" + "1" * 64, "hmac-sha256:" + "2" * 64
TEXT = f"""# the file
version: 1
providers:
  sim: {{type: simulator}} # built in

virtual_keys:
  # for people
  old:
    environment: test
    secret_hash: {ONE}
    models_allowed: ["gpt-*"]
"""


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "gateway.yaml"
    path.write_text(TEXT)
    path.chmod(0o640)
    return path


def test_a_key_is_added_and_everything_else_stays(file):
    add_key(file, "new", TWO, "test")

    assert file.read_text() == TEXT + f"  new:\n    environment: test\n    secret_hash: {TWO}\n"
    assert file.stat().st_mode & 0o777 == 0o640
    assert list(file.parent.iterdir()) == [file]


@pytest.mark.parametrize("mark", [b"", codecs.BOM_UTF8])
@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_letters_line_ends_and_a_byte_order_mark_stay(file, mark, line_end):
    text = TEXT.replace("# for people", "# für Leute: é")
    file.write_bytes(mark + text.replace("\n", line_end).encode())

    add_key(file, "new", TWO, "test")

    added = f"{text}  new:\n    environment: test\n    secret_hash: {TWO}\n"
    assert file.read_bytes() == mark + added.replace("\n", line_end).encode()


def test_a_rotation_keeps_the_old_hash_for_a_while(file):
    environments = []

    def renew(environment):
        environments.append(environment)
        return TWO

    rotate_key(file, "old", renew, datetime(2027, 1, 1, tzinfo=UTC))

    assert environments == ["test"]
    assert file.read_text() == TEXT.replace(ONE, TWO) + (
        f"    previous_secret_hash: {ONE}\n    previous_secret_expires_at: '2027-01-01T00:00:00Z'\n"
    )


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda file: add_key(file, "old", TWO, "test"), "has a secret already"),
        (lambda file: add_key(file, "bad name", TWO, "test"), "would not be valid"),
        (lambda file: add_key(file, "new", "not a hash", "test"), "would not be valid"),
        (lambda file: add_key(file, "new", TWO, "staging"), "would not be valid"),
        (lambda file: rotate_key(file, "nobody", lambda _: TWO, datetime(2027, 1, 1, tzinfo=UTC)), "no virtual key"),
        (lambda file: add_key(file.parent / "absent.yaml", "new", TWO, "test"), "cannot be read"),
    ],
)
def test_a_change_that_is_refused_leaves_the_file_as_it_was(file, change, reason):
    with pytest.raises(EditError, match=reason):
        change(file)

    assert file.read_text() == TEXT
    assert list(file.parent.iterdir()) == [file]


def test_nothing_is_written_through_a_link(file):
    link, before = file.parent / "link.yaml", file.read_text()
    link.symlink_to(file)

    with pytest.raises(EditError, match="nothing is written through links"):
        add_key(link, "new", TWO, "test")

    assert link.is_symlink()
    assert file.read_text() == before


def test_what_stands_elsewhere_keeps_its_layout(file):
    layout = "moved:\n  - {from: teams.a,   to: teams.b}\nteams: {a: {description: 'it''s'}, b: {}}\n"
    file.write_text(layout + TEXT)

    add_key(file, "old2", TWO, "test")
    rotate_key(file, "old", lambda _: TWO, datetime(2027, 1, 1, tzinfo=UTC))
    change_key(file, "old", lambda _: {"state": "disabled"})
    change_key(file, "old", lambda key: {"state": None if key["state"] == "disabled" else "active"})

    assert file.read_text().startswith(layout + TEXT.replace(ONE, TWO))


def test_what_two_keys_share_is_not_changed_for_both(file):
    text = TEXT + "  a: &shared {environment: test}\n  b: *shared\n"
    file.write_text(text)

    with pytest.raises(EditError, match="b is written in a way that cannot be changed in place"):
        add_key(file, "b", TWO, "test")

    assert file.read_text() == text


END = "2027-01-01T00:00:00Z"
OPTIONAL = {"state": "disabled", "expires_at": None, "models_allowed": ["gpt-5", "gpt-5-mini"]}
FIELDS = {"secret_hash": ONE, "environment": "test", **OPTIONAL}
COMMANDS = {
    "mint": lambda file: add_key(file, "k", TWO, "test"),
    "mint of a new one": lambda file: add_key(file, "new", TWO, "test"),
    "rotate": lambda file: rotate_key(file, "k", lambda _: TWO, datetime(2027, 1, 1, tzinfo=UTC)),
    "disable": lambda file: change_key(file, "k", lambda _: {"state": "disabled"}),
    "enable": lambda file: change_key(file, "k", lambda _: {"state": None}),
    "expire": lambda file: change_key(file, "k", lambda _: {"expires_at": END}),
    "never expire": lambda file: change_key(file, "k", lambda _: {"expires_at": None}),
}


def wanted(command, key):
    """The fields of `k`, or of the new key, once a command is done."""
    renewed = {"previous_secret_hash": key.get("secret_hash"), "previous_secret_expires_at": END}
    changes = {
        "mint": {"secret_hash": TWO},
        "rotate": {"secret_hash": TWO, **renewed},
        "disable": {"state": "disabled"},
        "enable": {"state": None},
        "expire": {"expires_at": END},
        "never expire": {"expires_at": None},
    }[command]
    return {name: value for name, value in {**key, **changes}.items() if changes.get(name, "") is not None}


@dataclass(frozen=True)
class Layout:
    """A file: what stands before the fields of `k`, these as they are written, and what stands behind them."""

    prefix: str
    fields: str
    suffix: str
    is_json: bool
    comments: dict[str, str]
    """Those behind a field, by its name."""

    @property
    def text(self) -> str:
        return self.prefix + self.fields + self.suffix


@st.composite
def layouts(draw, *, has_secret):
    """Files in all manners of writing."""
    style = draw(st.sampled_from(["block", "lines", "json lines", "one line", "json"]))
    is_json = style.startswith("json")
    anchor = "none" if is_json else draw(st.sampled_from(["none", "before", "behind"]))
    names = [*draw(st.permutations(["secret_hash", "environment", *draw(st.sets(st.sampled_from([*OPTIONAL])))]))]
    if not has_secret:
        names.remove("secret_hash")
    written = [draw(fields(name, style, anchor)) for name in names]
    is_commented = draw(st.booleans()) and style in ("block", "lines")
    comments = {name: f" # of {name}, of it" for name in names if is_commented and draw(st.booleans())}
    if is_json:
        prefix, suffix = _around_json(draw, style)
    else:
        prefix, suffix = _around(draw, style, anchor, has_models="models_allowed" in names)
    text = _joined(draw, style, written, [comments.get(name, "") for name in names])
    if style == "block" and not suffix and draw(st.booleans()):
        text = text.removesuffix("\n")
    line_end = draw(st.sampled_from(["\n", "\r\n"]))
    return Layout(*(part.replace("\n", line_end) for part in (prefix, text, suffix)), is_json, comments)


@st.composite
def fields(draw, name, style, anchor):
    def quoted(text, *quotes):
        quote = '"' if style.startswith("json") else draw(st.sampled_from(quotes))
        return f"{quote}{text}{quote}"

    value = FIELDS[name]
    if value is None:
        written = "null" if style.startswith("json") else draw(st.sampled_from(["", "~", "null"]))
    elif isinstance(value, str):
        written = quoted(value, "", "'", '"')
    elif anchor == "before":
        written = "*models"
    else:
        mark, items = "&models " * (anchor == "behind"), [quoted(one, "", "'", '"') for one in value]
        is_block = style == "block" and draw(st.booleans())
        written = mark + ("".join(f"\n    - {one}" for one in items) if is_block else f"[{', '.join(items)}]")
    return f"{quoted(name, '', chr(34))}: {written}"


def _joined(draw, style, written, comments):
    """Fields with what stands between them."""
    if style == "block":
        return "".join(f"    {one}{comment}\n" for one, comment in zip(written, comments, strict=True))
    if style in ("json", "one line"):
        return (", " if style == "one line" else draw(st.sampled_from([", ", ","]))).join(written) + " "
    is_first, is_behind = (style == "lines" and draw(st.booleans()) for _ in range(2))
    last = len(written) - 1
    lines = (
        f"  {', ' if is_first and at else '  '}{one}{'' if is_first or (at == last and not is_behind) else ','}{comment}\n"
        for at, (one, comment) in enumerate(zip(written, comments, strict=True))
    )
    return "".join(lines)


def _around_json(draw, style):
    other = f'{{"environment": "test",  "secret_hash": "{ONE}"}}'
    prefix = (
        f'{{"version": 1, "providers":\n {{"sim": {{"type": "simulator"}}}},\n "virtual_keys": {{"a": {other}, "k": {{'
    )
    ends = ("}}}", f'}}, "z": {other}}}}}', "}\n }\n}\n")
    return prefix + "\n" * (style == "json lines"), draw(st.sampled_from(ends))


def _around(draw, style, anchor, *, has_models):
    models = f"{'&models ' * (anchor == 'before')}[gpt-5,   gpt-5-mini]"
    prefix = (
        "# für alle\nversion: 1\nproviders: {sim:   {type: simulator}}\nvirtual_keys:\n"
        f"  a:\n    environment: test # a\n    models_allowed: {models}\n    secret_hash: {ONE}\n\n  k:"
    )
    more = ", models_allowed: *models" * (has_models and anchor == "behind")
    last = f"  # of z\n  z: {{environment: test, secret_hash: {ONE}{more}}}"
    behind = draw(st.sampled_from(["", last, last + "\n"]))
    if style == "block":
        return prefix + "\n", behind
    return prefix + " {" + "\n" * (style == "lines"), "  }" + (f"\n{behind}" if behind or draw(st.booleans()) else "")


@pytest.mark.parametrize("command", COMMANDS)
@given(data=st.data())
def test_whatever_the_layout_of_a_file_it_stays_valid_and_as_it_was_elsewhere(tmp_path_factory, command, data):
    layout = data.draw(layouts(has_secret=command != "mint"))
    file = tmp_path_factory.getbasetemp() / "of-any-layout.yaml"
    file.write_bytes(layout.text.encode())
    tree = parse(layout.text, "")[0]
    assert build(tree)[1] == []

    COMMANDS[command](file)

    after = file.read_bytes().decode()
    found, problems = parse(after, "")
    assert problems == build(found)[1] == []
    keys = tree["virtual_keys"]
    if command == "mint of a new one":
        assert found == {**tree, "virtual_keys": {**keys, "new": {"environment": "test", "secret_hash": TWO}}}
        assert any(after.startswith(layout.text[:at]) and after.endswith(layout.text[at:]) for at in range(len(after)))
    else:
        key = wanted(command, keys["k"])
        assert found == {**tree, "virtual_keys": {**keys, "k": key}}
        assert after.startswith(layout.prefix)
        assert after.endswith(layout.suffix)
        assert all(comment in after for name, comment in layout.comments.items() if name in key)
    if layout.is_json:
        json.loads(after)


OF_PEOPLE = f"""version: 1
key_classes:
  engineer: {{environment: test, for_each: {{principals: {{}}}}}}
principals:
  ada@acme.com: {{}} # the first
  José: {{secret_hash: {ONE}}}
virtual_keys: {{}}
"""


@pytest.mark.parametrize("is_part", [False, True], ids=["beside the class", "in a file of people alone"])
def test_the_hash_of_a_key_that_a_class_makes_stands_on_the_persons_line(file, is_part):
    text = (
        "principals:" + OF_PEOPLE.partition("\nprincipals:")[2].partition("virtual_keys")[0] if is_part else OF_PEOPLE
    )
    file.write_text(text)
    asked = []

    is_new = add_key(file, "ada@acme.com", TWO, "test", may_be_new=False)
    rotate_key(file, "Jose", lambda environment: asked.append(environment) or TWO, datetime(2027, 1, 1, tzinfo=UTC))

    people = parse(file.read_text(), "")[0]["principals"]
    assert not is_new
    assert people["ada@acme.com"] == {"secret_hash": TWO}
    assert people["José"] == {
        "secret_hash": TWO,
        "previous_secret_hash": ONE,
        "previous_secret_expires_at": "2027-01-01T00:00:00Z",
    }
    assert asked == ["" if is_part else "test"]
    assert "# the first" in file.read_text()
    assert stands_at(file, "Jose") == "principals.José"


@pytest.mark.parametrize(
    ("do", "words"),
    [
        (lambda file: add_key(file, "Jose", TWO, "test"), "has a secret already"),
        (lambda file: add_key(file, "ada@acme.com", TWO, "live"), "of environment test"),
        (lambda file: rotate_key(file, "ada@acme.com", lambda _: TWO, datetime(2027, 1, 1, tzinfo=UTC)), "with a secret"),
        (lambda file: change_key(file, "Jose", lambda _: {"state": "disabled"}), "a class makes it for José. Write it under"),
    ],
)  # fmt: skip
def test_what_a_persons_line_does_not_let(file, do, words):
    file.write_text(OF_PEOPLE)

    with pytest.raises(EditError, match=words):
        do(file)


def test_a_key_that_has_the_name_of_a_person_for_whom_no_class_is_stands_by_itself(file):
    file.write_text(TEXT + "principals: {new: {}}\n")

    assert add_key(file, "new", TWO, "test")
    assert parse(file.read_text(), "")[0]["principals"] == {"new": {}}


def test_the_first_key_of_a_file_with_more_than_people_stands_by_itself(file):
    file.write_text("version: 1\nproviders: {sim: {type: simulator}}\nprincipals: {new: {}}\n")

    assert add_key(file, "new", TWO, "test", may_be_new=False)
    assert parse(file.read_text(), "")[0]["principals"] == {"new": {}}


def test_a_person_who_has_no_line_yet_gets_no_key_by_mistake(file):
    file.write_text("principals: {ada: {}}\n")

    with pytest.raises(EditError, match="write the line first"):
        add_key(file, "lin", TWO, "test", may_be_new=False)

    assert add_key(file, "lin", TWO, "test", may_be_new=True)


def test_who_changes_a_file_waits_for_the_other(file):
    names = [f"key{letter}" for letter in "abcdefgh"]

    with ThreadPoolExecutor(len(names)) as threads:
        [*threads.map(lambda name: add_key(file, name, TWO, "test"), names)]

    assert sorted(parse(file.read_text(), "")[0]["virtual_keys"]) == sorted(["old", *names])


def test_what_an_editor_wrote_meanwhile_is_not_written_over(file):
    def renew(_environment):
        file.write_text(TEXT + "# more\n")
        return TWO

    with pytest.raises(EditError, match="changed by somebody else meanwhile"):
        rotate_key(file, "old", renew, datetime(2027, 1, 1, tzinfo=UTC))
    assert file.read_text() == TEXT + "# more\n"
