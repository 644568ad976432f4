"""Why a contact does not sync: causes, the checkup over all contacts, the explanation of one, verification, report."""
