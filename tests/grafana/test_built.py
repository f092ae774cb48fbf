"""The dashboards as they are committed, and those for other labels than `site` and `country`."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import promql_parser
import pytest

from grafana.build import as_text, built, main
from tests.grafana.dashboards import DASHBOARDS, FILES, filled, queried, variables

ROOT = Path(__file__).parents[2]


def test_dashboards_are_what_the_sources_build() -> None:
    """Otherwise: `python -m grafana.build`, and commit what changes."""
    assert {file.name: file.read_text("utf-8") for file in FILES} == {
        name: as_text(dashboard) for name, dashboard in built().items()
    }


@pytest.mark.parametrize("labels", [("hospital",), ("hospital", "region"), ("ward", "hospital", "region")], ids=str)
def test_dashboards_for_other_labels_name_these_and_no_others(labels: tuple[str, ...]) -> None:
    for name, dashboard in built(labels).items():
        assert not re.search(r"\b([Ss]ites?|[Cc]ountry)\b", as_text(dashboard))
        own = [each for each in variables(dashboard) if each not in variables(DASHBOARDS[name.removesuffix(".json")])]
        assert own == list(reversed(labels))  # the largest group is chosen first
        for _, query in queried(dashboard):
            promql_parser.parse(filled(query))
    fleet = built(labels)["fleet.json"]
    chosen = ", ".join(f'{label}=~"${label}"' for label in labels)
    assert any("dicom:status{" in query and chosen in query for _, query in queried(fleet))
    assert variables(fleet)["target"]["query"]["query"].endswith(f'{labels[0]}=~"${labels[0]}"}}, target)')


def test_dashboards_for_another_pair_are_the_same_but_for_the_names() -> None:
    words = {"site": "hospital", "country": "region"}
    words |= {word.capitalize(): other.capitalize() for word, other in words.items()}
    for name, dashboard in built(("hospital", "region")).items():
        shipped = re.sub(rf"\b({'|'.join(words)})\b", lambda word: words[word[1]], as_text(built()[name]))
        assert json.loads(shipped) == dashboard


def test_dashboards_command_of_the_documentation_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (command,) = re.findall(r"python -m grafana\.build (--.*)", (ROOT / "docs" / "dashboards.md").read_text())
    monkeypatch.chdir(tmp_path)
    main(shlex.split(command))
    assert "by (region, hospital)" in (tmp_path / "dashboards" / "exposure.json").read_text()


@pytest.mark.parametrize("labels", ["", "exporter", "target", "a b"])
def test_dashboards_labels_that_cannot_be_chosen_are_refused(labels: str, tmp_path: Path) -> None:
    with pytest.raises(SystemExit) as stopped:
        main([f"--labels={labels}", f"--output={tmp_path}"])
    assert stopped.value.code == 2
