"""The support report: one document in two forms, for people (Markdown) and for machines (JSON)."""

from __future__ import annotations

from diagnostics.report.building import build_report
from diagnostics.report.model import Report
from diagnostics.report.writing import Format, render_json, render_markdown, write_report

__all__ = ["Format", "Report", "build_report", "render_json", "render_markdown", "write_report"]
