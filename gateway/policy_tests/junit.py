"""Results as JUnit XML, which CI systems read."""

import xml.etree.ElementTree as ET
from collections.abc import Mapping, Sequence

from gateway.policy_tests.judge import Result


def junit(results: Mapping[str, Sequence[Result]]) -> bytes:
    """One suite per file."""
    every = [one for some in results.values() for one in some]
    root = ET.Element("testsuites", tests=str(len(every)), failures=str(sum(not one.passed for one in every)))
    for file, some in results.items():
        failed = sum(not one.passed for one in some)
        suite = ET.SubElement(root, "testsuite", name=_clean(file), tests=str(len(some)), failures=str(failed))
        for one in some:
            case = ET.SubElement(suite, "testcase", classname=_clean(file), name=_clean(one.name), line=str(one.line))
            if not one.passed:
                told = "\n".join(
                    f"{found.what}: expected {found.expected}, got {found.got}" for found in one.mismatches
                )
                text = _clean(one.problem or told)
                ET.SubElement(case, "failure", message=text.partition("\n")[0]).text = text
    ET.indent(root)
    written: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return written + b"\n"


def _clean(text: str) -> str:
    """Without what XML 1.0 has no place for."""
    return "".join(one if one in "\t\n" or (one >= " " and not "\ud800" <= one <= "\udfff") else "�" for one in text)
