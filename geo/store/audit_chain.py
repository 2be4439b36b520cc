"""How one audit entry is bound to the one before it: SHA-256 over every column, in one fixed spelling."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from geo.store.columns import utc_text

FORMULA: Final = 2
"""Version of the formula; stands in what is hashed."""
START: Final = ""
"""What the first entry is bound to."""


@dataclass(frozen=True, slots=True)
class Link:
    """Everything an entry says, as it is hashed.

    Parameters
    ----------
    seq, fid : int
        Number without gaps, and number of the row.
    at : datetime
        When, aware.
    actor, action, subject, detail : str
        Who did what, on what, and anything more.
    kind, outcome : str
        One of `geo.store.audit.KINDS` and of `geo.store.audit.OUTCOMES`.
    address : str or None
        Network address of who did it.
    on_behalf_of : str or None
        Whom they stood in for.
    old_chain : str or None
        Hash by the first formula, in entries written before there was a second one.
    """

    seq: int
    fid: int
    at: datetime
    actor: str
    action: str
    subject: str
    detail: str
    kind: str
    outcome: str
    address: str | None = None
    on_behalf_of: str | None = None
    old_chain: str | None = None

    def chain(self, before: str) -> str:
        """Bind the entry to the one before it.

        Parameters
        ----------
        before : str
            Hash of the entry before, `START` for the first.

        Returns
        -------
        str
            64 hex digits.
        """
        # A JSON array: where a value ends and what is null is never in doubt.
        words = [
            FORMULA, before, self.seq, self.fid, self.at.astimezone(UTC).isoformat(timespec="microseconds"), self.actor,
            self.action, self.subject, self.detail, self.kind, self.outcome, self.address, self.on_behalf_of,
            self.old_chain,
        ]  # fmt: skip
        # Escaped to ASCII, so that no spelling of text can fail to be encoded.
        return hashlib.sha256(json.dumps(words, separators=(",", ":")).encode("ascii")).hexdigest()


def old_chain(before: str, at: datetime, words: Sequence[str]) -> str:
    """Bind an entry by the first formula, which left its number out.

    Parameters
    ----------
    before : str
        Hash of the entry before by the same formula, `START` for the first.
    at : datetime
        When.
    words : sequence of str
        Actor, action, subject and detail.

    Returns
    -------
    str
        64 hex digits.
    """
    digest = hashlib.sha256(before.encode())
    for word in (utc_text(at), *words):
        data = word.encode()
        digest.update(len(data).to_bytes(8, "big") + data)
    return digest.hexdigest()
