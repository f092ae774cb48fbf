"""Certificates of the demo, made at each start: its certificate authority, servers, and a client."""

import datetime
import ssl
from dataclasses import dataclass
from pathlib import Path

import trustme

_ADDRESS = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class Authority:
    """The certificate authority that the exporter of the demo trusts, and the directory of its files."""

    ca: trustme.CA
    directory: Path

    @property
    def ca_file(self) -> Path:
        """Its own certificate, PEM."""
        return self.directory / "ca.pem"

    def write_certificate(self, name: str, days: int) -> None:
        """Write `{name}.pem` for 127.0.0.1, which expires in `days`, and its key as `{name}.key`."""
        leaf = self._issue(name, days)
        leaf.cert_chain_pems[0].write_to_path(self.directory / f"{name}.pem")
        key_file = self.directory / f"{name}.key"
        key_file.touch(mode=0o600)
        leaf.private_key_pem.write_to_path(key_file)

    def server_context(self, name: str, days: int, *, require_client_certificate: bool = False) -> ssl.SSLContext:
        """TLS of a server whose certificate expires in `days`; clients may have to show one of this authority."""
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self.ca.configure_trust(context)
        self._issue(name, days).configure_cert(context)
        context.verify_mode = ssl.CERT_REQUIRED if require_client_certificate else ssl.CERT_NONE
        return context

    def _issue(self, name: str, days: int) -> trustme.LeafCert:
        now = datetime.datetime.now(datetime.UTC)
        return self.ca.issue_cert(
            _ADDRESS,
            common_name=name,
            not_before=now - datetime.timedelta(days=1),
            not_after=now + datetime.timedelta(days=days),
        )


def make_authority(directory: Path) -> Authority:
    """A new authority, whose certificate is written into `directory`."""
    authority = Authority(trustme.CA(organization_name="dicom_exporter demo authority"), directory)
    authority.ca.cert_pem.write_to_path(authority.ca_file)
    return authority
