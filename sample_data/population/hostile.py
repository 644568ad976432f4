"""Texts that attack whatever shows them: terminals, markup, spreadsheets, browsers. All plain storable Unicode.

None begins or ends with white space and each is at most 60 characters and 255 bytes, so no verdict rule
judges them; the exception is STACKED_MARKS, which is longer than a text field of Mailchimp takes.
"""

NAMES = (
    "\x1b[2J\x1b[HErika",
    "Max\x1b]52;c;Y3VybCBleGFtcGxlLmNvbQ==\x07Muster",
    "Title\x1b]0;root@host\x07Changer",
    "\x1b]8;;https://example.com/\x1b\\Link\x1b]8;;\x1b\\",
    "Asks\x1b[6nBack",
    "\x9b31mEightBit",
    "Bell\x07\x08\x08\x08Ringer",
    "[@click=app.quit]x[/]",
    "[bold red]Rot[/bold red]",
    "Zu[/b]",
    "[[Eckig\\[",
    "\u202eretsuM\u202c xaM",
    "\u2066Isolat\u2069ion",
    "Null\u200bBreite\u2060Fuge",
    "Wort\ufeffMarke",
    "Zeile\u2028Trenner",
    '=HYPERLINK("https://example.com/","Klick")',
    "+cmd|' /C calc'!A0",
    "@SUM(1+1)*cmd|' /C calc'!A0",
    "-2+3+cmd|' /C calc'!A0",
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "`id`$(id)",
    "Robert'); DROP TABLE contacts;--",
    "{{7*7}}${7*7}",
    "../../etc/passwd",
    "%s%n%x",
    "👩‍👩‍👧‍👦 Familie",
    "Tag\U000e0041\U000e0042s",
    "Раураl",
    "NULL",
    "a,b;c\"d'e|f",
)

TOWNS = (
    "\x1b[31mRotstadt\x1b[0m",
    "[link=https://example.com]Linkhausen[/link]",
    "=1+1",
    "Halb\u00adstadt",
    "\u200fمدينة\u200e Stadt",
    "*fett* _kursiv_ | Zelle |",
)

STACKED_MARKS = "Za" + "\u0300\u0316\u0489\u0334\u0353" * 40 + "lgo"
"""A name with 200 combining marks: 205 characters, more than 255 bytes."""
