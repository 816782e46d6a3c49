// A small ActivityPub server on Fedify, told from outside what to do: the independent peer of the
// interoperability tests. Its one actor is @fred. It checks signatures as Fedify does by default.
//
// PORT serves the fediverse (https://HOST behind the test's proxy), CONTROL takes commands:
// POST /{command} with a JSON object, answered with JSON.
import { AsyncLocalStorage } from "node:async_hooks";

import { serve } from "@hono/node-server";
import {
  createFederation,
  generateCryptoKeyPair,
  InProcessMessageQueue,
  MemoryKvStore,
} from "@fedify/fedify";
import * as vocab from "@fedify/vocab";
import { Temporal } from "@js-temporal/polyfill";
import { configure, getConsoleSink } from "@logtape/logtape";

const { HOST, PORT, CONTROL, FIRST_KNOCK, LOG } = process.env;
const HOME = `https://${HOST}`;
const NAME = "fred";

if (LOG) {
  await configure({
    sinks: { console: getConsoleSink() },
    contextLocalStorage: new AsyncLocalStorage(),
    loggers: [
      { category: "fedify", lowestLevel: LOG, sinks: ["console"] },
      // What was verified, and how, is said at this level alone.
      { category: ["fedify", "federation", "inbox"], lowestLevel: "debug" },
      { category: ["logtape", "meta"], lowestLevel: "warning", sinks: ["console"] },
    ],
  });
}

const received = []; // activities that Fedify verified
const refused = []; // activities whose signature it did not accept
const followers = new Map();
const posts = new Map();
const keys = [
  await generateCryptoKeyPair("RSASSA-PKCS1-v1_5"),
  await generateCryptoKeyPair("Ed25519"),
];

const federation = createFederation({
  kv: new MemoryKvStore(),
  queue: new InProcessMessageQueue(),
  origin: HOME,
  allowPrivateAddress: true,
  ...(FIRST_KNOCK ? { firstKnock: FIRST_KNOCK } : {}),
});

federation
  .setActorDispatcher("/users/{identifier}", async (context, identifier) => {
    if (identifier !== NAME) return null;
    const pairs = await context.getActorKeyPairs(identifier);
    return new vocab.Person({
      id: context.getActorUri(identifier),
      preferredUsername: identifier,
      name: "Fred of Fedify",
      url: new URL(`/@${identifier}`, HOME),
      inbox: context.getInboxUri(identifier),
      outbox: context.getOutboxUri(identifier),
      followers: context.getFollowersUri(identifier),
      endpoints: new vocab.Endpoints({ sharedInbox: context.getInboxUri() }),
      publicKey: pairs[0].cryptographicKey,
      assertionMethods: pairs.map((pair) => pair.multikey),
      manuallyApprovesFollowers: false,
    });
  })
  .setKeyPairsDispatcher((_, identifier) => (identifier === NAME ? keys : []));
federation.setFollowersDispatcher("/users/{identifier}/followers", () => ({
  items: [...followers.values()],
}));
federation.setOutboxDispatcher("/users/{identifier}/outbox", () => ({ items: [] }));
federation.setObjectDispatcher(vocab.Note, "/notes/{id}", (_, { id }) => posts.get(id) ?? null);
federation.setObjectDispatcher(vocab.Event, "/events/{id}", (_, { id }) => posts.get(id) ?? null);
federation.setNodeInfoDispatcher("/nodeinfo/2.1", () => ({
  software: { name: "interop", version: "1.0.0" },
  protocols: ["activitypub"],
  usage: { users: {}, localPosts: 0, localComments: 0 },
}));

const kindOf = (thing) => thing?.constructor?.name ?? null;
const text = (value) => (value === null || value === undefined ? null : String(value));

async function describePlace(place) {
  if (!place) return null;
  const { latitude, longitude } = place;
  return { kind: kindOf(place), name: text(place.name), latitude, longitude };
}

// What Fedify made of an object: through its typed accessors, not from the JSON that came.
async function describe(thing, context) {
  if (!thing) return null;
  const options = { contextLoader: context.contextLoader, documentLoader: context.documentLoader };
  const tags = [];
  for await (const tag of thing.getTags?.(options) ?? []) {
    tags.push({ kind: kindOf(tag), name: text(tag.name), href: text(tag.href?.href) });
  }
  return {
    kind: kindOf(thing),
    id: text(thing.id?.href),
    name: text(thing.name),
    summary: text(thing.summary),
    content: text(thing.content),
    author: text(thing.attributionId?.href),
    inReplyTo: text(thing.replyTargetId?.href),
    startTime: text(thing.startTime),
    endTime: text(thing.endTime),
    location: thing.getLocation ? await describePlace(await thing.getLocation(options)) : null,
    to: (thing.toIds ?? []).map(String),
    tags,
  };
}

async function keep(context, activity) {
  const object = await activity.getObject(context).catch((error) => ({ error: String(error) }));
  received.push({
    kind: kindOf(activity),
    id: text(activity.id?.href),
    actor: text(activity.actorId?.href),
    objectId: text(activity.objectId?.href),
    object: object?.error ? object : await describe(object, context),
  });
}

