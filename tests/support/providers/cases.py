"""The providers that keep the contract in `contract.py`: each with its stand-in and its ways."""

from __future__ import annotations

import dataclasses
import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.credentials import Credentials

from newsletter.providers.http import HttpClient
from newsletter.providers.lettermint.send import Lettermint
from newsletter.providers.mailgun.send import Mailgun
from newsletter.providers.resend.send import Resend
from newsletter.providers.ses.client import Account
from newsletter.providers.ses.send import Ses, SesBulk
from tests.support.providers import ses_requests
from tests.support.providers.batches import batch, lettermint_json, resend_json
from tests.support.providers.fake_lettermint import FakeLettermint
from tests.support.providers.fake_mailgun import DOMAIN, FakeMailgun
from tests.support.providers.fake_resend import FakeResend
from tests.support.providers.fake_ses import FakeSes
from tests.support.providers.sigv4 import KEY_ID, REGION, SECRET

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
        audience: How many readers make it send in this way.
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
        """Return a request's worth for these readers, or for two if one request holds as many.

        Under another key they are other deliveries.
        """
        emails = emails or ("anna@example.org", "bert@example.org")
        made = batch(*emails[: self.can.max_messages], of=of, name=name, key=key)
        refs = (hashlib.sha256(f"{key} {reader.ref}".encode()) for reader in made.recipients)
        return dataclasses.replace(
            made,
            recipients=tuple(
                dataclasses.replace(reader, ref=ref.hexdigest()[:32])
                for reader, ref in zip(made.recipients, refs, strict=True)
            ),
        )


RESEND = Case(
    name="resend",
    fake=FakeResend,
    can=Resend.capabilities,
    environment={"RESEND_API_KEY": "re_c4n4ry"},
    open=lambda url, deadline: Resend("re_c4n4ry", url, HttpClient(deadline=deadline)),
    plain=resend_json,
)

LETTERMINT = Case(
    name="lettermint",
    fake=FakeLettermint,
    can=Lettermint.capabilities,
    environment={"LETTERMINT_API_TOKEN": "lm_c4n4ry"},
    open=lambda url, deadline: Lettermint("lm_c4n4ry", url, HttpClient(deadline=deadline)),
    plain=lettermint_json,
)


def _ses(url: str, deadline: float) -> Ses:
    return Ses(Account(Credentials(KEY_ID, SECRET), REGION, url, HttpClient(deadline=deadline)))


SES = Case(
    name="ses",
    fake=FakeSes,
    can=Ses.capabilities,
    environment={
        "AWS_ACCESS_KEY_ID": KEY_ID,
        "AWS_SECRET_ACCESS_KEY": SECRET,
        "AWS_REGION": REGION,
    },
    open=_ses,
    plain=ses_requests.single,
)
SES_BULK = dataclasses.replace(
    SES,
    name="ses_bulk",
    can=SesBulk.capabilities,
    open=lambda url, deadline: _ses(url, deadline).for_audience(5001),
    audience=5001,
    plain=None,
)

MAILGUN = Case(
    name="mailgun",
    fake=FakeMailgun,
    can=Mailgun.capabilities,
    environment={"MAILGUN_API_KEY": "key-c4n4ry", "MAILGUN_DOMAIN": DOMAIN},
    open=lambda url, deadline: Mailgun("key-c4n4ry", DOMAIN, url, HttpClient(deadline=deadline)),
    listed=False,
    beyond_ascii=True,
    # In what an author writes they can stand: see `test_mailgun.py`. These letters hold them in
    # settings as well.
    unsupported=(
        "%recipient%",
        "%recipient.email%",
        "%recipient.greeting%",
        "%recipient.x%",
        "%unsubscribe_url%",
        "%mailing_list_unsubscribe_url%",
    ),
)

CASES = (RESEND, LETTERMINT, SES, SES_BULK, MAILGUN)
