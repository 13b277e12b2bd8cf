// Owns the thread in which the files of a set-up are kept or laid: ten thousands of them would hold up everything else. Knows no run.
import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import { type ErrorReport, reportOf } from '../../base/errors.ts';
import { type Kept, type KeepOrder, keepSetup } from './keep.ts';
import { type Laid, type LayOrder, laySetup } from './lay.ts';

export type ThreadOrder = { readonly keep: KeepOrder } | { readonly lay: LayOrder };

export type ThreadAnswer =
  | { readonly ok: true; readonly value: Kept | Laid }
  | { readonly ok: false; readonly report: ErrorReport };

if (parentPort !== null) answer(parentPort, workerData as ThreadOrder);

function answer(port: MessagePort, order: ThreadOrder): void {
  port.postMessage(work(order) satisfies ThreadAnswer);
  port.close();
}

function work(order: ThreadOrder): ThreadAnswer {
  try {
    return { ok: true, value: 'keep' in order ? keepSetup(order.keep) : laySetup(order.lay) };
  } catch (error) {
    return { ok: false, report: reportOf(error) };
  }
}
