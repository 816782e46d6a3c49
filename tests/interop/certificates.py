"""A certificate authority for the names of one test run; nothing trusts it unless told to."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

LASTS = timedelta(days=2)


@dataclass(frozen=True)
class Certificates:
    """Files in PEM: the authority, and one server's chain and key for all names."""

    authority: Path
    chain: Path
    key: Path


def issue(names: Iterable[str], folder: Path) -> Certificates:
    """One certificate for `names`, signed by an authority whose key is forgotten at once."""
    return next(iter(issue_each([list(names)], folder)))


def issue_each(servers: Iterable[Sequence[str]], folder: Path) -> list[Certificates]:
    """A certificate for each server's names, all by one authority; they share a key."""
    folder.mkdir(parents=True, exist_ok=True)
    ca_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    ca = _authority(ca_key)
    authority, key_file = folder / "authority.pem", folder / "server.key"
    authority.write_bytes(ca.public_bytes(Encoding.PEM))
    key_file.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    made = []
    for number, names in enumerate(servers):
        chain = folder / f"chain{number}.pem"
        server = _server(names, key.public_key(), ca_key)
        chain.write_bytes(server.public_bytes(Encoding.PEM) + ca.public_bytes(Encoding.PEM))
        made.append(Certificates(authority, chain, key_file))
    return made


def _authority(key: ec.EllipticCurvePrivateKey) -> x509.Certificate:
    return (
        _builder(CA_NAME, CA_NAME, key.public_key())
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )


def _server(
    names: Iterable[str], key: ec.EllipticCurvePublicKey, ca_key: ec.EllipticCurvePrivateKey
) -> x509.Certificate:
    ca_id = x509.AuthorityKeyIdentifier.from_issuer_public_key(ca_key.public_key())
    return (
        _builder(SERVER_NAME, CA_NAME, key)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectAlternativeName([_subject(n) for n in names]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
        .add_extension(ca_id, critical=False)
        .sign(ca_key, hashes.SHA256())
    )


def _subject(name: str) -> x509.GeneralName:
    """A host as certificates name it."""
    try:
        return x509.IPAddress(ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


CA_NAME, SERVER_NAME = _name("Interop test authority"), _name("Interop test server")


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + LASTS)
    )


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )
