"""The command line, in Prometheus' style: what may be asked of us, and which file does it.

Each command has a parser of its own, and a command is the first argument or none, so that a flag which a command does
not have is an error and never silently ignored.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from dicom_exporter import DEFAULT_PORT, __version__, logs
from dicom_exporter.cli.parser import (
    Exit,
    Parser,
    add_config_file,
    add_listen_address,
    add_log_flags,
    checked,
    count,
    history_limit,
    offset,
    target_count,
    telemetry_path,
)
from dicom_exporter.cli.probe import ladder, probe
from dicom_exporter.cli.report import FORMATS, ReportOptions, report
from dicom_exporter.cli.serve import ServeOptions, check, serve
from dicom_exporter.config import parse_address, parse_ae_title
from dicom_exporter.pages.history import DEFAULT_LIMIT
from dicom_exporter.server.external_url import parse_external_url
from dicom_exporter.server.limits import DEFAULT_MAX_REQUESTS
from dicom_exporter.text import did_you_mean

PROGRAM = "dicom_exporter"


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what `arguments` say (those of the process, without its name, by default) and return the exit code."""
    given = sys.argv[1:] if arguments is None else list(arguments)
    if given[:1] == ["help"]:
        given = [*given[1:2], "--help"] if set(given[1:2]) <= _COMMANDS.keys() else given[1:2]
    parser, run = _COMMANDS[given.pop(0)] if given and given[0] in _COMMANDS else (_serve_parser, _serve)
    try:
        options = _parse(parser(), given)
        logs.configure(options.log_level, logs.LogFormat(options.log_format))
        return run(options)
    except KeyboardInterrupt:
        sys.stderr.write(f"{PROGRAM}: interrupted\n")
        return Exit.COULD_NOT_RUN


def _serve(options: argparse.Namespace) -> int:
    serve_options = ServeOptions(
        config_files=options.config_file,
        expand_env=options.config_expand_env,
        listen_addresses=options.web_listen_address,
        web_config_file=options.web_config_file or None,
        telemetry_path=options.web_telemetry_path,
        external_url=options.web_external_url,
        max_requests=options.web_max_requests,
        timeout_offset=options.timeout_offset,
        history_limit=options.history_limit,
    )
    return check(serve_options) if options.config_check else serve(serve_options)


def _demo(options: argparse.Namespace) -> int:
    from dicom_exporter.cli.demo import demo, region  # an embedded PACS, which nothing else needs

    if options.targets or options.peers == "all":
        return region(options.web_listen_address, options.targets)
    return demo(options.web_listen_address)


def _probe(options: argparse.Namespace) -> int:
    if options.exposure:
        return ladder(options.address, called_ae_title=options.called_ae, as_json=options.json)
    return probe(
        options.address,
        called_ae_title=options.called_ae,
        calling_ae_title=options.calling_ae,
        tls=options.tls,
        as_json=options.json,
    )


def _report(options: argparse.Namespace) -> int:
    return report(
        ReportOptions(
            config_files=options.config_file,
            expand_env=options.config_expand_env,
            format=options.format,
            by=options.by,
            output=options.output,
        )
    )


def _completion(options: argparse.Namespace) -> int:
    from dicom_exporter.cli.completion import completion

    return completion(whole_parser(), options.shell)


def whole_parser() -> argparse.ArgumentParser:
    """One parser with all commands in it, for the scripts of shells and for the manual; `main` does not parse by it."""
    parser = _serve_parser()
    commands = parser.add_subparsers(metavar="COMMAND", prog=PROGRAM)
    for name, (make, _) in _COMMANDS.items():
        one = make()
        commands.add_parser(
            name,
            parents=[one],
            add_help=False,
            help=(one.description or "").partition("\n")[0],
            description=one.description,
            epilog=one.epilog,
        )
    return parser


