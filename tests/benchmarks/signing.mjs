// Signs documents as Mastodon signs its public posts (RsaSignature2017): one line of JSON on stdin
// is `{"key": PKCS8 in base64, "keyId": …}`, each one after it a document, answered by it, signed.
import { createInterface } from "node:readline";

import { signJsonLd } from "@fedify/fedify/sig";
import { getDocumentLoader } from "@fedify/vocab-runtime";

const contextLoader = getDocumentLoader();
let key, keyId;
for await (const line of createInterface({ input: process.stdin })) {
  const given = JSON.parse(line);
  if (key == null) {
    const algorithm = { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256" };
    const bytes = Buffer.from(given.key, "base64");
    key = await crypto.subtle.importKey("pkcs8", bytes, algorithm, true, ["sign"]);
    keyId = new URL(given.keyId);
  } else {
    console.log(JSON.stringify(await signJsonLd(given, key, keyId, { contextLoader })));
  }
}
