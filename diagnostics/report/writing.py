"""Renders a report and writes it: 0600, under a temporary name first, with a file name that no data can influence."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from diagnostics.report.model import Moment, Report
from engine.connection import NAME
from engine.errors import ConfigurationError
from engine.workspace import explained

if TYPE_CHECKING:
    from jinja2 import Template

Format = Literal["md", "json"]
_TEMPLATE = Path(__file__).with_name("report.md.j2")


def render_json(report: Report) -> str:
    """The report as one JSON document, in ASCII so that no terminal can be steered by it."""
    return json.dumps(report.model_dump(mode="json"), ensure_ascii=True, indent=2) + "\n"


def render_markdown(report: Report) -> str:
    """The report for people. Outside text stands in code spans or a fenced block only, so nothing in it is active."""
    return _template().render(report=report)


@cache
def _template() -> Template:
    from jinja2 import Environment, StrictUndefined

    environment = Environment(
        autoescape=False, trim_blocks=True, lstrip_blocks=True, undefined=StrictUndefined, keep_trailing_newline=True
    )
    environment.filters.update(code=code, cell=cell, fence=fence, at=at)
    return environment.from_string(_TEMPLATE.read_text(encoding="utf-8"))


def code(text: object) -> str:
    """Outside text as a code span whose fence is longer than any run of backticks in it."""
    shown = str(text)
    if not shown.strip():
        return "–"
    runs = [len(run) for run in re.findall("`+", shown)]
    mark = "`" * (max(runs, default=0) + 1)
    padding = " " if runs or shown != shown.strip() else ""
    return f"{mark}{padding}{shown}{padding}{mark}"


def cell(text: object) -> str:
    """Outside text as a code span in a table, where a bare pipe would end the cell."""
    return code(text).replace("|", "\\|")


def fence(lines: Sequence[str]) -> str:
    """Lines as a fenced block whose fence is longer than any run of backticks in them."""
    text = "\n".join(lines)
    mark = "`" * max(3, 1 + max((len(run) for run in re.findall("`+", text)), default=0))
    return f"{mark}text\n{text}\n{mark}"


def at(moment: Moment | None) -> str:
    """A moment in UTC with the account's time behind it."""
    return f"{moment.utc} ({moment.account})" if moment else "–"


def write_report(report: Report, folder: Path, formats: Sequence[Format]) -> list[Path]:
    """Writes `NAME-report-YYYYMMDDTHHMMSSZ.md` and `.json`; the files appear whole or not at all.

    Raises ConfigurationError for another format, WorkspaceError if the folder cannot be written.
    """
    renderers = {"md": render_markdown, "json": render_json}
    unknown = [wanted for wanted in formats if wanted not in renderers]
    if unknown:
        raise ConfigurationError(f"there is no report format {unknown[0]!r}", remedy="Choose md or json.")
    assert NAME.fullmatch(report.connection)
    stamp = re.sub(r"[-:]", "", report.made_at.utc)
    paths = []
    for wanted in dict.fromkeys(formats):
        path = folder / f"{report.connection}-report-{stamp}.{wanted}"
        _write(path, renderers[wanted](report))
        paths.append(path)
    return paths


def _write(path: Path, text: str) -> None:
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    with explained(path):
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        temporary.unlink(missing_ok=True)
        try:
            with os.fdopen(
                os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8"
            ) as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
