"""The practice portal: servers that play HubSpot and Mailchimp over one SQLite file.

They answer in-process (httpx's ASGI transport) and over real HTTP on the loopback interface.
"""

from sample_data.portal.faults import Fault
from sample_data.portal.folder import DataFolderError
from sample_data.portal.portal import Portal, open_portal
from sample_data.portal.serving import serve, serving

__all__ = ["DataFolderError", "Fault", "Portal", "open_portal", "serve", "serving"]
