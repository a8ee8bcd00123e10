import json
import os
import pickle
import struct
import threading


class Bomb:
    def __reduce__(self):
        return os.system, ("touch @CANARIES@/hostile-was-here",)


def say(data):
    while data:
        data = data[os.write(3, data) :]
    threading.Event().wait()


def frame(header, buffers=b""):
    return struct.pack("<II", len(header) + 4 + len(buffers), len(header)) + header + buffers


def knowledge_distillation(l_t, l_s, T):
    say(os.urandom(1 << 16))


def attention_transfer(x_t, x_s):
    text = pickle.dumps(Bomb())
    say(struct.pack("<I", len(text)) + text)


def pairwise_distance(z):
    say(frame(b"[" * 200_000))


def loss_with_kd(y_true, y_pred):
    say(struct.pack("<I", 0xFFFFFFFF) + bytes(1 << 20))


def loss_with_at(y_true, y_pred):
    say(frame(b'{"note": {"is": "value"}, "arrays": [["value", "object", [1]]]}', pickle.dumps(Bomb())))


def loss_with_rkd(y_true, y_pred):
    say(frame(json.dumps({"note": {}, "arrays": [["value", "float32", [0, 4611686018427387904]]]}).encode()))
