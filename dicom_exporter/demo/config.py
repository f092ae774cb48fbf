"""The configuration that goes with the demo's peers."""

OPEN_TITLE = "DEMO_OPEN"
GUARDED_TITLE = "DEMO_GUARDED"
KNOWN_CALLER = "PROMETHEUS"
"""The calling AE title of the built-in identity `monitor`, the only one that the guarded peer accepts."""


def config_text(open_address: str, guarded_address: str, closed_address: str) -> str:
    """The text of a config.yml with one target per peer; addresses are `host:port`."""
    return f"""\
# What `dicom_exporter demo` probes. All of it runs on this machine, and every study is synthetic.
targets:
  - name: demo-open              # should refuse strangers, but answers anyone, as most archives on the internet do
    address: {open_address}
    called_ae_title: {OPEN_TITLE}
    expect: guarded
    labels: {{site: demo-north, country: DE}}
  - name: demo-guarded           # answers {KNOWN_CALLER} only
    address: {guarded_address}
    called_ae_title: {GUARDED_TITLE}
    expect: guarded
    labels: {{site: demo-south, country: DE}}
  - name: demo-closed            # nothing listens here
    address: {closed_address}
    expect: closed
    labels: {{site: demo-west, country: FR}}
  - name: demo-control           # known to be open: if it is closed to us, the vantage point is blind
    address: {open_address}
    called_ae_title: {OPEN_TITLE}
    expect: control
    labels: {{site: demo-vantage, country: DE}}
"""
