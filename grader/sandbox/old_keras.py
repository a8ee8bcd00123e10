"""`import keras` as it was in the days of Keras 2: the same modules that `tf.keras` has, which are tf_keras'.

Worker side. Without this a notebook of 2020 that mixes the two would mix Keras 2 with Keras 3.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Mapping, Sequence
from importlib.machinery import ModuleSpec
from types import ModuleType

KERAS = {"keras": "tf_keras"}


class Finder:
    """Finds modules under other names: ``keras.x`` where ``tf_keras.x`` is. Both a finder and a loader."""

    def __init__(self, names: Mapping[str, str]) -> None:
        """`names`: the package to be found -> the package that it is."""
        self._names = names

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """A spec that loads the module of the same name in the other package; None where there is none."""
        real = self._real(name)
        if not real:
            return None
        try:
            found = importlib.util.find_spec(real)
        except ModuleNotFoundError:
            return None
        if found is None:
            return None
        # A package must have search locations, or `import keras.x` is refused.
        return ModuleSpec(name, self, is_package=found.submodule_search_locations is not None)  # type: ignore[arg-type]

    def _real(self, name: str) -> str:
        for package, real in self._names.items():
            if name == package or name.startswith(f"{package}."):
                return real + name.removeprefix(package)
        return ""

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        """The other package's own module: there is one of each."""
        module = importlib.import_module(self._real(spec.name))
        spec.loader_state = module.__spec__
        return module

    def exec_module(self, module: ModuleType) -> None:
        """It has been executed under its own name, which it keeps."""
        own = module.__spec__.loader_state if module.__spec__ else None
        if isinstance(own, ModuleSpec):
            module.__spec__ = own


def install(names: Mapping[str, str] = KERAS) -> None:
    """From here on `import keras` is `import tf_keras`. Once per process; no way back."""
    if not any(isinstance(finder, Finder) for finder in sys.meta_path):
        for name in [name for name in sys.modules if name.partition(".")[0] == "keras"]:
            del sys.modules[name]
        sys.meta_path.insert(0, Finder(names))
