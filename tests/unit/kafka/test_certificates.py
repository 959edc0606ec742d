"""Files of certificates and keys: each mistake is named with its setting before a broker is asked."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from stream_app.kafka.certificates import CertificatesUnusable, check_files, run_out
from stream_app.kafka.connection import Connection
from tests.guarded import KEY_PASSWORD, make_certificates


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a folder of certificates, and of files that are none."""
    folder = tmp_path_factory.mktemp("certificates")
    make_certificates(folder)
    (folder / "text").write_text("not a certificate")
    (folder / "plain.key").write_bytes((folder / "server.pem").read_bytes().partition(b"-----BEGIN CERT")[0])
    return folder


def connection(folder: Path, **settings: str) -> Connection:
    """Give a connection with a good certificate, but for what is said otherwise."""
    files = {
        "ssl_ca_location": "authority.pem",
        "ssl_certificate_location": "mutual.crt",
        "ssl_key_location": "mutual.key",
    }
    paths = {name: str(folder / settings.pop(name, file)) for name, file in files.items()}
    password = settings.pop("ssl_key_password", KEY_PASSWORD)
    return Connection(security_protocol="SSL", ssl_key_password=password, **paths, **settings)


def test_files_that_fit_are_let_through(folder: Path) -> None:
    """An encrypted key with its password, one without, and no files at all."""
    check_files(connection(folder))
    check_files(Connection())
    check_files(
        connection(folder, ssl_certificate_location="server.pem", ssl_key_location="plain.key", ssl_key_password="")
    )


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"ssl_ca_location": "gone"}, "STREAM_APP_SSL_CA_LOCATION: cannot read '{}/gone': No such file or directory"),
        ({"ssl_ca_location": "text"}, "STREAM_APP_SSL_CA_LOCATION: '{}/text' holds no certificate in PEM"),
        (
            {"ssl_certificate_location": "mutual.key"},
            "STREAM_APP_SSL_CERTIFICATE_LOCATION: '{}/mutual.key' holds no certificate in PEM",
        ),
        ({"ssl_key_location": "gone"}, "STREAM_APP_SSL_KEY_LOCATION: cannot read '{}/gone': No such file or directory"),
        ({"ssl_key_location": "text"}, "STREAM_APP_SSL_KEY_LOCATION: '{}/text' holds no private key in PEM"),
        (
            {"ssl_key_location": "late.key"},
            "STREAM_APP_SSL_KEY_LOCATION: the key in '{}/late.key' is not that of the certificate in '{}/mutual.crt'",
        ),
        (
            {"ssl_key_password": "hunter2"},
            "STREAM_APP_SSL_KEY_PASSWORD does not open the key in '{}/mutual.key' (STREAM_APP_SSL_KEY_LOCATION)",
        ),
        (
            {"ssl_key_password": ""},
            "STREAM_APP_SSL_KEY_LOCATION: the key in '{}/mutual.key' is encrypted: set STREAM_APP_SSL_KEY_PASSWORD",
        ),
    ],
)
def test_a_file_that_cannot_be_used_is_named(folder: Path, settings: dict[str, str], said: str) -> None:
    """Missing, of another kind, of another pair, or closed: the setting, the path and the reason, and no password."""
    with pytest.raises(CertificatesUnusable) as caught:
        check_files(connection(folder, **settings))
    assert said.replace("{}", str(folder)) == str(caught.value)


def test_a_certificate_that_ran_out_is_said_with_its_date(folder: Path) -> None:
    """The client's own, or the authority's; one that holds says nothing."""
    now = datetime.now(UTC)
    assert "" == run_out(connection(folder), now)
    assert "" == run_out(Connection(), now)
    late = run_out(connection(folder, ssl_certificate_location="late.crt"), now)
    assert late.startswith(f"the certificate in {folder}/late.crt ran out on {now - timedelta(days=1):%Y-%m-}")
    assert late.endswith("Z: renew that file (STREAM_APP_SSL_CERTIFICATE_LOCATION)")
    before = run_out(connection(folder), datetime(1999, 1, 1, tzinfo=UTC))
    assert "holds only from " in before
    assert "is the clock right?" in before
    authority = Connection(security_protocol="SSL", ssl_ca_location=str(folder / "authority.pem"))
    assert "(STREAM_APP_SSL_CA_LOCATION)" in run_out(authority, datetime(9999, 1, 1, tzinfo=UTC))
