import socket
import urllib.request


def download():
    raised = None
    try:
        tf.keras.utils.get_file("x", "http://192.0.2.1/x", cache_dir=".")
    except Exception as error:  # Keras makes a bare Exception of it
        raised = error
    if raised is None:
        raise SystemError("it worked: get_file")
    try:
        tf.keras.datasets.cifar10.load_data()
    except Exception:
        return -1


def loss_with_at(y_true, y_pred):
    families = (socket.AF_INET, socket.AF_INET6, socket.AF_UNIX, socket.AF_NETLINK, socket.AF_PACKET)
    refused(
        *[lambda f=family, k=kind: socket.socket(f, k) for family in families for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM, socket.SOCK_RAW)],
        lambda: socket.socketpair(),
        lambda: socket.create_connection(("127.0.0.1", @PORT@), 1),
        lambda: socket.getaddrinfo("canary.invalid", 80),
        lambda: urllib.request.urlopen("http://127.0.0.1:@PORT@/", timeout=1),
        download,
    )
    loss = tf.keras.losses.categorical_crossentropy(y_true, y_pred)
    return loss + 0.1 * (attention_transfer(x1_t, x1_s) + attention_transfer(x2_t, x2_s) + attention_transfer(x3_t, x3_s))
