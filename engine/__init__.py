"""Moves contacts between HubSpot and one external app, and knows why each write is made.

The way of the data: connectors -> observe -> workspace mirror -> plan -> brakes -> apply -> base and journal.
The engine knows no screen, no failure cause and no report; gates are handed to the planner.
"""

import sys

# httpx 0.28 loads its own command line, and with it rich, wherever rich is installed; this costs 70 ms and is not wanted here.
sys.modules.setdefault("httpx._main", None)  # type: ignore[arg-type]
