"""Unison as an oracle: the same histories of edits through Unison and through the planner give the same result."""
