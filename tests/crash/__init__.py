"""The crash loop: the program killed with SIGKILL at seeded boundaries, run again, compared with an undisturbed run.

`python -m tests.crash --points N` runs it and prints the counts.
"""
