"""The system calls that a worker may make: a seccomp filter, assembled here, without libseccomp.

The filter is a list of rules, tried in order; what no rule names gets EPERM, which Python code sees
as an ordinary PermissionError. Numbers are those of the kernel's own tables (x86-64 / aarch64).
"""

from __future__ import annotations

import ctypes
import os
import struct
from enum import Enum

from grader.sandbox import kernel

ARCHITECTURE = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}  # AUDIT_ARCH_*
SECCOMP = {"x86_64": 317, "aarch64": 277}
SET_MODE_FILTER, ON_EVERY_THREAD = 1, 1
KILL, ERRNO, ALLOW = 0x80000000, 0x00050000, 0x7FFF0000  # SECCOMP_RET_*
EPERM, ENOSYS = 1, 38
NEWEST = 460  # calls from here on are newer than the tables (or x86-64's x32 calls): ENOSYS


class Talk(Enum):
    """Which calls on local sockets are let through."""

    NONE = "none"
    OPEN = "open"  # on those that are open, and pairs of new ones: a notebook's kernel
    CONNECT = "connect"  # also new ones to connect with: its client, which runs no cell


class Files(Enum):
    """Which calls that name a path are let through."""

    WRITE = "write"  # all: Landlock says where
    READ = "read"  # no opening for writing: nothing is writable
    NONE = "none"  # no path is looked up at all: sealed


def _table(text: str) -> dict[str, int]:
    """``name:x86-64:aarch64`` words for this machine; an empty number: it has no such call."""
    column = {"x86_64": 1, "aarch64": 2}.get(kernel.MACHINE, 1)
    rows = (word.split(":") for word in text.split())
    return {row[0]: int(row[column]) for row in rows if row[column]}


HARMLESS = _table("""
    read:0:63 write:1:64 futex:202:98 mmap:9:222 munmap:11:215 madvise:28:233 mprotect:10:226 brk:12:214
    close:3:57 fstat:5:80 lseek:8:62 sched_yield:24:124 clock_gettime:228:113 getpid:39:172 gettid:186:178
    rt_sigaction:13:134 rt_sigprocmask:14:135 rt_sigreturn:15:139 rt_sigpending:127:136
    rt_sigtimedwait:128:137 rt_sigsuspend:130:133 sigaltstack:131:132
    pread64:17:67 pwrite64:18:68 readv:19:65 writev:20:66 preadv:295:69 pwritev:296:70
    sendfile:40:71 copy_file_range:326:285 fadvise64:221:223 flock:73:32 fsync:74:82 fdatasync:75:83
    pipe:22: pipe2:293:59 select:23: pselect6:270:72 poll:7: ppoll:271:73 dup:32:23 dup2:33: dup3:292:24
    epoll_create1:291:20 epoll_ctl:233:21 epoll_wait:232: epoll_pwait:281:22 eventfd2:290:19
    mremap:25:216 msync:26:227 mincore:27:232 mlock:149:228 munlock:150:229
    nanosleep:35:101 clock_nanosleep:230:115 clock_getres:229:114 gettimeofday:96:169 time:201:
    alarm:37: setitimer:38:103 getitimer:36:102 times:100:153
    exit:60:93 exit_group:231:94 restart_syscall:219:128
    getppid:110:173 getuid:102:174 getgid:104:176 geteuid:107:175 getegid:108:177 getpgrp:111:
    getpgid:121:155 getsid:124:156 getgroups:115:158 getresuid:118:148 getresgid:120:150
    uname:63:160 sysinfo:99:179 getrlimit:97:163 getrusage:98:165 getpriority:140:141 umask:95:166
    fchdir:81:50 fstatfs:138:44 getdents64:217:61
    arch_prctl:158: set_tid_address:218:96 set_robust_list:273:99 get_robust_list:274:100 rseq:334:293
    membarrier:324:283 futex_waitv:449:449 getcpu:309:168 getrandom:318:278 get_mempolicy:239:236
    sched_getaffinity:204:123 sched_getparam:143:121 sched_getscheduler:145:120
    sched_get_priority_max:146:125 sched_get_priority_min:147:126""")
PATHS = _table("""
    newfstatat:262:79 statx:332:291 stat:4: lstat:6: access:21: faccessat:269:48 faccessat2:439:439
    readlink:89: readlinkat:267:78 getcwd:79:17 chdir:80:49 statfs:137:43""")
