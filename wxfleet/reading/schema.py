"""JSON Schema for editors: completion, and what a key means when the mouse rests on it.

The language server of YAML speaks draft 7: no `prefixItems`, and nothing counts beside a `$ref`.
"""

import json
import re
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from conversations.products import Products
from customers.segments.segment_file import Segment
from customers.standing.ladder import Ladder
from personas.model import Persona
from scheduler.campaign_files.campaign_file import CampaignFile
from scheduler.care.care_file import CareFile
from scheduler.care.lesson_file import LessonFile
from scheduler.moments.moments import CalendarFile
from scheduler.ponds.pond_file import PondFile
from scheduler.pushes.push_file import PushFile
from wxfleet.reading.settings import Settings

Schema = dict[str, Any]

MODELS: dict[str, type[BaseModel]] = {
    "fleet": Settings,
    "persona": Persona,
    "moments": CalendarFile,
    "push": PushFile,
    "campaign": CampaignFile,
    "ladder": Ladder,
    "segment": Segment,
    "care": CareFile,
    "lesson": LessonFile,
    "pond": PondFile,
    "products": Products,
}
"""Each kind of file that people write, by the name of its schema."""

FOLDER = ".wxfleet"
_CHINESE = re.compile(r"[\u4e00-\u9fff]")


def write_schemas(home: Path) -> list[Path]:
    """Write all schemas to `.wxfleet/` below `home`. Raises OSError."""
    folder = home / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in schema_files().items():
        (folder / name).write_bytes(content)
    return [folder / name for name in schema_files()]


def schema_files() -> dict[str, bytes]:
    """The schemas by file name."""
    return {
        f"{name}.schema.json": json.dumps(schema_of(model), ensure_ascii=False, indent=1).encode() + b"\n"
        for name, model in MODELS.items()
    }


def schema_of(model: type[BaseModel]) -> Schema:
    """The schema of a model in draft 7."""
    return {"$schema": "http://json-schema.org/draft-07/schema#", **_draft7(model.model_json_schema())}


def _draft7(schema: Schema) -> Schema:
    plain = {key: _deeper(key, value) for key, value in schema.items() if not _is_noise(key, value)}
    reference = plain.pop("$ref", None)
    if reference is None:
        return plain
    return {"allOf": [{"$ref": reference}], **plain} if plain else {"$ref": reference}


def _is_noise(key: str, value: Any) -> bool:
    """Titles are our Python names, descriptions without Chinese our docstrings; neither helps an operator."""
    if key == "title":
        return isinstance(value, str)
    if key == "description":
        return isinstance(value, str) and not _CHINESE.search(value)
    return key == "discriminator"


def _deeper(key: str, value: Any) -> Any:
    if key in ("properties", "$defs", "patternProperties") and isinstance(value, dict):
        return {name: _draft7(inner) for name, inner in value.items()}
    if key in ("default", "const", "enum", "examples"):
        return value
    if isinstance(value, dict):
        return _draft7(value)
    if isinstance(value, list):
        return [_draft7(item) if isinstance(item, dict) else item for item in value]
    return value
