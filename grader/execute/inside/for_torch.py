"""PyTorch on a processor, in one process, with tiny data sets and no downloads. Kernel's side."""

from __future__ import annotations

import functools
import importlib
import importlib.util
import sys
from collections.abc import Callable
from typing import Any

import numpy as np

from grader.execute.inside import tiny
from grader.execute.inside.inert import Inert, module, stub
from grader.execute.inside.telling import Telling

DATA_SETS = {"CIFAR10": "cifar10", "CIFAR100": "cifar100", "MNIST": "mnist", "FashionMNIST": "fashion_mnist"}
# Transforms that may leave an image as it is when nobody looks at what was learnt.
IDLE = """RandomCrop RandomHorizontalFlip RandomVerticalFlip RandomRotation ColorJitter RandomErasing RandomAffine
    AutoAugment RandAugment TrivialAugmentWide GaussianBlur RandomPerspective RandomGrayscale Pad""".split()


def install(telling: Telling) -> None:
    """Import PyTorch and put the stand-ins in place."""
    torch: Any = importlib.import_module("torch")
    importlib.import_module("torch._dynamo")  # loaded with the first optimizer: seconds of the first cell's time
    torch.set_num_threads(1)
    if not torch.cuda.is_available():
        _without_cuda(torch, telling)
    _in_one_process(torch, telling)
    if importlib.util.find_spec("torchvision") is None:
        _torchvision(torch, telling)
    else:
        datasets = importlib.import_module("torchvision.datasets")
        for name in DATA_SETS:
            setattr(datasets, name, _data_set(torch, name, telling))


def _without_cuda(torch: Any, telling: Telling) -> None:
    """Tensors and modules that are sent to a GPU stay where they are."""
    from torch.overrides import TorchFunctionMode

    def on_gpu(value: object) -> bool:
        return isinstance(value, str | torch.device) and str(value).startswith("cuda")

    class OnProcessor(TorchFunctionMode):  # type: ignore[misc]
        def __torch_function__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            kwargs = kwargs or {}
            if function is torch.Tensor.cuda:
                telling.substitution("cuda", ".cuda()")
                return args[0]
            if any(on_gpu(value) for value in (*args[1:], *kwargs.values())):
                telling.substitution("cuda", getattr(function, "__name__", "device"))
                args = tuple("cpu" if on_gpu(value) and i else value for i, value in enumerate(args))
                kwargs = {name: "cpu" if on_gpu(value) else value for name, value in kwargs.items()}
            return function(*args, **kwargs)

    OnProcessor().__enter__()
    for name in ("synchronize", "empty_cache", "set_device", "reset_peak_memory_stats"):
        setattr(torch.cuda, name, lambda *_, **__: None)
    torch.cuda.get_device_name = lambda *_, **__: "none"


def _in_one_process(torch: Any, telling: Telling) -> None:
    """`num_workers` would start processes, which a notebook may not."""
    loader = torch.utils.data.DataLoader
    real = loader.__init__

    @functools.wraps(real)
    def init(self: Any, *args: Any, **kwargs: Any) -> None:
        if kwargs.get("num_workers"):
            telling.substitution("workers", f"DataLoader(num_workers={kwargs['num_workers']})")
            kwargs["num_workers"] = 0
        for name in ("persistent_workers", "pin_memory", "prefetch_factor", "multiprocessing_context", "timeout"):
            kwargs.pop(name, None)
        real(self, *args, **kwargs)

    loader.__init__ = init


def _data_set(torch: Any, name: str, telling: Telling) -> type[Any]:
    """A class with torchvision's constructor, over tiny images."""
    shape, classes = tiny.SHAPES[DATA_SETS[name]]

    class Images(torch.utils.data.Dataset):  # type: ignore[misc]
        def __init__(
            self,
            root: str = "",
            train: bool = True,
            transform: Callable[[Any], Any] | None = None,
            target_transform: Callable[[Any], Any] | None = None,
            download: bool = False,
        ) -> None:
            telling.substitution("data_set", f"torchvision.datasets.{name}")
            self.root, self.train = root, train
            self.transform, self.target_transform = transform, target_transform
            count, seed = (tiny.TRAIN, 1) if train else (tiny.TEST, 2)
            self.data, labels = tiny.images(count, shape, classes, seed)
            self.targets = labels.tolist()
            if len(shape) == 2:
                self.data, self.targets = torch.from_numpy(self.data), torch.from_numpy(labels)
            self.classes = [str(number) for number in range(classes)]
            self.class_to_idx = {text: number for number, text in enumerate(self.classes)}

        def __len__(self) -> int:
            return len(self.data)

        def __getitem__(self, index: int) -> tuple[Any, Any]:
            image, label = _picture(np.asarray(self.data[index])), int(self.targets[index])
            return (
                self.transform(image) if self.transform else image,
                self.target_transform(label) if self.target_transform else label,
            )

    Images.__name__ = Images.__qualname__ = name
    return Images


