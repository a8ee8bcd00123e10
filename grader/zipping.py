"""Files -> a zip whose bytes are the same at every time and on every system."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Mapping

EARLIEST = (1980, 1, 1, 0, 0, 0)  # the first time that a zip can tell
UNIX = 3  # the system whose modes are told


def zipped(files: Mapping[str, bytes], mode: Callable[[str], int] = lambda name: 0o644) -> bytes:
    """The zip, in the order of `files`; `mode` gives the st_mode of each by its path in the zip."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            info = zipfile.ZipInfo(name, EARLIEST)
            info.create_system = UNIX
            info.external_attr = mode(name) << 16
            info.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(info, content)
    return made.getvalue()
