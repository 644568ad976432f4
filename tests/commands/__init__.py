"""The command line as its users meet it: real SQLite, the practice portal in-process and over HTTP."""
