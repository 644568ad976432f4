"""Which rows of the quarantine hold something back now: those that the last answer still named as refused."""


def holding(codes: str = "refused-*") -> str:
    """A condition on `quarantine q`; `codes` is the pattern of the causes that count, one of our own and never outside text.

    A refusal whose write nobody wants any more, or that has woken, stays in the table: the same value would be refused again.
    """
    return (
        f"EXISTS (SELECT 1 FROM open_findings f WHERE f.contact_id = q.contact_id AND f.code GLOB '{codes}' "
        "AND f.field = CASE q.field WHEN '' THEN '' ELSE q.side || '.' || q.field END)"
    )
