"""Finding the keys of the `data` section that a file needs, by looking at it; what can be read in two ways is asked."""

from backsweep.dataset.sniff.find import find_keys
from backsweep.dataset.sniff.found import Found
from backsweep.dataset.sniff.question import Question, refuse

__all__ = ["Found", "Question", "find_keys", "refuse"]
