"""Sentences of HubSpot's German guide to setting up data sync that the causes stand for, word for word."""

from __future__ import annotations

ONE_WAY = "Bei der einseitigen Synchronisierung werden Daten nur von einer Plattform an die andere übertragen."
TWO_WAY = (
    "Im Rahmen der bidirektionalen Synchronisierung werden aktuelle Änderungen an den Kontaktdata aus beiden "
    "Plattformen abgeglichen."
)
CREATED = "Wenn Sie Kontakte in HubSpot importieren, überprüfen Sie, ob diese Datensätze tatsächlich erstellt wurden."
FREE_TIER = (
    "Nutzerinnen und Nutzer der kostenlosen HubSpot-Funktionen können aus einer Reihe von Standardfeldern auswählen."
)
HAS_EMAIL = "Verfügen die Kontakte, die Sie synchronisieren möchten, jeweils über eine E-Mail-Adresse?"
IDENTIFIER = "Diese werden normalerweise bei der Erstellung oder Aktualisierung von Datensätzen als Kennung verwendet."
SAME_EMAIL = (
    "Ist das nicht der Fall, suchen Sie nach bestehenden Datensätzen, welche dieselben E-Mail-Adressen wie diese "
    "Kontakte enthalten."
)
UNWANTED = "Enthalten diese Kontaktdata unerwünschte Daten?"
OPT_IN = "Verfügen sie über den richtigen Opt-in-Status?"
INCLUSION_LIST = (
    "Wenn nur bestimmte Kontaktdatensätze synchronisiert werden sollen, müssen Sie eine entsprechende "
    "Aufnahmeliste erstellen."
)
CRITERIA = "Eignen sich die angegebenen Listenkriterien für Ihr konkretes Ziel?"
LIST_UPDATED = "Wann haben Sie die Liste zum letzten Mal aktualisiert?"
RULES = (
    "Gelten für eine der Plattformen Feldvalidierungskriterien, etwa in Form von Pflichtfeldern oder "
    "Formatierungsbeschränkungen?"
)
RULES_MET = "Erfüllen Ihre Daten diese Validierungskriterien?"
RULES_MATTER = (
    "Wie in den Connector-Einstellungen beschrieben ist dies eine wichtige Voraussetzung für die Datensynchronisierung."
)
PERMISSIONS = (
    "Um eine Synchronisierungsverknüpfung einzurichten und den Connector verwenden zu können, benötigen Sie "
    "zunächst Zugriff auf die richtige Abonnementstufe sowie die erforderlichen Zugangsberechtigungen für beide "
    "Anwendungen."
)
CREDENTIALS = (
    "Falls die Anmeldung mehrmals hintereinander fehlschlägt, überprüfen Sie bitte, ob Sie das richtige Passwort "
    "und den richtigen Benutzernamen eingegeben haben."
)
SUPPORT = (
    "Natürlich steht Ihnen unser Support-Team jederzeit gerne zur Seite, wenn Sie auf Hindernisse bei der "
    "Synchronisierung stoßen."
)
