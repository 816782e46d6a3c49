// A Fedify server to measure against: takes Creates at /inbox, and sends one to many inboxes when
// told to. One line of JSON on stdin is one task; one line on stdout says that it was handed over.
import { createInterface } from "node:readline";

import { serve } from "@hono/node-server";
import {
  createFederation,
  generateCryptoKeyPair,
  InProcessMessageQueue,
  MemoryKvStore,
} from "@fedify/fedify";
import * as vocab from "@fedify/vocab";

const { PORT, QUEUE, RSA_BITS } = process.env;
const HOME = `http://127.0.0.1:${PORT}`;

// Fedify's own default is 4,096 bits; RSA_BITS=2048 gives it keys like the hub's.
const rsa = RSA_BITS
  ? await crypto.subtle.generateKey(
      {
        name: "RSASSA-PKCS1-v1_5",
        modulusLength: Number(RSA_BITS),
        publicExponent: new Uint8Array([1, 0, 1]),
        hash: "SHA-256",
      },
      true,
      ["sign", "verify"],
    )
  : await generateCryptoKeyPair("RSASSA-PKCS1-v1_5");
const ed25519 = await generateCryptoKeyPair("Ed25519");

const federation = createFederation({
  kv: new MemoryKvStore(),
  ...(QUEUE ? { queue: new InProcessMessageQueue() } : {}),
  origin: HOME,
  allowPrivateAddress: true,
  firstKnock: "draft-cavage-http-signatures-12",
});
federation
  .setActorDispatcher("/users/{identifier}", async (context, identifier) => {
    const pairs = await context.getActorKeyPairs(identifier);
    return new vocab.Person({
      id: context.getActorUri(identifier),
      preferredUsername: identifier,
      inbox: context.getInboxUri(identifier),
      publicKey: pairs[0].cryptographicKey,
      assertionMethods: pairs.map((pair) => pair.multikey),
    });
  })
  .setKeyPairsDispatcher(() => [rsa, ed25519]);
federation
  .setInboxListeners("/users/{identifier}/inbox", "/inbox")
  .on(vocab.Create, () => {});

const context = federation.createContext(new URL(HOME), undefined);
const sender = { identifier: "bench" };

async function fanOut({ inboxes, content }) {
  const id = crypto.randomUUID();
  const actor = context.getActorUri("bench");
  const create = new vocab.Create({
    id: new URL(`/creates/${id}`, HOME),
    actor,
    tos: [vocab.PUBLIC_COLLECTION],
    object: new vocab.Note({
      id: new URL(`/notes/${id}`, HOME),
      attribution: actor,
      content,
      tos: [vocab.PUBLIC_COLLECTION],
    }),
  });
  const recipients = inboxes.map((inbox) => ({
    id: new URL(inbox.replace(/inbox$/, "actor")),
    inboxId: new URL(inbox),
    endpoints: null,
  }));
  await context.sendActivity(sender, recipients, create, QUEUE ? {} : { immediate: true });
}

await new Promise((resolve) =>
  serve(
    {
      hostname: "127.0.0.1",
      port: Number(PORT),
      fetch: (request) => federation.fetch(request, { contextData: undefined }),
    },
    resolve,
  ),
);
console.log(JSON.stringify({ ready: true }));
for await (const line of createInterface({ input: process.stdin })) {
  await fanOut(JSON.parse(line));
  console.log(JSON.stringify({ handed: true }));
}
process.exit(0);
