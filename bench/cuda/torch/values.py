"""The numbers of bench/work.ts, in NumPy: the same name gives the same numbers in both languages.

Invariant: mulberry32's state is a counter, so its n-th output needs no other; Box-Muller is done in doubles.
"""
import numpy as np


def _hash(name):
    h = 2166136261
    for c in name.encode("utf-16-le")[::2]:
        h = ((h ^ c) * 16777619) & 0xFFFFFFFF
    return h


def _uniform(seed, first, count):
    """Outputs first .. first + count - 1 of the generator, in [0, 1)."""
    with np.errstate(over="ignore"):
        n = np.arange(first + 1, first + count + 1, dtype=np.uint32)
        s = np.uint32(seed) + n * np.uint32(0x6D2B79F5)
        t = (s ^ (s >> np.uint32(15))) * (s | np.uint32(1))
        t ^= t + (t ^ (t >> np.uint32(7))) * (t | np.uint32(61))
        t ^= t >> np.uint32(14)
    return t.astype(np.float64) / 4294967296.0


def normal(name, size, scale=1.0, chunk=1 << 22):
    """Normally distributed float32 numbers times `scale`."""
    seed, out = _hash(name), np.empty(size, np.float32)
    for start in range(0, size, chunk):
        count = min(chunk, size - start)
        u = _uniform(seed, 2 * start, 2 * count)
        out[start : start + count] = (
            scale * np.sqrt(-2 * np.log(1 - u[0::2])) * np.cos(2 * np.pi * u[1::2])
        )
    return out


def labels(name, size, below):
    """Uniform integers below `below`."""
    return np.floor(_uniform(_hash(name), 0, size) * below).astype(np.int64)


def sample(data):
    """The first, the last and ten other elements."""
    flat = data.reshape(-1)
    return [float(flat[(flat.numel() - 1) * i // 11]) for i in range(12)]
