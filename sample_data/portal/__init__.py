"""The practice portal: servers that play HubSpot and Mailchimp over one SQLite file.

They answer in-process (httpx's ASGI transport) and over real HTTP on the loopback interface.
"""

from sample_data.portal.audit import AppliedWrite, Audit, Person
from sample_data.portal.faults import Fault
from sample_data.portal.folder import DataFolderError
from sample_data.portal.limits import PortalLimits
from sample_data.portal.portal import Portal, open_portal
from sample_data.portal.serving import serve, serving

__all__ = [
    "AppliedWrite",
    "Audit",
    "DataFolderError",
    "Fault",
    "Person",
    "Portal",
    "PortalLimits",
    "open_portal",
    "serve",
    "serving",
]
