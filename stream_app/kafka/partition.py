"""Key → partition, as Kafka's Java client and Faust place it (murmur2, of public domain, by Austin Appleby).

Decision: written out here, since librdkafka does not show its own, and replay must place records as producing does.
"""

_SEED = 0x9747B28C
_M = 0x5BD1E995
_MASK = 0xFFFFFFFF


def murmur2(data: bytes) -> int:
    """Give the unsigned 32-bit murmur2 hash with Kafka's seed."""
    h = (_SEED ^ len(data)) & _MASK
    whole = len(data) & ~3
    for at in range(0, whole, 4):
        k = int.from_bytes(data[at : at + 4], "little") * _M & _MASK
        k = (k ^ k >> 24) * _M & _MASK
        h = h * _M & _MASK ^ k
    if tail := data[whole:]:
        h = (h ^ int.from_bytes(tail, "little")) * _M & _MASK
    h = (h ^ h >> 13) * _M & _MASK
    return h ^ h >> 15


def partition_of(key: bytes, partitions: int) -> int:
    """Give the partition of a key, 0 to ``partitions`` - 1."""
    return (murmur2(key) & 0x7FFFFFFF) % partitions
