"""Import of a CSV beside email-validator's own rate on the same addresses, and its memory.

    python benchmarks/importing.py [--quick]

The promise: at least 0.6 of that rate, and the same memory for 1,000,000 rows as for 10,000.
"""

from __future__ import annotations

import csv
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

from email_validator import validate_email

from newsletter.config import Settings
from newsletter.imports.run import ImportOptions, import_file
from newsletter.store import open_store

ROUNDS = 5
HEADER = (
    "Email Address,First Name,Last Name,MEMBER_RATING,OPTIN_TIME,OPTIN_IP,"
    "CONFIRM_TIME,CONFIRM_IP,LAST_CHANGED,LEID,EUID,NOTES,TAGS"
)
OWN_DOMAIN_EVERY = {"1 in 10 has their own domain": 10, "everybody has": 1}


def write_list(path: Path, rows: int, own_domain_every: int) -> None:
    """Write an invented list with the columns of a Mailchimp export."""
    with path.open("w", encoding="utf-8", newline="") as file:
        file.write(f"{HEADER}\n")
        for number in range(rows):
            domain = f"d{number}" if number % own_domain_every == 0 else f"mail{number % 7}"
            day = f"20{10 + number % 15}-0{1 + number % 9}-{10 + number % 19}"
            moment = f"{day} 10:{number % 60:02}:{number // 60 % 60:02}"
            ip = f"192.0.2.{number % 256}"
            file.write(
                f"lezer.{number}@{domain}.example.org,Zoë {number % 90},de Vries,2,{moment},{ip},"
                f'{moment},{ip},{moment},{number},{number:x},,"""lezer"",""web"""\n'
            )


def import_once(path: Path) -> float:
    """Import into an empty database; return the rows a second."""
    with tempfile.TemporaryDirectory() as folder:
        store = open_store(Settings(root=Path(folder)))
        begun = time.perf_counter()
        report = import_file(store, path, ImportOptions("ja", all_subscribed=True))
        rate = report.rows / (time.perf_counter() - begun)
        store.close()
        if report.added != report.rows:
            raise SystemExit(f"not everybody was added: {report}")
        return rate


def validate_once(path: Path) -> float:
    """Validate the same addresses; return the addresses a second."""
    with path.open(encoding="utf-8", newline="") as file:
        addresses = [row["Email Address"] for row in csv.DictReader(file)]
    begun = time.perf_counter()
    for address in addresses:
        validate_email(address, check_deliverability=False)
    return len(addresses) / (time.perf_counter() - begun)


def ratio(folder: Path, name: str, own_domain_every: int, rows: int) -> None:
    """Print one line: both rates, measured in turn, and what is between them."""
    path = folder / "list.csv"
    write_list(path, rows, own_domain_every)
    pairs = [(validate_once(path), import_once(path)) for _ in range(ROUNDS)]
    validated, imported = (median(rates) for rates in zip(*pairs, strict=True))
    between = median(mine / theirs for theirs, mine in pairs)
    print(f"{name:34} {validated:>12,.0f} {imported:>12,.0f} {between:>8.2f}   (promise 0.60)")


def peak_megabytes(path: Path) -> float:
    """Import in a process of its own; return the most memory it held."""
    done = subprocess.run(
        [sys.executable, __file__, "--import", str(path)],
        check=True,
        capture_output=True,
        text=True,
    )
    return float(done.stdout)


def main() -> None:
    """Print the table."""
    if sys.argv[1:2] == ["--import"]:
        import_once(Path(sys.argv[2]))
        print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
        return
    quick = "--quick" in sys.argv
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        print(f"{'addresses':34} {'validator/s':>12} {'import/s':>12} {'ratio':>8}")
        for text, every in OWN_DOMAIN_EVERY.items():
            ratio(folder, text, every, 10_000 if quick else 50_000)
        few, many = 10_000, 100_000 if quick else 1_000_000
        for rows in (few, many):
            write_list(folder / f"{rows}.csv", rows, 10)
        small, large = (peak_megabytes(folder / f"{rows}.csv") for rows in (few, many))
        print(f"\npeak memory: {small:.0f} MB for {few:,} rows, {large:.0f} MB for {many:,}")


if __name__ == "__main__":
    main()
