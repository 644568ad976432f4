"""How the counts moved, and what somebody accepts until a date."""

from __future__ import annotations

from datetime import datetime

from diagnostics.past.trend import trend
from diagnostics.report.model import TrendLine, WaiverLine
from diagnostics.report.moments import certain
from diagnostics.report.subject import Source
from engine.waivers import concerned, waivers

EXAMINATIONS = 10


def trend_lines(source: Source) -> tuple[TrendLine, ...]:
    """The last examinations, oldest first."""
    return tuple(
        TrendLine(
            run=one.examined.run,
            at=certain(one.examined.at, source.zone),
            contacts=one.examined.contacts,
            unread=source.mask.text(one.examined.unread),
            states=one.states,
            list_members=one.members,
            new=one.new,
            came_back=one.came_back,
            resolved=one.resolved,
        )
        for one in trend(source.workspace, EXAMINATIONS)
    )


def waiver_lines(source: Source, now: datetime) -> tuple[WaiverLine, ...]:
    """What is accepted, and what was until it expired; what a person took back is left out.

    The owner is a person. A reason is free text: of a waiver for one contact it may say anything of that person.
    """
    return tuple(
        WaiverLine(
            number=one.number,
            code=source.mask.text(one.code),
            field=source.mask.text(one.field),
            hubspot_id=source.mask.text(one.hubspot_id or ""),
            app_id=source.mask.text(one.app_id or ""),
            contacts=concerned(source.workspace, one),
            owner=source.mask.value(one.owner),
            reason=source.mask.value(one.reason)
            if one.hubspot_id or one.app_id
            else source.mask.text(one.reason, (one.owner, *one.owner.split())),
            since=certain(one.created_at, source.zone),
            until=certain(one.until, source.zone),
            standing=one.standing(now),
        )
        for one in waivers(source.workspace)
        if one.standing(now) != "ended"
    )
