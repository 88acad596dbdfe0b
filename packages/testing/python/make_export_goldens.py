"""Makes packages/testing/golden/eval/exports.json: what lmms-eval and VLMEvalKit read in the files that Curio exports.

Not part of installing, building or testing. The kits are imported from where the user has them, none of their code is here. Made
with Python 3.11, lmms-eval==0.7.3 (its log model needs accelerate and torch), pandas openpyxl xlsxwriter sty, and VLMEvalKit
(open-compass, e8e78f0), by
    node --import tsx --conditions=source packages/eval/test/write-exports-cli.ts EXPORTS
    python packages/testing/python/make_export_goldens.py EXPORTS VLMEVALKIT
For each case it holds the digest of the file that was read, the texts that the kit's reader took from it otherwise than they were
given, and for VLMEvalKit the scores of its own evaluate(), which are asserted to be those of a file that the kit itself writes.
"""

import hashlib
import json
import shutil
import sys
import tempfile
import types
from pathlib import Path

GOLDEN = Path(__file__).parent.parent / "golden" / "eval" / "exports.json"


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def from_log(folder: Path, indices: list) -> dict:
    """The answers that lmms-eval's model gives for its documents."""
    from lmms_eval.models.simple.from_log import FromLog

    model = FromLog(logs=str(folder), model_name="tiny")
    (task,) = model.logs
    requests = [types.SimpleNamespace(args=("prompt", {}, None, index, task, "test")) for index in indices]
    return {"task": task, "read": model.generate_until(requests)}


def import_vlmevalkit(root: Path) -> None:
    """Its packages without their __init__, which import every model and data set."""
    sys.path.insert(0, str(root))
    for name in ("vlmeval", "vlmeval.dataset"):
        module = types.ModuleType(name)
        module.__path__ = [str(root / name.replace(".", "/"))]
        sys.modules[name] = module


def evaluate(name: str, path: Path) -> list:
    """The kit's own scores of a workbook, without a judge."""
    from vlmeval.dataset.image_mcq import ImageMCQDataset
    from vlmeval.dataset.image_vqa import VizWiz
    from vlmeval.dataset.image_yorn import ImageYORNDataset
    from vlmeval.smp import load

    kind = {"POPE": ImageYORNDataset, "VizWiz": VizWiz}.get(name, ImageMCQDataset)
    data_set = kind.__new__(kind)
    data_set.dataset_name = name
    data_set.data = load(str(path)).drop(columns="prediction")
    scores = data_set.evaluate(str(path), model="exact_matching", nproc=1)
    rows = json.loads(scores.to_json(orient="records"))
    return sorted(rows, key=lambda row: str(row.get("split")))


def workbook(path: Path, expected: dict) -> dict:
    import pandas
    from vlmeval.smp import dump, load

    name = path.stem.removeprefix("tiny_")
    data = load(str(path)).sort_values(by="index")
    order = sorted(range(len(expected["indices"])), key=lambda k: expected["indices"][k])
    assert list(data["index"]) == [expected["indices"][k] for k in order], name
    with tempfile.TemporaryDirectory() as folder:
        ours, theirs = Path(folder) / "ours" / path.name, Path(folder) / "theirs" / path.name
        for each in (ours, theirs):
            each.parent.mkdir()
        shutil.copy(path, ours)
        own = data.copy()
        own["prediction"] = [expected["texts"][k] for k in order]
        dump(own, str(theirs))
        scores = evaluate(name, ours)
        assert scores == evaluate(name, theirs), name
    # pandas takes some words for missing values, in the kit's own files too.
    sorted_read = ["" if pandas.isna(each) else str(each) for each in data["prediction"]]
    read = [text for _, text in sorted(zip(order, sorted_read))]
    return {"dataset": name, "columns": list(load(str(path)).columns), "read": read, "scores": scores}


def main() -> None:
    exports, root = Path(sys.argv[1]), Path(sys.argv[2])
    import_vlmevalkit(root)
    golden = {}
    for case in sorted(exports.iterdir()):
        (path,) = (case / "file").iterdir()
        expected = json.loads((case / "expected.json").read_text())
        found = from_log(case / "file", expected["indices"]) if path.suffix == ".json" else workbook(path, expected)
        read = found.pop("read")
        assert len(read) == len(expected["texts"]), case.name
        differs = [[i, text] for i, (text, wanted) in enumerate(zip(read, expected["texts"])) if text != wanted]
        golden[case.name] = {"sha256": digest(path.read_bytes()), "count": len(read), "differs": differs, **found}
        print(case.name, golden[case.name])
    GOLDEN.write_text(json.dumps(golden, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
