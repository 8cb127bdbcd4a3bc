"""Where archives are."""

import os
from pathlib import Path

ARCHIVE = ".ratchet/archive.db"  # unless told


def place(archive: str | Path | None) -> str:
    """The path or URL of an archive that was given; else `$RATCHET_ARCHIVE`, else `ARCHIVE`."""
    return str(archive) if archive is not None else os.environ.get("RATCHET_ARCHIVE") or ARCHIVE
