"""What we encrypt for browsers is read by `http_ece`, which push libraries of others stand on."""

from __future__ import annotations

import json
import subprocess

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from hub.push.encryption import CURVE, MOST_BYTES, encrypt, packed, point
from tests import corpora
from tests.interop import installing

pytestmark = [pytest.mark.interop, pytest.mark.timeout(600)]

SECRET = b"sixteen letters."
READ = """
const ece = require(process.argv[1]);
const { createECDH } = require("node:crypto");
const given = JSON.parse(require("node:fs").readFileSync(0));
const said = given.bodies.map((body) => {
  const privateKey = createECDH("prime256v1");
  privateKey.setPrivateKey(given.key, "base64url");
  const params = { version: "aes128gcm", privateKey, authSecret: given.secret };
  return ece.decrypt(Buffer.from(body, "base64url"), params).toString("base64url");
});
console.log(JSON.stringify(said));
"""


def test_messages_are_read_by_another_implementation() -> None:
    reader = ec.generate_private_key(CURVE)
    messages = [b"{}", "Jemand bietet eine Leiter · سلّم".encode(), b"x" * MOST_BYTES]
    given = {
        "key": packed(reader.private_numbers().private_value.to_bytes(32)),
        "secret": packed(SECRET),
        "bodies": [packed(encrypt(one, reader.public_key(), SECRET)) for one in messages],
    }
    assert len(point(reader.public_key())) == 65
    done = subprocess.run(
        [str(installing.node()), "-e", READ, str(corpora.http_ece())],
        input=json.dumps(given),
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert json.loads(done.stdout) == [packed(one) for one in messages]
