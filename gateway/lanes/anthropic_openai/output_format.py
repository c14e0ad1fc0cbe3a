"""`output_config.format` becomes `response_format`.

Sources: https://docs.anthropic.com/en/docs/build-with-claude/structured-outputs,
https://platform.openai.com/docs/api-reference/chat/create#chat_create-response_format.
"""

import re
from collections.abc import Mapping
from typing import Any, Final

from gateway.errors import GatewayError
from gateway.lanes.anthropic_openai.strict_schemas import fits_strict_mode
from gateway.lanes.losses import Losses
from gateway.lanes.reading import mapping, wrong

_NAME: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")
_DEFAULT_NAME: Final = "answer"
_NOT_STRICT: Final = (
    "OpenAI's strict mode cannot hold the schema; the model is asked to keep to it, but not held to it."
)


def response_format(body: Mapping[str, Any], losses: Losses) -> dict[str, Any]:
    """The member `response_format`, if the request asks for a format. OpenAI's needs a name: the schema's title."""
    config = body.get("output_config")
    newer = None if config is None else mapping(config, "output_config").get("format")
    older = body.get("output_format")
    if newer is not None and older is not None:
        raise GatewayError(
            "bad_request", "Both `output_config.format` and `output_format` are set; keep one.", param="output_format"
        )
    if newer is None and older is None:
        return {}
    path = "output_format" if newer is None else "output_config.format"
    wanted = mapping(older if newer is None else newer, path)
    losses.judge(wanted, path, path)
    if wanted.get("type") != "json_schema":
        raise wrong(f"{path}.type", '"json_schema"')
    schema = dict(mapping(wanted.get("schema"), f"{path}.schema"))
    title = schema.get("title")
    name = title if isinstance(title, str) and _NAME.fullmatch(title) else _DEFAULT_NAME
    strict = fits_strict_mode(schema)
    if not strict:
        losses.drop(path, f"{path}.schema", _NOT_STRICT)
    return {
        "response_format": {
            "type": "json_schema",
            "json_schema": {"name": name, "schema": schema, "strict": strict},
        }
    }
