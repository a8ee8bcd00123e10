"""Modules that may be used in any way and do nothing: for plotting, which nobody looks at here. Kernel's side."""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import importlib.util
import sys
from collections.abc import Iterator, Sequence
from types import ModuleType
from typing import Any

import numpy as np

from grader.execute.inside.telling import Telling

# Also where they are installed: what they draw depends on a length that was cut short.
ALWAYS = ("matplotlib", "mpl_toolkits", "seaborn", "plotly")
# Only where they are missing.
MISSING = """graphviz pydot bokeh altair wandb tensorboard tensorboardX cufflinks japanize_matplotlib
    koreanize_matplotlib torchsummary torchinfo livelossplot visualkeras""".split()


class Inert:
    """Whatever is done with it gives another one of its kind."""

    def __init__(self, name: str = "inert") -> None:
        self.__dict__["_name"] = name

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") and name.endswith("__"):
            raise AttributeError(name)
        return SPECIAL.get(name) or Inert(f"{self._name}.{name}")

    def __setattr__(self, name: str, value: object) -> None:
        self.__dict__[name] = value

    def __call__(self, *_: Any, **__: Any) -> Any:
        return Inert(self._name)

    def __getitem__(self, _: Any) -> Any:
        return Inert(self._name)

    def __setitem__(self, _: Any, __: Any) -> None:
        return None

    def __iter__(self) -> Iterator[Any]:
        return iter(())

    def __len__(self) -> int:
        return 0

    def __bool__(self) -> bool:
        return True

    def __enter__(self) -> Any:
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def __float__(self) -> float:
        return 0.0

    def __int__(self) -> int:
        return 0

    def __repr__(self) -> str:
        return f"<{self._name}: nothing is drawn here>"

    def _same(self, *_: Any) -> Any:
        return self

    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = __truediv__ = __rtruediv__ = _same
    __neg__ = __pow__ = __mod__ = __or__ = __and__ = _same


def subplots(nrows: int = 1, ncols: int = 1, *_: Any, squeeze: bool = True, **__: Any) -> tuple[Any, Any]:
    """A figure and its axes: one, or an array in matplotlib's shape."""
    axes = np.empty((int(nrows), int(ncols)), dtype=object)
    for index in np.ndindex(axes.shape):
        axes[index] = Inert("axes")
    if squeeze:
        axes = axes[0, 0] if axes.size == 1 else axes.squeeze()
    return Inert("figure"), axes


def hist(*_: Any, **__: Any) -> tuple[Any, Any, Any]:
    """Counts, edges, bars."""
    return np.zeros(10), np.zeros(11), Inert("bars")


def plot(*_: Any, **__: Any) -> list[Any]:
    """Lines."""
    return [Inert("line")]


SPECIAL = {"subplots": subplots, "hist": hist, "plot": plot}


def stub(name: str) -> ModuleType:
    """An empty module that other libraries take for an installed one."""
    made = ModuleType(name)
    made.__path__ = []
    made.__spec__ = importlib.machinery.ModuleSpec(name, None, is_package=True)
    return made


def module(name: str) -> ModuleType:
    """A module of that name in which every name exists."""
    made = stub(name)
    made.__version__ = "0"  # type: ignore[attr-defined]

    def look_up(wanted: str) -> Any:
        if wanted.startswith("__"):
            raise AttributeError(wanted)
        return sys.modules.get(f"{name}.{wanted}") or SPECIAL.get(wanted) or Inert(f"{name}.{wanted}")

    made.__getattr__ = look_up  # type: ignore[method-assign]
    made.__all__ = []  # type: ignore[attr-defined]
    return made


class Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds the inert modules, and notes that one was used."""

    def __init__(self, names: Sequence[str], telling: Telling) -> None:
        self._names, self._telling = frozenset(names), telling

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> importlib.machinery.ModuleSpec | None:
        top = name.partition(".")[0]
        return importlib.machinery.ModuleSpec(name, self, is_package=True) if top in self._names else None

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType:
        self._telling.substitution("module", spec.name.partition(".")[0])
        return module(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        return None


def install(telling: Telling) -> None:
    """From here on the modules of the lists above are inert."""
    missing = [name for name in MISSING if importlib.util.find_spec(name) is None]
    for name in [name for name in sys.modules if name.partition(".")[0] in ALWAYS]:
        del sys.modules[name]
    sys.meta_path.insert(0, Finder([*ALWAYS, *missing], telling))
