"""Writes ONNX's node tests as a golden file: packages/testing/golden/onnx.safetensors. Not part of installing, building or testing.

Made with Python 3.11 and
    onnx==1.23.2 ml_dtypes==0.6.0 numpy==2.4.6 safetensors==0.8.0
by
    python packages/testing/python/onnx_cases.py [greatest bytes of a case, 90,000 without it]

`config.cases` lists every single-operator case of ONNX: name, operator, attributes, and the type and shape of each input and output
(null where an optional one is left out). A case whose types the engine has, and which is not larger than the bytes, also has its values:
`<name>.in.<i>` and `<name>.out.<i>`. f64 is stored as F32, int64 (indices, shapes) as I32, cut to its range; f16 and bf16 as F32, exactly.
"""

import json
import sys
import warnings

import numpy as np
import onnx
from onnx import AttributeProto, helper, numpy_helper
from onnx.backend.test.case.node import collect_testcases
from safetensors.numpy import save_file

from golden_file import FOLDER

STORED = {"float": np.float32, "double": np.float32, "float16": np.float32, "bfloat16": np.float32, "int32": np.int32, "int64": np.int32,
          "uint32": np.int32, "bool": np.int32}
#: Arithmetic in these is no business of the engine's; it stores them, so that only casts between them and float are kept.
STORAGE = {"float16", "bfloat16"}


def stored(array: np.ndarray, kind: str) -> np.ndarray:
    if kind == "int64":
        array = array.clip(-2**31, 2**31 - 1)
    if kind == "uint32":
        return np.ascontiguousarray(array).view(np.int32)
    return np.array(array, dtype=STORED[kind], order="C")


def plain(attribute: AttributeProto):
    """An attribute as JSON holds it; a graph only by its name."""
    value = helper.get_attribute_value(attribute)
    if isinstance(value, bytes):
        return value.decode()
    if isinstance(value, onnx.TensorProto):
        array = array_of(value)
        return {"type": type_name(value.data_type), "shape": list(array.shape), "values": [finite(item) for item in array.ravel().tolist()]}
    if isinstance(value, (onnx.GraphProto, onnx.SparseTensorProto)):
        return {"graph": value.name}
    if isinstance(value, (int, float, str)):
        return value
    return [item.decode() if isinstance(item, bytes) else item for item in value]


def finite(item):
    """A number as JSON holds it: NaN and infinities in words."""
    return str(item) if isinstance(item, float) and not np.isfinite(item) else item


def array_of(value):
    """A value of a data set as an array, unless it is a sequence or absent."""
    if isinstance(value, onnx.TensorProto):
        return numpy_helper.to_array(value)
    return np.asarray(value) if isinstance(value, np.ndarray) or np.isscalar(value) else None


def type_name(number: int) -> str:
    return onnx.TensorProto.DataType.Name(number).lower()


def shape_of(array):
    return None if array is None else list(array.shape)


def kind_of(info: onnx.ValueInfoProto) -> str:
    which = info.type.WhichOneof("value")
    return type_name(info.type.tensor_type.elem_type) if which == "tensor_type" else which.removesuffix("_type")


def is_kept(case: dict, values: list, limit: int) -> bool:
    kinds = {tensor["type"] for tensor in [*case["inputs"], *case["outputs"]] if tensor}
    return (kinds <= set(STORED) and all(value is not None for value in values)
            and (not kinds & STORAGE or case["operator"] in ("Cast", "CastLike"))
            and sum(value.size * 4 for value in values) <= limit)


def main() -> None:
    limit = int(sys.argv[1]) if len(sys.argv) > 1 else 90_000
    warnings.simplefilter("ignore")
    cases, tensors = [], {}
    for found in collect_testcases(None):
        graph = found.model.graph
        if len(graph.node) != 1:
            continue  # the same case again, with the operator spelt out
        [node] = graph.node
        ins, outs = found.data_sets[0] if found.data_sets else ([], [])
        given = {info.name: (kind_of(info), array_of(value)) for info, value in
                 [*zip(graph.input, ins or [None] * len(graph.input)), *zip(graph.output, outs or [None] * len(graph.output))]}
        case = {"name": found.name.removeprefix("test_"), "operator": node.op_type,
                "attributes": {attribute.name: plain(attribute) for attribute in node.attribute}}
        for side, names in (("inputs", node.input), ("outputs", node.output)):
            case[side] = [{"type": given[name][0], "shape": shape_of(given[name][1])} if name in given else None for name in names]
        cases.append(case)
        values = [value for _, value in given.values()]
        if not is_kept(case, values, limit):
            continue
        for side, names in (("in", node.input), ("out", node.output)):
            for i, name in enumerate(names):
                if name in given:
                    kind, value = given[name]
                    tensors[f"{case['name']}.{side}.{i}"] = stored(value, kind)
    config = {"onnx": onnx.__version__, "limit": limit, "cases": cases}
    path = FOLDER / "onnx.safetensors"
    save_file(tensors, path, metadata={"config": json.dumps(config, separators=(",", ":"), allow_nan=False)})
    print(f"{len(cases)} cases, {path.stat().st_size / 1024:.0f} KiB")


main()
