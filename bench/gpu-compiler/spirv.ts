/** @file Counts what Tint adds to a kernel's SPIR-V: clamps, loop counters, zeroed memory. */

const OP = {
  ExtInstImport: 11,
  ExtInst: 12,
  TypeInt: 21,
  TypeFloat: 22,
  TypeVector: 23,
  TypeArray: 28,
  TypeStruct: 30,
  TypePointer: 32,
  Constant: 43,
  ConstantComposite: 44,
  Function: 54,
  FunctionCall: 57,
  Variable: 59,
  Store: 62,
  AccessChain: 65,
  InBoundsAccessChain: 66,
  Decorate: 71,
  VectorExtract: 77,
  VectorInsert: 78,
  CompositeConstruct: 80,
  ImageFetch: 95,
  ImageRead: 98,
  LoopMerge: 246,
  Label: 248,
  Shuffle: 345,
  MatrixLoad: 4457,
  MatrixStore: 4458,
} as const;
const TYPES: readonly number[] = [OP.TypeInt, OP.TypeFloat, OP.TypeVector, OP.TypeArray, OP.TypeStruct, OP.TypePointer];
const [UMIN, ARRAY_STRIDE, WORKGROUP, ALL_ONES, HEADER_WORDS] = [38, 6, 4, 0xffffffff, 5];

export interface SpirvCounts {
  /** Indices that Tint could not prove to be in bounds and clamps with a `min`. */
  readonly clamps: number;
  readonly clampsInLoops: number;
  readonly loops: number;
  /** Loops that Tint could not prove finite and counts in 64 bits. */
  readonly countedLoops: number;
  /** Bytes of workgroup memory, which are zeroed before the kernel starts. */
  readonly workgroupBytes: number;
  /** Loads and stores of matrices that might reach past the array, since their stride is only known at run time. */
  readonly matrixGuards: number;
}

interface Instruction {
  readonly op: number;
  readonly args: Uint32Array;
}

function instructionsOf(bytes: Uint8Array): Instruction[] {
  const words = new Uint32Array(new Uint8Array(bytes).buffer); // a copy: Node reads a small file into a shared buffer
  const found: Instruction[] = [];
  for (let at = HEADER_WORDS; at < words.length; ) {
    const [length, op] = [words[at]! >>> 16, words[at]! & 0xffff];
    if (length === 0) throw new Error(`spirv: the instruction at word ${at} has no words; it must have at least one.`);
    found.push({ op, args: words.subarray(at + 1, at + length) });
    at += length;
  }
  return found;
}

/** What precedes the functions. */
class Declarations {
  readonly constants = new Map<number, number>();
  /** Two words of all ones: the initial value of Tint's loop counter. */
  readonly counterStarts = new Set<number>();
  mathLibrary = 0;
  workgroupBytes = 0;
  private readonly types = new Map<number, readonly number[]>();
  private readonly strides = new Map<number, number>();

  add({ op, args }: Instruction): void {
    const [first = 0, second = 0, third = 0, fourth = 0] = args;
    if (op === OP.ExtInstImport) this.mathLibrary = first;
    else if (op === OP.Decorate && second === ARRAY_STRIDE) this.strides.set(first, third);
    else if (TYPES.includes(op)) this.types.set(first, [op, ...args.subarray(1)]);
    else if (op === OP.Constant) this.constants.set(second, third);
    else if (op === OP.ConstantComposite && args.length === 4) {
      if ([third, fourth].every((part) => this.constants.get(part) === ALL_ONES)) this.counterStarts.add(second);
    } else if (op === OP.Variable && third === WORKGROUP) {
      const pointer = this.types.get(first);
      if (pointer) this.workgroupBytes += this.bytesOf(pointer[2]!);
    }
  }

  private bytesOf(id: number): number {
    const [op, ...args] = this.types.get(id) ?? [];
    if (op === OP.TypeInt || op === OP.TypeFloat) return args[0]! / 8;
    if (op === OP.TypeVector) return this.bytesOf(args[0]!) * args[1]!;
    if (op === OP.TypeArray) return (this.strides.get(id) ?? this.bytesOf(args[0]!)) * this.constants.get(args[1]!)!;
    if (op === OP.TypeStruct) return args.reduce((sum, member) => sum + this.bytesOf(member), 0);
    return 4;
  }
}

