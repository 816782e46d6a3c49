// What Fedify makes of what it is sent: through its typed accessors, not from the JSON that came.
import { verifyObject } from "@fedify/fedify";
import * as vocab from "@fedify/vocab";
import jsonld from "jsonld";

const VALUEFLOWS = "https://w3id.org/valueflows/ont/vf#";
const NAME = "https://www.w3.org/ns/activitystreams#name";

export const kindOf = (thing) => thing?.constructor?.name ?? null;
export const text = (value) => (value === null || value === undefined ? null : String(value));

const loadersOf = ({ contextLoader, documentLoader }) => ({ contextLoader, documentLoader });

async function describePlace(place) {
  if (!place) return null;
  const { latitude, longitude } = place;
  return { kind: kindOf(place), name: text(place.name), latitude, longitude };
}

export async function describe(thing, context) {
  if (!thing) return null;
  const options = loadersOf(context);
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
    actor: text(thing.actorId?.href),
    objectId: text(thing.objectId?.href),
    inReplyTo: text(thing.replyTargetId?.href),
    startTime: text(thing.startTime),
    endTime: text(thing.endTime),
    location: thing.getLocation ? await describePlace(await thing.getLocation(options)) : null,
    interactingObject: text(thing.interactingObjectId?.href),
    interactionTarget: text(thing.interactionTargetId?.href),
    to: (thing.toIds ?? []).map(String),
    tags,
  };
}

export async function describeActivity(activity, context) {
  const object = await activity.getObject(context).catch((error) => ({ error: String(error) }));
  return {
    kind: kindOf(activity),
    id: text(activity.id?.href),
    actor: text(activity.actorId?.href),
    objectId: text(activity.objectId?.href),
    resultId: text(activity.resultId?.href),
    object: object?.error ? object : await describe(object, context),
  };
}

const describeMeasure = (measure) =>
  measure && { unit: measure.unit, number: text(measure.numericalValue) };

const describeIntent = (intent) =>
  intent && {
    action: intent.action,
    conformsTo: text(intent.resourceConformsTo?.href),
    quantity: describeMeasure(intent.resourceQuantity),
    available: describeMeasure(intent.availableQuantity),
  };

// A Note with the members of a Proposal, read as the Proposal that it is besides (FEP-0837).
export async function describeProposal(note, context) {
  const options = loadersOf(context);
  const document = { ...(await note.toJsonLd(options)), type: `${VALUEFLOWS}Proposal` };
  const proposal = await vocab.Proposal.fromJsonLd(document, options);
  const [expanded] = await jsonld.expand(document, { documentLoader: options.contextLoader });
  const [publishes] = expanded[`${VALUEFLOWS}publishes`];
  return {
    purpose: proposal.purpose,
    unitBased: proposal.unitBased,
    publishes: describeIntent(proposal.publishes),
    reciprocal: describeIntent(proposal.reciprocal),
    // Fedify's Intent knows no name; what others make of ours, its expansion says.
    title: publishes[NAME][0]["@value"],
  };
}

// Whether the proof in an activity is its actor's own, whoever brought it (FEP-8b32).
export async function isProven(document, context) {
  return (await verifyObject(vocab[document.type], document, loadersOf(context))) !== null;
}
