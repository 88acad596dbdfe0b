"""Writes packages/testing/golden/*.parquet: data sets as Hugging Face stores them. Needs pyarrow.

python packages/testing/python/parquet_sets.py
"""

import pathlib

import pyarrow as pa
import pyarrow.parquet as pq

golden = pathlib.Path(__file__).parent.parent / "golden"
picture = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
message = pa.struct([("role", pa.string()), ("content", pa.string())])
turn = pa.struct([("from", pa.string()), ("value", pa.string())])


def talk(i: int) -> list[dict]:
    return [
        {"role": "user", "content": f"What is in picture {i}?"},
        {"role": "assistant", "content": f"The number {i}, ü 漢字."},
    ]


# messages + images: bytes in the rows; every third row without a picture, every fifth with two.
rows = range(25)
images = [
    [] if i % 3 == 0 else [{"bytes": bytes([i, k, 255]), "path": f"{i}.png"} for k in range(2 if i % 5 == 0 else 1)]
    for i in rows
]
messages = pa.table(
    {
        "id": pa.array(rows, pa.int64()),
        "images": pa.array(images, pa.list_(picture)),
        "messages": pa.array([talk(i) for i in rows], pa.list_(message)),
    }
)
pq.write_table(messages, golden / "messages.parquet", compression="zstd", row_group_size=10)

# LLaVA's columns, the picture a path or null.
llava = pa.table(
    {
        "id": pa.array([f"row-{i}" for i in rows]),
        "image": pa.array([None if i % 3 == 0 else f"{i}.png" for i in rows], pa.string()),
        "conversations": pa.array(
            [
                [
                    {"from": "human", "value": ("" if i % 3 == 0 else "<image>\n") + f"What is {i}?"},
                    {"from": "gpt", "value": f"{i} is a number."},
                ]
                for i in rows
            ],
            pa.list_(turn),
        ),
    }
)
pq.write_table(llava, golden / "llava.parquet", compression="snappy", row_group_size=7)
