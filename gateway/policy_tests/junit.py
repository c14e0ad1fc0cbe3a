"""Results as JUnit XML, which CI systems read."""

import xml.etree.ElementTree as ET
from collections.abc import Mapping, Sequence

from gateway.policy_tests.judge import Result
from gateway.visible import visible


def junit(results: Mapping[str, Sequence[Result]]) -> bytes:
    """One suite per file; what XML 1.0 has no place for is escaped as for people."""
    every = [one for some in results.values() for one in some]
    root = ET.Element("testsuites", tests=str(len(every)), failures=str(sum(not one.passed for one in every)))
    for file, some in results.items():
        failed = sum(not one.passed for one in some)
        suite = ET.SubElement(root, "testsuite", name=visible(file), tests=str(len(some)), failures=str(failed))
        for one in some:
            case = ET.SubElement(suite, "testcase", classname=visible(file), name=visible(one.name), line=str(one.line))
            if not one.passed:
                told = [f"{it.what}: expected {it.expected}, got {it.got}" for it in one.mismatches]
                lines = [*map(visible, told if one.problem is None else [one.problem])]
                ET.SubElement(case, "failure", message=lines[0]).text = "\n".join(lines)
    ET.indent(root)
    written: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return written + b"\n"
