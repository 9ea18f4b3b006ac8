"""Makes wrappers.json: what the wrappers of py-key-value-aio 0.4.6 store.

    pip install "py-key-value-aio[memory,wrappers-encryption]==0.4.6"
    python make.py > wrappers.json
"""

import asyncio
import base64
import json
import warnings

from cryptography.fernet import Fernet, MultiFernet
from key_value.aio.stores.simple import SimpleStore
from key_value.aio.wrappers.compression import CompressionWrapper
from key_value.aio.wrappers.encryption.fernet import FernetEncryptionWrapper, _generate_encryption_key
from key_value.aio.wrappers.prefix_collections import PrefixCollectionsWrapper
from key_value.aio.wrappers.prefix_keys import PrefixKeysWrapper
from key_value.aio.wrappers.single_collection import SingleCollectionWrapper

warnings.simplefilter("ignore")

KEYS = [base64.urlsafe_b64encode(bytes([byte]) * 32).decode() for byte in (1, 2)]

VALUES = {
    "order": {"b": 1, "a": "\u00e9"},
    "empty": {},
    "nested": {"a": [1, {"b": [None, True, {"c": "d"}]}], "empty": {}, "none": []},
    "text": {"text": "\u65e5\u672c \U0001f600 \u0000 \u007f \u0080 \" \\ / \u2028 \uffff \t\n"},
    "floats": {"one": 1.0, "tenth": 0.1, "huge": 1e308, "small": 5e-324, "seventh": 1e-7},
    "items": {"items": [1, 2, 3]},
    "long": {"text": "abc " * 500},
    "exact": {"id": 2**70},
    "inexact": {"id": 2**53 + 1},
    "not a number": {"values": [float("nan"), float("inf")]},
}


async def stored(wrap, value):
    store = SimpleStore()
    await wrap(store).put("key", value, collection="c")
    return await store.get("key", collection="c")


async def names(wrap, collection, key):
    store = SimpleStore()
    await wrap(store).put(key, {"v": 1}, collection=collection)
    [found] = store._data  # noqa: SLF001
    return found


async def main() -> None:
    keys = [Fernet(key) for key in KEYS]
    old = keys[1]
    rotated = MultiFernet(keys)
    fixed = Fernet(KEYS[0])._encrypt_from_parts(b'{"b":1,"a":"\\u00e9"}', 1735689600, bytes(range(16)))  # noqa: SLF001
    records = [
        {
            "name": name,
            "json": json.dumps(value, separators=(",", ":")),
            "fernet": await stored(lambda store: FernetEncryptionWrapper(store, fernet=rotated), value),
            "old": await stored(lambda store: FernetEncryptionWrapper(store, fernet=old), value),
            "compressed": await stored(lambda store: CompressionWrapper(store, min_size_to_compress=1), value),
            "both": await stored(
                lambda store: CompressionWrapper(FernetEncryptionWrapper(store, fernet=rotated), min_size_to_compress=1),
                value,
            ),
        }
        for name, value in VALUES.items()
    ]
    print(
        json.dumps(
            {
                "keys": KEYS,
                "derived": [
                    {"passphrase": material, "salt": salt, "key": _generate_encryption_key(material, salt).decode()}
                    for material, salt in [
                        ("test-source-material", "test-salt"),
                        ("different-source-material", "test-salt"),
                        ("test-source-material", "different-salt"),
                        ("caf\u00e9", "cafe\u0301"),
                    ]
                ],
                "token": {"time": 1735689600, "token": fixed.decode()},
                "names": {
                    "prefixKeys": await names(lambda store: PrefixKeysWrapper(store, prefix="app"), "users", "ada"),
                    "prefixCollections": await names(
                        lambda store: PrefixCollectionsWrapper(store, prefix="app"), "users", "ada"
                    ),
                    "singleCollection": await names(
                        lambda store: SingleCollectionWrapper(store, single_collection="all"), "users", "ada"
                    ),
                },
                "records": records,
            },
            indent=2,
        )
    )


asyncio.run(main())
