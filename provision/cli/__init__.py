"""The front door: one file a command, found by its name and imported only when it is called."""

from __future__ import annotations

import importlib
import sys

import click

from provision import __version__

#: Command -> (module, one-line help). The help stands here so that `--help` imports no command.
COMMANDS: dict[str, tuple[str, str]] = {
    "validate": ("validate", "Judge whether servers suit a hypervisor."),
    "discover": ("discover", "Find BMCs: in ranges, leases, by SSDP, from lists."),
    "inventory": ("inventory", "Show what servers are, live or recorded."),
    "baseline": ("baseline", "Keep what machines are made of; tell what has changed."),
    "outliers": ("outliers", "Tell which of many machines are not like the others."),
    "profile": ("profile", "List, show, check, compare and write hardware profiles."),
    "flash": ("flash", "Write an image to USB sticks or SD cards, and read it back."),
    "image": ("image", "Build and inspect hypervisor images."),
    "power": ("power", "Show or change the power state of servers."),
    "boot": ("boot", "Show or set what servers boot from."),
    "media": ("media", "Show, insert or eject virtual media."),
    "bios": ("bios", "Show and change BIOS attributes."),
    "firmware": ("firmware", "List or update the firmware of machines."),
    "secureboot": ("secureboot", "Show or switch UEFI Secure Boot."),
    "accounts": ("accounts", "List users of BMCs, or change a password."),
    "logs": ("logs", "Show or clear the logs of BMCs."),
    "identify": ("identify", "Switch the light that shows where a server is."),
    "sessions": ("sessions", "List or close the sessions of BMCs."),
    "run": ("run", "Provision the servers of a file, up to the running hypervisor."),
    "resume": ("resume", "Take up runs that were interrupted."),
    "sim": ("sim", "Run a simulated rack of BMCs."),
    "demo": ("demo", "Provision a simulated rack of 16, from nothing to the summary."),
}


class LazyGroup(click.Group):
    """A group that imports a command's module when the command is used."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the command names in the order of the table."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import and return the command."""
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"provision.cli.{COMMANDS[cmd_name][0]}")
        command = module.command
        if not isinstance(command, click.Command):
            raise TypeError(f"{module.__name__}.command is no command")
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the command list from the table alone."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="provision")
@click.option("-v", "--verbose", count=True, help="Tell more on standard error; -vv tells all.")
@click.option("--state-dir", metavar="DIR", help="Where pins, runs and records are kept.")
def cli(verbose: int, state_dir: str | None) -> None:
    """Take servers from the loading dock to a running hypervisor.

    \b
    provision validate https://10.0.0.7 --user admin --profile xen-4.17
    provision flash xen.img /dev/sdX
    provision run servers.yaml
    """
    from provision.cli import shell

    shell.set_up(verbose, state_dir)


def main() -> None:
    """Run the command line; every error a user can meet ends here, with its exit status."""
    from provision.cli import shell

    sys.exit(shell.run(cli))
