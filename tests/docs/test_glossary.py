"""The glossary has the words of the project, each once for each table."""

import re
from pathlib import Path

PAGE = (Path(__file__).parents[2] / "docs" / "glossary.md").read_text()
ENTRIES = [word.strip("` ") for row in re.findall(r"(?m)^\| ([^|]*) \|", PAGE) for word in row.split(",")]

WORDS = """
asset bar request order fill trade position cash equity drawdown commission slippage financing session fold segment
proposal trial study batch chunk shard worker profile
"""
NAMES = """
contract DataInfo registry holdout_log time_in_force after_fill requests early_stop brackets pacing findings block_sums
parallel_map ray_blame trials_to_stop rungs open_holdout SessionRange SegmentPlan SegmentSlot Job Layout Task WorkerSlot
PartialSums manifest FoldRunner Timestep ColumnAddresses compute_findings describe package transfer acts_as
ambiguous_group parent_units strict_yaml kernel loop_cache
"""


def test_the_glossary_has_every_word_that_is_settled():
    assert [word for word in WORDS.split() if word not in ENTRIES] == []


def test_the_glossary_has_every_name_that_is_settled():
    assert [name for name in NAMES.split() if name not in ENTRIES] == []


def test_no_table_of_the_glossary_has_a_word_twice():
    for table in PAGE.split("\n## ")[1:]:
        entries = [word.strip("` ") for row in re.findall(r"(?m)^\| ([^|]*) \|", table) for word in row.split(",")]
        assert len(entries) == len(set(entries))


def test_every_name_of_the_glossary_is_one_of_the_code():
    sources = [*(Path(__file__).parents[2] / "src").rglob("*.py")]
    used = {word for path in sources for word in re.findall(r"\w+", path.read_text())} | {path.stem for path in sources}
    listed = re.findall(r"`(\w+)`", PAGE.partition("## Names in the code")[2].partition("\n## ")[0])
    assert [name for name in listed if name not in used] == []