def _picture(pixels: Any) -> Any:
    """As Pillow's image where that is installed, as torchvision gives it; else the array."""
    if importlib.util.find_spec("PIL") is None:
        return pixels
    return importlib.import_module("PIL.Image").fromarray(pixels)


# ---------------------------------------------------------------- torchvision, where it is not installed


def _torchvision(torch: Any, telling: Telling) -> None:
    vision, datasets, transforms = (stub(f"torchvision{part}") for part in ("", ".datasets", ".transforms"))
    vision.__version__ = "0"  # type: ignore[attr-defined]
    for name in DATA_SETS:
        setattr(datasets, name, _data_set(torch, name, telling))
    vars(transforms).update(_transforms(torch))
    models, utils = module("torchvision.models"), module("torchvision.utils")

    def network(name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return functools.partial(_network, torch, telling, name)

    models.__getattr__ = network  # type: ignore[method-assign]
    utils.make_grid = lambda *_, **__: torch.zeros(3, 8, 8)  # type: ignore[attr-defined]
    utils.save_image = Inert("save_image")  # type: ignore[attr-defined]
    for part in (datasets, transforms, models, utils):
        setattr(vision, part.__name__.rpartition(".")[2], part)
        sys.modules[part.__name__] = part
    sys.modules["torchvision"] = vision


def _transforms(torch: Any) -> dict[str, Any]:
    def to_tensor(image: Any) -> Any:
        array = np.asarray(image)
        array = array[..., None] if array.ndim == 2 else array
        tensor = torch.from_numpy(np.ascontiguousarray(array.transpose(2, 0, 1)))
        return tensor.float() / 255 if tensor.dtype is torch.uint8 else tensor

    def compose(steps: Any) -> Callable[[Any], Any]:
        return lambda image: functools.reduce(lambda found, step: step(found), steps, image)

    def normalize(mean: Any, std: Any, inplace: bool = False) -> Callable[[Any], Any]:
        middle, width = (
            torch.tensor(np.atleast_1d(values), dtype=torch.float32).view(-1, 1, 1) for values in (mean, std)
        )
        return lambda image: (image - middle) / width

    def resize(size: Any, *_: Any, **__: Any) -> Callable[[Any], Any]:
        rows, columns = (size, size) if isinstance(size, int) else size

        def nearest(image: Any) -> Any:
            array = image if isinstance(image, torch.Tensor) else np.asarray(image)
            high, wide = array.shape[-2:] if isinstance(image, torch.Tensor) else array.shape[:2]
            at = (np.arange(rows) * high // rows)[:, None], (np.arange(columns) * wide // columns)[None, :]
            return array[..., at[0], at[1]] if isinstance(image, torch.Tensor) else array[at[0], at[1]]

        return nearest

    idle = {name: lambda *_, **__: lambda image: image for name in IDLE}
    made = {"Compose": compose, "Normalize": normalize, "ToTensor": lambda: to_tensor, "Lambda": lambda f: f,
            "ToPILImage": lambda *_: lambda image: image}  # fmt: skip
    return {**idle, **made, **dict.fromkeys(("Resize", "CenterCrop", "RandomResizedCrop", "Scale"), resize)}


def _network(torch: Any, telling: Telling, name: str, *_: Any, num_classes: int = 1000, **__: Any) -> Any:
    """A small network with the parts that notebooks replace: `features`, `fc`, `classifier`."""
    telling.substitution("weights", f"torchvision.models.{name}")
    nn = torch.nn

    class Small(nn.Module):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.features = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(), nn.AdaptiveAvgPool2d(1))
            named = name.startswith(("resnet", "resnext", "wide", "inception", "googlenet", "shufflenet"))
            last = nn.Linear(8, num_classes)
            if named:
                self.fc = last
            else:
                self.classifier = (
                    nn.Sequential(*[nn.Identity()] * 6, last) if "vgg" in name else nn.Sequential(last)
                )

        def forward(self, images: Any) -> Any:
            flat = torch.flatten(self.features(images), 1)
            return self.fc(flat) if hasattr(self, "fc") else self.classifier(flat)

    return Small()
