/** @jsxImportSource preact */
/** @file The text of a kernel in an editor, with marks where it does not compile. */
import { defaultKeymap, history, historyKeymap } from '@codemirror/commands';
import { bracketMatching, indentOnInput, StreamLanguage, syntaxHighlighting } from '@codemirror/language';
import { clike } from '@codemirror/legacy-modes/mode/clike';
import { lintGutter, setDiagnostics } from '@codemirror/lint';
import { EditorState } from '@codemirror/state';
import { drawSelection, EditorView, highlightActiveLine, keymap, lineNumbers } from '@codemirror/view';
import { classHighlighter } from '@lezer/highlight';
import { effect } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import { edit, isOwn, kernel, text, tryText, verdict } from './state.ts';

const words = (list: string): Record<string, true> => Object.fromEntries(list.split(' ').map((word) => [word, true]));

const wgsl = StreamLanguage.define(
  clike({
    name: 'wgsl',
    keywords: words(
      'alias break case const const_assert continue continuing default diagnostic discard else enable fn for if let loop override requires return struct switch uses var while',
    ),
    types: words(
      'array atomic bool f16 f32 i32 mat2x2f mat3x3f mat4x4f ptr u32 vec2 vec2f vec2i vec2u vec3 vec3f vec3i vec3u vec4 vec4f vec4i vec4u',
    ),
    blockKeywords: words('case else for if loop switch while'),
    atoms: words('true false'),
    hooks: {
      '@': (stream: { eatWhile(what: RegExp): boolean }) => {
        stream.eatWhile(/\w/);
        return 'meta';
      },
    },
  }),
);

const begin = (doc: string, name: string): EditorState =>
  EditorState.create({
    doc,
    extensions: [
      lineNumbers(),
      lintGutter(),
      history(),
      drawSelection(),
      highlightActiveLine(),
      bracketMatching(),
      indentOnInput(),
      wgsl,
      syntaxHighlighting(classHighlighter),
      EditorView.contentAttributes.of({
        tabindex: '0',
        'aria-label': `WGSL of ${name}`,
        'aria-describedby': 'lab-keys',
      }),
      EditorView.updateListener.of((update) => update.docChanged && edit(update.state.doc.toString())),
      keymap.of([{ key: 'Mod-Enter', run: () => (tryText(), true) }, ...defaultKeymap, ...historyKeymap]),
    ],
  });

/** Marks a fault at its line, if it is in this text. */
function mark(view: EditorView): void {
  const { fault = null, text: tried = '' } = verdict.value ?? {};
  const { doc } = view.state;
  const at = fault?.at;
  const isHere = at && at.file === `${kernel.value}.wgsl` && tried === doc.toString() && at.line <= doc.lines;
  const line = isHere ? doc.line(at.line) : null;
  const from = line ? Math.min(line.from + at!.column - 1, line.to) : 0;
  view.dispatch(
    setDiagnostics(
      view.state,
      line ? [{ from, to: Math.max(from, line.to), severity: 'error', message: fault!.message }] : [],
    ),
  );
}

export function Editor() {
  const host = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const view = new EditorView({ parent: host.current!, state: begin(text.value, kernel.value) });
    let name = kernel.value;
    const follow = effect(() => {
      const [now, which] = [text.value, kernel.value];
      if (which !== name || (now !== view.state.doc.toString() && (isOwn.value || !view.hasFocus)))
        view.setState(begin(now, which));
      name = which;
    });
    const marks = effect(() => mark(view));
    return () => {
      follow();
      marks();
      view.destroy();
    };
  }, []);
  return <div class="editor" ref={host} />;
}
