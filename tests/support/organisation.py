"""The people of `examples/organisation`, who are invented: `python -m tests.support.organisation` writes their files."""

from collections.abc import Iterator
from pathlib import Path

from gateway.keys.digest import DEVELOPMENT_PEPPER, Pepper, format_hash

FOLDER = Path(__file__).parents[2] / "examples" / "organisation"
TEAMS = {
    "payments": 110, "checkout": 95, "search": 80, "mobile": 90, "platform": 70, "security": 35, "data": 60,
    "research": 40, "support": 180, "sales": 140, "finance": 55, "legal": 45,
}  # fmt: skip
OF_CONTRACTORS = ("payments", "checkout", "search", "mobile")
_FIRST = (
    "abrix alvo arden baskel belwyn brannic caldra corvia dallow delphen edra elvick fenna fioral garrin gwelda haskel "
    "hestra ilvane iskra jarrow jessa kaldor kirrin lansel lorwen maddoc merrin nalda norvic oswen ottal pellar "
    "perrin quilla rannoc sarnel selwin tavish ulla"
)
_LAST = (
    "amberlow ashgrind birchmoor brackenfell coldwater copperby dunmarsh eastwick farrowdale glimmerby greyfen hartsmoor "
    "ironbeck kestrelby larkhollow millbrand nettlefield oakenby pinewick quarrydale rookmoor stonebeck thornwade "
    "umberfield willowgate"
)


def secret(number: int) -> str:
    """The secret of one person's key: public, for a gateway on a laptop."""
    return f"lw_vk_test_01K0000000000000000000{number:04}"


def hash_of(number: int) -> str:
    """Under the pepper that is built in for development."""
    return format_hash(Pepper(DEVELOPMENT_PEPPER).digest(secret(number)))


def people() -> Iterator[tuple[int, str, str, bool]]:
    """Everybody: a number from 1000, a principal, the team, and whether it is a contractor."""
    number, firsts, lasts = 1000, _FIRST.split(), _LAST.split()
    for team, size in TEAMS.items():
        for place in range(size):
            at = (number - 1000) * 7 % 1000
            name = f"{firsts[at // len(lasts)]}.{lasts[at % len(lasts)]}@acme.example"
            yield number, name, team, team in OF_CONTRACTORS and place % 10 == 9
            number += 1


def files() -> dict[str, str]:
    """The file of each team, by its name."""
    found = {
        team: f"# The people of {team}. The secrets are public: see ../README.md.\nprincipals:\n" for team in TEAMS
    }
    for number, name, team, is_contractor in people():
        own = "class: contractor, " if is_contractor else ""
        found[team] += f"  {name}: {{team: {team}, {own}secret_hash: {hash_of(number)}}}\n"
    return {f"{team}.yaml": text for team, text in found.items()}


if __name__ == "__main__":
    for name, text in files().items():
        (FOLDER / "people" / name).write_text(text)