WRITES = _table("""
    mkdir:83: mkdirat:258:34 unlink:87: unlinkat:263:35 rmdir:84: rename:82: renameat:264:38
    renameat2:316:276 ftruncate:77:46 truncate:76:45 fallocate:285:47 symlink:88: symlinkat:266:36
    link:86: linkat:265:37""")
PRETENDED = _table("chmod:90: fchmod:91:52 fchmodat:268:53 utimensat:280:88")  # Landlock covers no metadata
ABSENT = _table("clone3:435:435 openat2:437:437 io_uring_setup:425:425")  # glibc falls back to what is filtered
# Nobody makes one of these by accident.
HOSTILE = _table("""
    ptrace:101:117 process_vm_readv:310:270 process_vm_writev:311:271 pidfd_getfd:438:438 mount:165:40
    umount2:166:39 pivot_root:155:41 chroot:161:51 setns:308:268 unshare:272:97 bpf:321:280
    init_module:175:105 finit_module:313:273 kexec_load:246:104 reboot:169:142 keyctl:250:219
    userfaultfd:323:282 perf_event_open:298:241 open_by_handle_at:304:265 fsopen:430:430
    open_tree:428:428 move_mount:429:429""")
# What CUDA's library calls besides: memory of its own between driver and process, a socket in its own
# network namespace on which nobody can connect, memory placement. Not tried on a GPU.
GPU = _table("""
    memfd_create:319:279 bind:49:200 listen:50:201 getsockname:51:204 mbind:237:235 set_mempolicy:238:237
    sched_setaffinity:203:122 mlock2:325:284""")
GPU_ARGUMENTS = _table("socket:41:198")
# The named third policy, of a notebook's kernel and of its client: they talk through local sockets that they
# opened before a cell runs. The client alone may make more of them and connect.
TALK = _table("""
    accept:43:202 accept4:288:242 sendto:44:206 recvfrom:45:207 sendmsg:46:211 recvmsg:47:212 shutdown:48:210
    getsockname:51:204 getpeername:52:205 setsockopt:54:208 getsockopt:55:209""")
SOCKETPAIR = _table("socketpair:53:199")
# zmq gives each thread the priority that it has, and dies where it may not: pretended.
SCHEDULING = _table("sched_setscheduler:144:119 sched_setparam:142:118")
CONNECT = _table("connect:42:203")
ARGUMENTS = _table("""clone:56:220 fcntl:72:25 ioctl:16:29 prctl:157:167 kill:62:129 tgkill:234:131
    prlimit64:302:261 open:2: openat:257:56""")

CLONE_THREAD, CLONE_NEW_ANYTHING = 0x10000, 0x7E020080
FCNTL = (0, 1, 2, 3, 4, 5, 6, 7, 36, 37, 38, 1030, 1032)  # no F_SETOWN, F_SETSIG, F_NOTIFY
IOCTL = (0x5401, 0x5413, 0x541B, 0x5421, 0x5450, 0x5451)  # TCGETS, TIOCGWINSZ, FIONREAD, FIONBIO, FIO(N)CLEX
# Of /dev/nvidia*: type 'F', whatever size and number; of /dev/nvidia-uvm: plain small numbers and two large ones.
NVIDIA_TYPE, NVIDIA, UVM_NUMBERS, UVM = 0xFF00, (0x4600,), 0xFFFFFF00, (0,)
UVM_LARGE = (0x30000001, 0x30000002)  # initialise and the opposite
AF_UNIX = 1
PRCTL = (3, 15, 16, 0x53564D41)  # GET_DUMPABLE, SET_NAME, GET_NAME, SET_VMA
OPENS_FOR_WRITING = 0o3 | 0o100 | 0o1000 | 0o20000000  # O_ACCMODE, O_CREAT, O_TRUNC, O_TMPFILE
WHOLE = 0xFFFFFFFF
MYSELF = 0x7EEDFACE  # stands for the worker's own process id until the filter is installed


def _instruction(code: int, value: int, if_true: int = 0, if_false: int = 0) -> bytes:
    return struct.pack("=HBBI", code, if_true, if_false, value)


def _load(offset: int) -> bytes:  # a word of struct seccomp_data: 0 number, 4 architecture, 16 + 8i argument i
    return _instruction(0x20, offset)


def _equal(value: int, if_true: int, if_false: int) -> bytes:
    return _instruction(0x15, value, if_true, if_false)


def _return(value: int) -> bytes:
    return _instruction(0x06, value)


def _rule(number: int, action: int) -> list[bytes]:
    return [_equal(number, 0, 1), _return(action)]


