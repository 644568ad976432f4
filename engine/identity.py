"""Which records are one contact. Links are followed by their id pair; the rest is matched by normalised e-mail.

A match counts only if the address is unique on both sides; first by the primary address, then by HubSpot's additional
ones. Everything else stays single. Several records of one side that would be one record of the other name each other
as candidates.
"""

from __future__ import annotations

import polars as pl

PAIRED = pl.Schema(
    {
        "contact": pl.Int64,
        "anchor": pl.String,
        "hubspot_id": pl.String,
        "app_id": pl.String,
        "matched_by": pl.String,
        "hubspot_twins": pl.Int64,
        "app_twins": pl.Int64,
        "hubspot_candidates": pl.String,
        "app_candidates": pl.String,
    }
)
"""`contact` is the id of a linked contact, else null; `anchor` names an unlinked one (`h:ID` or `a:ID`). `matched_by` is
`email` or `additional e-mail`, empty for what is linked or single. `…_twins` count the records of a side that have the
address (linked rows: 1). `…_candidates` name by id the records that would be one contact; empty unless that is so."""

CANDIDATES = 5
"""So many candidates are named; the rest is counted."""
BY_EMAIL, BY_ADDITIONAL = "email", "additional e-mail"
ADDRESS = pl.Schema({"id": pl.String, "key": pl.String})
_ALIAS = pl.Schema({"side": pl.String, "old_id": pl.String, "id": pl.String})


def paired(
    hubspot: pl.DataFrame,
    app: pl.DataFrame,
    links: pl.DataFrame,
    additional: pl.DataFrame | None = None,
    aliases: pl.DataFrame | None = None,
) -> pl.DataFrame:
    """Every record of both sides in exactly one row of PAIRED.

    `hubspot`, `app`: `id`, `key` (normalised e-mail, empty if there is none). `links`: `contact`, `hubspot_id`, `app_id`.
    `additional`: `id`, `key`, further addresses of HubSpot records. `aliases`: `side`, `old_id`, `id` of the record that a
    merged one is now. Links whose record is gone from a side keep both ids.
    """
    further = pl.DataFrame(schema=ADDRESS) if additional is None else additional.select("id", "key")
    further = further.unique().join(hubspot, on=["id", "key"], how="anti")
    holders = pl.concat([hubspot.select("id", "key"), further]).filter(pl.col("key") != "")
    hubspot_counts, app_counts = _sharing(holders, "hubspot_twins"), _sharing(app, "app_twins")

    def free(records: pl.DataFrame, column: str) -> pl.DataFrame:
        unlinked = records.join(links, left_on="id", right_on=column, how="anti")
        counted = unlinked.join(hubspot_counts, on="key", how="left").join(app_counts, on="key", how="left")
        return counted.with_columns(pl.col("hubspot_twins", "app_twins").fill_null(0))

    free_hubspot, free_app = free(hubspot, "hubspot_id"), free(app, "app_id")
    matched = _matched(free_hubspot, free_app, holders, app_counts)
    left_hubspot = free_hubspot.join(matched, left_on="id", right_on="hubspot_id", how="anti")
    left_app = free_app.join(matched, left_on="id", right_on="app_id", how="anti")
    pairs = pl.concat([links.select("hubspot_id", "app_id"), matched.select("hubspot_id", "app_id")])
    only_further = further.join(hubspot, on="key", how="anti")
    named = _named_candidates(left_hubspot, left_app, app, holders, only_further, pairs)

    from_hubspot = free_hubspot.join(matched, left_on="id", right_on="hubspot_id", how="left").select(
        anchor=pl.lit("h:") + pl.col("id"),
        hubspot_id="id",
        app_id="app_id",
        matched_by=pl.col("matched_by").fill_null(""),
        hubspot_twins="hubspot_twins",
        app_twins="app_twins",
    )
    from_app = left_app.select(
        anchor=pl.lit("a:") + pl.col("id"),
        hubspot_id=pl.lit(None, pl.String),
        app_id="id",
        matched_by=pl.lit(""),
        hubspot_twins="hubspot_twins",
        app_twins="app_twins",
    )
    unlinked = pl.concat([from_hubspot, from_app]).join(named, on="anchor", how="left")
    linked = links.select(
        "contact", "hubspot_id", "app_id", matched_by=pl.lit(""), hubspot_twins=pl.lit(1), app_twins=pl.lit(1)
    ).join(_merged_into_one(links, aliases), on="contact", how="left")
    rows = pl.concat([linked, unlinked], how="diagonal_relaxed")
    texts = pl.col("hubspot_candidates", "app_candidates").fill_null("")
    return rows.with_columns(texts).select(PAIRED.names()).cast(dict(PAIRED))  # type: ignore[arg-type]


def _sharing(records: pl.DataFrame, name: str) -> pl.DataFrame:
    return records.filter(pl.col("key") != "").group_by("key").agg(pl.len().cast(pl.Int64).alias(name))


