"""`/probe?target=host:port`: an address that the configuration does not have, where `probe.allow` lets it."""

from __future__ import annotations

from collections.abc import Sequence

from aiohttp import web

from dicom_exporter.admission import NotAllowed
from dicom_exporter.config import Address, Config, Target, parse_address, parse_ae_title
from dicom_exporter.dicom.errors import Overloaded
from dicom_exporter.results import TargetResult
from dicom_exporter.web.limits import Refusal
from dicom_exporter.web.state import State


def adhoc_address(name: str, config: Config) -> Address | None:
    """The address that `name` is, where such may be asked for at all."""
    if not config.probe.allow:
        return None
    try:
        return parse_address(name)
    except ValueError:
        return None


def adhoc_target(
    address: Address, called_ae_title: str | None, modules: Sequence[str] | None, config: Config
) -> Target:
    """A target that exists for one request. Raises HTTPBadRequest where its modules are for configured ones only."""
    target = Target(str(address), address)
    if called_ae_title is not None:
        try:
            target = Target(str(address), address, parse_ae_title(called_ae_title))
        except ValueError:
            raise web.HTTPBadRequest(text="called_ae_title is not an AE title.\n") from None
    for name in modules or target.modules:
        module = config.modules[name]
        if module.store is not None:
            text = f"The module {name} writes images, and only to targets of the configuration.\n"
            raise web.HTTPBadRequest(text=text)
        if config.identities[module.identity].user_identity is not None:
            text = f"The module {name} sends a password, and only to targets of the configuration.\n"
            raise web.HTTPBadRequest(text=text)
    return target


async def probe_adhoc(
    state: State, target: Target, timeout: float | None, modules: Sequence[str] | None
) -> TargetResult:
    """Probe `target` once it is known to be allowed. Raises HTTPForbidden, which does not say why it is not."""
    try:
        return await state.scraper.scrape_address(target, timeout, modules)
    except NotAllowed:
        state.denied_target_requests += 1
        raise web.HTTPForbidden(text="This address is not inside of probe.allow, or there is no such host.\n") from None
    except Overloaded:
        raise state.traffic.refuse(Refusal.LOOKUPS) from None
