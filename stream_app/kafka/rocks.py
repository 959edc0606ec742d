"""Rows of one partition on disk, for more keys than memory: the same few calls as a dict, over RocksDB.

Decision: a folder may be older than the changelog, or ahead of it, never wrong: rows carry their position, and recovery
reads on from the noted end. A folder of another changelog topic (it was made anew) is thrown away.
"""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import cast

CACHE_BYTES = 64 << 20
"""Of each partition. RocksDB through Faust would take 2 GiB a table."""
WRITE_BUFFER_BYTES = 16 << 20

_END = b"\xc1end"
_TOPIC = b"\xc1topic"
"""0xC1 begins no MessagePack value, so no key of a row equals these."""


class RocksUnavailable(Exception):
    """The extra is not installed, or another process has the folder."""


class RocksRows:
    """Key to row, both bytes. ``topic_id`` names the changelog that the rows belong to."""

    def __init__(self, folder: Path, topic_id: str) -> None:
        try:
            from rocksdict import (  # noqa: PLC0415 - an optional extra
                BlockBasedOptions,
                Cache,
                Options,
                Rdict,
            )
        except ImportError as error:
            raise RocksUnavailable(
                "no RocksDB: pip install 'stream_app[rocksdb]', or STREAM_APP_STORE=memory"
            ) from error
        options = Options(raw_mode=True)
        options.create_if_missing(True)  # noqa: FBT003 - RocksDB's signature
        options.set_write_buffer_size(WRITE_BUFFER_BYTES)
        table = BlockBasedOptions()
        table.set_block_cache(Cache(CACHE_BYTES))
        options.set_block_based_table_factory(table)
        folder.mkdir(parents=True, exist_ok=True)
        try:
            self._db = Rdict(str(folder), options)
            if self._db.get(_TOPIC, topic_id.encode()) != topic_id.encode():
                self._db.close()
                shutil.rmtree(folder)
                self._db = Rdict(str(folder), options)
        except Exception as error:  # rocksdict raises plain Exceptions
            raise RocksUnavailable(f"{folder}: {error}; two workers must not share STREAM_APP_DATA_DIR") from error
        self._db[_TOPIC] = topic_id.encode()

    def get(self, key: bytes) -> bytes | None:
        """Give the row of a key, or None."""
        row: bytes | None = self._db.get(key)
        return row

    def __setitem__(self, key: bytes, row: bytes) -> None:
        self._db[key] = row

    def pop(self, key: bytes, default: None = None) -> bytes | None:
        """Remove a row; give it, or ``default``."""
        row = self.get(key)
        if row is None:
            return default
        del self._db[key]
        return row

    def items(self) -> Iterator[tuple[bytes, bytes]]:
        """Give every row, in the order of the keys' bytes."""
        for key, row in self._db.items():
            if key not in {_END, _TOPIC}:
                yield cast("bytes", key), cast("bytes", row)

    def __len__(self) -> int:
        """Give about how many rows there are: to count them would be to read them."""
        return self._db.property_int_value("rocksdb.estimate-num-keys") or 0

    @property
    def size(self) -> int:
        """Bytes on disk and in the buffers, as RocksDB says."""
        of = self._db.property_int_value
        return (of("rocksdb.total-sst-files-size") or 0) + (of("rocksdb.size-all-mem-tables") or 0)

    @property
    def end(self) -> int:
        """The changelog offset from which recovery has to read on; 0 for a new folder."""
        noted: bytes | None = self._db.get(_END)
        return 0 if noted is None else int(noted)

    def note_end(self, offset: int) -> None:
        """Note that every record of the changelog below ``offset`` is in here."""
        self._db[_END] = str(offset).encode()

    def close(self) -> None:
        """Write everything out and let go of the folder."""
        self._db.close()
