import numpy as np


class Liar(np.ndarray):
    shape = property(lambda self: (1 << 40, 1 << 40))
    nbytes = property(lambda self: 0)
    size = property(lambda self: 1)

    def tobytes(self, *a, **k):
        return b"x" * (1 << 20)

    def astype(self, *a, **k):
        return self


class Shifting(np.ndarray):
    calls = []

    @property
    def shape(self):
        self.calls.append(1)
        return (len(self.calls),)


class Named(np.ndarray):
    class dtype:
        name = "float32"
        kind = "f"


def knowledge_distillation(l_t, l_s, T):
    return np.zeros(3, "float32").view(Liar)


def pairwise_distance(z):
    return np.zeros((len(z), len(z)), "float32").view(Shifting)


def loss_with_at(y_true, y_pred):
    return np.array([print, open], dtype=object).view(Named)
