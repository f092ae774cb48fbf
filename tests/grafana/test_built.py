from grafana.build import as_text, built
from tests.grafana.dashboards import FILES


def test_dashboards_are_what_the_sources_build() -> None:
    """Otherwise: `python -m grafana.build`, and commit what changes."""
    assert {file.name: file.read_text("utf-8") for file in FILES} == {
        name: as_text(dashboard) for name, dashboard in built().items()
    }
