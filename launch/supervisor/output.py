"""Writes to streams and logs whose disk may be full: what finds no room is lost, but nothing waits for it or ends by it."""

import os
import sys


def write(descriptor, data):
    """Whether all of it was written."""
    try:
        while data:
            data = data[os.write(descriptor, data):]
        return True
    except OSError:
        return False


def say(text):
    """Tells the user something; whether that found room."""
    return write(sys.stderr.fileno(), f"supervisor: {text}\n".encode("utf-8", "surrogateescape"))
