"""The peer: the practice connection's rules as pydantic models, one contact at a time.

Written as one would for exactly this connection: a model for each side's record (`records`), one for what would be written to
each side (`targets`), one for the contact (`contact`), with an ordered list of gates. Constraints are pydantic-core's where it has
them, patterns are compiled once, phone numbers and countries are cached, equal raw values are never brought to canonical form,
and email-validator is asked only about what the product asks it.

In: erased, in doubt, many-to-one, counterpart-gone, e-mail missing, invalid and duplicate, opt-in, member status, bounced, test,
role and disposable addresses, the list's criteria and membership, members beyond the goal, required fields, type, option,
format, length and range of what would be written, swapped and taken addresses, and the three-way merge with the policy "latest".

Decided once for all contacts: direction, plan tier, a deleted, processing or empty list. Not in, and refused if the workspace
holds any: quarantine, decisions, evidence, suspended fields; consent and sets among the mappings. Stored are verdicts and
findings; the product's planned writes, conflicts and spans are not, which is to the peer's advantage.
"""
