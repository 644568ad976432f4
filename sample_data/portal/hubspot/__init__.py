"""The server that plays HubSpot."""
