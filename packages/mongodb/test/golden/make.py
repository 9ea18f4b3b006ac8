"""Writes records with py-key-value-aio and prints them as the server holds them: the content of records.json.

Input, as JSON on stdin: the URL of an empty MongoDB server. Run by make.ts.
"""

import asyncio
import base64
import json
import sys
import warnings

from bson import json_util
from bson.codec_options import CodecOptions
from bson.raw_bson import RawBSONDocument
from key_value.aio.stores.mongodb.store import MongoDBStore, MongoDBV1CollectionSanitizationStrategy
from pymongo import AsyncMongoClient

warnings.simplefilter("ignore")

DATABASE = "kv-store-adapter"
RECORDS = [
    (None, "plain", {"name": "Ada", "age": 36}, None),
    ("users", "nested", {"a": [1, {"b": [None, True, {"c": "d"}]}], "empty": {}, "none": []}, None),
    ("users", "unicode \u00e9\U0001f600", {"text": "\u65e5\u672c \U0001f600 \u0000 \" \\ / \u2028"}, None),
    ("users", "floats", {"one": 1.0, "tenth": 0.1, "huge": 1e308, "small": 5e-324, "zero": -0.0}, None),
    ("users", "integers", {"small": -1, "long": 2**40, "exact": 2**60, "negative": -(2**53)}, None),
    ("users", "names", {"a.b": 1, "": 2, "10": 3, "9": 4, "__proto__": {"x": 1}, "_bsontype": "Long"}, None),
    ("users", "a reference", {"$id": "b", "z": 1, "$ref": "a", "in": {"$ref": "a", "$id": 1}}, None),
    ("users", "with ttl", {"kept": True}, 1_000_000_000),
    ("users", "items", {"items": [1, 2, 3]}, None),
    ("users", "like ours", {"object": {}, "revision": "r", "wrapped": "items"}, None),
    ("users", "big", {"id": 2**53 + 1}, None),
    ("users", "nan", {"values": [float("nan"), float("inf"), float("-inf")], "text": "NaN"}, None),
    ("with spaces, d.ts & \u00e9", "key with :: inside", {"v": 1}, None),
]
SANITIZED = [("my-coll!", "a", {"v": 2}, None), ("users", "b", {"v": 3}, None)]


async def main() -> None:
    url = json.load(sys.stdin)
    client = AsyncMongoClient(url)
    strategy = MongoDBV1CollectionSanitizationStrategy()
    plain = MongoDBStore(client=client)
    sanitized = MongoDBStore(client=client, collection_sanitization_strategy=strategy)
    written = []
    for names, store, records in (("python", plain, RECORDS), ("python-v1", sanitized, SANITIZED)):
        for collection, key, value, ttl in records:
            await store.put(key, value, collection=collection, ttl=ttl)
            place = collection or "default_collection"
            if names == "python-v1":
                place = strategy.sanitize(place)
            document = await client[DATABASE][place].find_one({"key": key})
            text = json_util.dumps(document, json_options=json_util.CANONICAL_JSON_OPTIONS)
            raw = client.get_database(DATABASE, codec_options=CodecOptions(document_class=RawBSONDocument))
            found = await raw[place].find_one({"key": key})
            bson = base64.b64encode(found.raw).decode()
            written.append({"names": names, "place": place, "document": json.loads(text), "bson": bson})
    print(json.dumps(written))
    await client.close()


asyncio.run(main())