/** The contents of one function, each with the number of loops around it. */
class FunctionBody {
  readonly calls: { readonly id: number; readonly depth: number }[] = [];
  loops = 0;
  countedLoops = 0;
  matrixGuards = 0;
  private readonly mins = new Map<number, { readonly depth: number; readonly isBoundConstant: boolean }>();
  /** Values that are indices of arrays and vectors, including those that enter a function with a pointer. */
  private readonly indices = new Set<number>();
  /** Values that are texels and lanes, whose bound is not a constant. */
  private readonly places = new Set<number>();
  private readonly mergesOfOpenLoops: number[] = [];

  constructor(private readonly declared: Declarations) {}

  add({ op, args }: Instruction): void {
    const { constants, mathLibrary, counterStarts } = this.declared;
    const depth = this.mergesOfOpenLoops.length;
    if (op === OP.Label) while (this.mergesOfOpenLoops.at(-1) === args[0]) this.mergesOfOpenLoops.pop();
    else if (op === OP.LoopMerge) {
      this.loops++;
      this.mergesOfOpenLoops.push(args[0]!);
    } else if (op === OP.FunctionCall) this.calls.push({ id: args[2]!, depth });
    else if (op === OP.ExtInst && args[2] === mathLibrary && args[3] === UMIN)
      this.mins.set(args[1]!, { depth, isBoundConstant: constants.has(args[5]!) });
    else if (op === OP.AccessChain || op === OP.InBoundsAccessChain)
      args.subarray(3).forEach((id) => this.indices.add(id));
    else if (op === OP.VectorExtract || op === OP.VectorInsert) this.indices.add(args.at(-1)!);
    else if (op === OP.CompositeConstruct) args.subarray(2).forEach((id) => this.indices.add(id));
    else if (op === OP.ImageFetch || op === OP.ImageRead) this.places.add(args[3]!);
    else if (op === OP.Shuffle) this.places.add(args[4]!);
    else if (op === OP.MatrixLoad && !constants.has(args[4]!)) this.matrixGuards++;
    else if (op === OP.MatrixStore && !constants.has(args[3]!)) this.matrixGuards++;
    else if (op === OP.Store && counterStarts.has(args[1]!)) this.countedLoops++;
  }

  /** Loop depths of Tint's clamps; a min() of the kernel's own is not counted. */
  clamps(): number[] {
    return [...this.mins].flatMap(([value, { depth, isBoundConstant }]) =>
      this.places.has(value) || (isBoundConstant && this.indices.has(value)) ? [depth] : [],
    );
  }
}

/** @param bytes a SPIR-V module. A function that is called in a loop counts as part of that loop. */
export function countSpirv(bytes: Uint8Array): SpirvCounts {
  const declared = new Declarations();
  const functions = new Map<number, FunctionBody>();
  let current: FunctionBody | null = null;
  for (const instruction of instructionsOf(bytes)) {
    if (instruction.op === OP.Function) functions.set(instruction.args[1]!, (current = new FunctionBody(declared)));
    else if (current) current.add(instruction);
    else declared.add(instruction);
  }

  const depths = new Map<number, number>();
  const visit = (id: number, depth: number): void => {
    if ((depths.get(id) ?? -1) >= depth) return;
    depths.set(id, depth);
    for (const call of functions.get(id)!.calls) visit(call.id, depth + call.depth);
  };
  const called = new Set([...functions.values()].flatMap(({ calls }) => calls.map(({ id }) => id)));
  for (const id of functions.keys()) if (!called.has(id)) visit(id, 0);

  const clamps = [...functions].flatMap(([id, body]) => body.clamps().map((depth) => depths.get(id)! + depth));
  const sum = (of: (body: FunctionBody) => number): number =>
    [...functions.values()].reduce((total, body) => total + of(body), 0);
  return {
    clamps: clamps.length,
    clampsInLoops: clamps.filter((depth) => depth > 0).length,
    loops: sum(({ loops }) => loops),
    countedLoops: sum(({ countedLoops }) => countedLoops),
    workgroupBytes: declared.workgroupBytes,
    matrixGuards: sum(({ matrixGuards }) => matrixGuards),
  };
}
