"""The house's walls, proved at run time."""

from __future__ import annotations

import subprocess
import sys

import pytest

SCREEN = ("textual", "rich", "typer")


@pytest.mark.parametrize("package", ["engine", "diagnostics"])
def test_engine_and_diagnostics_load_no_screen(package: str) -> None:
    """A fresh process that imports every module of a package has loaded neither Textual nor Rich."""
    program = f"""
import importlib, pkgutil, sys, {package}
for module in pkgutil.walk_packages({package}.__path__, "{package}."):
    importlib.import_module(module.name)
loaded = [name for name in {SCREEN!r} if name in sys.modules]
print(len([name for name in sys.modules if name.startswith("{package}.")]), *loaded)
"""
    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.split()

    assert int(answer[0]) > 5
    assert answer[1:] == []


def test_help_needs_neither_textual_nor_polars() -> None:
    """The command line answers at once: heavy libraries are imported by the commands that need them."""
    program = """
import sys
from tui.__main__ import run
try:
    run(["--help"])
finally:
    print([name for name in ("textual", "polars", "httpx", "pydantic") if name in sys.modules], file=sys.stderr)
"""
    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert answer.stderr.strip() == "[]"
