"""`dicom_exporter completion SHELL`: the script with which a shell completes commands, flags and file names."""

import argparse
import sys

from dicom_exporter.cli.parser import PROGRAM, BaseOptions, Exit, Parser, add_log_flags

SHELLS = ("bash", "zsh", "fish")


class Options(BaseOptions):
    """The parsed options."""

    shell: str


def make_parser() -> Parser:
    """The parser of the command."""
    parser = Parser(
        f"{PROGRAM} completion",
        description="Prints the script with which a shell completes commands, flags and file names.",
        epilog=f"""\
for this session, or in the shell's own start file:
  bash   eval "$({PROGRAM} completion bash)"
  zsh    eval "$({PROGRAM} completion zsh)"    (after compinit)
  fish   {PROGRAM} completion fish | source

for good:
  bash   {PROGRAM} completion bash > ~/.local/share/bash-completion/completions/{PROGRAM}
  zsh    {PROGRAM} completion zsh > a file _{PROGRAM} in a directory of $fpath
  fish   {PROGRAM} completion fish > ~/.config/fish/completions/{PROGRAM}.fish
""",
    )
    names = f"{', '.join(SHELLS[:-1])} or {SHELLS[-1]}"
    parser.add_argument("shell", metavar="SHELL", choices=SHELLS, help=names)
    add_log_flags(parser, "warning")
    return parser


def run(options: Options) -> int:
    """Print the script on stdout."""
    import shtab

    from dicom_exporter.cli.main import whole_parser  # not at the top: `main` imports the module of the command

    parser = whole_parser()
    for each in (parser, *subparsers(parser).values()):
        for action in each._actions:
            if action.metavar == "FILE":
                action.complete = shtab.FILE  # type: ignore[attr-defined]
    sys.stdout.write(shtab.complete(parser, options.shell) + "\n")
    return Exit.OK


def subparsers(parser: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    """The parsers of the commands of `parser`, by their names."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            return dict(action.choices)
    return {}
