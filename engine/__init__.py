"""Moves contacts between HubSpot and one external app, and knows why each write is made.

The way of the data: connectors -> observe -> workspace mirror -> plan -> brakes -> apply -> base and journal.
The engine knows no screen, no failure cause and no report; gates are handed to the planner.
"""
