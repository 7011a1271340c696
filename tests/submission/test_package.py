import json
import sys

import pytest

from backsweep.dataset import fingerprint, load
from backsweep.errors import BadInput
from backsweep.study.store.identity import identify
from backsweep.submission import package as module
from backsweep.submission.package import pack
from backsweep.sweepfile.load import load_sweep


def _pack(path, tmp_path, name="room", overrides=(), **options):
    room = tmp_path / name
    room.mkdir()
    return pack(load_sweep(path, overrides), room, **options)


def test_what_is_sent_is_the_same_study(sweep_file, tmp_path):
    sent = _pack(sweep_file, tmp_path, overrides=["runtime.trial_timeout=null", "search.seed=11"])
    here, there = load_sweep(sweep_file, ["search.seed=11"]), load_sweep(sent.folder / "sweep.yaml")
    identities = [identify(sweep, fingerprint(sweep.data)) for sweep in (here, there)]
    assert identities[0].differences(identities[1]) == []
    assert there.runtime.trial_timeout is None
    assert sent.identity.hash == identities[0].hash


def test_everything_lies_below_the_job_and_nothing_names_this_machine(sweep_file, tmp_path):
    sent = _pack(sweep_file, tmp_path)
    files = sorted(str(path.relative_to(sent.folder)) for path in sent.folder.rglob("*") if path.is_file())
    assert files == ["data/bars/00000-bars.parquet", "pins.txt", "strategy/toy.py", "sweep.yaml"]
    assert str(tmp_path) not in (sent.folder / "sweep.yaml").read_text()
    assert "numba==" in (sent.folder / "pins.txt").read_text()
    assert (sent.code / "submission" / "transfer.py").exists()
    assert not list(sent.code.rglob("__pycache__"))


def test_the_name_follows_sweep_data_and_strategy_and_not_the_place(sweep_file, tmp_path):
    names = [_pack(sweep_file, tmp_path, "first").name]
    copy = tmp_path / "elsewhere"
    copy.mkdir()
    for name in ("sweep.yaml", "toy.py", "bars.parquet"):
        (copy / name).write_bytes((tmp_path / name).read_bytes())
    assert _pack(copy / "sweep.yaml", tmp_path, "second").name == names[0]
    names.append(_pack(sweep_file, tmp_path, "third", ["search.trials=41"]).name)
    (tmp_path / "bars.parquet").write_bytes(b"other bars")
    names.append(_pack(sweep_file, tmp_path, "fourth").name)
    (tmp_path / "toy.py").write_text("class Toy: pass\n")
    names.append(_pack(sweep_file, tmp_path, "fifth").name)
    assert len(set(names)) == 4


def test_several_files_keep_their_order(sweep_file, tmp_path):
    for name in ("b/x.parquet", "a/z.parquet", "a.parquet"):
        (tmp_path / "many" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "many" / name).write_bytes(name.encode())
    sent = _pack(sweep_file, tmp_path, overrides=["data.bars=many"])
    contents = [path.read_text() for path in sorted((sent.folder / "data" / "bars").iterdir())]
    assert contents == ["a.parquet", "a/z.parquet", "b/x.parquet"]


BARS = "timestamp,open,high,low,close,volume\n2024-01-02,1,1,1,1,1\n"


@pytest.mark.parametrize(
    ("files", "keys"),
    [
        (["A.csv", "B.csv"], ["data.asset=from_name"]),
        (["asset=A/0.csv", "asset=B/0.csv"], []),
        (["symbol=A/2024/0.csv", "symbol=B/2024/0.csv"], ["data.columns.asset=symbol"]),
        (["A.csv", "B.txt"], ["data.asset=from_name", "data.bars=many/*"]),
    ],
)
def test_names_that_say_what_a_file_is_are_kept(sweep_file, tmp_path, files, keys):
    for name in files:
        (tmp_path / "many" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "many" / name).write_text(BARS)
    overrides = ["data.bars=many", *keys]
    sent = _pack(sweep_file, tmp_path, overrides=overrides)
    here, there = load_sweep(sweep_file, overrides).data, load_sweep(sent.folder / "sweep.yaml").data
    assert load(there).assets == load(here).assets == ("A", "B")
    assert fingerprint(there) == fingerprint(here)


