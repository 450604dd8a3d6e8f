import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";
import type { Tone } from "../words.ts";

/**
 * The parts that every page is made of. Each is plain HTML with a class, so that keyboard and screen reader know it
 * already.
 */

export function Button({
  children,
  onClick,
  kind = "plain",
  disabled = false,
  submit = false,
  label,
}: {
  readonly children: ComponentChildren;
  readonly onClick?: () => void;
  readonly kind?: "plain" | "main" | "danger" | "quiet";
  readonly disabled?: boolean;
  readonly submit?: boolean;
  /** What a screen reader says instead of the words on it. */
  readonly label?: string;
}) {
  return (
    <button
      type={submit ? "submit" : "button"}
      class={`button ${kind}`}
      // One that sends a form is shut to Enter as well. Any other keeps the focus, which a keyboard has nothing else to
      // go on from.
      disabled={submit && disabled}
      aria-disabled={disabled}
      {...(onClick === undefined || disabled ? {} : { onClick })}
      {...(label === undefined ? {} : { "aria-label": label })}
    >
      {children}
    </button>
  );
}

/**
 * A name that somebody gave: what is written from right to left turns nothing round it, and what would turn letters
 * about, to pass an .exe for a .doc, is shown as what it is.
 */
export function Name({ children }: { readonly children: string }) {
  return <bdi>{children.replaceAll(/[\u202a-\u202e\u2066-\u2069]/g, "\ufffd")}</bdi>;
}

export function Badge({ tone, children }: { readonly tone: Tone; readonly children: ComponentChildren }) {
  return <span class={`badge ${tone}`}>{children}</span>;
}

/** `value` from 0 to 1. */
export function Bar({ value, label }: { readonly value: number; readonly label: string }) {
  return <progress class="bar" max={1} value={value} aria-label={label} />;
}

/** `tone` bad is read out at once, the others when there is a pause. */
export function Notice({ tone, children }: { readonly tone: Tone; readonly children: ComponentChildren }) {
  return (
    <div class={`notice ${tone}`} role={tone === "bad" ? "alert" : "status"}>
      {children}
    </div>
  );
}

export function Field({
  label,
  children,
  hint,
}: {
  readonly label: string;
  readonly children: ComponentChildren;
  readonly hint?: string;
}) {
  return (
    // biome-ignore lint/a11y/noLabelWithoutControl: the control is among the children
    <label class="field">
      <span class="field-label">{label}</span>
      {children}
      {hint === undefined ? null : <span class="hint">{hint}</span>}
    </label>
  );
}

/** The page's heading gets the focus when the page changes, so that a screen reader begins there. */
export function Heading({
  children,
  focused = true,
}: {
  readonly children: ComponentChildren;
  readonly focused?: boolean;
}) {
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    if (focused) heading.current?.focus({ preventScroll: true });
  }, [focused]);
  return (
    <h1 ref={heading} tabIndex={-1}>
      {children}
    </h1>
  );
}

/** What is wider or longer than its place; the keyboard scrolls it as well. */
export function Scrolling({
  kind,
  label,
  children,
}: {
  readonly kind: "table" | "page-text";
  readonly label: string;
  readonly children: ComponentChildren;
}) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: without it the keyboard cannot scroll (WCAG 2.1.1)
    <section class={kind} tabIndex={0} aria-label={label}>
      {children}
    </section>
  );
}

/** A question that has to be answered; Escape is no. */
export function Confirm({
  title,
  children,
  yes,
  onYes,
  onNo,
}: {
  readonly title: string;
  readonly children: ComponentChildren;
  readonly yes: string;
  readonly onYes: () => void;
  readonly onNo: () => void;
}) {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    dialog.current?.showModal();
  }, []);
  return (
    <dialog ref={dialog} onClose={onNo} aria-labelledby="confirm-title">
      <h2 id="confirm-title">{title}</h2>
      <div>{children}</div>
      <div class="row end">
        {/* Closed, and not only taken away: so the focus goes back to where it was. */}
        <Button onClick={() => dialog.current?.close()}>No, keep it</Button>
        <Button kind="danger" onClick={onYes}>
          {yes}
        </Button>
      </div>
    </dialog>
  );
}

type Ranges = readonly (readonly [start: number, end: number])[];

/** Ranges of the text, marked. What is outside the text, or out of order, is passed over. */
export function Marked({ text, ranges }: { readonly text: string; readonly ranges: Ranges }) {
  return (
    <>
      {partsOf(text, ranges, (words) => (
        <mark>{words}</mark>
      ))}
    </>
  );
}

/** One passage of a longer text, marked, with its words; it scrolls into sight within the place that it stands in. */
export function MarkedPassage({
  text,
  passage,
  words,
}: {
  readonly text: string;
  readonly passage: readonly [start: number, end: number];
  /** Within the passage. */
  readonly words: Ranges;
}) {
  const mark = useRef<HTMLElement>(null);
  const key = passage.join("-");
  useEffect(() => {
    const place = mark.current?.parentElement;
    if (mark.current === null || !place || key === "") return;
    const { top } = mark.current.getBoundingClientRect();
    // Not scrollIntoView, which moves everything around the place as well.
    place.scrollTop += top - place.getBoundingClientRect().top - place.clientHeight / 5;
  }, [key, text]);
  const within = text.slice(...passage);
  return (
    <>
      {text.slice(0, passage[0])}
      <mark class="around" ref={mark}>
        {partsOf(within, words, (word) => (
          <b>{word}</b>
        ))}
      </mark>
      {text.slice(passage[1])}
    </>
  );
}

function partsOf(text: string, ranges: Ranges, marked: (words: string) => ComponentChildren) {
  const parts: ComponentChildren[] = [];
  let at = 0;
  for (const [start, end] of ranges) {
    if (start < at || end <= start || end > text.length) continue;
    parts.push(text.slice(at, start), marked(text.slice(start, end)));
    at = end;
  }
  return [...parts, text.slice(at)];
}