def _serve_parser() -> Parser:
    parser = Parser(
        PROGRAM,
        usage=f"{PROGRAM} [flags]\n       {PROGRAM} COMMAND [flags]",
        description="Probes DICOM archives for Prometheus: is each one up for us, and closed to strangers?\n"
        "Without a command it serves what it finds: metrics, and pages for a person.",
        epilog=f"""\
commands ({PROGRAM} COMMAND --help tells more):
  demo                 try it: archives that are made up, and the exporter that probes them
  probe HOST:PORT      ask one archive now; with --exposure, see what a stranger gets there
  report               ask all targets of the configuration once: who is down, who is exposed
  completion SHELL     print what makes bash, zsh or fish complete all this

from nothing to your own archive:
  {PROGRAM} demo
  {PROGRAM} probe pacs.example:104 --called-ae PACS
  {PROGRAM} --config.file=config.yml --config.check
  {PROGRAM} --config.file=config.yml
  and then open http://localhost:{DEFAULT_PORT}

exit codes:
  0 done, and as expected    1 done, and something is down or exposed
  2 bad usage or bad configuration    3 could not run, or could not tell
""",
    )
    parser.add_argument("--version", action="version", version=f"{PROGRAM} {__version__}")
    add_config_file(parser)
    parser.add_flag("--config.check", action="store_true", help="check the configuration, and do nothing else")
    add_listen_address(parser, f":{DEFAULT_PORT}")
    parser.add_flag(
        "--web.config.file",
        metavar="FILE",
        help="YAML: TLS and passwords for who asks us (default: neither)",
    )
    parser.add_flag(
        "--web.telemetry-path",
        type=checked(telemetry_path),
        default="/metrics",
        metavar="PATH",
        help="where the metrics of all targets are (default: /metrics)",
    )
    parser.add_flag(
        "--web.external-url",
        type=checked(parse_external_url),
        metavar="URL",
        help="where others reach the exporter, behind a reverse proxy for example; its path is the prefix of all paths",
    )
    parser.add_flag(
        "--web.max-requests",
        type=checked(count),
        default=DEFAULT_MAX_REQUESTS,
        metavar="NUMBER",
        help=f"requests at once; who comes beyond that gets 503; 0 for any number (default: {DEFAULT_MAX_REQUESTS})",
    )
    parser.add_flag(
        "--timeout-offset",
        type=checked(offset),
        default=0.5,
        metavar="DURATION",
        help="how long before the scrape's timeout we answer (default: 0.5s)",
    )
    parser.add_flag(
        "--history.limit",
        type=checked(history_limit),
        default=DEFAULT_LIMIT,
        metavar="PROBES",
        help=f"how many probes of a target its page shows; less where there are many (default: {DEFAULT_LIMIT})",
    )
    add_log_flags(parser, "info")
    return parser


def _demo_parser() -> Parser:
    parser = Parser(
        f"{PROGRAM} demo",
        description="Runs archives that are made up, and the exporter that probes them, on this machine.\n"
        "One is open to anyone, one knows its callers, and on one port nothing listens.",
        epilog=f"""\
examples:
  {PROGRAM} demo                 three archives, quick to understand
  {PROGRAM} demo --peers=all     a whole region: TLS, DICOMweb, worklists, busy, slow, outdated, a flow, changes
  {PROGRAM} demo --targets=300   the same as a big one, which dashboards have to cope with; or 3, for a small one

Next: {PROGRAM} probe, with an archive of your own.
""",
    )
    parser.add_flag("--peers", choices=("three", "all"), default="three", help="which archives (default: three)")
    parser.add_flag(
        "--targets",
        type=checked(target_count),
        default=0,
        metavar="N",
        help="so many targets, 3 or more, of all kinds; above 27 on Linux only, in 127.0.0.0/8",
    )
    add_listen_address(parser, f"localhost:{DEFAULT_PORT}")
    add_log_flags(parser, "warning")
    return parser


