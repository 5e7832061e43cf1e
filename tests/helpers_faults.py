"""What tests of faults share: an ordinary user, and images that claim to be large."""

import os
import struct
import zlib
from contextlib import contextmanager

from hypothesis import strategies as st

NOBODY = 65534


@contextmanager
def as_ordinary_user():
    """Permissions do not hold back the administrator, who runs the tests in a container."""
    administrator = os.geteuid() == 0
    if administrator:
        os.seteuid(NOBODY)
    try:
        yield
    finally:
        if administrator:
            os.seteuid(0)


@st.composite
def mangled(draw, data: bytes) -> bytes:
    """A file of which some bytes were changed, and perhaps a part cut out or put in."""
    result = bytearray(data)
    for _ in range(draw(st.integers(0, 4))):
        result[draw(st.integers(0, len(result) - 1))] = draw(st.integers(0, 255))
    start, end = sorted(draw(st.tuples(*[st.integers(0, len(result))] * 2)))
    kind = draw(st.sampled_from(["whole", "end cut", "middle cut", "doubled", "junk"]))
    if kind == "end cut":
        del result[start:]
    if kind == "middle cut":
        del result[start:end]
    if kind == "doubled":
        result[start:start] = result[start:end]
    if kind == "junk":
        result[start:start] = draw(st.binary(max_size=40))
    return bytes(result)


def chunk(kind: bytes, data: bytes) -> bytes:
    """One chunk of a PNG file."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width: int, height: int, *extra: bytes, claimed: int | None = None) -> bytes:
    """A black PNG of one bit a pixel, with more chunks; it can claim to have another height."""
    header = struct.pack(">IIBBBBB", width, claimed or height, 1, 0, 0, 0, 0)
    rows = bytes(-(-width // 8) + 1)
    pressed = zlib.compressobj()
    data = b"".join(pressed.compress(rows) for _ in range(height)) + pressed.flush()
    parts = (chunk(b"IHDR", header), *extra, chunk(b"IDAT", data), chunk(b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)
