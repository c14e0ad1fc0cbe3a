"""What stands beside an envelope in the items of Responses."""


def beside_call(identifier: str, name: str, arguments: str) -> str:
    """What the envelope of a call is bound to: it comes in a reasoning item without a text, behind the call."""
    return f"{identifier}\0{name}\0{arguments}"
