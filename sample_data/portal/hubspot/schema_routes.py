"""Endpoints that describe the account's contacts: properties, validation rules, object schema."""

from __future__ import annotations

from typing import Any

from starlette.routing import Route

from sample_data.portal.hubspot.endpoint import Call, Gateway, Reply
from sample_data.portal.hubspot.errors import not_found
from sample_data.portal.hubspot.validation import Schema

SCOPES = ("crm.schemas.contacts.read", "crm.objects.contacts.read")
EPOCH = "1970-01-01T00:00:00Z"


def _paths(area: str, tail: str) -> list[str]:
    return [f"/crm/{{version}}/{area}/{{object}}{tail}", f"/crm/{area}/{{version}}/{{object}}{tail}"]


class SchemaEndpoints:
    """Handlers over the account's schema."""

    def __init__(self, schema: Schema) -> None:
        self._schema = schema

    def routes(self, gateway: Gateway) -> list[Route]:
        """All routes of this file."""
        schemas = ["/crm/{version}/schemas/{object}", "/crm-object-schemas/{version}/schemas/{object}"]
        rule = "/{property}/rule-type/{rule}"
        return [
            *gateway.routes("GET", _paths("properties", ""), self.properties, SCOPES),
            *gateway.routes("GET", _paths("properties", "/{property}"), self.property, SCOPES),
            *gateway.routes("GET", _paths("property-validations", ""), self.validations, SCOPES),
            *gateway.routes("GET", _paths("property-validations", "/{property}"), self.validation, SCOPES),
            *gateway.routes("GET", _paths("property-validations", rule), self.rule, SCOPES),
            *gateway.routes("GET", schemas, self.schema, SCOPES),
        ]

    def properties(self, call: Call) -> Reply:
        """All properties (or the archived ones) in one answer."""
        archived = call.flag("archived")
        results = [item for item in self._schema.definitions.values() if bool(item.get("archived")) == archived]
        return Reply(200, {"results": results})

    def property(self, call: Call) -> Reply:
        """One property."""
        return Reply(200, self._definition(call))

    def validations(self, call: Call) -> Reply:
        """The validation rules of every property that has some."""
        return Reply(200, {"results": self._schema.rules["validations"]})

    def validation(self, call: Call) -> Reply:
        """The validation rules of one property."""
        return Reply(200, {"results": self._rules(call)})

    def rule(self, call: Call) -> Reply:
        """One rule of one property."""
        found = [rule for rule in self._rules(call) if rule["ruleType"] == call.params["rule"].upper()]
        if not found:
            raise not_found()
        return Reply(200, found[0])

    def schema(self, call: Call) -> Reply:
        """The object schema with the properties that a create needs."""
        return Reply(
            200,
            {
                "id": "1",
                "objectTypeId": "0-1",
                "name": "CONTACT",
                "fullyQualifiedName": "CONTACT",
                "metaType": "HUBSPOT",
                "labels": {"singular": "Contact", "plural": "Contacts"},
                "requiredProperties": list(self._schema.rules["requiredOnCreate"]),
                "searchableProperties": ["firstname", "lastname", "email", "phone", "hs_additional_emails"],
                "primaryDisplayProperty": "firstname",
                "secondaryDisplayProperties": ["lastname", "email", "phone"],
                "properties": [item for item in self._schema.definitions.values() if not item.get("archived")],
                "associations": [],
                "archived": False,
                "restorable": True,
                "createdAt": EPOCH,
                "updatedAt": EPOCH,
            },
        )

    def _definition(self, call: Call) -> dict[str, Any]:
        name = call.params["property"]
        definition = self._schema.definitions.get(name.lower())
        if definition is None or bool(definition.get("archived")) != call.flag("archived"):
            raise not_found(f"Property {name} does not exist", propertyName=[name])
        return definition

    def _rules(self, call: Call) -> list[dict[str, Any]]:
        name = self._definition(call)["name"]
        return [
            rule
            for entry in self._schema.rules["validations"]
            if entry["propertyName"] == name
            for rule in entry["propertyValidationRules"]
        ]
