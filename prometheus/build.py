"""Write the rules for your own labels: `python -m prometheus.build --labels=region,ward --output=rules`.

The files in `rules/` are those for `site` and `country`.
"""

import argparse
import re
from collections.abc import Sequence
from pathlib import Path

from dicom_exporter.config.values.text import check_label_name

RULES = Path(__file__).parent / "rules"
LABELS = ("site", "country")
RUNBOOKS = "http://localhost:10104"
_REPLACED = re.compile(rf'^( *or dicom_target_info\{{exported_){LABELS[0]}(!=""\}}\n).*{LABELS[1]}.*\n', re.MULTILINE)


def built(labels: Sequence[str] = LABELS, exporter_url: str = RUNBOOKS) -> dict[str, str]:
    """Name of the file -> the rules in it, for alerts that carry `labels`, and links to runbooks at `exporter_url`."""
    return {file.name: _changed(file.read_text(), labels, exporter_url) for file in sorted(RULES.glob("*.yml"))}


def _changed(rules: str, labels: Sequence[str], exporter_url: str) -> str:
    rules = _REPLACED.sub(lambda line: "".join(f"{line[1]}{label}{line[2]}" for label in labels), rules)
    default, chosen = ", ".join(LABELS), ", ".join(labels)
    for before, after in ((f", {default}", f", {chosen}"), (f"{default}, ", f"{chosen}, "), (default, chosen)):
        rules = rules.replace(before, after if labels else "")
    if labels:  # a subject names the first one
        rules = rules.replace(f"$labels.{LABELS[0]} ", f"$labels.{labels[0]} ")
    return rules.replace(RUNBOOKS, exporter_url.rstrip("/"))


def parse_labels(text: str) -> list[str]:
    """Read the names of labels, with commas between them. Raises ArgumentTypeError."""
    try:
        return [check_label_name(name) for name in text.split(",") if name]
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def main(arguments: Sequence[str] | None = None) -> None:
    """Write all of them."""
    parser = argparse.ArgumentParser(prog="python -m prometheus.build", description="Write the rules for your labels.")
    parser.add_argument(
        "--labels",
        type=parse_labels,
        default=list(LABELS),
        help="labels of your targets that alerts carry, comma-separated (default: site,country)",
    )
    parser.add_argument("--runbooks", metavar="URL", default=RUNBOOKS, help=f"the exporter's URL (default: {RUNBOOKS})")
    parser.add_argument("--output", type=Path, required=True, metavar="DIRECTORY", help="where the files go")
    options = parser.parse_args(arguments)
    options.output.mkdir(parents=True, exist_ok=True)
    for name, rules in built(options.labels, options.runbooks).items():
        (options.output / name).write_text(rules)


if __name__ == "__main__":
    main()
