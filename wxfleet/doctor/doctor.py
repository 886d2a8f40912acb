"""`wxfleet doctor`: everything that may be wrong with an installation, looked at without changing anything."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from texts.catalogue import say
from wxfleet.doctor.database import database_findings
from wxfleet.doctor.files import env_findings, file_findings, folder_findings
from wxfleet.doctor.findings import Finding, Level
from wxfleet.doctor.gateways import gateway_findings
from wxfleet.doctor.machine import machine_findings
from wxfleet.reading.settings import Settings, examine
from wxfleet.running.service import data_folder

_MARKS = {Level.OK: "✓", Level.WARNING: "!", Level.PROBLEM: "✗"}


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """All findings in the order of the looking, and the settings as far as they could be read."""

    findings: tuple[Finding, ...]
    settings: Settings | None

    @property
    def well(self) -> bool:
        """Is there nothing worse than a warning?"""
        return all(finding.level is not Level.PROBLEM for finding in self.findings)


async def diagnose(config: Path, home: Path | None) -> Diagnosis:
    """Look at everything; a part that can't be looked at is a finding too. Raises nothing that is foreseen."""
    findings: list[Finding] = []
    settings: Settings | None = None
    if await asyncio.to_thread(config.exists):
        examination = await asyncio.to_thread(examine, config, home)
        settings = examination.settings
        findings += file_findings(config, examination)
    else:
        findings.append(Finding.of(Level.PROBLEM, "config", "none", file=config))
    findings = [*await asyncio.to_thread(machine_findings, settings), *findings]
    findings += env_findings(config.parent / ".env")
    if settings is not None:
        findings += folder_findings(data_folder(settings))
        findings += await database_findings(settings)
        findings += await gateway_findings(settings)
    return Diagnosis(tuple(findings), settings)


def as_document(diagnosis: Diagnosis) -> dict[str, Any]:
    """The document of `doctor --json`."""
    return {
        "ok": diagnosis.well,
        "problems": _count(diagnosis.findings, Level.PROBLEM),
        "warnings": _count(diagnosis.findings, Level.WARNING),
        "findings": [
            {"check": one.check, "level": one.level.value, "text": one.text, "cure": one.cure}
            for one in diagnosis.findings
        ],
    }


def as_text(diagnosis: Diagnosis) -> str:
    """A line for each finding, its cure below, and the verdict."""
    lines = []
    for one in diagnosis.findings:
        lines.append(f"{_MARKS[one.level]} {one.text}")
        if one.cure:
            lines.append(f"    → {one.cure}")
    problems, warnings = (_count(diagnosis.findings, level) for level in (Level.PROBLEM, Level.WARNING))
    verdict = "sick" if problems else "warned" if warnings else "well"
    return "\n".join([*lines, "", say(f"doctor.verdict.{verdict}", problems=problems, warnings=warnings)])


def _count(findings: Sequence[Finding], level: Level) -> int:
    return sum(one.level is level for one in findings)
