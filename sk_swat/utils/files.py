"""Files that are written as a whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["check_new_file", "write_file"]


def check_new_file(path: str | Path, *, overwrite: bool = False) -> Path:
    """Make sure, before long work, that its result can be written: OSError if something stands in the way.

    The folder of the file must exist; the file itself may exist if it is to be overwritten.
    """
    path = Path(path)
    if path.is_dir():
        raise IsADirectoryError(f"the file to write must not be a folder, but '{path}' is one; add a file name.")
    if path.exists() and not path.is_file():  # a device would be replaced, not written to
        raise FileExistsError(f"the file to write must be an ordinary one, but '{path}' is not.")
    if path.exists() and not overwrite:
        raise FileExistsError(
            f"'{path}' exists already; give another name, or overwrite it with --force (in Python: overwrite=True)."
        )
    if not path.parent.is_dir():
        raise FileNotFoundError(f"the folder of the file to write must exist, but there is none at '{path.parent}'.")
    if not os.access(path.parent, os.W_OK):
        raise PermissionError(f"'{path}' cannot be written: no permission to write in its folder.")
    return path


def write_file(path: str | Path, content: str | bytes, *, overwrite: bool = False) -> None:
    """Write a file under another name beside it, and rename it: nobody ever meets half of it.

    :func:`check_new_file` is asked first. Text is written in UTF-8, with line ends as they are.
    """
    path = check_new_file(path, overwrite=overwrite)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with part.open("xb") as file:
            file.write(content.encode("utf-8") if isinstance(content, str) else content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)
