"""Who wrote a contact's fields: HubSpot's history, our journal, and what the app tells; and whether it will happen again."""
