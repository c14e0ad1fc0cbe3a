"""What the requests of an API say that the gateway judges, meters or routes by, and where: the tables' own types.

Each API's module has its table, from its own reference; the rooms above ask the tables and know no places themselves.
"""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, kw_only=True)
class Declares:
    """What one API's requests declare.

    Args:
        output_caps: Top-level names of the output tokens of one answer at most; the largest counts.
        choices: Top-level names of how many answers are made; the largest counts.
        end_user: Where the person behind a request is named, in the order in which the names are asked; a dot leads
            into an object.
    """

    output_caps: tuple[str, ...] = ()
    choices: tuple[str, ...] = ()
    end_user: tuple[str, ...] = ()


NOTHING: Final = Declares()
"""What the requests of an API declare that have none of it."""

END_USER: Final = ("user", "safety_identifier", "metadata.user_id")
"""The person behind a request: OpenAI's older name, the newer one, and Anthropic's."""
