"""Wrote the Parquet files beside it, with pyarrow 25.0.1: python make-parquet.py"""

import datetime
import decimal

import pyarrow as pa
import pyarrow.parquet as pq

messages = [
    [{"role": "user", "content": "How is {{ 7 * 7 }}?"}, {"role": "assistant", "content": "as it stands ä🚀"}],
    [{"role": "user", "content": "And"}, {"role": "assistant", "content": "yes"}, {"role": "user", "content": "so"},
     {"role": "assistant", "content": "on"}],
]
for codec in ("none", "snappy", "zstd", "gzip"):
    pq.write_table(pa.table({"messages": messages, "cluster": [1, None]}), f"messages.{codec}.parquet", compression=codec)

pq.write_table(
    pa.table({
        "sentence": ["Sales rose.", "Sales fell.", None],
        "label": pa.array([2, 0, 1], pa.int64()),
        "small": pa.array([1, 2, 3], pa.int8()),
        "share": [0.5, 1.0, -2.25],
        "true": [True, False, None],
        "day": [datetime.date(2020, 1, 2)] * 3,
        "price": [decimal.Decimal("12.50")] * 3,
        "tags": [["a", "b"], [], None],
        "nested": [{"a": {"b": "c"}}, {"a": None}, None],
        "named": pa.array([[("k", 1)], [], None], pa.map_(pa.string(), pa.int32())),
        "name with space": ["x", "y", "z"],
    }),
    "fields.parquet", row_group_size=2)
pq.write_table(pa.table({"bytes": pa.array([b"plain", b"\xff\xfe"], pa.binary())}), "bytes.parquet")
