"""Writes records with py-key-value-aio and prints them as the server holds them: the content of records.json.

Input, as JSON on stdin: the URL of an empty Redis server. Run by make.ts.
"""

import asyncio
import json
import sys

import redis.asyncio as redis
from key_value.aio.stores.redis import RedisStore

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
    ("odd *?[x]\\:", "key with :: inside", {"v": 1}, None),
    ("q", "%3A", {"v": 2}, None),
]


async def main() -> None:
    url = json.load(sys.stdin)
    client = redis.from_url(url, decode_responses=True)
    store = RedisStore(client=client)
    written = []
    for collection, key, value, ttl in RECORDS:
        await store.put(key, value, collection=collection, ttl=ttl)
        name = f"{collection or 'default_collection'}::{key}"
        text = await client.get(name)
        written.append({"collection": collection, "key": key, "name": name, "text": text})
    print(json.dumps(written))
    await client.aclose()


asyncio.run(main())
