"""Where an archive is: in a SQLite file, named by its path or by URL, or in PostgreSQL."""

import hashlib
import os
import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from urllib.parse import quote, quote_plus

import sqlalchemy as sa

HIDDEN = "***"
# Query parameters of URLs that hold a secret, by their name or by what stands in them.
_SECRET = re.compile(r"pass|pwd|secret|token|key|cred", re.IGNORECASE)
_DRIVERS = {
    "sqlite": "sqlite",
    "sqlite+pysqlite": "sqlite",
    "postgresql": "postgresql+psycopg",
    "postgresql+psycopg": "postgresql+psycopg",
    "postgres": "postgresql+psycopg",
}


class ArchiveError(Exception):
    """An archive that cannot be read or written, or a name it does not hold."""

    exit_code = 3


@dataclass(frozen=True)
class Place:
    """The place that `--archive` names. `file` is None where the archive is no file.

    `where` is what was given. A URL may hold a password: print `shown` instead.
    """

    where: str
    url: sa.URL
    file: Path | None

    @classmethod
    def of(cls, where: str | Path) -> "Place":
        """Read a path or a URL; raises ArchiveError for what is neither, without quoting it."""
        text = str(where)
        if not text.strip():
            raise ArchiveError(
                "--archive is empty: give a path or a URL, or set RATCHET_ARCHIVE to one"
            )
        if "\0" in text:
            raise ArchiveError("--archive holds a NUL character: give a path or a URL")
        if "://" not in text:
            return cls(text, _sqlite(text), Path(text))
        url = _parsed(text)
        driver = _DRIVERS.get(url.drivername)
        if driver is None:
            raise ArchiveError(
                f"an archive is kept in SQLite or PostgreSQL, not in {url.drivername}: "
                "give a path, or a URL that begins with postgresql://"
            )
        if driver != "sqlite":
            return cls(text, url.set(drivername=driver), None)
        if url.query or url.host or not url.database or url.database == ":memory:":
            raise ArchiveError(
                "a SQLite archive is a file, and takes no options: give its path, or "
                "sqlite:////the/path/of/the/file.db"
            )
        return cls(text, _sqlite(url.database), Path(url.database))

    @property
    def secret(self) -> bool:
        """Whether what was given holds a password, or another secret."""
        return bool(self._secrets)

    @property
    def shown(self) -> str:
        """What may be printed: what was given, with *** for every secret."""
        if not self.secret:
            return self.where
        query = {name: HIDDEN if _hidden(name, value) else value for name, value in self._query}
        url = self.url.set(query=query).render_as_string(hide_password=True)
        return url.replace(quote_plus(HIDDEN), HIDDEN).replace("+psycopg", "", 1)

    def scrubbed(self, text: str) -> str:
        """A driver's message without any secret, however the secret is encoded."""
        for secret in self._secrets:
            for form in {secret, quote(secret), quote(secret, safe=""), quote_plus(secret)}:
                text = text.replace(form, HIDDEN)
        return text

    def beside(self, name: str) -> Path:
        """A file of this machine that belongs to the archive, such as a lock."""
        if self.file is not None:
            return Path(f"{self.file}.{name}")
        folder = Path(".ratchet")
        folder.mkdir(exist_ok=True)
        return folder / f"{hashlib.sha256(self.shown.encode()).hexdigest()[:8]}.{name}"

    @property
    def frozen(self) -> bool:
        """Whether there is a file that cannot be written to, or whose folder cannot."""
        if self.file is None or not self.file.exists():
            return False
        return not (os.access(self.file, os.W_OK) and os.access(self.file.parent, os.W_OK))

    @cached_property
    def _query(self) -> list[tuple[str, str]]:
        return [
            (name, value if isinstance(value, str) else ",".join(value))
            for name, value in self.url.query.items()
        ]

    @cached_property
    def _secrets(self) -> list[str]:
        """Longest first, so that none is left over in part."""
        secrets = {value for name, value in self._query if _hidden(name, value)}
        secrets.add(str(self.url.password or ""))
        return sorted(secrets - {""}, key=len, reverse=True)


def _sqlite(path: str) -> sa.URL:
    # An absolute path, as SQLite has names of its own for some relative ones: :memory:, file:...
    return sa.URL.create("sqlite", database=os.path.abspath(path))


def _parsed(text: str) -> sa.URL:
    try:
        url = sa.make_url(text)
    except (sa.exc.ArgumentError, ValueError):
        url = None
    # What follows an @ in the wrong place may be the rest of a password.
    if url is None or "@" in f"{url.host or ''}{url.database or ''}{url.username or ''}":
        raise ArchiveError(
            "--archive is no URL that can be read: write it as postgresql://USER:PASSWORD@HOST/NAME"
            " and percent-encode what is special in the password, such as %40 for @"
        ) from None
    return url


def _hidden(name: str, value: str) -> bool:
    return bool(_SECRET.search(name) or re.search(r"(pwd|password)\s*=", value, re.IGNORECASE))
