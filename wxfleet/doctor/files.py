"""The doctor's look at the files that people wrote and the folder that the fleet writes."""

import os
import shutil
import stat
from pathlib import Path

from texts.catalogue import say
from texts.errors import Severity
from wxfleet.doctor.findings import Finding, Level
from wxfleet.reading.settings import Examination

_LITTLE_BYTES, _NEARLY_NONE_BYTES = 1_000_000_000, 100_000_000


def file_findings(config: Path, examination: Examination) -> list[Finding]:
    """config.yaml and all it leads to, as `wxfleet check` sees it; secrets that stand where all can read them."""
    errors = sum(mistake.severity is Severity.ERROR for mistake in examination.mistakes)
    warnings = len(examination.mistakes) - errors
    if errors:
        first = next(mistake for mistake in examination.mistakes if mistake.severity is Severity.ERROR)
        found = [Finding.of(Level.PROBLEM, "config", "errors", errors=errors, first=first)]
    elif warnings:
        found = [Finding.of(Level.WARNING, "config", "warnings", warnings=warnings, first=examination.mistakes[0])]
    else:
        found = [Finding.ok("config")]
    if examination.overridden:
        keys = say("texts.comma").join(f"{one.key}（{one.source}）" for one in examination.overridden)
        found.append(Finding.of(Level.OK, "overridden", "some", count=len(examination.overridden), keys=keys))
    settings = examination.settings
    if settings is None:
        return found
    written = config.read_text(encoding="utf-8", errors="replace")
    if any(secret in written for secret in settings.secrets() if len(secret) > 3):
        found.append(Finding.of(Level.PROBLEM, "secrets", "written", file=config.name))
    elif settings.secrets():
        found.append(Finding.ok("secrets"))
    if not settings.media.is_dir():
        found.append(Finding.of(Level.WARNING, "media", "none", folder=settings.media))
    return found


def env_findings(dotenv: Path) -> list[Finding]:
    """May others on this machine read the secrets?"""
    if os.name == "nt" or not dotenv.is_file():
        return []
    if dotenv.stat().st_mode & (stat.S_IRGRP | stat.S_IROTH | stat.S_IWGRP | stat.S_IWOTH):
        return [Finding.of(Level.PROBLEM, "env", "open", file=dotenv)]
    return [Finding.ok("env")]


def folder_findings(data: Path) -> list[Finding]:
    """Can the data be written, by us alone, and for a while?"""
    there = data if data.is_dir() else next(folder for folder in data.absolute().parents if folder.is_dir())
    if not os.access(there, os.W_OK | os.X_OK):
        return [Finding.of(Level.PROBLEM, "data", "closed", folder=there)]
    found = []
    if os.name != "nt" and data.is_dir() and data.stat().st_mode & stat.S_IWOTH:
        found.append(Finding.of(Level.PROBLEM, "data", "anybody", folder=data))
    free = shutil.disk_usage(there).free
    values = {"free": f"{free / 1e9:,.1f}", "folder": there}
    if free < _NEARLY_NONE_BYTES:
        return [*found, Finding.of(Level.PROBLEM, "disk", "full", **values)]
    if free < _LITTLE_BYTES:
        return [*found, Finding.of(Level.WARNING, "disk", "little", **values)]
    return [*found, Finding.ok("disk", **values)]