def _probe_parser() -> Parser:
    parser = Parser(
        f"{PROGRAM} probe",
        description="Asks one DICOM archive now: does it answer us, and what does a stranger get there?\n"
        "Sends a C-ECHO, and counts the studies that it lists to us. With --exposure it goes as far as a stranger\n"
        "gets, and says what that means. Probe only archives that are yours.",
        epilog=f"""\
examples:
  {PROGRAM} probe pacs.example:104 --called-ae PACS             does it answer us?
  {PROGRAM} probe pacs.example:104 --called-ae PACS --exposure  what does a stranger get?
  {PROGRAM} probe pacs.example:2762 --tls --json                for a script

exit codes:
  0 it answered the C-ECHO; with --exposure, it lets no stranger in
  1 it did not; with --exposure, it lets strangers in
  2 bad usage    3 could not run, or could not tell

If it answers, put it under `targets` in config.yml, and see: {PROGRAM} --config.check
""",
    )
    parser.add_argument("address", metavar="HOST:PORT", type=checked(parse_address), help="like pacs.example:104")
    parser.add_flag(
        "--called-ae",
        type=checked(parse_ae_title),
        default="ANY-SCP",
        metavar="TITLE",
        help="the archive's AE title (default: ANY-SCP)",
    )
    parser.add_flag(
        "--calling-ae",
        type=checked(parse_ae_title),
        default="PROMETHEUS",
        metavar="TITLE",
        help="our AE title, which the archive may have to know (default: PROMETHEUS)",
    )
    parser.add_flag("--tls", action="store_true", help="speak DICOM TLS; the certificate is shown, not verified")
    parser.add_flag(
        "--exposure", action="store_true", help="as a stranger: random titles, plain and TLS; nothing is written"
    )
    parser.add_flag("--json", action="store_true", help="print JSON in place of a table")
    add_log_flags(parser, "warning")
    return parser


def _report_parser() -> Parser:
    parser = Parser(
        f"{PROGRAM} report",
        description="Asks every target of the configuration once, and says who is down and who is exposed.\n"
        "In one document: which are up for us, how far strangers get, and what they are shown. It needs no running\n"
        "exporter.",
        epilog=f"""\
examples:
  {PROGRAM} report                                     a table
  {PROGRAM} report --by country                        with sums for each value of a label
  {PROGRAM} report --format html --output report.html  one page, for the security officer's file

exit codes:
  0 all as expected    1 something is down, or exposed
  2 bad usage or bad configuration    3 could not run, or something could not be told
""",
    )
    add_config_file(parser)
    parser.add_flag("--format", choices=FORMATS, default="table", help="what to write (default: table)")
    parser.add_flag("--by", metavar="LABEL", help="sums for each value of this label, country, say")
    parser.add_flag("--output", type=Path, metavar="FILE", help="write there, and the summary to stderr")
    add_log_flags(parser, "warning")
    return parser


def _completion_parser() -> Parser:
    parser = Parser(
        f"{PROGRAM} completion",
        description="Prints the script with which a shell completes our commands, flags and files.",
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
    parser.add_argument("shell", metavar="SHELL", choices=("bash", "zsh", "fish"), help="bash, zsh or fish")
    add_log_flags(parser, "warning")
    return parser


_COMMANDS: Mapping[str, tuple[Callable[[], Parser], Callable[[argparse.Namespace], int]]] = {
    "demo": (_demo_parser, _demo),
    "probe": (_probe_parser, _probe),
    "report": (_report_parser, _report),
    "completion": (_completion_parser, _completion),
}


def _parse(parser: Parser, arguments: Sequence[str]) -> argparse.Namespace:
    options, unknown = parser.parse_known_args(arguments)
    if unknown:
        argument = unknown[0].partition("=")[0]
        if argument in _COMMANDS:
            parser.error(f"a command comes first: {PROGRAM} {argument}")
        known = re.findall(r"--[a-z][a-z.-]*", parser.format_help()) if argument.startswith("-") else _COMMANDS
        parser.error(f"unknown argument {argument}{did_you_mean(argument, known)}")
    return options
