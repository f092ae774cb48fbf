"""Which modules a request may choose, and what a probe may write and show at a target.

| | target of the configuration | address that a request names (`probe.allow`) |
|---|---|---|
| modules | those that it could be configured with, together | any without `store` and `canary` |
| identities | those of its own modules; of the built-in ones, those without credentials | those without credentials |
| images may be written | unless `expect` is `closed` or `control` | never |

Credentials are a password, a token or a client certificate. The prober goes by this for every caller: a request, a
report, a command. The probes check again what they are permitted (`net.context`, `probes.store`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from dicom_exporter.config import Config, Target
from dicom_exporter.config.build.targets import target_errors
from dicom_exporter.config.model import BUILTIN_IDENTITIES
from dicom_exporter.net.errors import NotPermitted


def check_choice(config: Config, target: Target, modules: Sequence[str]) -> None:
    """Check that `modules`, which are names of the configuration, may be asked of `target`.

    Raises:
        NotPermitted: they may not; its text is a sentence for the client.
    """
    if not _is_configured(config, target):
        _check_address(config, modules)
        return
    for name in modules:
        if name not in target.modules:
            _check_identity(config, target, name)
    errors = target_errors(replace(target, modules=tuple(dict.fromkeys(modules))), config.modules)
    message = next((message for _, message in errors), None)
    if message is not None:
        raise NotPermitted(f"{message[0].upper()}{message[1:]}.")


def may_show_credentials(config: Config, target: Target, identity: str) -> bool:
    """Whether `target` may see the credentials of `identity`: one of its own modules has that identity."""
    return _is_configured(config, target) and identity in _identities(config, target)


def may_store(config: Config, target: Target) -> bool:
    """Whether images may be written to `target`."""
    return _is_configured(config, target) and not target.is_never_written_to


def _is_configured(config: Config, target: Target) -> bool:
    found = config.target(target.name)
    return found is target or found == target


def _identities(config: Config, target: Target) -> set[str]:
    return {config.modules[name].identity for name in target.modules}


def _check_identity(config: Config, target: Target, module: str) -> None:
    """Raise NotPermitted if `module`, which is none of the modules of `target`, has an identity that it may not."""
    name = config.modules[module].identity
    if name in _identities(config, target):
        return
    if name not in BUILTIN_IDENTITIES:
        reason = "which no module of this target has"
    elif config.identities[name].has_credentials:
        reason = "which has credentials, and no module of this target has it"
    else:
        return
    raise NotPermitted(f"The module {module} probes as the identity {name}, {reason}.")


def _check_address(config: Config, modules: Sequence[str]) -> None:
    for name in modules:
        module = config.modules[name]
        if module.writes:
            raise NotPermitted(f"The module {name} writes images, and only to targets of the configuration.")
        if config.identities[module.identity].has_credentials:
            raise NotPermitted(f"The module {name} shows credentials, and only to targets of the configuration.")
