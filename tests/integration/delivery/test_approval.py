from __future__ import annotations

import shutil
import subprocess
from dataclasses import replace
from typing import TYPE_CHECKING

import PIL.Image
import pytest

import newsletter
from newsletter import delivery, desk
from newsletter.errors import NewsletterError
from newsletter.model import MailingState, RetryLater
from newsletter.package_data import template_folders
from tests.support.approvals import SLUG, TOML, ApprovedNewsletter
from tests.support.newsletter import FakeProvider
from tests.support.repositories import git

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from newsletter.model import Batch, Outcome

    Touch = Callable[[ApprovedNewsletter], object]


@pytest.fixture
def letters(root: Path, monkeypatch: pytest.MonkeyPatch) -> ApprovedNewsletter:
    for name in ("GLOBAL", "SYSTEM"):
        monkeypatch.setenv(f"GIT_CONFIG_{name}", "/dev/null")
    return ApprovedNewsletter(root)


@pytest.fixture
def provider(tmp_path: Path) -> FakeProvider:
    return FakeProvider(tmp_path / "taken")


def refusal(letters: ApprovedNewsletter, provider: FakeProvider) -> str:
    """Return why the schedule does not send, having seen that nothing left."""
    found = letters.send_due(provider)
    assert found.exit_code == 1
    assert (provider.calls, letters.sql("SELECT count(*) FROM mailings")) == (0, [(0,)])
    (error,) = found.errors
    assert str(error).isprintable()
    assert error.hint
    return str(error)


def sends(letters: ApprovedNewsletter, provider: FakeProvider) -> bool:
    found = letters.send_due(provider)
    if found.errors:
        assert (found.exit_code, provider.calls) == (1, 0)
        return False
    (result,) = found.results
    return result.report.mailing.state is MailingState.COMPLETED


def prove(letters: ApprovedNewsletter, provider: FakeProvider) -> None:
    _, draft = desk.find_draft(letters.settings, SLUG)
    assert draft
    context = letters.context(provider)
    delivery.send_proof(context, draft, email="gerrit@example.org", key="gerrit@example.org")
    provider.calls = 0


def plan(letters: ApprovedNewsletter, provider: FakeProvider) -> delivery.Plan:
    """Return the plan of a person who sends it."""
    _, draft = desk.find_draft(letters.settings, SLUG)
    found = delivery.plan_send(letters.context(provider), delivery.SendRequest(SLUG, draft))
    assert isinstance(found, delivery.Plan)
    return found


# The schedule


def test_an_approved_letter_is_sent(letters: ApprovedNewsletter, provider: FakeProvider) -> None:
    line = letters.line
    letters.commit(f"Approve the letter\n\n{line}")
    assert sends(letters, provider)
    (row,) = letters.sql("SELECT letter_hash FROM mailings")
    assert line == f"Newsletter-Approved: {SLUG} {row[0]}"


def test_a_letter_that_nobody_approved_is_refused(
    letters: ApprovedNewsletter, provider: FakeProvider
) -> None:
    said = refusal(letters, provider)
    assert letters.line in said
    assert f"newsletter proof {SLUG}" in said


def test_a_proofed_letter_needs_no_approval_and_no_git(
    letters: ApprovedNewsletter, provider: FakeProvider
) -> None:
    prove(letters, provider)
    shutil.rmtree(letters.root / ".git")
    assert sends(letters, provider)


def test_a_proof_through_the_outbox_approves_nothing(
    letters: ApprovedNewsletter, provider: FakeProvider, tmp_path: Path
) -> None:
    outbox = FakeProvider(tmp_path / "taken-outbox")
    outbox.capabilities = replace(outbox.capabilities, rehearsal=True)
    prove(letters, outbox)
    assert "nobody got a proof" in refusal(letters, provider)


