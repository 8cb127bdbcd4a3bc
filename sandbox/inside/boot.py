"""Import modules from memory, so that no file a candidate could change is ever imported."""

import importlib.machinery
import importlib.util
import sys
from collections.abc import Mapping, Sequence
from importlib.abc import InspectLoader, MetaPathFinder
from types import ModuleType


class Memory(MetaPathFinder, InspectLoader):
    """Finds and loads modules by their dotted names from a mapping to their sources."""

    def __init__(self, sources: Mapping[str, str]) -> None:
        """Keep `sources`; a module with others below it is a package."""
        self._sources = sources

    def install(self) -> None:
        """Look here before anywhere else."""
        sys.meta_path.insert(0, self)

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        """Claim the modules held here."""
        if fullname not in self._sources:
            return None
        spec = importlib.util.spec_from_loader(fullname, self)
        assert spec is not None
        spec.origin, spec.has_location = fullname.rpartition(".")[2] + ".py", True
        return spec

    def get_source(self, fullname: str) -> str:
        """The source, which tracebacks quote."""
        return self._sources[fullname]

    def is_package(self, fullname: str) -> bool:
        """Whether other modules lie below."""
        return any(name.startswith(fullname + ".") for name in self._sources)

    def get_code(self, fullname: str):  # type: ignore[no-untyped-def]  # a code object
        """Compile under the module's short name."""
        return compile(self._sources[fullname], fullname.rpartition(".")[2] + ".py", "exec")
