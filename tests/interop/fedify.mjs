// A small ActivityPub server on Fedify, told from outside what to do: the independent peer of the
// interoperability tests. It checks signatures as Fedify does by default. @fred speaks where a
// command names nobody else.
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

import * as reading from "./reading.mjs";

const { describe, kindOf, text } = reading;

const { HOST, PORT, CONTROL, FIRST_KNOCK, LOG } = process.env;
const HOME = `https://${HOST}`;
const PEOPLE = ["fred", "frida", "finn"];
const DISPLAYED = { fred: "Fred of Fedify", frida: "Frida", finn: "Finn" };
// What they do to something of others, besides writing.
const DEEDS = ["Follow", "Like", "Announce", "Join", "Leave", "QuoteRequest", "Move", "Delete"];
const WRITTEN = ["Note", "Event", "Proposal"];

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
const followers = new Map(PEOPLE.map((name) => [name, new Map()]));
const posts = new Map();
const deeds = new Map();
const profiles = new Map(PEOPLE.map((name) => [name, {}])); // of those who moved, or are gone
const forwarding = []; // actors to whom everything verified is passed on

const keys = new Map();
function keysOf(name) {
  if (!PEOPLE.includes(name)) return [];
  if (!keys.has(name)) {
    const kinds = ["RSASSA-PKCS1-v1_5", "Ed25519"];
    keys.set(name, Promise.all(kinds.map((kind) => generateCryptoKeyPair(kind))));
  }
  return keys.get(name);
}

const federation = createFederation({
  kv: new MemoryKvStore(),
  queue: new InProcessMessageQueue(),
  origin: HOME,
  allowPrivateAddress: true,
  ...(FIRST_KNOCK ? { firstKnock: FIRST_KNOCK } : {}),
});

federation
  .setActorDispatcher("/users/{identifier}", async (context, identifier) => {
    if (!PEOPLE.includes(identifier)) return null;
    const id = context.getActorUri(identifier);
    const { aliases = [], successor, gone } = profiles.get(identifier);
    if (gone) return new vocab.Tombstone({ id });
    const pairs = await context.getActorKeyPairs(identifier);
    return new vocab.Person({
      id,
      preferredUsername: identifier,
      name: DISPLAYED[identifier],
      url: new URL(`/@${identifier}`, HOME),
      inbox: context.getInboxUri(identifier),
      outbox: context.getOutboxUri(identifier),
      followers: context.getFollowersUri(identifier),
      endpoints: new vocab.Endpoints({ sharedInbox: context.getInboxUri() }),
      publicKey: pairs[0].cryptographicKey,
      assertionMethods: pairs.map((pair) => pair.multikey),
      manuallyApprovesFollowers: false,
      aliases: aliases.map((uri) => new URL(uri)),
      ...(successor ? { successor: new URL(successor) } : {}),
    });
  })
  .setKeyPairsDispatcher((_, identifier) => keysOf(identifier));
federation.setFollowersDispatcher("/users/{identifier}/followers", (_, identifier) => ({
  items: [...followers.get(identifier).values()],
}));
federation.setOutboxDispatcher("/users/{identifier}/outbox", () => ({ items: [] }));
for (const [kinds, kept] of [[WRITTEN, posts], [DEEDS, deeds]]) {
  for (const kind of kinds) {
    const path = `/${kind.toLowerCase()}s/{id}`;
    federation.setObjectDispatcher(vocab[kind], path, (_, { id }) => kept.get(id) ?? null);
  }
}
federation.setNodeInfoDispatcher("/nodeinfo/2.1", () => ({
  software: { name: "interop", version: "1.0.0" },
  protocols: ["activitypub"],
  usage: { users: {}, localPosts: 0, localComments: 0 },
}));

async function keep(context, activity) {
  received.push(await reading.describeActivity(activity, context));
  for (const actor of forwarding) {
    const receiver = await found(context, actor);
    await context.forwardActivity({ identifier: PEOPLE[0] }, receiver, { immediate: true });
  }
}

