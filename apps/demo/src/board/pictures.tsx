/** @jsxImportSource preact */
/** @file Pictures to start from: samples, and the visitor's own from a file, the clipboard or a drop. */
import { useEffect } from 'preact/hooks';
import { Pixels } from './board.tsx';
import { captionOf } from './digits.ts';
import { offered, openSamples, samples, sketch, take, takePhoto } from './drawing.ts';

function Samples() {
  if (samples.value === 'failed')
    return (
      <p class="hint">
        The sample pictures could not be loaded.{' '}
        <button type="button" id="samples-again" onClick={() => void openSamples()}>
          Try again
        </button>
      </p>
    );
  return (
    <div class="samples" role="group" aria-label="Sample pictures">
      {offered.value.map(({ scene, picture: drawn }, i) => (
        <button
          key={i}
          type="button"
          class="sample"
          aria-label={`Sample ${i + 1}: ${captionOf({ scene, strokes: [] })}`}
          aria-pressed={sketch.value.scene === scene}
          onClick={() => take({ scene, strokes: [] })}
        >
          <Pixels of={drawn} />
        </button>
      ))}
    </div>
  );
}

/** A pasted picture goes on the board wherever the focus is; pasted text goes where the focus is. */
function paste(event: ClipboardEvent): void {
  const file = [...(event.clipboardData?.files ?? [])].find(({ type }) => type.startsWith('image/'));
  if (!file) return;
  event.preventDefault();
  void takePhoto(file);
}

export function Pictures() {
  useEffect(() => {
    document.addEventListener('paste', paste);
    return () => document.removeEventListener('paste', paste);
  }, []);
  return (
    <>
      <Samples />
      <p id="board-help" class="hint">
        One digit per cell, up to three. By keyboard: arrows choose a cell, <kbd>0</kbd>–<kbd>9</kbd> write a digit
        there, <kbd>Del</kbd> empties it. A picture of your own can be pasted or dropped here, too.
      </p>
    </>
  );
}
