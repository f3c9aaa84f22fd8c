"""What the tests of providers need to know of one: its fake, its keys and how it is opened."""

from __future__ import annotations

import dataclasses
import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tests.support.providers.batches import batch

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from newsletter.model import Batch, Letter
    from newsletter.providers.base import Capabilities
    from tests.support.providers.fake_server import FakeServer


@dataclass(frozen=True)
class Case:
    """One provider, in one way of sending.

    Args:
        name: What `test_NAME….py` are the provider's own tests of.
        fake: Its stand-in.
        can: Its capabilities, in this way of sending.
        environment: All that must be set for it. The values of secrets are canaries: they may
            show nowhere.
        open: Returns the adapter as `environment` has it, at this address, with so many seconds
            for one request.
        listed: Its answers hold an entry for each message, in the order of the request; otherwise
            one name stands for all that was in it.
        audience: How many subscribers make it send in this way.
        beyond_ascii: It mails addresses with letters beyond ASCII before the @.
        unsupported: What no letter may hold, as `Provider.unsupported` says.
        plain: Returns what a request holds as its documentation has it, built plainly; for one
            whose requests are JSON.
    """

    name: str
    fake: type[FakeServer]
    can: Capabilities
    environment: Mapping[str, str]
    open: Callable[[str, float], Any]
    listed: bool = True
    audience: int = 1
    beyond_ascii: bool = False
    unsupported: tuple[str, ...] = ()
    plain: Callable[[Batch], object] | None = None

    @property
    def secrets(self) -> tuple[str, ...]:
        """Return those values that nobody may see."""
        names = [name for name in self.environment if name.endswith(("_KEY", "_TOKEN"))]
        return tuple(self.environment[name] for name in names)

    def batch(
        self,
        *emails: str,
        of: Letter | None = None,
        name: str | None = "Anna",
        key: str = "k1",
    ) -> Batch:
        """Return a request's worth for these subscribers, or for two if one request holds as many.

        Under another key they are other deliveries.
        """
        emails = emails or ("anna@example.org", "bert@example.org")
        made = batch(*emails[: self.can.max_messages], of=of, name=name, key=key)
        refs = (
            hashlib.sha256(f"{key} {subscriber.ref}".encode()) for subscriber in made.recipients
        )
        return dataclasses.replace(
            made,
            recipients=tuple(
                dataclasses.replace(subscriber, ref=ref.hexdigest()[:32])
                for subscriber, ref in zip(made.recipients, refs, strict=True)
            ),
        )
