// Owns the shape of the engine's library (node-llama-cpp), as far as it is used: it is not installed with Caisson. Holds no code.

export interface Library {
  getLlama(options: {
    readonly gpu: 'auto' | false;
    readonly build: 'never';
    readonly skipDownload: true;
    readonly progressLogs: false;
    readonly maxThreads: number;
    readonly logLevel: string;
    readonly logger: (level: string, message: string) => void;
  }): Promise<Llama>;
  getModuleVersion(): Promise<string>;
  readGgufFileInfo(
    file: string,
    options: { readonly sourceType: 'filesystem'; readonly logWarnings: false },
  ): Promise<FileInfo>;
  readonly GgufInsights: { from(info: FileInfo, llama: Llama): Promise<Insights> };
  readonly LlamaGrammar: new (llama: Llama, options: { readonly grammar: string }) => Grammar;
  readonly LlamaGrammarEvaluationState: new (options: {
    readonly model: Model;
    readonly grammar: Grammar;
  }) => GrammarState;
}

export interface Llama {
  loadModel(options: {
    readonly modelPath: string;
    readonly gpuLayers: 'auto' | 0;
    readonly ignoreMemorySafetyChecks: boolean;
  }): Promise<Model>;
}

interface Named {
  readonly grammar: string;
}
export type Grammar = Named;
export interface GrammarState {
  clone(): GrammarState;
}

export interface FileInfo {
  readonly metadata: {
    readonly general?: { readonly architecture?: unknown };
    readonly tokenizer?: { readonly chat_template?: unknown };
  };
}

export interface Insights {
  readonly trainContextSize: number | undefined;
  estimateModelResourceRequirements(options: { readonly gpuLayers: number }): Needs;
  estimateContextResourceRequirements(options: {
    readonly contextSize: number;
    readonly modelGpuLayers: number;
    readonly batchSize: number;
    readonly sequences: number;
  }): Needs;
}

/** Bytes. */
export interface Needs {
  readonly cpuRam: number;
}

export interface Model {
  readonly fileInfo: FileInfo;
  readonly embeddingVectorSize: number;
  readonly tokens: {
    readonly bos: number | null;
    readonly bosString: string | null;
    readonly eosString: string | null;
    readonly shouldPrependBosToken: boolean;
  };
  tokenize(text: string, specialTokens: boolean): number[];
  detokenize(tokens: readonly number[], specialTokens: boolean, lastTokens: readonly number[]): string;
  isEogToken(token: number): boolean;
  createContext(options: {
    readonly contextSize: number;
    readonly sequences: number;
    readonly threads: number;
    readonly batchSize: number;
    readonly ignoreMemorySafetyChecks: boolean;
  }): Promise<Context>;
  createEmbeddingContext(options: {
    readonly contextSize: number;
    readonly batchSize: number;
    readonly threads: number;
  }): Promise<EmbeddingContext>;
}

export interface Context {
  readonly contextSize: number;
  getSequence(): Sequence;
}

export interface EmbeddingContext {
  getEmbeddingFor(tokens: readonly number[]): Promise<{ readonly vector: readonly number[] }>;
}

export interface Sequence {
  /** Tokens that are evaluated already. */
  readonly nextTokenIndex: number;
  readonly needsCheckpoints: boolean;
  readonly tokenMeter: { readonly usedInputTokens: number; readonly usedOutputTokens: number };
  compareContextTokens(tokens: readonly number[]): { readonly firstDifferentIndex: number };
  adaptStateToTokens(tokens: readonly number[], allowShift: boolean): Promise<void>;
  takeCheckpoint(): Promise<void>;
  clearHistory(): Promise<void>;
  evaluateWithoutGeneratingNewTokens(tokens: readonly number[]): Promise<void>;
  /** Evaluates, gives the next token, and goes on with it. */
  evaluate(tokens: readonly number[], options: EvaluateOptions): AsyncGenerator<number, void, void>;
}

export interface EvaluateOptions {
  readonly temperature: number;
  readonly topP: number;
  readonly topK: number;
  readonly minP: number;
  readonly seed?: number;
  readonly grammarEvaluationState?: GrammarState;
  readonly repeatPenalty?: {
    readonly punishTokens: () => number[];
    readonly penalty: number;
    readonly frequencyPenalty: number;
    readonly presencePenalty: number;
  };
  readonly yieldEogToken: true;
}