def test_corporate_actions_are_sent_and_their_place_is_no_part_of_the_study(sweep_file, tmp_path):
    (tmp_path / "actions.parquet").write_bytes(b"actions")
    own = ["data.actions=actions.parquet"]
    sent = _pack(sweep_file, tmp_path, overrides=own)
    assert (sent.folder / "data" / "actions" / "00000-actions.parquet").read_bytes() == b"actions"
    here, there = load_sweep(sweep_file, own), load_sweep(sent.folder / "sweep.yaml")
    identities = [identify(sweep, fingerprint(sweep.data)) for sweep in (here, there)]
    assert identities[0].differences(identities[1]) == []


def test_addresses_and_shared_files_stay_where_they_are(sweep_file, tmp_path):
    remote = _pack(sweep_file, tmp_path, "first", ["data.bars=s3://prices/bars"])
    shared = _pack(sweep_file, tmp_path, "second", shared_data=True)
    places = [json.loads((one.folder / "sweep.yaml").read_text())["data"]["bars"] for one in (remote, shared)]
    assert places == ["s3://prices/bars", str(tmp_path / "bars.parquet")]
    assert not (remote.folder / "data").exists()
    assert not (shared.folder / "data").exists()
    assert remote.identity is None


@pytest.mark.parametrize("place", ["s3://key:hidden@prices/bars", "s3://prices/bars?secret_key=hidden"])
def test_an_address_with_a_secret_is_refused_without_showing_it(sweep_file, tmp_path, place):
    with pytest.raises(BadInput, match="a secret in a value") as caught:
        _pack(sweep_file, tmp_path, overrides=[f"data.bars={place}"])
    assert "hidden" not in str(caught.value)


def test_too_much_data_is_refused_with_the_ways_out(sweep_file, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "MAXIMUM_BYTES", 3)
    with pytest.raises(BadInput, match="too much to send") as caught:
        _pack(sweep_file, tmp_path)
    assert "object store" in caught.value.remedy
    assert "--shared-data" in caught.value.remedy
    assert not list(tmp_path.glob("**/data/bars"))  # nor is it copied before


def test_a_package_that_is_not_installed_goes_along_and_an_installed_one_does_not(sweep_file, tmp_path, monkeypatch):
    package = tmp_path / "code" / "alphas"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("")
    (package / "toy.py").write_text("class Toy: ...\n")
    monkeypatch.syspath_prepend(package.parent)
    (tmp_path / "extra.py").write_text("")
    sent = _pack(sweep_file, tmp_path, "one", ["strategy=alphas.toy:Toy"], include=(tmp_path / "extra.py",))
    assert (sent.folder / "alphas" / "toy.py").exists()
    assert (sent.folder / "extra.py").exists()
    sent = _pack(sweep_file, tmp_path, "two", ["search.sampler=optuna.samplers:RandomSampler"])
    assert not (sent.folder / "optuna").exists()
    sys.modules.pop("alphas", None)
    sys.modules.pop("alphas.toy", None)


def test_metrics_are_sent_and_belong_to_the_study(sweep_file, tmp_path):
    (tmp_path / "own.py").write_text("import helper\n\n\ndef worst(run): ...\n")
    (tmp_path / "helper.py").write_text("")
    chosen = ["metrics={worst: own.py:worst}"]
    sent = _pack(sweep_file, tmp_path, overrides=chosen)
    assert sorted(path.name for path in (sent.folder / "metrics" / "worst").iterdir()) == ["helper.py", "own.py"]
    here, there = load_sweep(sweep_file, chosen), load_sweep(sent.folder / "sweep.yaml")
    identities = [identify(sweep, fingerprint(sweep.data)) for sweep in (here, there)]
    assert identities[0].differences(identities[1]) == []


