"""Refuse an outdated Python in words; imported first, and in syntax that Python 3.6 still reads."""

import sys

OLDEST = (3, 11)


def refusal(version):
    """Return why a Python cannot be used.

    Parameters
    ----------
    version : tuple of int
        Its version.

    Returns
    -------
    str
        What to do, in Chinese and English; empty if it can be used.
    """
    if tuple(version) >= OLDEST:
        return ""
    shown = ".".join(str(part) for part in version)
    return (
        f"当前 Python 为 {shown}，需要 3.11 或更高版本：请安装后用它重新运行本命令。 / "
        f"This is Python {shown}; 3.11 or newer is needed. Install it and run this command with it."
    )


if refusal(sys.version_info[:3]):
    sys.exit(refusal(sys.version_info[:3]))