def test_a_proof_at_another_address_of_the_provider_approves_nothing(
    letters: ApprovedNewsletter, provider: FakeProvider
) -> None:
    real = letters.settings
    letters.settings = replace(real, provider_url="https://sandbox.example.org")
    prove(letters, provider)
    letters.settings = real
    assert "nobody got a proof" in refusal(letters, provider)
    letters.send(provider)
    report = delivery.find_report(letters.store, SLUG)
    assert report
    assert report.proofed_at is None


def test_a_proof_of_an_address_that_was_not_kept_approves_nothing(
    letters: ApprovedNewsletter, provider: FakeProvider
) -> None:
    prove(letters, provider)
    letters.sql("UPDATE proofs SET provider_url = NULL")
    assert "nobody got a proof" in refusal(letters, provider)


def own_template(letters: ApprovedNewsletter, name: str = "blocks.mjml.j2") -> Path:
    """Copy a template, byte by byte, into the author's own folder."""
    source = next(path for folder in template_folders() if (path := folder / name).exists())
    copy = letters.root / "templates" / name
    copy.parent.mkdir(exist_ok=True)
    copy.write_bytes(source.read_bytes())
    return copy


def add_byte(path: Path) -> None:
    path.write_bytes(path.read_bytes() + b"\n")


CHANGES: Mapping[str, Touch] = {
    "a byte of the text": lambda made: made.file.write_bytes(
        made.file.read_bytes().replace(b"rustige", b"rustigE")
    ),
    "a byte that nobody sees": lambda made: add_byte(made.file),
    "a byte of the front matter": lambda made: made.file.write_bytes(
        made.file.read_bytes().replace(b"subject: ", b"subject:  ")
    ),
    "a byte of a template": lambda made: add_byte(made.root / "templates" / "blocks.mjml.j2"),
    "a template of the text part": lambda made: add_byte(own_template(made, "issue.txt.j2")),
    "a setting that the letter shows": lambda made: (made.root / "newsletter.toml").write_text(
        TOML.replace("Proefbrief", "Proefbriev"), encoding="utf-8"
    ),
    "a setting that it does not show": lambda made: (made.root / "newsletter.toml").write_text(
        f"{TOML}max_per_hour = 99\n", encoding="utf-8"
    ),
    "a time": lambda made: made.file.write_bytes(
        made.file.read_bytes().replace(b"---\nEen", b"send_at: 2026-11-29 07:00\n---\nEen")
    ),
}


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("approved", ["by a commit", "by a proof"])
def test_after_its_approval_no_byte_may_change(
    letters: ApprovedNewsletter, provider: FakeProvider, change: str, approved: str
) -> None:
    own_template(letters)
    if approved == "by a commit":
        letters.commit(f"Approve the letter\n\n{letters.line}")
    else:
        prove(letters, provider)
    CHANGES[change](letters)
    letters.read_settings()
    letters.commit("Change one thing")
    after = "commit" if approved == "by a commit" else "its proof: its text, a template"
    assert f"the letter was changed after {after}" in refusal(letters, provider)
    git(letters.root, "revert", "--no-edit", "HEAD")
    letters.read_settings()
    assert sends(letters, provider)


