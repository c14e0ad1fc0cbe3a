"""An encoder of AWS event-stream frames that shares nothing with the decoder."""

import json
import struct
import zlib


def header(name: str, kind: int, value: bytes) -> bytes:
    encoded = name.encode()
    return bytes([len(encoded)]) + encoded + bytes([kind]) + value


def text(name: str, value: str) -> bytes:
    encoded = value.encode()
    return header(name, 7, struct.pack(">H", len(encoded)) + encoded)


def frame(headers: bytes, payload: bytes) -> bytes:
    prelude = struct.pack(">II", 16 + len(headers) + len(payload), len(headers))
    prelude += struct.pack(">I", zlib.crc32(prelude))
    rest = prelude + headers + payload
    return rest + struct.pack(">I", zlib.crc32(rest))


def event(name: str, payload: object) -> bytes:
    headers = text(":event-type", name) + text(":content-type", "application/json") + text(":message-type", "event")
    return frame(headers, json.dumps(payload).encode())


def exception(name: str, payload: object) -> bytes:
    headers = text(":exception-type", name) + text(":message-type", "exception")
    return frame(headers, json.dumps(payload).encode())
