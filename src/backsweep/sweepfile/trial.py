"""What a trial is, apart from its parameters: data, strategy, account, execution and costs.

Amounts of the account are in its currency.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import Field, ValidationError

from backsweep.errors import BadInput
from backsweep.sweepfile.account import AccountSpec
from backsweep.sweepfile.costs import CostsSpec
from backsweep.sweepfile.data import DataSpec
from backsweep.sweepfile.execution import ExecutionSpec
from backsweep.sweepfile.folds import FoldSpec
from backsweep.sweepfile.pruning import PruningSpec
from backsweep.sweepfile.section import Section


class TrialSpec(Section):
    """Everything that a trial depends on besides its values.

    `strategy` is `file.py:Class` with an absolute path, or `module:Class`. `params` names the columns of
    the value arrays: parameters of the strategy, and dotted keys such as `costs.slippage.rate`; so do `fixed`'s keys.
    With `folds`, a trial runs on their segments. `metrics` are the references of the user's own by name. `code` has
    what `code_digests` returned when the run began; empty where nothing is compared. With `asset_groups` a trial runs
    on the sleeves of one of them.
    """

    data: DataSpec
    strategy: str
    account: AccountSpec = AccountSpec()
    execution: ExecutionSpec = ExecutionSpec()
    costs: CostsSpec = CostsSpec()
    fixed: dict[str, float | int | bool | str | None] = Field(default_factory=dict)
    params: tuple[str, ...] = ()
    folds: FoldSpec | None = None
    pruning: PruningSpec | None = None
    metrics: dict[str, str] = Field(default_factory=dict)
    asset_groups: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    code: tuple[dict[str, str], ...] = ()

    def of_all_assets(self) -> TrialSpec:
        """Return the same for trials that run on all assets, whose groups have the same parameters."""
        return self.model_copy(update={"asset_groups": {}})

    @property
    def metric_names(self) -> tuple[str, ...]:
        """The metrics that a trial has, in the order of their columns."""
        return (*self.data.metrics, *self.metrics)


Kind = TypeVar("Kind", bound=Section)


def read_section(kind: type[Kind], name: str, given: Kind | Mapping[str, Any] | None) -> Kind:
    """Validate one mapping of settings, such as `account`; raises BadInput that names the key."""
    if isinstance(given, kind):
        return given
    try:
        return kind.model_validate(dict(given or {}))
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join([name, *(str(part) for part in first["loc"])])
        raise BadInput(
            first["msg"],
            where=key,
            found=repr(first["input"])[:100],
            remedy=f"correct {key}; see docs/reference/sweep-file.md",
        ) from error