const inbox = federation.setInboxListeners("/users/{identifier}/inbox", "/inbox");
inbox.on(vocab.Follow, async (context, follow) => {
  await keep(context, follow);
  const follower = await follow.getActor(context);
  if (!follower?.id || !follower.inboxId) return;
  followers.set(follower.id.href, follower);
  const actor = context.getActorUri(NAME);
  const accept = new vocab.Accept({ id: newId("accepts"), actor, object: follow });
  await context.sendActivity({ identifier: NAME }, follower, accept);
});
inbox.on(vocab.Undo, async (context, undo) => {
  await keep(context, undo);
  const inner = await undo.getObject(context);
  if (inner instanceof vocab.Follow && inner.actorId?.href === undo.actorId?.href) {
    followers.delete(undo.actorId.href);
  }
});
for (const kind of ["Accept", "Reject", "Create", "Update", "Delete", "Announce", "Like"]) {
  inbox.on(vocab[kind], keep);
}
inbox.onError((_, error) => console.error("A listener failed.", error));
inbox.onUnverifiedActivity((_, activity, reason) => {
  refused.push({ kind: kindOf(activity), id: text(activity.id?.href), reason: reason.type });
});

const newId = (folder) => new URL(`/${folder}/${crypto.randomUUID()}`, HOME);

async function found(context, what) {
  const documentLoader = await context.getDocumentLoader({ identifier: NAME });
  const thing = await context.lookupObject(what, { documentLoader });
  if (!thing) throw new Error(`Fedify did not find ${what}`);
  return thing;
}

// A Note or an Event of fred's, built from a few plain members.
async function written(context, { kind, to = [], ...given }) {
  const id = crypto.randomUUID();
  const members = { content: given.content, published: Temporal.Now.instant() };
  members.attribution = context.getActorUri(NAME);
  members.tos = to.map((uri) => (uri === "public" ? vocab.PUBLIC_COLLECTION : new URL(uri)));
  if (to.includes("public")) members.cc = context.getFollowersUri(NAME);
  if (given.inReplyTo) members.replyTarget = new URL(given.inReplyTo);
  if (given.name) members.name = given.name;
  if (given.startTime) members.startTime = Temporal.Instant.from(given.startTime);
  if (given.endTime) members.endTime = Temporal.Instant.from(given.endTime);
  if (given.place) members.location = new vocab.Place({ name: given.place });
  if (given.mention) {
    const { href, name } = given.mention;
    members.tags = [new vocab.Mention({ href: new URL(href), name })];
  }
  const Kind = vocab[kind];
  const thing = new Kind({ ...members, id: context.getObjectUri(Kind, { id }) });
  posts.set(id, thing);
  return thing;
}

const commands = {
  received: () => received,
  refused: () => refused,
  followers: () => [...followers.keys()],
  async follow(context, { actor }) {
    const followee = await found(context, actor);
    const follow = new vocab.Follow({
      id: newId("follows"),
      actor: context.getActorUri(NAME),
      object: followee.id,
    });
    await context.sendActivity({ identifier: NAME }, followee, follow, { immediate: true });
    return { id: followee.id.href, kind: kindOf(followee) };
  },
  async lookup(context, { what }) {
    const thing = await found(context, what);
    return { ...(await describe(thing, context)), handle: text(thing.preferredUsername) };
  },
  async outbox(context, { actor }) {
    const outbox = await (await found(context, actor)).getOutbox(context);
    const items = [];
    for await (const activity of context.traverseCollection(outbox)) {
      const object = await activity.getObject?.(context);
      items.push({ kind: kindOf(activity), object: await describe(object, context) });
    }
    return { total: outbox.totalItems, items };
  },
  // Sends a Create to `inboxOf` (an actor), or to fred's followers.
  async post(context, { inboxOf, ...given }) {
    const thing = await written(context, given);
    const create = new vocab.Create({
      id: newId("creates"),
      actor: context.getActorUri(NAME),
      object: thing,
      tos: thing.toIds,
      ccs: thing.ccIds,
    });
    const receivers = inboxOf ? await found(context, inboxOf) : "followers";
    await context.sendActivity({ identifier: NAME }, receivers, create, { immediate: true });
    return { id: thing.id.href };
  },
};

async function control(request) {
  const command = commands[new URL(request.url).pathname.slice(1)];
  if (!command) return new Response("no such command", { status: 404 });
  try {
    const context = federation.createContext(new URL(HOME), undefined);
    return Response.json((await command(context, await request.json())) ?? null);
  } catch (error) {
    console.error(error);
    return Response.json({ error: String(error) }, { status: 500 });
  }
}

// The proxy ends TLS, so the address is put together anew as the world sees it.
async function fediverse(request) {
  const { pathname, search } = new URL(request.url);
  const bare = ["GET", "HEAD"].includes(request.method);
  const seen = new Request(HOME + pathname + search, {
    method: request.method,
    headers: request.headers,
    body: bare ? undefined : await request.arrayBuffer(),
  });
  return federation.fetch(seen, { contextData: undefined });
}

const listen = (port, fetch) =>
  new Promise((resolve) => serve({ hostname: "127.0.0.1", port: Number(port), fetch }, resolve));
await listen(CONTROL, control);
await listen(PORT, fediverse);
console.log("listening");
// The test that started this process holds the other end; when it is gone, so are we.
process.stdin.on("end", () => process.exit(0)).resume();
