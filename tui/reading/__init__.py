"""What the console knows: pure functions from an open workspace to frozen dataclasses. All SQL of the console is here.

Nothing in this package imports a screen library, so every answer can be tested and used without a terminal.
"""
