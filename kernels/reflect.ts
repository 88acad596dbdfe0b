// A kernel's text read into the data that the engine needs: params, bindings, tunables, and what each entry binds. By
// `npm run codegen` for ours, in the running engine for a user's own.

/** The portable floor of WebGPU: more buffers, or larger params, do not run everywhere. */
const MAX_STORAGE_BUFFERS = 8;
const MAX_STORAGE_TEXTURES = 4;
const MAX_PARAMS_BYTES = 64;

const scalars = ['u32', 'i32', 'f32'];
const accessTypes: Record<string, string> = {
  'storage, read': 'read-only-storage',
  'storage, read_write': 'storage',
  storage: 'read-only-storage',
  uniform: 'uniform',
};

interface Binding {
  binding: number;
  name: string;
  type: string;
  element: string;
}

/** Comments become spaces, so that lines and columns stay. */
const withoutComments = (code: string): string =>
  code.replace(/\/\/[^\n]*|\/\*[\s\S]*?\*\//g, (comment) => comment.replace(/[^\n]/g, ' '));

const lineOf = (code: string, index: number): number => code.slice(0, index).split('\n').length;

export class ReflectError extends Error {
  override name = 'ReflectError';
}

/**
 * Reads one kernel's text into the data the engine needs.
 * @param name `a/b` for kernels/…/b.wgsl
 * @param code the file's own text
 * @param readLib text of `lib/….wgsl`, or null where there is none
 * @param file how messages name it
 */
export function reflectKernel(
  name: string,
  code: string,
  readLib: (file: string) => string | null,
  file = `kernels/${name}.wgsl`,
) {
  const refuseIn =
    (where: string) =>
    (line: number, sentence: string): never => {
      throw new ReflectError(`${where}:${line} ${sentence}`);
    };
  const refuse: Refuse = refuseIn(file);

  const usesLine = /^\/\/ uses: *(.*)$/m.exec(code);
  const uses = usesLine ? usesLine[1].split(',').map((piece) => piece.trim().replace(/\.$/, '')) : [];
  const definedIn = new Map(definedNames(code).map((each) => [each, 'the kernel itself']));
  const pieces = uses.map((piece) => {
    const text = readLib(piece);
    for (const each of definedNames(text ?? '')) {
      const other = definedIn.get(each);
      if (other)
        refuse(
          lineOf(code, usesLine!.index),
          `uses '${piece}', which defines '${each}' as ${other} does; each name must have one definition.`,
        );
      definedIn.set(each, `'${piece}'`);
    }
    if (text !== null && /\/\/ tune:/.test(text))
      refuse(
        lineOf(code, usesLine!.index),
        `uses '${piece}', which declares a tunable; tunables stand in the kernel's own file.`,
      );
    return (
      text ??
      refuse(lineOf(code, usesLine!.index), `uses '${piece}', which is not in kernels/; write it as lib/name.wgsl.`)
    );
  });

  const plain = withoutComments(code);
  const texts: Text[] = [
    { plain, refuse },
    ...pieces.map((text, i) => ({ plain: withoutComments(text), refuse: refuseIn(`kernels/${uses[i]}`) })),
  ];
  const bindings = readBindings(texts);
  const params = readParams(texts, bindings);
  const functions = texts.flatMap(readFunctions);
  // A piece that binds nothing has names of its own, whatever the kernel binds.
  for (const text of texts) if (text === texts[0] || text.plain.includes('@binding')) refuseShadowing(text, bindings);
  const entries: Record<string, { bindings: string[]; workgroupSize: string[] }> = {};
  for (const entry of functions.filter((each) => each.isCompute)) {
    const used = namesReached(entry, functions);
    const own = bindings.filter((binding) => used.has(binding.name));
    const storage = own.filter((binding) => binding.type === 'storage' || binding.type === 'read-only-storage');
    if (storage.length > MAX_STORAGE_BUFFERS) {
      refuse(
        entry.line,
        `entry '${entry.name}' uses ${storage.length} storage buffers (${storage.map((binding) => binding.name).join(', ')}); at most ${MAX_STORAGE_BUFFERS} run everywhere.`,
      );
    }
    const textures = own.filter((binding) => binding.type === 'read-only-texture');
    if (textures.length > MAX_STORAGE_TEXTURES)
      refuse(
        entry.line,
        `entry '${entry.name}' uses ${textures.length} storage textures (${textures.map((binding) => binding.name).join(', ')}); at most ${MAX_STORAGE_TEXTURES} run everywhere.`,
      );
    if (entry.workgroupSize.length === 0) refuse(entry.line, `entry '${entry.name}' has no @workgroup_size.`);
    entries[entry.name] = { bindings: own.map((binding) => binding.name), workgroupSize: entry.workgroupSize };
  }
  if (Object.keys(entries).length === 0)
    refuse(1, 'has no @compute entry; shared pieces without one belong in kernels/lib.');

  return {
    name,
    file,
    code,
    uses,
    lib: pieces.join('\n'),
    params,
    bindings,
    tunables: readTunables(code, refuse),
    entries,
    subgroups: /^\s*enable\s[^;]*\bsubgroups\b/m.test(plain),
    f16: /^\s*enable\s[^;]*\bf16\b/m.test(plain),
  };
}

/** What a text defines outside of its functions' bodies. */
function definedNames(code: string): string[] {
  let flat = withoutComments(code);
  for (let inner = ''; inner !== flat; flat = flat.replace(/\{[^{}]*\}/g, '')) inner = flat;
  return [...flat.matchAll(/\b(?:fn|struct|alias|const|override|var)\b\s*(?:<[^>]*>)?\s*(\w+)/g)].map(
    (match) => match[1],
  );
}

type Refuse = (line: number, sentence: string) => never;

/** The kernel's own text or a shared piece, without comments. */
interface Text {
  plain: string;
  refuse: Refuse;
}

interface WgslFunction {
  name: string;
  line: number;
  isCompute: boolean;
  workgroupSize: string[];
  uses: Set<string>;
}

/** The index after the bracket that closes the one at `open`. */
function afterClosing(text: string, open: number, refuse: Refuse): number {
  const pairs: Record<string, string> = { '(': ')', '{': '}' };
  const opening = text[open];
  for (let depth = 0, at = open; at < text.length; at++) {
    if (text[at] === opening) depth++;
    else if (text[at] === pairs[opening] && --depth === 0) return at + 1;
  }
  return refuse(lineOf(text, open), `'${opening}' is never closed.`);
}

/**
 * Every function with the names that its body takes from outside: calls, bindings, constants. Members (.x) and locals
 * are left out.
 */
function readFunctions({ plain, refuse }: Text): WgslFunction[] {
  return [...plain.matchAll(/((?:@\w+\s*(?:\([^()]*(?:\([^()]*\)[^()]*)*\))?\s*)*)\bfn\s+(\w+)\s*\(/g)].map((match) => {
    const [whole, attributes, name] = match;
    const open = match.index + whole.length - 1;
    const afterParameters = afterClosing(plain, open, refuse);
    const bodyStart = plain.indexOf('{', afterParameters);
    const parameters = plain.slice(open, afterParameters);
    const body = plain.slice(bodyStart, afterClosing(plain, bodyStart, refuse));
    const locals = new Set(
      [...parameters.matchAll(/(\w+)\s*:/g), ...body.matchAll(/\b(?:let|const|var)\s*(?:<[^>]*>)?\s*(\w+)/g)].map(
        (each) => each[1],
      ),
    );
    const size = /@workgroup_size\s*\((.*)\)/s.exec(attributes.replace(/@compute/, ''))?.[1];
    return {
      name,
      line: lineOf(plain, open),
      isCompute: /@compute\b/.test(attributes),
      workgroupSize:
        size === undefined
          ? []
          : size
              .split(',')
              .map((part) => part.trim())
              .filter(Boolean),
      uses: new Set(
        [...body.matchAll(/(?<![.\w])[A-Za-z_]\w*/g)].map((each) => each[0]).filter((word) => !locals.has(word)),
      ),
    };
  });
}

/** All names that a function and the functions it calls take from outside. */
function namesReached(from: WgslFunction, functions: WgslFunction[], reached = new Set<string>()): Set<string> {
  for (const name of from.uses) {
    if (reached.has(name)) continue;
    reached.add(name);
    for (const called of functions) if (called.name === name) namesReached(called, functions, reached);
  }
  return reached;
}

const textureType = (type: string): string | null =>
  /^texture_storage_2d\s*<\s*rgba32float\s*,\s*read\s*>$/.test(type.trim()) ? 'read-only-texture' : null;

function readBindings(texts: Text[]): Binding[] {
  const bindings: Binding[] = [];
  for (const text of texts) addBindings(text, bindings);
  return bindings.sort((a, b) => a.binding - b.binding);
}

function addBindings({ plain, refuse }: Text, bindings: Binding[]): void {
  const before = bindings.length;
  for (const match of plain.matchAll(
    /@group\((\d+)\)\s*@binding\((\d+)\)\s*var\s*(?:<([^>]*)>)?\s*(\w+)\s*:\s*([^;]+);/g,
  )) {
    const [, group, number, access, name, type] = match;
    const line = lineOf(plain, match.index);
    const kind =
      access === undefined
        ? (textureType(type) ??
          refuse(line, `binding '${name}' is a ${type.trim()}; a texture is a texture_storage_2d<rgba32float, read>.`))
        : (accessTypes[
            access
              .split(',')
              .map((part) => part.trim())
              .join(', ')
          ] ??
          refuse(
            line,
            `binding '${name}' is var<${access}>; it may be uniform, storage, read or storage, read_write.`,
          ));
    if (group !== '0') refuse(line, `binding '${name}' is in group ${group}; every binding is in group 0.`);
    const taken = bindings.find((binding) => binding.binding === Number(number));
    if (taken) refuse(line, `binding number ${number} is both '${taken.name}' and '${name}'; each has its own.`);
    if (kind === 'uniform' && name !== 'params')
      refuse(line, `uniform '${name}' is not params; a kernel has one uniform, var<uniform> params: Params.`);
    const element = /^array\s*<\s*([\s\S]*?)\s*>$/.exec(type.trim())?.[1] ?? type.trim();
    bindings.push({
      binding: Number(number),
      name,
      type: kind,
      element: element.replace(/,\s*\d+\w?$/, '').replace(/\s+/g, ' '),
    });
  }
  const declared = [...plain.matchAll(/@binding\s*\(/g)].length;
  const read = bindings.length - before;
  if (declared !== read)
    refuse(
      1,
      `declares ${declared} bindings of which ${read} read as '@group(0) @binding(n) var<…> name: type;'; write them all so.`,
    );
}

function readParams(texts: Text[], bindings: Binding[]) {
  if (!bindings.some((binding) => binding.type === 'uniform')) return [];
  const declared = /struct\s+Params\s*\{([^}]*)\}/;
  const { plain, refuse } = texts.find((text) => declared.test(text.plain)) ?? texts[0];
  const struct = declared.exec(plain) ?? refuse(1, 'binds params but declares no struct Params.');
  const line = lineOf(plain, struct.index);
  const params = struct[1]
    .split(',')
    .map((member) => member.trim())
    .filter(Boolean)
    .map((member, index) => {
      const [name, type] = member.split(':').map((part) => part.trim());
      if (!scalars.includes(type))
        refuse(line, `params member '${name}' is ${type}; members are ${scalars.join(', ')}.`);
      return { name, type, offset: 4 * index };
    });
  if (params.length * 4 > MAX_PARAMS_BYTES)
    refuse(line, `params take ${params.length * 4} bytes; at most ${MAX_PARAMS_BYTES} fit everywhere.`);
  return params;
}

/** A local name like a binding's misleads the reader, and readFunctions would miss the binding. */
function refuseShadowing({ plain, refuse }: Text, bindings: Binding[]): void {
  const names = new Set(bindings.map((binding) => binding.name));
  const refuseName = (name: string, index: number) => {
    if (names.has(name))
      refuse(lineOf(plain, index), `'${name}' is a local name and a binding's; rename the local one.`);
  };
  for (const match of plain.matchAll(/(?<!@binding\(\d+\)\s*)\b(?:let|const|var)\s+(\w+)/g))
    refuseName(match[1], match.index);
  for (const match of plain.matchAll(/\bfn\s+\w+\s*\(([^{]*?)\)\s*(?:->[^{]*)?\{/g)) {
    for (const parameter of match[1].matchAll(/(\w+)\s*:/g)) refuseName(parameter[1], match.index);
  }
}

function readTunables(code: string, refuse: Refuse) {
  return code.split('\n').flatMap((text, index) => {
    if (!text.includes('// tune:')) return [];
    const match = /^(?:alias|const)\s+(\w+)(?:\s*:\s*\w+)?\s*=\s*([^;]+?)\s*;\s*\/\/ tune:\s*(.+?)\s*$/.exec(text);
    if (!match) return refuse(index + 1, 'is not a tunable; write: const NAME = value; // tune: value other');
    const [, name, value, list] = match;
    const allowed = list.split(/\s+/);
    if (!allowed.includes(value))
      refuse(index + 1, `tunable '${name}' is ${value}, which is not among its allowed values ${list}.`);
    return [{ name, value, allowed, line: index + 1 }];
  });
}
