import os
import resource


def more():
    for kind in (resource.RLIMIT_CPU, resource.RLIMIT_AS, resource.RLIMIT_FSIZE, resource.RLIMIT_NOFILE, resource.RLIMIT_CORE):
        for wanted in (resource.RLIM_INFINITY, 1 << 40):
            try:
                resource.setrlimit(kind, (wanted, wanted))
            except (OSError, ValueError):
                continue
            raise SystemError(f"limit {kind} raised")


def loss_with_at(y_true, y_pred):
    more()
    refused(
        lambda: os.setresuid(0, 0, 0),
        lambda: os.setresgid(1, 1, 1),
        lambda: os.setgroups([0]),
        lambda: os.nice(-5),
        lambda: os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(99)),
        lambda: os.sched_setaffinity(0, range(64)),
        lambda: open("/proc/self/oom_score_adj", "w").write("-1000"),
        lambda: open("/proc/self/uid_map", "w").write("0 0 1"),
        lambda: open("/sys/fs/cgroup/hostile-was-here", "w"),
    )
    loss = tf.keras.losses.categorical_crossentropy(y_true, y_pred)
    return loss + 0.1 * (attention_transfer(x1_t, x1_s) + attention_transfer(x2_t, x2_s) + attention_transfer(x3_t, x3_s))


def loss_with_rkd(y_true, y_pred):
    more()
    while len(y_true) == 8:  # in one case: every end costs the time of a worker
        pass
    return tf.reduce_sum(y_pred)