const inbox = federation.setInboxListeners("/users/{identifier}/inbox", "/inbox");
inbox.on(vocab.Follow, async (context, follow) => {
  await keep(context, follow);
  const follower = await follow.getActor(context);
  const followed = context.parseUri(follow.objectId);
  if (!follower?.id || !follower.inboxId || followed?.type !== "actor") return;
  const { identifier } = followed;
  followers.get(identifier).set(follower.id.href, follower);
  const actor = context.getActorUri(identifier);
  const accept = new vocab.Accept({ id: newId("accepts"), actor, object: follow });
  await context.sendActivity({ identifier }, follower, accept);
});
inbox.on(vocab.Undo, async (context, undo) => {
  await keep(context, undo);
  const inner = await undo.getObject(context);
  if (inner instanceof vocab.Follow && inner.actorId?.href === undo.actorId?.href) {
    const { identifier } = context.parseUri(inner.objectId);
    followers.get(identifier).delete(undo.actorId.href);
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
  const documentLoader = await context.getDocumentLoader({ identifier: PEOPLE[0] });
  const thing = await context.lookupObject(what, { documentLoader });
  if (!thing) throw new Error(`Fedify did not find ${what}`);
  return thing;
}

const addressed = (to) =>
  to.map((uri) => (uri === "public" ? vocab.PUBLIC_COLLECTION : new URL(uri)));

// Sends to `inboxOf` (an actor), or to the speaker's followers.
async function send(context, identifier, inboxOf, activity) {
  const receivers = inboxOf ? await found(context, inboxOf) : "followers";
  await context.sendActivity({ identifier }, receivers, activity, { immediate: true });
}

const intended = ({ action, conformsTo, unit, number }) =>
  new vocab.Intent({
    action,
    ...(conformsTo ? { resourceConformsTo: new URL(conformsTo) } : {}),
    resourceQuantity: new vocab.Measure({ unit, numericalValue: number }),
  });

// A Note, an Event or a Proposal, built from a few plain members.
async function written(context, { as, kind, to = [], ...given }) {
  const id = crypto.randomUUID();
  const members = { content: given.content, published: Temporal.Now.instant() };
  members.attribution = context.getActorUri(as);
  members.tos = addressed(to);
  if (to.includes("public")) members.cc = context.getFollowersUri(as);
  if (given.inReplyTo) members.replyTarget = new URL(given.inReplyTo);
  if (given.name) members.name = given.name;
  if (given.startTime) members.startTime = Temporal.Instant.from(given.startTime);
  if (given.endTime) members.endTime = Temporal.Instant.from(given.endTime);
  if (given.place) members.location = new vocab.Place({ name: given.place });
  if (given.mention) {
    const { href, name } = given.mention;
    members.tags = [new vocab.Mention({ href: new URL(href), name })];
  }
  if (given.purpose) members.purpose = given.purpose;
  if (given.publishes) members.publishes = intended(given.publishes);
  if (given.reciprocal) members.reciprocal = intended(given.reciprocal);
  const Kind = vocab[kind];
  const thing = new Kind({ ...members, id: context.getObjectUri(Kind, { id }) });
  posts.set(id, thing);
  return thing;
}

const commands = {
  received: () => received,
  refused: () => refused,
  followers: (_, { as = PEOPLE[0] }) => [...followers.get(as).keys()],
  async lookup(context, { what }) {
    const thing = await found(context, what);
    return { ...(await describe(thing, context)), handle: text(thing.preferredUsername) };
  },
  async proposal(context, { what }) {
    return reading.describeProposal(await found(context, what), context);
  },
  proven: (context, { document }) => reading.isProven(document, context),
  async outbox(context, { actor }) {
    const outbox = await (await found(context, actor)).getOutbox(context);
    const items = [];
    for await (const activity of context.traverseCollection(outbox)) {
      const object = await activity.getObject?.(context);
      items.push({ kind: kindOf(activity), object: await describe(object, context) });
    }
    return { total: outbox.totalItems, items };
  },
  async follow(context, { actor, as = PEOPLE[0] }) {
    const { id } = await found(context, actor);
    return commands.act(context, { as, kind: "Follow", object: id.href, inboxOf: id.href });
  },
  async post(context, { inboxOf, as = PEOPLE[0], ...given }) {
    const thing = await written(context, { as, ...given });
    const create = new vocab.Create({
      id: newId("creates"),
      actor: context.getActorUri(as),
      object: thing,
      tos: thing.toIds,
      ccs: thing.ccIds,
    });
    await send(context, as, inboxOf, create);
    return { id: thing.id.href };
  },
  // Does something to an object that has an id; `to` and `target` are ids too.
  async act(context, { as = PEOPLE[0], kind, object, to = [], inboxOf, ...given }) {
    const id = crypto.randomUUID();
    const activity = new vocab[kind]({
      id: context.getObjectUri(vocab[kind], { id }),
      actor: context.getActorUri(as),
      object: new URL(object),
      tos: addressed(to),
      ...(given.target ? { target: new URL(given.target) } : {}),
      ...(given.instrument ? { instrument: new URL(given.instrument) } : {}),
    });
    deeds.set(id, activity);
    if (kind === "Delete") posts.delete(context.parseUri(activity.objectId)?.values?.id);
    await send(context, as, inboxOf, activity);
    return { id: activity.id.href };
  },
  async undo(context, { as = PEOPLE[0], id, inboxOf }) {
    const actor = context.getActorUri(as);
    const object = deeds.get(context.parseUri(new URL(id)).values.id);
    await send(context, as, inboxOf, new vocab.Undo({ id: newId("undos"), actor, object }));
  },
  // From now on somebody's profile says that they moved (`successor`), were others (`aliases`), or
  // are gone.
  become: (_, { as, ...given }) => void profiles.set(as, given),
  // Passes on to an actor, or to nobody, what is verified from now on.
  forward: (_, { to }) => void forwarding.splice(0, 1, ...(to ? [to] : [])),
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
