"""A HubSpot list's criteria: read, put into words, and evaluated for contacts without asking HubSpot."""