def _if_argument(number: int, position: int, mask: int, values: tuple[int, ...]) -> list[bytes]:
    """Allow the call when ``args[position] & mask`` is one of `values`, else EPERM."""
    return _if_any(number, position, ((mask, values),))


def _if_any(number: int, position: int, choices: tuple[tuple[int, tuple[int, ...]], ...]) -> list[bytes]:
    """Allow the call when ``args[position] & mask`` is one of `values` for any (mask, values), else EPERM."""
    body: list[bytes] = []
    for mask, values in choices:
        body += [_load(16 + 8 * position), _instruction(0x54, mask)]
        for value in values:
            body += [_equal(value, 0, 1), _return(ALLOW)]
    body.append(_return(ERRNO | EPERM))
    return [_equal(number, 0, len(body)), *body]


def assemble(files: Files, gpu: bool = False, talk: Talk = Talk.NONE) -> bytes:
    """The filter program. Its process id is still MYSELF, so that one program serves every worker.

    `gpu`: with what CUDA needs. Landlock must say which devices then, as a filter sees numbers only.
    """
    call = ARGUMENTS
    program = [_load(4), _equal(ARCHITECTURE[kernel.MACHINE], 1, 0), _return(KILL), _load(0)]
    program += [_instruction(0x35, NEWEST, 0, 1), _return(ERRNO | ENOSYS)]
    allowed = {
        **HARMLESS,
        **(PATHS if files is not Files.NONE else {}),
        **(WRITES if files is Files.WRITE else {}),
        **(GPU if gpu else {}),
        **(TALK if talk is not Talk.NONE else {}),
        **(CONNECT if talk is Talk.CONNECT else {}),
    }
    for number in allowed.values():
        program += _rule(number, ALLOW)
    for name, position in (("open", 1), ("openat", 2)):
        if name in call and files is Files.WRITE:
            program += _rule(call[name], ALLOW)
        elif name in call and files is Files.READ:
            program += _if_argument(call[name], position, OPENS_FOR_WRITING, (0,))
    program += _if_argument(call["clone"], 0, CLONE_THREAD | CLONE_NEW_ANYTHING, (CLONE_THREAD,))
    program += _if_argument(call["fcntl"], 1, WHOLE, FCNTL)
    if gpu:
        nvidia = ((WHOLE, UVM_LARGE), (NVIDIA_TYPE, NVIDIA), (UVM_NUMBERS, UVM))
        program += _if_any(call["ioctl"], 1, ((WHOLE, IOCTL), *nvidia))
        program += _if_argument(GPU_ARGUMENTS["socket"], 0, WHOLE, (AF_UNIX,))
    else:
        program += _if_argument(call["ioctl"], 1, WHOLE, IOCTL)
    if talk is not Talk.NONE:
        program += _if_argument(SOCKETPAIR["socketpair"], 0, WHOLE, (AF_UNIX,))
    if talk is Talk.CONNECT:
        program += _if_argument(GPU_ARGUMENTS["socket"], 0, WHOLE, (AF_UNIX,))
    program += _if_argument(call["prctl"], 0, WHOLE, PRCTL)
    program += _if_argument(call["kill"], 0, WHOLE, (MYSELF,))
    program += _if_argument(call["tgkill"], 0, WHOLE, (MYSELF,))
    program += _if_argument(call["prlimit64"], 0, WHOLE, (0, MYSELF))
    pretended = PRETENDED | (SCHEDULING if talk is not Talk.NONE else {})
    for table, action in ((pretended, ERRNO), (ABSENT, ERRNO | ENOSYS), (HOSTILE, KILL)):
        for number in table.values():
            program += _rule(number, action)
    return b"".join([*program, _return(ERRNO | EPERM)])


def install(program: bytes) -> None:
    """Bind every thread of this process. Needs no_new_privs. Raises OSError."""
    program = program.replace(struct.pack("=I", MYSELF), struct.pack("=I", os.getpid()))
    buffer = ctypes.create_string_buffer(program, len(program))
    header = struct.pack("HxxxxxxP", len(program) // 8, ctypes.addressof(buffer))
    kernel.syscall(SECCOMP[kernel.MACHINE], SET_MODE_FILTER, ON_EVERY_THREAD, header)


def available() -> bool:
    """Does this machine have a table here, and the kernel the call?"""
    if kernel.MACHINE not in ARCHITECTURE:
        return False
    try:
        kernel.syscall(SECCOMP[kernel.MACHINE], SET_MODE_FILTER, 0, None)
    except OSError as error:
        return error.errno == 14  # EFAULT: it looked for the program
    return True