def _matched(
    free_hubspot: pl.DataFrame, free_app: pl.DataFrame, holders: pl.DataFrame, app_counts: pl.DataFrame
) -> pl.DataFrame:
    """`hubspot_id`, `app_id`, `matched_by` of unlinked records that are one contact."""
    unique = (pl.col("hubspot_twins") == 1) & (pl.col("app_twins") == 1) & (pl.col("key") != "")
    lone_app = free_app.filter(unique)
    by_email = (
        free_hubspot.filter(unique)
        .join(lone_app.select("key", app_id="id"), on="key")
        .select(pl.col("id").alias("hubspot_id"), "app_id", pl.lit(BY_EMAIL).alias("matched_by"))
    )
    rest = lone_app.join(by_email, left_on="id", right_on="app_id", how="anti")
    through = rest.select("key", app_id="id").join(holders, on="key").rename({"id": "hubspot_id"})
    # All app records that any of the HubSpot record's addresses leads to: one means unique from that side too.
    reach = (
        holders.join(through, left_on="id", right_on="hubspot_id", how="semi")
        .join(app_counts, on="key")
        .group_by("id")
        .agg(pl.col("app_twins").sum())
        .filter(pl.col("app_twins") == 1)
    )
    by_additional = (
        through.join(reach, left_on="hubspot_id", right_on="id", how="semi")
        .join(free_hubspot, left_on="hubspot_id", right_on="id", how="semi")
        .join(by_email, on="hubspot_id", how="anti")
        .select("hubspot_id", "app_id", pl.lit(BY_ADDITIONAL).alias("matched_by"))
    )
    return pl.concat([by_email, by_additional])


def _named_candidates(
    left_hubspot: pl.DataFrame,
    left_app: pl.DataFrame,
    app: pl.DataFrame,
    holders: pl.DataFrame,
    only_further: pl.DataFrame,
    pairs: pl.DataFrame,
) -> pl.DataFrame:
    """`anchor` and candidates of single records that would be one contact with a record which already is in another, or
    which only an additional address (`only_further`) leads to."""
    taken_app = app.filter(pl.col("key") != "").join(left_hubspot, on="key", how="semi")
    taken_app = taken_app.join(pairs, left_on="id", right_on="app_id", how="semi")
    taken_hubspot = holders.join(left_app, on="key", how="semi")
    taken_hubspot = taken_hubspot.join(pairs, left_on="id", right_on="hubspot_id", how="semi")
    claimed = pl.concat([taken_hubspot.select("key"), only_further.select("key")]).unique()
    doubtful_app = left_app.join(claimed, on="key", how="semi")
    same_address = left_hubspot.join(taken_app, on="key", how="semi")
    further = (
        only_further.join(left_hubspot, on="id", how="semi")
        .join(left_app.select("key", app_id="id"), on="key")
        .join(same_address, on="id", how="anti")
    )
    keys = pl.concat([doubtful_app.select("key"), same_address.select("key"), further.select("key")]).unique()
    near_holders, near_app = holders.join(keys, on="key", how="semi"), app.join(keys, on="key", how="semi")
    hubspot_ids = pl.concat(
        [near_holders, near_app.join(pairs, left_on="id", right_on="app_id").select("hubspot_id", "key").rename({"hubspot_id": "id"})]
    )  # fmt: skip
    app_ids = pl.concat(
        [near_app.select("id", "key"), near_holders.join(pairs, left_on="id", right_on="hubspot_id").select("app_id", "key").rename({"app_id": "id"})]
    )  # fmt: skip
    by_key = _listed(hubspot_ids, "key", "hubspot_candidates").join(
        _listed(app_ids, "key", "app_candidates"), on="key", how="left"
    )
    by_address = pl.concat(
        [
            doubtful_app.select("key", anchor=pl.lit("a:") + pl.col("id")),
            same_address.select("key", anchor=pl.lit("h:") + pl.col("id")),
        ]
    ).join(by_key, on="key")
    by_further = _listed(further.select("id", pl.col("app_id").alias("other")), "id", "app_candidates", "other").select(
        anchor=pl.lit("h:") + pl.col("id"), hubspot_candidates="id", app_candidates="app_candidates"
    )
    return pl.concat([by_address.select("anchor", "hubspot_candidates", "app_candidates"), by_further])


def _listed(rows: pl.DataFrame, group: str, name: str, column: str = "id") -> pl.DataFrame:
    """Per group the ids as text: at most five, then how many more."""
    ids = rows.group_by(group).agg(pl.col(column).unique().sort().alias("ids"))
    more = pl.col("ids").list.len().cast(pl.Int64) - CANDIDATES
    shown = pl.col("ids").list.head(CANDIDATES).list.join(", ")
    counted = pl.when(more > 0).then(pl.concat_str(shown, pl.lit(" and "), more, pl.lit(" more"))).otherwise(shown)
    return ids.select(group, counted.alias(name))


def _merged_into_one(links: pl.DataFrame, aliases: pl.DataFrame | None) -> pl.DataFrame:
    """`contact` and candidates of links whose records on one side were merged, while those on the other were not."""
    parts = [pl.DataFrame(schema={name: PAIRED[name] for name in ("contact", "hubspot_candidates", "app_candidates")})]
    known = pl.DataFrame(schema=_ALIAS) if aliases is None else aliases
    for side, other in (("hubspot", "app"), ("app", "hubspot")):
        merged = known.filter(pl.col("side") == side).select("old_id", "id")
        moved = links.join(merged, left_on=f"{side}_id", right_on="old_id").select(
            "contact", f"{other}_id", survivor="id"
        )
        there = links.join(moved, left_on=f"{side}_id", right_on="survivor", how="semi")
        members = pl.concat(
            [moved, there.select("contact", f"{other}_id", survivor=f"{side}_id")]
        ).filter(pl.col("survivor").is_in(there[f"{side}_id"].implode()))  # fmt: skip
        named = _listed(members, "survivor", f"{other}_candidates", f"{other}_id")
        parts.append(
            members.join(named, on="survivor").select(
                "contact", pl.col("survivor").alias(f"{side}_candidates"), f"{other}_candidates"
            ).select("contact", "hubspot_candidates", "app_candidates")
        )  # fmt: skip
    return pl.concat(parts).unique("contact", keep="first", maintain_order=True)
