"""The pruners between folds, one file each with its keys and its rule; a new one is a file and a class in the union."""

from typing import Annotated

from pydantic import Field

from backsweep.sweepfile.pruners.halving import Halving
from backsweep.sweepfile.pruners.wilcoxon import Wilcoxon

BetweenFolds = Annotated[Halving | Wilcoxon, Field(discriminator="kind")]
"""All of them; the sweep file chooses one by its `kind`."""
