"""Small libraries around data, where they are missing; downloads, which there are none. Kernel's side."""

from __future__ import annotations

import csv
import importlib.util
import socket
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable, Iterator
from types import ModuleType, SimpleNamespace
from typing import Any, NoReturn

import numpy as np

from grader.execute.inside import tiny
from grader.execute.inside.inert import Inert, stub
from grader.execute.inside.telling import Telling

NO_NETWORK = "there is no network while a notebook is run here"


def install(telling: Telling, libraries: frozenset[str]) -> None:
    """Stubs for those that are missing; downloads fail at once and say why."""

    def refuse(*_: Any, **__: Any) -> NoReturn:
        raise urllib.error.URLError(NO_NETWORK)

    urllib.request.urlopen = urllib.request.urlretrieve = socket.create_connection = refuse
    socket.getaddrinfo = refuse
    if torch := sys.modules.get("torch"):
        torch.hub.load = torch.hub.load_state_dict_from_url = torch.hub.download_url_to_file = refuse
    for name, make in (("tensorflow_datasets", _datasets), ("tqdm", _tqdm), ("pandas", _pandas)):
        if name in libraries and importlib.util.find_spec(name) is None:
            made = make(telling)
            sys.modules[name] = made


def _datasets(telling: Telling) -> ModuleType:
    made = stub("tensorflow_datasets")

    def load(name: str, split: Any = None, as_supervised: bool = False, with_info: bool = False, **_: Any) -> Any:
        import tensorflow as tf

        telling.substitution("data_set", f"tensorflow_datasets.{name}")
        kind = name.partition("/")[0].partition(":")[0]
        shape, classes = tiny.SHAPES.get(kind, ((96, 96, 3), 2))
        shape = (*shape, 1) if len(shape) == 2 else shape

        def part(which: Any) -> Any:
            seed, count = (2, tiny.TEST) if "test" in str(which) else (1, tiny.TRAIN)
            x, y = tiny.images(count, shape, classes, seed)
            rows = (x, y) if as_supervised else {"image": x, "label": y}
            return tf.data.Dataset.from_tensor_slices(rows)

        found: Any = {"train": part("train"), "test": part("test")}
        if split is not None:
            found = type(split)(part(one) for one in split) if isinstance(split, list | tuple) else part(split)
        label = SimpleNamespace(num_classes=classes, names=[str(i) for i in range(classes)], int2str=str)
        splits = {
            "train": SimpleNamespace(num_examples=tiny.TRAIN),
            "test": SimpleNamespace(num_examples=tiny.TEST),
        }
        info = SimpleNamespace(
            features={"label": label, "image": SimpleNamespace(shape=shape)}, splits=splits, name=name
        )
        return (found, info) if with_info else found

    made.load = load  # type: ignore[attr-defined]
    made.disable_progress_bar = made.show_examples = Inert("tfds")  # type: ignore[attr-defined]
    made.as_numpy = lambda rows: rows.as_numpy_iterator()  # type: ignore[attr-defined]
    return made


def _tqdm(telling: Telling) -> ModuleType:
    class Bar:
        def __init__(self, rows: Iterable[Any] = (), *_: Any, **__: Any) -> None:
            self._rows = rows

        def __iter__(self) -> Iterator[Any]:
            return iter(self._rows)

        def __len__(self) -> int:
            return len(self._rows)  # type: ignore[arg-type]

        def __enter__(self) -> Bar:
            return self

        def __exit__(self, *_: object) -> None:
            return None

        def __getattr__(self, name: str) -> Any:
            return lambda *_, **__: None

    telling.substitution("module", "tqdm")
    made = stub("tqdm")
    made.tqdm = made.tqdm_notebook = Bar  # type: ignore[attr-defined]
    made.trange = lambda *n, **__: Bar(range(*n))  # type: ignore[attr-defined]
    for part in ("auto", "notebook", "keras", "std"):
        sys.modules[f"tqdm.{part}"] = made
        setattr(made, part, made)
    made.TqdmCallback = Inert("TqdmCallback")  # type: ignore[attr-defined]
    return made


class Column:
    """One column of text or numbers, with the few things that notebooks do to labels."""

    def __init__(self, values: Any, name: str = "") -> None:
        self.values, self.name = np.asarray(values), name

    def __getattr__(self, name: str) -> Any:
        return getattr(self.values, name)

    def __len__(self) -> int:
        return len(self.values)

    def __iter__(self) -> Iterator[Any]:
        return iter(self.values)

    def __getitem__(self, index: Any) -> Any:
        found = self.values[index]
        return Column(found, self.name) if isinstance(found, np.ndarray) else found

    def __eq__(self, other: object) -> Any:
        return Column(self.values == (other.values if isinstance(other, Column) else other))

    __hash__ = None  # type: ignore[assignment]

    def apply(self, function: Callable[[Any], Any]) -> Column:
        """Entry by entry."""
        return Column([function(value) for value in self.values], self.name)

    def map(self, function: Any) -> Column:
        """Entry by entry, by a function or a dictionary."""
        return self.apply(function.get if isinstance(function, dict) else function)

    def unique(self) -> Any:
        """Different entries in the order in which they come."""
        return np.asarray(list(dict.fromkeys(self.values.tolist())))

    def to_numpy(self) -> Any:
        """The array."""
        return self.values

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        return np.asarray(self.values, dtype)

    @property
    def iloc(self) -> Column:
        """Itself: rows are numbered."""
        return self


class Table:
    """Columns side by side."""

    def __init__(self, columns: dict[str, Any] | None = None) -> None:
        self.__dict__["_columns"] = {name: Column(values, name) for name, values in (columns or {}).items()}

    def __getattr__(self, name: str) -> Any:
        if name in self._columns:
            return self._columns[name]
        if name.startswith("__"):
            raise AttributeError(name)
        return Inert(f"DataFrame.{name}")

    def __getitem__(self, name: Any) -> Any:
        return self._columns[name] if isinstance(name, str) else Table({n: self._columns[n].values for n in name})

    def __setitem__(self, name: str, values: Any) -> None:
        self._columns[name] = Column(values, name)

    def __len__(self) -> int:
        return len(next(iter(self._columns.values()), ()))

    @property
    def shape(self) -> tuple[int, int]:
        """Rows, columns."""
        return len(self), len(self._columns)

    @property
    def columns(self) -> list[str]:
        """Their names."""
        return list(self._columns)

    @property
    def values(self) -> Any:
        """Rows of entries."""
        return np.array([column.values for column in self._columns.values()], dtype=object).T

    @property
    def iloc(self) -> Any:
        """Entries by number of row and column."""
        return self.values

    def head(self, n: int = 5) -> Table:
        """The first rows."""
        return Table({name: column.values[:n] for name, column in self._columns.items()})


def _pandas(telling: Telling) -> ModuleType:
    telling.substitution("module", "pandas")
    made = stub("pandas")

    def read_csv(path: Any, *_: Any, **__: Any) -> Table:
        with open(path, encoding="utf-8", newline="") as file:
            rows = list(csv.reader(file))
        columns = dict(zip(rows[0], zip(*rows[1:], strict=True), strict=True)) if len(rows) > 1 else {}
        return Table({name: _numbers(values) for name, values in columns.items()})

    made.read_csv, made.DataFrame, made.Series = read_csv, Table, Column  # type: ignore[attr-defined]
    made.__getattr__ = lambda name: Inert(f"pandas.{name}")  # type: ignore[method-assign]
    return made


def _numbers(values: Any) -> Any:
    try:
        return np.array(values, dtype=float)
    except ValueError:
        return np.array(values, dtype=object)
