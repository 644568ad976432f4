"""Where HubSpot's endpoints are: v3 has its own spelling, dated versions put the area first."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Paths:
    """Paths of one API version (`v3`, `2026-03`, `2026-09`), below the base address."""

    version: str

    def _crm(self, area: str, tail: str) -> str:
        return f"/crm/v3/{area}{tail}" if self.version == "v3" else f"/crm/{area}/{self.version}{tail}"

    @property
    def contacts(self) -> str:
        """Contact records."""
        return self._crm("objects", "/contacts")

    @property
    def properties(self) -> str:
        """Definitions of contact properties."""
        return self._crm("properties", "/contacts")

    @property
    def validations(self) -> str:
        """Validation rules of contact properties."""
        return self._crm("property-validations", "/0-1")

    @property
    def schema(self) -> str:
        """The contact object's schema."""
        return (
            "/crm/v3/schemas/contacts"
            if self.version == "v3"
            else f"/crm-object-schemas/{self.version}/schemas/contacts"
        )

    @property
    def lists(self) -> str:
        """Lists (segments)."""
        return self._crm("lists", "")

    @property
    def record_limits(self) -> str:
        """How many records of each kind there are and may be."""
        return self._crm("limits", "/records")

    @property
    def owners(self) -> str:
        """The account's users as owners of records."""
        return self._crm("owners", "")

    @property
    def account(self) -> str:
        """Details of the account."""
        return f"/account-info/{self.version}/details"

    @property
    def introspect(self) -> str:
        """What a token may do."""
        return f"/oauth/{self.version}/token/introspect"

    @property
    def consent(self) -> str:
        """Communication preferences; the statuses of v3 have another shape, so v4 goes with it."""
        return f"/communication-preferences/{'v4' if self.version == 'v3' else self.version}"

    @property
    def enforces_required(self) -> bool:
        """Whether writes are checked against required fields (changelog on write validation, September 2026)."""
        return self.version >= "2026-09" and self.version != "v3"
