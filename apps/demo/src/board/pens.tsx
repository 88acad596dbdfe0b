/** @jsxImportSource preact */
/** @file Colors, sizes, undo, clear, and opening a picture. */
import { COLORS, RGB, SIZES } from '@curio/scenes';
import type { Color } from '@curio/scenes';
import { clear, color, past, pen, takePhoto, undo } from './drawing.ts';

const css = (name: Color): string => `rgb(${RGB[name].join(' ')})`;

/** Arrow keys move between the radio buttons of a group, as in a native one. */
function move(event: KeyboardEvent): void {
  const step = { ArrowLeft: -1, ArrowUp: -1, ArrowRight: 1, ArrowDown: 1 }[event.key];
  if (!step) return;
  const radios = [...(event.currentTarget as HTMLElement).querySelectorAll<HTMLElement>('[role=radio]')];
  const next = radios[(radios.indexOf(document.activeElement as HTMLElement) + step + radios.length) % radios.length]!;
  next.focus();
  next.click();
  event.preventDefault();
}

export function Pens() {
  return (
    <div class="pens">
      <div class="swatches" role="radiogroup" aria-label="Color" onKeyDown={move}>
        {COLORS.map((name) => (
          <button
            key={name}
            type="button"
            role="radio"
            aria-checked={color.value === name}
            aria-label={name}
            title={name}
            tabIndex={color.value === name ? 0 : -1}
            data-color={name}
            style={{ '--swatch': css(name) }}
            onClick={() => (color.value = name)}
          />
        ))}
      </div>
      <div class="sizes" role="radiogroup" aria-label="Size of the digit" onKeyDown={move}>
        {SIZES.map((size) => (
          <button
            key={size}
            type="button"
            role="radio"
            aria-checked={pen.value === size}
            tabIndex={pen.value === size ? 0 : -1}
            data-pen={size}
            title={
              size === 'large' ? 'broad pen, for digits that fill a cell' : 'fine pen, for digits two thirds as high'
            }
            onClick={() => (pen.value = size)}
          >
            {size}
          </button>
        ))}
      </div>
      <span class="tools">
        <button type="button" id="undo" disabled={past.value.length === 0} onClick={undo}>
          Undo
        </button>
        <button type="button" id="clear" onClick={clear}>
          Clear
        </button>
        <label class="button">
          Picture…
          <input
            type="file"
            id="file"
            class="unseen"
            accept="image/*"
            aria-label="Open a picture of your own"
            onChange={({ currentTarget }) => {
              const file = currentTarget.files?.[0];
              if (file) void takePhoto(file);
              currentTarget.value = '';
            }}
          />
        </label>
      </span>
    </div>
  );
}