def test_another_version_of_the_program_needs_another_approval(
    letters: ApprovedNewsletter, provider: FakeProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    letters.commit(f"Approve the letter\n\n{letters.line}")
    monkeypatch.setattr(newsletter, "__version__", "9.9.9")
    assert "version" in refusal(letters, provider)


def test_a_template_of_the_package_that_changes_needs_another_approval(
    letters: ApprovedNewsletter,
    provider: FakeProvider,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    packaged = tmp_path / "packaged"
    shutil.copytree(template_folders()[1], packaged)
    monkeypatch.setattr("newsletter.render.templates.template_folders", lambda: (packaged,))
    letters.commit(f"Approve the letter\n\n{letters.line}")
    add_byte(packaged / "blocks.txt.j2")
    refusal(letters, provider)


@pytest.mark.parametrize("name", ["issues/boom.png", "logo.png"])
def test_a_picture_that_changes_needs_another_approval(
    letters: ApprovedNewsletter, provider: FakeProvider, name: str
) -> None:
    for path in (letters.root / "issues" / "boom.png", letters.root / "logo.png"):
        PIL.Image.new("RGB", (40, 20), "green").save(path)
    with letters.file.open("a", encoding="utf-8") as file:
        file.write("\n![Een boom](boom.png)\n")
    (letters.root / "newsletter.toml").write_text(f'{TOML}logo = "logo.png"\n', encoding="utf-8")
    letters.read_settings()
    letters.commit(f"Approve the letter\n\n{letters.line}")
    picture = letters.root / name
    before = picture.read_bytes()
    picture.write_bytes(before + b"\0")
    refusal(letters, provider)
    picture.write_bytes(before)
    assert sends(letters, provider)


def test_other_line_ends_change_nothing(
    letters: ApprovedNewsletter, provider: FakeProvider
) -> None:
    template = own_template(letters)
    letters.commit(f"Approve the letter\n\n{letters.line}")
    for path in (letters.file, template, letters.root / "newsletter.toml"):
        path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    letters.read_settings()
    assert sends(letters, provider)


def test_the_line_that_says_draft_changes_nothing(
    letters: ApprovedNewsletter, provider: FakeProvider
) -> None:
    text = letters.file.read_text(encoding="utf-8")
    letters.file.write_text(text.replace("---\nEen", "draft: yes\n---\nEen"), encoding="utf-8")
    letters.commit(f"Approve the draft\n\n{letters.line}")
    letters.file.write_text(text.replace("---\nEen", "draft: no\n---\nEen"), encoding="utf-8")
    assert sends(letters, provider)


def test_what_the_letter_does_not_use_changes_nothing(
    letters: ApprovedNewsletter, provider: FakeProvider
) -> None:
    letters.commit(f"Approve the letter\n\n{letters.line}")
    other = letters.root / "issues" / "2026-12-06-stilte.md"
    other.write_text("---\nsubject: Over stilte\n---\nEen zin.\n", encoding="utf-8")
    add_byte(own_template(letters, "form.html.j2"))
    toml = f'# Ours\n{TOML}ledger = "{letters.settings.ledger}"\n'
    (letters.root / "newsletter.toml").write_text(toml, encoding="utf-8")
    letters.read_settings()
    assert sends(letters, provider)


def test_a_started_mailing_goes_on_after_a_change(
    letters: ApprovedNewsletter, tmp_path: Path
) -> None:
    letters.commit(f"Approve the letter\n\n{letters.line}")

    def later(batch: Batch) -> Mapping[str, Outcome]:
        return {one.ref: RetryLater("not now", after=1e6) for one in batch.recipients}

    letters.send_due(FakeProvider(tmp_path / "taken-1", answer=later))
    CHANGES["a byte of the text"](letters)
    shutil.rmtree(letters.root / ".git")
    assert sends(letters, FakeProvider(tmp_path / "taken-2"))


# Commits


def test_a_trailer_in_a_merge_commit_counts(
    letters: ApprovedNewsletter, provider: FakeProvider
) -> None:
    letters.commit("Something else", on="other")
    git(letters.root, "switch", "--quiet", "main")
    message = f"Merge the letter\n\n{letters.line}"
    git(letters.root, "merge", "--quiet", "--no-ff", "--message", message, "other")
    assert sends(letters, provider)


def test_a_trailer_in_a_commit_that_was_merged_counts(
    letters: ApprovedNewsletter, provider: FakeProvider
) -> None:
    letters.commit(f"Approve the letter\n\n{letters.line}", on="other")
    git(letters.root, "switch", "--quiet", "main")
    git(letters.root, "merge", "--quiet", "--no-ff", "--message", "Merge it", "other")
    assert sends(letters, provider)


def test_a_trailer_on_another_branch_does_not_count(
    letters: ApprovedNewsletter, provider: FakeProvider
) -> None:
    letters.commit(f"Approve the letter\n\n{letters.line}", on="other")
    refusal(letters, provider)


def test_a_squashed_commit_counts_if_the_line_is_in_its_last_paragraph(
    letters: ApprovedNewsletter, provider: FakeProvider
) -> None:
    squashed = "* Write it\n\n* Correct it\n\nCo-authored-by: Anna <anna@example.org>"
    letters.commit(f"Write the letter (#12)\n\n{squashed}\n{letters.line}")
    assert sends(letters, provider)


ELSEWHERE = "not in the last paragraph"


@pytest.mark.parametrize(
    ("message", "why"),
    [
        ("Write it\n\n{line}\n\nAnd some more words.", ELSEWHERE),
        ("Write it\n\n{line}\n\nCo-authored-by: Anna <anna@example.org>", ELSEWHERE),
        ("Write it\n\n* {line}\n* Correct it\n\nThe end.", ELSEWHERE),
        ("{line}", "only paragraph of its message: an empty line"),
        ("Write it\n{line}", "only paragraph of its message: an empty line"),
        ("Write it\n\nAll is well,\nsays Anna.\nAnd Piet.\nAnd Gerrit.\n{line}", "other text"),
        ("Write it\n\n`{line}`", "something before it, such as a backtick"),
        ("Write it\n\n- {line}", "something before it, such as a backtick"),
    ],
)
def test_a_line_in_the_middle_of_a_message_does_not_count(
    letters: ApprovedNewsletter, provider: FakeProvider, message: str, why: str
) -> None:
    letters.commit(message.format(line=letters.line))
    assert why in refusal(letters, provider)


NO_HASH, AROUND = "no whole hash of 64 characters", "something around its"


@pytest.mark.parametrize(
    ("value", "why"),
    [
        ("{slug} {short}", NO_HASH),
        ("{slug} {hash}0", NO_HASH),
        ("{slug}", NO_HASH),
        ("{slug} {upper}", "hash in capitals"),
        ("{slug} {hash} {hash}", "more in it than the slug and the hash"),
        ("{slug}.md {hash}", "name of the file in place of the slug"),
        ("issues/{slug}.md {hash}", "name of the file in place of the slug"),
        ("issues/{slug} {hash}", f"{AROUND} slug"),
        ("`{slug}` `{hash}`", f"{AROUND} slug"),
        ("`{slug} {hash}`", f"{AROUND} slug"),
        ("{slug} `{hash}`", f"{AROUND} hash"),
        ("{hash}", ""),
        ("{hash} {slug}", ""),
        ("2026-11-22-rust {hash}", ""),
        ("rust {hash}", ""),
        ("* {hash}", ""),
        ("", ""),
    ],
)
def test_a_line_of_another_slug_or_without_a_whole_hash_does_not_count(
    letters: ApprovedNewsletter, provider: FakeProvider, value: str, why: str
) -> None:
    whole = letters.letter_hash
    parts = {"slug": SLUG, "hash": whole, "short": whole[:12], "upper": whole.upper()}
    letters.commit(f"Approve it\n\nNewsletter-Approved: {value.format(**parts)}")
    said = refusal(letters, provider)
    assert f"(a line in commit {git(letters.root, 'rev-parse', 'HEAD')[:12]} has" in said or not why
    assert why in said


def test_several_trailers_in_one_message_all_count(
    letters: ApprovedNewsletter, provider: FakeProvider
) -> None:
    other = f"Newsletter-Approved: 2026-12-06-stilte {'0' * 64}"
    letters.commit(
        f"Approve two\n\nReviewed-by: Anna\n{other}\nnewsletter-approved:   "
        f"{SLUG}   {letters.letter_hash}\n{other}"
    )
    assert sends(letters, provider)


def test_a_message_with_carriage_returns_counts(
    letters: ApprovedNewsletter, provider: FakeProvider
) -> None:
    letters.commit(f"Approve it\r\n\r\n{letters.line}\r\n")
    assert sends(letters, provider)


SIGNER = """#!/bin/sh
case "$*" in
*--verify*) echo "gpg: Good signature" >&2; echo "[GNUPG:] GOODSIG 1 Anna";;
*) cat > /dev/null; echo "[GNUPG:] SIG_CREATED " >&2
   printf -- '-----BEGIN PGP SIGNATURE-----\\n\\nx\\n-----END PGP SIGNATURE-----\\n';;
esac
"""
GIT_SETTINGS = {
    "log.showSignature": "true",
    "color.ui": "always",
    "trailer.separators": "#",
    "i18n.logOutputEncoding": "UTF-16",
    "log.date": "relative",
    "format.pretty": "oneline",
    "log.follow": "true",
    "log.mailmap": "true",
}


@pytest.mark.parametrize("name", GIT_SETTINGS)
def test_what_a_person_set_in_git_changes_nothing(
    letters: ApprovedNewsletter, provider: FakeProvider, name: str
) -> None:
    signer = letters.root.parent / "signer"
    signer.write_text(SIGNER, encoding="utf-8")
    signer.chmod(0o755)
    git(letters.root, "config", "gpg.program", str(signer))
    git(letters.root, "config", "commit.gpgSign", "true")
    letters.commit(f"Approve the letter: prêt\n\n{letters.line}")
    git(letters.root, "config", name, GIT_SETTINGS[name])
    found = plan(letters, provider)
    assert found.approval
    assert found.approval.commit == git(letters.root, "rev-parse", "HEAD")
    assert sends(letters, provider)


# Where the history is


def test_a_branch_that_was_only_fetched_counts(
    letters: ApprovedNewsletter, provider: FakeProvider
) -> None:
    letters.commit(f"Approve the letter\n\n{letters.line}")
    git(letters.root, "update-ref", "refs/remotes/origin/main", "HEAD")
    git(letters.root, "checkout", "--quiet", "--detach")
    git(letters.root, "branch", "--quiet", "--delete", "--force", "main")
    assert sends(letters, provider)


def test_a_newsletter_in_a_folder_of_its_repository(
    letters: ApprovedNewsletter, provider: FakeProvider
) -> None:
    folder = letters.root.parent / "whole"
    shutil.move(letters.root / ".git", letters.root.parent / ".git")
    try:
        git(letters.root.parent, "commit", "-q", "--allow-empty", "-m", f"Go\n\n{letters.line}")
        assert sends(letters, provider)
    finally:
        shutil.move(letters.root.parent / ".git", folder)


def shallow(letters: ApprovedNewsletter) -> None:
    letters.commit(f"Approve the letter\n\n{letters.line}")
    git(letters.root, "fetch", "--quiet", "--depth=1", f"file://{letters.root}", "main")


def nothing_there(letters: ApprovedNewsletter) -> None:
    shutil.rmtree(letters.root / ".git")


def no_such_branch(letters: ApprovedNewsletter) -> None:
    git(letters.root, "branch", "--quiet", "--move", "trunk")


def spoilt(letters: ApprovedNewsletter) -> None:
    (letters.root / ".git" / "config").write_text("[core\n", encoding="utf-8")


@pytest.mark.parametrize(
    ("spoil", "problem", "hint"),
    [
        (shallow, "only the end of the history of main", "fetch-depth: 0"),
        (nothing_there, "no git repository", "clone"),
        (no_such_branch, 'no branch "main"', "git fetch origin main"),
        (spoilt, "git cannot read the history: bad config", "Correct that"),
    ],
)
def test_a_history_that_cannot_be_read_approves_nothing(
    letters: ApprovedNewsletter,
    provider: FakeProvider,
    spoil: Touch,
    problem: str,
    hint: str,
) -> None:
    spoil(letters)
    said = refusal(letters, provider)
    assert problem in said
    assert hint in said


def test_a_machine_without_git_approves_nothing(
    letters: ApprovedNewsletter,
    provider: FakeProvider,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path / "nothing"))
    said = refusal(letters, provider)
    assert "git is not installed" in said


def test_a_repository_of_another_user_approves_nothing(
    letters: ApprovedNewsletter, provider: FakeProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    letters.commit(f"Approve the letter\n\n{letters.line}")
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
    said = refusal(letters, provider)
    assert "another user owns it" in said
    assert f"safe.directory {letters.root}" in said
    monkeypatch.setenv("GIT_CONFIG_COUNT", "1")
    monkeypatch.setenv("GIT_CONFIG_KEY_0", "safe.directory")
    monkeypatch.setenv("GIT_CONFIG_VALUE_0", str(letters.root))
    assert sends(letters, provider)


def test_variables_of_another_repository_are_not_followed(
    letters: ApprovedNewsletter,
    provider: FakeProvider,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    other = tmp_path / "other"
    subprocess.run(["git", "init", "-q", "-b", "main", other], check=True)
    git(other, "commit", "-q", "--allow-empty", "-m", f"Approve\n\n{letters.line}")
    monkeypatch.setenv("GIT_DIR", str(other / ".git"))
    refusal(letters, provider)


def test_a_replaced_commit_approves_nothing(
    letters: ApprovedNewsletter, provider: FakeProvider
) -> None:
    letters.commit(f"Approve the letter\n\n{letters.line}", on="other")
    git(letters.root, "switch", "--quiet", "main")
    git(letters.root, "replace", "main", "other")
    refusal(letters, provider)


def test_a_line_that_does_not_count_is_explained_also_after_an_approval(
    letters: ApprovedNewsletter, provider: FakeProvider
) -> None:
    letters.commit(f"Approve the letter\n\n{letters.line}")
    CHANGES["a byte of the text"](letters)
    letters.commit(f"Approve it again\n\n{letters.line}\n\nThe end.")
    said = refusal(letters, provider)
    assert "the letter was changed after commit" in said
    assert ELSEWHERE in said


# A person


def test_a_person_who_sends_needs_no_approval(
    letters: ApprovedNewsletter, provider: FakeProvider
) -> None:
    found = plan(letters, provider)
    assert found.approval
    assert not found.approval.approved
    letters.commit(f"Approve the letter\n\n{letters.line}")
    found = plan(letters, provider)
    assert found.approval
    assert found.approval.commit == git(letters.root, "rev-parse", "HEAD")


@pytest.fixture
def needs_proof(letters: ApprovedNewsletter) -> ApprovedNewsletter:
    toml = 'name = "Proefbrief"\nrequire_proof = true\n'
    (letters.root / "newsletter.toml").write_text(toml, encoding="utf-8")
    letters.read_settings()
    return letters


def test_a_letter_without_its_proof_is_refused(
    needs_proof: ApprovedNewsletter, provider: FakeProvider
) -> None:
    assert "nobody got a proof of it yet" in refusal(needs_proof, provider)
    with pytest.raises(NewsletterError, match="nobody got a proof of it yet") as caught:
        plan(needs_proof, provider)
    assert f"newsletter proof {SLUG} --to" in caught.value.hint
    prove(needs_proof, provider)
    assert plan(needs_proof, provider)
    CHANGES["a byte of the text"](needs_proof)
    assert "changed after its proof" in refusal(needs_proof, provider)


def test_a_proofed_letter_is_sent(needs_proof: ApprovedNewsletter, provider: FakeProvider) -> None:
    prove(needs_proof, provider)
    assert sends(needs_proof, provider)
    report = delivery.find_report(needs_proof.store, SLUG)
    assert report
    assert report.proofed_at


def test_a_started_mailing_is_resumed_without_a_proof(
    letters: ApprovedNewsletter, tmp_path: Path
) -> None:
    def later(batch: Batch) -> Mapping[str, Outcome]:
        return {one.ref: RetryLater("not now", after=1e6) for one in batch.recipients}

    letters.send(FakeProvider(tmp_path / "taken-1", answer=later))
    letters.settings = replace(letters.settings, require_proof=True)
    result = letters.send(FakeProvider(tmp_path / "taken-2"))
    assert result.report.mailing.state is MailingState.COMPLETED


def test_a_rehearsal_needs_no_proof(
    needs_proof: ApprovedNewsletter, provider: FakeProvider
) -> None:
    provider.capabilities = replace(provider.capabilities, rehearsal=True)
    assert plan(needs_proof, provider)
