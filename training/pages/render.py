"""Pages from `report.json` and `audit.json`: one file each, with pictures, plots and style in it.

A page needs no script and no network, and says so to the browser: its content-security policy allows
nothing but pictures and the one style that it carries.
"""

import base64
import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from training.pages import words
from training.pages.findings_page import audit_content
from training.pages.report_page import report_content

TEMPLATES = Path(__file__).parent / "templates"


def render_report(report: Mapping[str, Any], thumbnails: Mapping[int, bytes]) -> str:
    """The page of a `schema.Report`. `thumbnails`: JPEGs by the rows of the mistakes; any may be missing.

    What is written with it should be encoded in UTF-8; every string that comes out can be.
    """
    return _rendered("report.html.jinja", report_content(report), thumbnails)


def render_audit(audit: Mapping[str, Any], thumbnails: Mapping[int, bytes]) -> str:
    """The page of a `schema.AuditReport`. `thumbnails`: JPEGs by row; any may be missing."""
    return _rendered("audit.html.jinja", audit_content(audit), thumbnails)


def _rendered(template: str, content: Mapping[str, Any], thumbnails: Mapping[int, bytes]) -> str:
    environment = _environment()
    style = environment.get_template("style.css").render()
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()

    def thumbnail(row: int) -> str | None:
        jpeg = thumbnails.get(row)
        return f"data:image/jpeg;base64,{base64.b64encode(jpeg).decode()}" if jpeg else None

    page = environment.get_template(template)
    return page.render(content, style_digest=digest, thumbnail=thumbnail)


def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=words.readable,
    )
    for say in (
        words.percent,
        words.number,
        words.duration,
        words.size,
        words.setting,
        words.counted,
        words.breakable,
    ):
        environment.filters[say.__name__] = say
    return environment