def test_cost_models_are_sent_and_belong_to_the_study(sweep_file, tmp_path):
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "costs.py").write_text(f"class Model: {folder} = 1\n")
    section = "{kind: custom, model: %s/costs.py:Model, rate: 0.5}"
    own = [f"costs.commission={section % 'one'}", f"costs.per_asset={{A: {{slippage: {section % 'two'}}}}}"]
    sent = _pack(sweep_file, tmp_path, overrides=own)
    assert (sent.folder / "models" / "0" / "costs.py").read_text() == "class Model: one = 1\n"
    assert (sent.folder / "models" / "1" / "costs.py").read_text() == "class Model: two = 1\n"
    there = load_sweep(sent.folder / "sweep.yaml")
    assert there.costs.per_asset["A"].slippage.model == f"{sent.folder}/models/1/costs.py:Model"
    identities = [identify(sweep, fingerprint(sweep.data)) for sweep in (load_sweep(sweep_file, own), there)]
    assert identities[0].hash == identities[1].hash == sent.identity.hash
    (tmp_path / "two" / "costs.py").write_text("class Model: other = 1\n")
    changed = identify(load_sweep(sweep_file, own), fingerprint(there.data))
    (found,) = changed.differences(identities[1])
    assert found.startswith("costs.per_asset.A.slippage.source:")


def test_what_the_strategy_imports_and_reads_is_sent_and_is_the_same_study_there(sweep_file, tmp_path, monkeypatch):
    toy = tmp_path / "toy.py"
    toy.write_text('import helpers\nTABLE = "tables/weights.csv"\n' + toy.read_text())
    (tmp_path / "helpers.py").write_text("import pathlib\n")
    (tmp_path / "tables").mkdir()
    (tmp_path / "tables" / "weights.csv").write_text("a\n1\n")
    sent = _pack(sweep_file, tmp_path)
    for name in ("strategy/toy.py", "strategy/helpers.py", "strategy/tables/weights.csv"):
        assert (sent.folder / name).exists()
    monkeypatch.chdir(sent.folder)
    there = load_sweep(sent.folder / "sweep.yaml")
    assert identify(there, fingerprint(there.data)).differences(sent.identity) == []
    assert set(sent.identity.files) == {"helpers.py", "tables/weights.csv"}


def test_a_sampler_of_the_users_own_is_sent_with_what_it_imports(sweep_file, tmp_path, monkeypatch):
    (tmp_path / "own.py").write_text("import urn\n\nclass Own: ...\n")
    (tmp_path / "urn.py").write_text("")
    sent = _pack(sweep_file, tmp_path, overrides=["search.sampler=own.py:Own"])
    assert {path.name for path in (sent.folder / "sampler").iterdir()} == {"own.py", "urn.py"}
    monkeypatch.chdir(sent.folder)
    there = load_sweep(sent.folder / "sweep.yaml")
    assert there.search.sampler == f"{sent.folder}/sampler/own.py:Own"
    assert identify(there, fingerprint(there.data)).differences(sent.identity) == []
    assert {"Own: own.py", "Own: urn.py"} <= set(sent.identity.files)


def test_a_module_beside_the_sweep_file_is_sent_with_its_package(sweep_file, tmp_path):
    (tmp_path / "pkg").mkdir()
    (tmp_path / "pkg" / "__init__.py").write_text("")
    (tmp_path / "pkg" / "base.py").write_text("")
    (tmp_path / "pkg" / "toy.py").write_text("from .base import *\nclass Toy: ...\n")
    sent = _pack(sweep_file, tmp_path, overrides=["strategy=pkg.toy:Toy"])
    there = load_sweep(sent.folder / "sweep.yaml")
    assert there.strategy == f"{sent.folder}/strategy/pkg/toy.py:Toy"
    assert identify(there, fingerprint(there.data)).differences(sent.identity) == []
