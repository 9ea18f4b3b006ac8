"""Writes records with py-key-value-aio and prints them as the server holds them: the content of records.json.

Input, as JSON on stdin: the endpoint of an empty server. Run by make.ts.
"""

import asyncio
import json
import sys

import aioboto3
from key_value.aio.stores.dynamodb import DynamoDBStore

RECORDS = [
    (None, "plain", {"name": "Ada", "age": 36}, None),
    ("users", "nested", {"a": [1, {"b": [None, True, {"c": "d"}]}], "empty": {}, "none": []}, None),
    ("users", "unicode \u00e9\U0001f600", {"text": "\u65e5\u672c \U0001f600 \u0000 \" \\ / \u2028"}, None),
    ("users", "floats", {"one": 1.0, "tenth": 0.1, "huge": 1e308, "small": 5e-324}, None),
    ("users", "with ttl", {"kept": True}, 1_000_000_000),
    ("users", "fraction of ttl", {"kept": True}, 1_000_000_000.5),
    ("users", "items", {"items": [1, 2, 3]}, None),
    ("users", "big but exact", {"id": 2**70, "text": "12345678901234567891"}, None),
    ("users", "big", {"id": 2**53 + 1}, None),
    ("users", "nan", {"values": [float("nan"), float("inf"), float("-inf")], "text": "NaN"}, None),
    ("p::q", "k", {"v": 1}, None),
    ("p", "q::k", {"v": 2}, None),
]


async def main() -> None:
    given = json.load(sys.stdin)
    session = aioboto3.Session(region_name="us-east-1", aws_access_key_id="user", aws_secret_access_key="secret")
    async with session.client("dynamodb", endpoint_url=given) as client:
        store = DynamoDBStore(client=client, table_name="golden")
        items = []
        for collection, key, value, ttl in RECORDS:
            await store.put(key, value, collection=collection, ttl=ttl)
            name = {"collection": {"S": collection or "default_collection"}, "key": {"S": key}}
            items.append((await client.get_item(TableName="golden", Key=name))["Item"])
        print(json.dumps(items))


asyncio.run(main())
