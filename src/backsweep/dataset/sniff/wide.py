"""Whether each asset has columns of its own, and by which patterns these are named."""

from __future__ import annotations

import re
from collections import defaultdict
from typing import TYPE_CHECKING

from backsweep.dataset.sniff.names import PRICES, find_role
from backsweep.sweepfile.data import ASSET

if TYPE_CHECKING:
    from collections.abc import Sequence

_WORD = r"(?P<word>(?:adj[. ]{0,2})?[a-z]+)"
_BETWEEN = r"[ _./:|-]"
_FORMS = tuple(
    re.compile(form, re.IGNORECASE)
    for form in (
        r"\('(?P<word>[^']+)', '(?P<asset>[^']+)'\)",
        r"\('(?P<asset>[^']+)', '(?P<word>[^']+)'\)",
        rf"{_WORD}{_BETWEEN}(?P<asset>.+)",
        rf"(?P<asset>.+?){_BETWEEN}{_WORD}",
    )
)
"""How a name is put together: a word such as `Close`, and the asset, in one order or the other; the first two are of
pandas, which writes columns of two levels so."""


_SIDES = {"bid", "ask", "mid", "offer", "adj", "adjusted", "unadjusted", "raw", "prev", "previous", "buy", "sell"}
"""Words beside a price that name no asset."""


def find_patterns(names: Sequence[str]) -> dict[str, str]:
    """Return the patterns of the columns that each asset has, by the names here; empty where there are none.

    There are patterns where two assets or more have all four prices, named in one way, and no columns are named by the
    prices alone. Others of the same form are
    further columns of each asset, such as `adj_close`.
    """
    if set(PRICES) <= {find_role(name) for name in names}:
        return {}  # the prices stand there as such
    for form in _FORMS:
        owners: dict[str, dict[str, None]] = defaultdict(dict)  # by pattern, the assets that have such a column
        words: dict[str, str] = {}
        for name in names:
            found = form.fullmatch(name.strip())
            if found is not None and name == name.strip():
                end = found.start("asset"), found.end("asset")
                pattern = name[: end[0]] + ASSET + name[end[1] :]
                owners[pattern][found["asset"]] = None
                words[pattern] = found["word"]
        roles = {role: pattern for pattern in owners if (role := find_role(words[pattern])) is not None}
        if not set(PRICES) <= roles.keys():
            continue
        assets = set(owners[roles["close"]])
        if (
            len(assets) < 2
            or _SIDES & {asset.lower() for asset in assets}
            or any(set(owners[roles[price]]) != assets for price in PRICES)
        ):
            continue
        patterns = {role: roles[role] for role in (*PRICES, "volume") if role in roles}
        others = {pattern: words[pattern] for pattern in owners if pattern not in patterns.values()}
        others = {pattern: word for pattern, word in others.items() if set(owners[pattern]) <= assets}
        return patterns | {re.sub(r"\W+", "_", word.lower()).strip("_"): pattern for pattern, word in others.items()}
    return {}
