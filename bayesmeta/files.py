"""Files that are whole or absent: written under a temporary name in the same folder, then moved."""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def written(path: str | Path) -> Iterator[Path]:
    """Give a temporary path to write to; move it to `path` when the block ends well, else remove it.

    The temporary name keeps the suffix of `path`, because libraries choose the format by it.

    Parameters
    ----------
    path : where the file shall be; its folder is made if needed.

    Yields
    ------
    The path to write to.

    Examples
    --------
    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> with written(folder / "table.csv") as temporary:
    ...     _ = temporary.write_text("a,b")
    >>> (folder / "table.csv").read_text()
    'a,b'
    """
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(f".{target.stem}.{secrets.token_hex(4)}{target.suffix}")
    try:
        yield temporary
        os.replace(temporary, target)
    finally:
        temporary.unlink(missing_ok=True)
