"""The practice portal: invented people with planted faults, and the local servers that play HubSpot and the app."""

from pathlib import Path

PEOPLE: Path = Path(__file__).parent / "people"
"""The committed data folder; `docs/practice.md` describes its files."""
