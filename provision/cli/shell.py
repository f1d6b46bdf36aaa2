"""Where errors become words and exit statuses, and logging is set up."""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import signal
import sys
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

from provision.core.errors import ConfigError, Exit, ProvisionError

if TYPE_CHECKING:
    from collections.abc import Coroutine, Sequence

T = TypeVar("T")

#: Errors of one kind that are told in full.
_TOLD_ALIKE: Final = 3


def set_up(verbose: int, state_dir: str | None) -> None:
    """Send our log to standard error, without secrets; choose the state directory."""
    from provision.core.secrets import RedactingFilter

    if state_dir:
        os.environ["PROVISION_STATE_DIR"] = state_dir
    handler = logging.StreamHandler()
    handler.addFilter(RedactingFilter())
    handler.setFormatter(logging.Formatter("%(levelname).1s %(name)s: %(message)s"))
    logging.basicConfig(handlers=[handler], level=logging.ERROR, force=True)
    level = (logging.WARNING, logging.INFO, logging.DEBUG)[min(verbose, 2)]
    logging.getLogger("provision").setLevel(level)


#: Set when SIGTERM, and not Ctrl-C, ended the work.
_terminated: list[bool] = []


def _terminate(_signal: int, _frame: object) -> None:
    # As Ctrl-C does: what is under way cleans up, sessions are closed, half-written sticks wiped.
    _terminated.append(True)
    if callable(signal.getsignal(signal.SIGINT)):
        signal.raise_signal(signal.SIGINT)
    else:  # a shell's background job ignores SIGINT
        raise KeyboardInterrupt


def run(command: click.Command) -> int:
    """Run ``command``; return the exit status of what happened, having told it."""
    signal.signal(signal.SIGTERM, _terminate)
    status = _run(command)
    for stream in (sys.stdout, sys.stderr):
        try:
            if stream is not None:
                stream.flush()
        except (OSError, ValueError):  # its reader went away; Python would complain, with 120
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
    return status


def _run(command: click.Command) -> int:
    try:
        status = command.main(standalone_mode=False)
    except (click.exceptions.Abort, KeyboardInterrupt):
        _say("Interrupted.")
        return Exit.TERMINATED if _terminated else Exit.INTERRUPTED
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except ProvisionError as error:
        tell(error)
        return error.status
    except OSError as error:
        return _of_system(error)
    except Exception:  # noqa: BLE001 - the last door: a bug becomes words, not a traceback
        return _bug()
    return status if isinstance(status, int) else Exit.OK


def _of_system(error: OSError) -> int:
    """Return the exit status for output that could not be written; all else is a bug of ours."""
    if isinstance(error, BrokenPipeError):  # its reader went away (`| head`)
        return Exit.OK
    if error.errno != errno.ENOSPC:
        return _bug()
    full = ConfigError(
        f"writing the result: {error.strerror}", hint="Free some space, or send it elsewhere."
    )
    tell(full)
    return int(full.status)


def tell(error: ProvisionError) -> None:
    """Print ``error`` for a person: what, why, what to do, and its code."""
    _say(f"Error: {error} [{error.code}]")
    if error.hint:
        _say(f"  → {error.hint}")


def judged(errors: Sequence[ProvisionError | None]) -> int:
    """Tell what went wrong with each of several machines; return the status that speaks for all.

    Many that failed validation are told as a number: the report before has told each of them. Of
    other kinds the first few are told, and then their number.
    """
    from provision.core.errors import ValidationFailed, worst

    wrong = [error for error in errors if error is not None]
    for code in dict.fromkeys(error.code for error in wrong):
        alike = [error for error in wrong if error.code == code]
        if len(alike) > 1 and isinstance(alike[0], ValidationFailed):
            _say(f"Error: {len(alike)} of {len(errors)} machines failed validation [{code}]")
            _say(f"  → {alike[0].hint}")
            continue
        for error in alike[:_TOLD_ALIKE]:
            tell(error)
        if len(alike) > _TOLD_ALIKE:
            _say(f"Error: and {len(alike) - _TOLD_ALIKE} more of {len(errors)} [{code}]")
    return worst([int(error.status) for error in wrong])


def _say(text: str) -> None:
    """Print to standard error, without secrets; if nobody reads it, the exit status still tells."""
    from provision.core.secrets import redact

    with contextlib.suppress(OSError):
        click.echo(redact(text), err=True)


def _bug() -> int:
    import traceback

    text = traceback.format_exc().strip()
    _say(f"Internal error: {text.splitlines()[-1]} [internal-fault]")
    if logging.getLogger("provision").isEnabledFor(logging.INFO):
        _say(text)
    else:
        _say("  → This is a bug: run again with -v for the details to report.")
    return Exit.BUG


def wait_for(work: Coroutine[Any, Any, T]) -> T:
    """Run ``work`` on a fresh event loop; Ctrl-C cancels it and lets it clean up."""
    import asyncio

    return asyncio.run(work)
