"""`grader serve`: the LTI tool. Opens what grades, listens, and on SIGTERM finishes what is being graded."""

from __future__ import annotations

import argparse
import contextlib
import logging
import signal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from grader.commands import OK, USAGE
from grader.commands.grade import Options, blueprint_of, say
from grader.context import Grading, find_secret
from grader.engines.local import affordable
from grader.sandbox.survey import protected
from grader.score import possible
from grader.serve.settings import FILE, Settings, read_settings
from grader.training.opening import Equipment
from grader.types import FriendlyError

if TYPE_CHECKING:
    from grader.serve.queue import Offered

THREADS = 8  # that answer browsers
INSTALL = "install what it needs with: pip install 'grader[lti]'"


def run(args: argparse.Namespace) -> int:
    """Serve until SIGTERM or Ctrl-C. Returns the exit code."""
    settings = read_settings(args.config or Path(FILE))
    try:
        from grader.serve.server import open_services
    except ImportError as missing:
        raise FriendlyError(f"the Python package {missing.name} is missing; {INSTALL}") from None
    services = open_services(settings)
    if args.invite:
        print(services.register_url(services.platforms.invite()))
        say("give this address to the administrator of one learning system; it works once, for a week")
        return OK
    if not protected():
        say("submissions cannot be isolated here (see `grader doctor`)")
        return USAGE
    offers = {slug: offered(settings, slug, dev_secret=args.dev_secret) for slug in settings.assignments}
    if args.dev_secret:
        say("hidden cases come from the development secret, which everybody knows: for trying out only")
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)
    return _listen(settings, services, offers)


def _listen(settings: Settings, services: Any, offers: dict[str, Offered]) -> int:
    from waitress.server import create_server

    from grader.serve.server import open_server

    jobs = settings.jobs or min(affordable(one.memory_mb) for one in offers.values())
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with contextlib.suppress(KeyboardInterrupt), open_server(settings, services, offers, jobs) as server:
        # A body that is a little too large is answered with a page; one far larger is cut off.
        most = 4 * settings.upload_bytes
        listening = create_server(
            server.app,
            host=settings.host,
            port=settings.port,
            threads=THREADS,
            max_request_body_size=most,
            connection_limit=500,
            asyncore_use_poll=True,  # select() would end at 1024 files
            ident="",
        )
        told = f"listening on {settings.host}:{listening.effective_port}, for browsers {settings.url}"
        say(f"{told}; {jobs} notebooks at a time")
        listening.run()  # until an interrupt
        listening.close()
        say("stopping: what is being graded may finish")
    return OK


def offered(settings: Settings, slug: str, *, dev_secret: bool) -> Offered:
    """An assignment with what grades it; computes the expected answers where they are not stored."""
    from grader.serve.queue import Offered

    options = Options(
        jobs=settings.jobs,
        train=settings.train,
        execute=settings.execute,
        equipment=Equipment(settings.device, 1, settings.data),
        dev_secret=dev_secret,
    )
    grading = Grading(
        settings.root, slug, _secret(settings, dev_secret=dev_secret), train=options.train, execute=options.execute
    )
    about, plan = grading.assignment, blueprint_of(grading, options, lazy=False)
    return Offered(about.slug, about.title, possible(grading.rubric), plan, about.version, about.limits.memory_mb)


def _secret(settings: Settings, *, dev_secret: bool) -> bytes:
    if settings.secret is None or dev_secret:
        return find_secret(settings.root, development=dev_secret)
    secret = settings.secret.read_bytes().strip()
    if not secret:
        raise FriendlyError(f"{settings.secret}: is empty; `grader init` makes a secret")
    return secret
