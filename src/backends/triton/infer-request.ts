// Owns the writing of a generation as a request of the KServe protocol. Knows no connection.
import type { Spoken, Wish } from './dialects.ts';
import type { InferRequest, WireTensor } from './wire/messages.ts';
import { countOf, encodeTensor } from './wire/tensors.ts';

/** Inputs that the model does not have are left out. Without the parameter some models would never say that they are done. */
export function inferRequest(model: string, id: string, wish: Wish, spoken: Spoken): InferRequest {
  const inputs: WireTensor[] = [];
  const contents: Buffer[] = [];
  for (const [name, value] of Object.entries(spoken.dialect.inputs(wish, spoken.streams))) {
    const datatype = spoken.datatypes.get(name);
    const bytes = datatype === undefined || value === undefined ? undefined : encodeTensor(datatype, value);
    if (datatype === undefined || value === undefined || bytes === undefined) continue;
    inputs.push({ name, datatype, shape: spoken.batched ? [1, countOf(value)] : [countOf(value)] });
    contents.push(bytes);
  }
  return {
    modelName: model,
    id,
    parameters: { triton_enable_empty_final_response: { boolParam: true } },
    inputs,
    rawInputContents: contents,
  };
}
