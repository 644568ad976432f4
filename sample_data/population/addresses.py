"""Hands out e-mail addresses that are unique after normalisation, web addresses and telephone numbers.

Domains are reserved for examples (RFC 2606, RFC 6761). Telephone numbers come from the ranges that the German,
British, French and North American numbering authorities keep free for fiction.
"""

from __future__ import annotations

import unicodedata
from random import Random

from sample_data.population.names import plain_letters

DOMAINS = (
    "example.com",
    "example.org",
    "example.net",
    "mail.example.com",
    "post.example",
    "brief.example",
    "bauhof-nord.example",
    "tischlerei-berg.example",
    "kanzlei-am-markt.example",
    "gasthof-linde.example",
    "praxis-am-see.example",
    "stadtwerke.example",
    "hofladen.example",
    "weingut-sonnenhang.example",
    "optik-blick.example",
    "fahrrad-kette.example",
    "druckhaus.example",
    "seilbahn.example",
    "uhrenatelier.example",
    "chocolaterie.example",
    "boulangerie.example",
    "piekarnia.example",
    "bodega.example",
    "fietsen.example",
    "harbour-lane.example",
    "nordlys.example",
    "cay-evi.example",
    "pho-bac.example",
    "taverna.example",
    "alpenmilch.example",
    "sub.domain.with.many.parts.example",
    "käserei.example",
    "möbel-grün.example",
    "xn--grnanlagen-beb.example",
    "почта.example",
)

ROLES = ("info", "kontakt", "office", "sales", "support", "admin", "buchhaltung", "vertrieb", "noreply")

SITE_PATHS = ("", "/", "/kontakt", "/team?lang=de", "/ueber-uns#anfahrt", "/de/produkte/a%20b")

FICTION_NUMBERS = (
    ("49", "30", "23125", 3),
    ("49", "40", "66969", 3),
    ("49", "69", "90009", 3),
    ("49", "89", "99998", 3),
    ("49", "221", "4710", 3),
    ("49", "171", "39200", 2),
    ("44", "20", "79460", 3),
    ("44", "7700", "900", 3),
    ("33", "1", "9900", 4),
    ("33", "6", "3998", 4),
    ("1", "212", "55501", 2),
)
"""Country code, area code, fixed digits, and how many digits are free."""


def normal_form(email: str) -> str:
    """The form in which addresses count as equal: no outer white space, NFC, lower case, ASCII domain.

    An address without a domain, or with one that has no ASCII form, keeps it as it is.
    """
    text = unicodedata.normalize("NFC", email.strip()).lower()
    local, at, domain = text.rpartition("@")
    try:
        return f"{local}{at}{domain.encode('idna').decode('ascii')}"
    except UnicodeError:
        return text


class AddressBook:
    """Gives every address once. Randomness is handed in."""

    def __init__(self, rng: Random) -> None:
        self._rng = rng
        self._taken: set[str] = set()

    def claim(self, email: str) -> bool:
        """Takes an address; False if one with the same normal form has been given before."""
        key = normal_form(email)
        if key in self._taken:
            return False
        self._taken.add(key)
        return True

    def at(self, local: str, domains: tuple[str, ...] = DOMAINS) -> str:
        """A new address with this local part (with a number added where every domain has it already)."""
        first = self._rng.randrange(len(domains))
        for number in range(1, 1_000_000):
            for step in range(len(domains)):
                domain = domains[(first + step) % len(domains)]
                email = f"{local}{number if number > 1 else ''}@{domain}"
                if self.claim(email):
                    return email
        raise RuntimeError(f"no free address for {local!r}")

    def exact(self, local: str) -> str:
        """A new address with exactly this local part, on a further domain where the known ones have it already."""
        for domain in self._rng.sample(DOMAINS, len(DOMAINS)):
            if self.claim(f"{local}@{domain}"):
                return f"{local}@{domain}"
        for number in range(1, 1_000_000):
            if self.claim(f"{local}@firma-{number}.example"):
                return f"{local}@firma-{number}.example"
        raise RuntimeError(f"no free domain for {local!r}")

    def personal(self, first: str, last: str, domains: tuple[str, ...] = DOMAINS) -> str:
        """A new address made of a person's names."""
        given, family = plain_letters(first) or "person", plain_letters(last)[:30] or "person"
        pattern = self._rng.choice(("{0}.{1}", "{0}.{1}", "{0}.{1}", "{0}_{1}", "{1}.{0}", "{0}.{1}+news", "{0}-{1}"))
        return self.at(pattern.format(given, family), domains)

    def website(self) -> str:
        """A web address on a reserved domain."""
        host = self._rng.choice([domain for domain in DOMAINS if domain.isascii()])
        scheme = self._rng.choice(("https", "https", "http"))
        return f"{scheme}://www.{host}{self._rng.choice(SITE_PATHS)}"

    def phone(self) -> str:
        """A telephone number in international form, in groups: `+49 30 23125 042`."""
        country, area, fixed, free = self._rng.choice(FICTION_NUMBERS)
        return f"+{country} {area} {fixed} {self._rng.randrange(10**free):0{free}d}"
